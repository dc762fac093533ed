"""A template with the tables of the shop and its model, attached by each test as it needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pytest_postgresql import factories

from tests.bindings import shop
from tests.support.database import Database, Session, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster


def _load(**connection: Any) -> None:  # noqa: ANN401
    names = ("host", "port", "user", "password", "dbname")
    dsn = str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names}))
    session = Session(dsn)
    shop.build(session)
    session.close()
    # Not signed: its program serves, and no session that asks the doctor has to import scikit-learn.
    shop.publish(dsn, None)


shop_template = factories.postgresql_noproc(dbname="shop", load=[_load], depends_on="serving_template")
_shop = factories.postgresql("shop_template")


@pytest.fixture
def shopping(cluster: PrivateCluster, _shop: object) -> Iterator[Database]:
    """The shop's tables, and its model, which serves; nothing is attached."""
    database = Database(cluster, named("shop"))
    yield database
    database.close()
