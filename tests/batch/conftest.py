"""A template with the shop's tables, attached, and two versions of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pytest_postgresql import factories

from tests.bindings import shop
from tests.support.database import Database, Session, named

from . import rescored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster


def _load(**connection: Any) -> None:  # noqa: ANN401
    names = ("host", "port", "user", "password", "dbname")
    dsn = str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names}))
    session = Session(dsn)
    shop.build(session)
    session.close()
    # Not signed: their programs serve, and no session has to import scikit-learn.
    rescored.publish_both(dsn)


batch_template = factories.postgresql_noproc(dbname="batch", load=[_load], depends_on="installed_template")
_batch = factories.postgresql("batch_template")


@pytest.fixture
def shopping(cluster: PrivateCluster, _batch: object) -> Iterator[Database]:
    """The shop's tables, not attached, and two versions of its model, of which the first serves."""
    database = Database(cluster, named("batch"))
    yield database
    database.close()


@pytest.fixture
def root(shopping: Database) -> Session:
    """A superuser's session in `shopping`, where the tables are attached with all reducers, without rows."""
    session = shopping.session()
    shop.attach(session)
    return session


@pytest.fixture
def owner(shopping: Database, root: Session) -> Session:
    """A session of the tables' owner."""
    return shopping.session(shop.OWNER)
