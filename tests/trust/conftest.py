"""A template with three owners' tables and a model that serves; nothing is tied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pytest_postgresql import factories

from tests.support.database import Database, Session, named

from . import world as worlds
from .world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.cluster import PrivateCluster

_key: Path


def _load(**connection: Any) -> None:  # noqa: ANN401
    names = ("host", "port", "user", "password", "dbname")
    dsn = str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names}))
    session = Session(dsn)
    worlds.build(session)
    session.close()
    assert [worlds.publish(dsn, _key, constant, promoted=constant == 0) for constant in (0.0, 1.0)] == [1, 2]


@pytest.fixture(scope="session", autouse=True)
def trust_key(key: Path) -> Path:
    """The key that the template's loader signs with."""
    global _key  # noqa: PLW0603  loaders of templates get connections and nothing else
    _key = key
    return key


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
