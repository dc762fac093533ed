"""Tables whose partitions stand in other databases, by postgres_fdw: attached where the rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import psycopg2.extensions
import pytest

from tests.bindings import shop
from tests.support.database import Session, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster

    from .conftest import Shards

# Which customers stand where.
_RANGES = ((1, 100), (100, 200))
_PARENT, _EVENTS = '"Shop"."Customer"', '"Shop"."Order Lines"'


@pytest.fixture
def coordinator(shards: Shards, cluster: PrivateCluster) -> Iterator[Session]:
    """A database with the tables' parents; both shards are attached."""
    for session in shards.sessions:
        shop.attach(session)
    admin = Session(cluster.dsn())
    admin.run("create database shop_coordinator")
    session = Session(cluster.dsn("shop_coordinator"))
    session.run("create extension postgres_fdw")
    shop.build(session)
    for table, key in ((_EVENTS, '"Customer Id"'), (_PARENT, "id")):
        session.run(f"alter table {table} rename to former")
        session.run(f'create table {table} (like "Shop".former including defaults) partition by range ({key})')
        session.run('drop table "Shop".former')
    for number, dsn in enumerate(shards.dsns):
        _see(session, number, dsn)
    yield session
    session.close()
    for each in shards.sessions:
        shop.detach(each)
    admin.run("drop database shop_coordinator with (force)")
    admin.close()


def _see(session: Session, number: int, dsn: str) -> None:
    given = psycopg2.extensions.parse_dsn(dsn)
    session.run(
        f"create server shard_{number} foreign data wrapper postgres_fdw options (host '{given['host']}',"
        f" port '{given['port']}', dbname '{given['dbname']}')"
    )
    session.run(
        f"create user mapping for current_user server shard_{number}"
        f" options (user '{given['user']}', password '{given['password']}')"
    )
    first, end = _RANGES[number]
    for table, name in ((_PARENT, "Customer"), (_EVENTS, "Order Lines")):
        session.run(
            f'create foreign table "Shop"."{name} {number}" partition of {table} for values from ({first}) to ({end})'
            f" server shard_{number} options (schema_name 'Shop', table_name '{name}')"
        )


def _plan(session: Session, query: str) -> str:
    return "\n".join(line for (line,) in session.run(f"explain (verbose, costs off) {query}"))


def test_scores_are_computed_where_the_rows_are(coordinator: Session, shards: Shards) -> None:
    coordinator.run(f"insert into {_PARENT} (id) select generate_series(98, 101)")
    coordinator.run("begin")
    coordinator.run(
        f'insert into {_EVENTS} (id, "Customer Id", amount) select g, 97 + g, 2 from generate_series(1, 4) g'
    )
    # The shards do their work when the coordinator commits, and one of them does nothing for the other's.
    assert coordinator.run(f"select sum(n) from {_PARENT}") == [(0,)]
    coordinator.run("commit")
    assert coordinator.run(f'select sum(n), count("Score") from {_PARENT}') == [(4, 4)]
    coordinator.run(f'update {_EVENTS} set amount = 3 where "Customer Id" = 100')
    coordinator.run(f'update {_PARENT} set "Age" = 7 where id = 99')
    coordinator.run(f'delete from {_EVENTS} where "Customer Id" = 101')
    assert [shop.assert_right(session) for session in shards.sessions] == [2, 2]
    # What asks for scores asks the shards, and of them what it needs.
    plan = _plan(coordinator, f'select id from {_PARENT} where "Score" > 0.5')
    assert plan.count('WHERE (("Score" > 0.5') == 2
    # PostgreSQL updates a row where it is, and moves none out of a foreign partition: it counts for nobody there.
    coordinator.run(f'update {_EVENTS} set "Customer Id" = 101 where id = 1')
    counts = f"select id, n from {_PARENT} order by id"
    assert coordinator.run(counts) == [(98, 0), (99, 1), (100, 1), (101, 0)]
    # So it is deleted here, and inserted there.
    coordinator.run(f'delete from {_EVENTS} where id = 1; insert into {_EVENTS} (id, "Customer Id") values (1, 101)')
    assert coordinator.run(counts) == [(98, 0), (99, 1), (100, 1), (101, 1)]
    coordinator.copy(f'copy {_EVENTS} (id, "Customer Id") from stdin', "11\t98\n12\t101\n")
    assert coordinator.run(counts) == [(98, 1), (99, 1), (100, 1), (101, 2)]
    coordinator.run(f"truncate {_EVENTS}")
    assert coordinator.run(counts) == [(98, 0), (99, 0), (100, 0), (101, 0)]
    assert [shop.assert_right(session) for session in shards.sessions] == [2, 2]


def test_the_coordinator_scores_rows_that_it_fetches_and_attaches_none(
    coordinator: Session, shards: Shards, cluster: PrivateCluster
) -> None:
    coordinator.run(f"insert into {_PARENT} (id, n) select g, g - 97 from generate_series(98, 101) g")
    dsn = cluster.dsn("shop_coordinator")
    pgscore.install(dsn)
    shop.publish(dsn, None)
    query = f"select pgscore.score('shop', c) from {_PARENT} c"
    stored = f'select "Score" from {_PARENT}'
    found, expected = ([score for (score,) in coordinator.run(each)] for each in (query, stored))
    assert sorted(found) == pytest.approx(sorted(expected))
    assert "exp" not in "".join(line for line in _plan(coordinator, query).splitlines() if "Remote SQL" in line)
    for session in shards.sessions:
        assert len(session.run(query)) == 2
    assert shop.publish_another(dsn) == 2
    rows = coordinator.run("select key::integer, score from pgscore.score_rows('shop', %s) order by key", _PARENT)
    assert [key for key, _ in rows] == [98, 99, 100, 101]
    assert sorted(score for _, score in rows) == pytest.approx(sorted(expected))
    compared = "select total, rows, compared from pgscore.compare('shop', 1, 2, %s)"
    assert coordinator.row(compared, _PARENT) == (4, 4, 4)
    # TABLESAMPLE would take all rows of a foreign partition.
    source = coordinator.value("select source from pgscore._part_of(%s, 'id::text', 1, false)", _PARENT)
    assert "hashtextextended(id::text" in source
    with refused("42704", "is not attached for model"):
        coordinator.run("call pgscore.rescore('shop', %s)", _PARENT)
    arguments = "%s, %s, 'Customer Id', 'id', '[{\"column\": \"n\", \"aggregate\": \"count\"}]', 'Score'"
    said = {
        (_EVENTS, _PARENT): 'as a partition of "Shop"."Order Lines": attach the tables in the database that holds',
        ('"Shop"."Order Lines 0"', '"Shop"."Customer 0"'): '"Shop"."Order Lines 0" is a foreign table: attach the',
    }
    for tables, sentence in said.items():
        with refused("22023", sentence):
            coordinator.run(f"select pgscore.attach('shop', {arguments})", *tables)
    # The same version everywhere: the coordinator is one more database.
    pgscore.promote_everywhere([*shards.dsns, dsn], "shop", 2)
    assert shards.serving() == [2, 2]
    assert coordinator.value("select serving from pgscore.model") == 2
