"""Two shards of the shop on two servers, each attached where it stands, and a coordinator that sees both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pgscore
import pytest

from examples.server.cluster import PrivateCluster
from tests.bindings import shop
from tests.support.database import Database, Session

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Shards:
    """Two databases with version 1 of the shop's model serving, and version 2 published.

    Attributes:
        dsns: as who may promote.
        sessions: a superuser's, in each.
        far: the second one's server.
    """

    dsns: tuple[str, str]
    sessions: tuple[Session, Session]
    far: PrivateCluster

    @property
    def named(self) -> list[str]:
        """What the command is given."""
        return [each for dsn in self.dsns for each in ("--dsn", dsn)]

    def serving(self) -> list[int]:
        """Which version answers in each."""
        return [each.value("select serving from pgscore.model where name = 'shop'") for each in self.sessions]

    def prepared(self) -> list[list[str]]:
        """The names of what is prepared in each."""
        mine = "select gid from pg_prepared_xacts where database = current_database() order by 1"
        return [[name for (name,) in each.run(mine)] for each in self.sessions]


@pytest.fixture(scope="session")
def far() -> Iterator[PrivateCluster]:
    """Another server."""
    with PrivateCluster({"max_prepared_transactions": "4", "max_connections": "30"}) as cluster:
        session = Session(cluster.dsn())
        session.run("create database shop_far")
        session.close()
        dsn = cluster.dsn("shop_far")
        pgscore.install(dsn)
        session = Session(dsn)
        shop.build(session)
        session.close()
        shop.publish(dsn, None)
        yield cluster


@pytest.fixture
def shards(shopping: Database, far: PrivateCluster) -> Iterator[Shards]:
    """Two shards; the far one is as it was at the end."""
    near = shopping.session()
    admin = Session(far.dsn())
    admin.run("create database shop_shard template shop_far")
    dsns = (shopping.dsn(), far.dsn("shop_shard"))
    other = Session(dsns[1])
    for dsn in dsns:
        assert shop.publish_another(dsn) == 2
    yield Shards(dsns, (near, other), far)
    for session in (near, other):
        for (name,) in session.run("select gid from pg_prepared_xacts where database = current_database()"):
            session.run(f"rollback prepared '{name}'")
    other.close()
    admin.run("drop database shop_shard with (force)")
    admin.close()
