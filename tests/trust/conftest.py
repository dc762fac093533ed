"""A template with three owners' tables and a model that serves; nothing is tied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
import pytest
from pytest_postgresql import factories

from tests.support import models
from tests.support.database import Database, Session, named

from . import world as worlds
from .typed import make_models
from .world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.cluster import PrivateCluster


def _dsn(connection: dict[str, Any]) -> str:
    names = ("host", "port", "user", "password", "dbname")
    return str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names}))


def _load(**connection: Any) -> None:  # noqa: ANN401
    dsn = _dsn(connection)
    session = Session(dsn)
    worlds.build(session)
    session.close()
    # Not signed: what is unpickled is no subject of most attacks, and costs each session a second.
    assert [worlds.publish(dsn, constant=constant, promoted=constant == 0) for constant in (0.0, 1.0)] == [1, 2]


def _release(**connection: Any) -> None:  # noqa: ANN401
    dsn = _dsn(connection)
    for model in (models.pipeline(), models.light_pipeline()):
        pgscore.publish(dsn, "churn", model, profile="churn.customer_profile")
    pgscore.promote(dsn, "churn", 1)


trust_template = factories.postgresql_noproc(dbname="trust", load=[_load], depends_on="installed_template")
_trust = factories.postgresql("trust_template")
unsigned_template = factories.postgresql_noproc(dbname="unsigned", load=[_release], depends_on="installed_template")
_unsigned = factories.postgresql("unsigned_template")


@pytest.fixture
def world(cluster: PrivateCluster, _trust: object) -> Iterator[World]:
    """Three owners, an application, a member and the probe."""
    database = Database(cluster, named("trust"))
    found = World(database)
    # Roles are the cluster's: what a test makes somebody a member of, the next one would find.
    found.root.run("revoke alice, bob from carol")
    yield found
    found.root.run("drop role if exists gained")
    database.close()


@pytest.fixture
def unsigned(cluster: PrivateCluster, _unsigned: object) -> Iterator[Database]:
    """The models of `serving`, without a signature: no session has to import scikit-learn."""
    database = Database(cluster, named("unsigned"))
    yield database
    database.close()


@pytest.fixture(scope="session")
def typed(shared: Database, key: Path) -> Database:
    """`shared` with a table of all types that can be inputs, and models that read it; each test promotes them."""
    make_models(shared, key)
    return shared
