"""A shop whose customers have scores, and the servers that these are exported to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pytest_postgresql import factories

from tests.support.database import Database, Session, named

from . import world
from .servers import mariadb_server, redis_server, ssh_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster

    from .servers import Server, Ssh


def _load(**connection: Any) -> None:  # noqa: ANN401
    names = ("host", "port", "user", "password", "dbname")
    session = Session(str(psycopg2.extensions.make_dsn(**{name: connection[name] for name in names})))
    world.build(session)
    session.close()


exports_template = factories.postgresql_noproc(dbname="exports", load=[_load], depends_on="installed_template")
_exports = factories.postgresql("exports_template")


@pytest.fixture
def shop(cluster: PrivateCluster, _exports: object) -> Iterator[Database]:
    """A database with customers that have scores."""
    database = Database(cluster, named("exports"))
    yield database
    database.close()


@pytest.fixture
def session(shop: Database) -> Session:
    """A superuser's session in `shop`."""
    return shop.session()


@pytest.fixture
def reader(shop: Database) -> str:
    """The connection string of who may read the profiles, and nothing else."""
    return shop.dsn(world.READER)


@pytest.fixture(scope="session")
def redis_at() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def ssh() -> Iterator[Ssh]:
    with ssh_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    with mariadb_server() as server:
        yield server
