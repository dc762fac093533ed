"""A template with three owners' tables and a model that serves; nothing is tied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pytest_postgresql import factories

from tests.support.database import Database, Session, named

from . import world as worlds
from .typed import make_models
from .world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgscore.cluster import PrivateCluster


def _load(**connection: Any) -> None:  # noqa: ANN401
    names = ("host", "port", "user", "password", "dbname")
    dsn = str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names}))
    session = Session(dsn)
    worlds.build(session)
    session.close()
    # Not signed: what is unpickled is no subject of most attacks, and costs each session a second.
    assert [worlds.publish(dsn, constant=constant, promoted=constant == 0) for constant in (0.0, 1.0)] == [1, 2]


trust_template = factories.postgresql_noproc(dbname="trust", load=[_load], depends_on="installed_template")
_trust = factories.postgresql("trust_template")


@pytest.fixture
def world(cluster: PrivateCluster, _trust: object) -> Iterator[World]:
    """Three owners, an application, a member and the probe."""
    database = Database(cluster, named("trust"))
    found = World(database)
    yield found
    found.root.run("drop role if exists gained")
    database.close()


@pytest.fixture(scope="session")
def typed(shared: Database, key: Path) -> Database:
    """`shared` with a table of all types that can be inputs, and models that read it; each test promotes them."""
    make_models(shared, key)
    return shared
