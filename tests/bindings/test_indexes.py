"""The index that recounts want: large tables without it are refused before anything is counted or made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg2
import pytest
from pgscore import PgscoreError, attach

from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database, Session

_COUNT = {"column": "n", "aggregate": "count"}
_LAST = {"column": "latest", "aggregate": "last", "of": "kind", "order_by": "at"}
_MOST = {"column": "most", "aggregate": "max", "of": "at"}
_LEFT = """
    select (select count(*) from pgscore.binding where model = 'm'), (select count(*) from pgscore.bound_owner),
        (select count(*) from pg_trigger where tgname ~ 'pgscore' and tgrelid::regclass::text ~ '^i[.]')
"""


@pytest.fixture(scope="module")
def large(shared: Database) -> Iterator[Session]:
    """A session of the owner of an event table with 110,000 rows, and of one in nested partitions with as many."""
    session = shared.session()
    shop.make_roles(session)
    session.run(
        f"""
        create schema i authorization {shop.OWNER};
        set role {shop.OWNER};
        grant usage on schema i to pgscore_owner;
        create table i.profile (id bigint primary key, n bigint, latest text, most integer, score float8);
        insert into i.profile (id) select generate_series(0, 999);
        create table i.event (id integer primary key, who integer, at integer, kind text);
        insert into i.event select g, g % 1000, g, 'x' from generate_series(1, 110000) g;
        create table i.parted (like i.event, primary key (id)) partition by range (id);
        create table i."One" partition of i.parted for values from (0) to (50000);
        create table i.two partition of i.parted for values from (50000) to (1000000) partition by range (id);
        create table i.two_a partition of i.two for values from (50000) to (60000);
        create table i.two_b partition of i.two for values from (60000) to (1000000);
        insert into i.parted select * from i.event;
        """
    )
    yield session
    session.run("reset role; drop schema i cascade")


def _attach(events: str, *reducers: dict[str, str], more: str = "") -> str:
    listed = json.dumps(reducers)
    return f"select pgscore.attach('m', '{events}', 'i.profile', 'who', 'id', '{listed}', 'score'{more})"


def test_a_large_table_is_refused_before_anything_is_made(large: Session, shared: Database) -> None:
    before = large.run(_LEFT)
    with refused(
        "55000",
        "table i.event is large, and no index of it begins with who: each recount of a profile would read all of it",
        hint="create index concurrently on i.event (who, at desc nulls last)",
    ):
        large.run(_attach("i.event", _COUNT, _LAST, _MOST))
    with pytest.raises(PgscoreError) as caught:
        attach(
            shared.dsn(shop.OWNER), "m", "i.event", "i.profile",
            event_key="who", profile_key="id", reducers=[_COUNT], score="score",
        )  # fmt: skip
    assert caught.value.hint == "create index concurrently on i.event (who)"
    assert "without_index => true" in str(caught.value)
    assert large.run(_LEFT) == before
    large.run("begin")
    large.run(_attach("i.event", _COUNT, more=", without_index => true, backfill => false"))
    ((number,),) = large.run("select number from pgscore.binding where model = 'm'")
    advice = large.run("select cause, statements from pgscore._advice(%s)", number)
    assert advice == [
        ("uncounted", ["call pgscore.reconcile('i.event', 'i.profile')"]),
        ("index", ["create index concurrently on i.event (who)"]),
    ]
    large.run("rollback")


def test_a_partitioned_table_gets_its_index_by_the_advice(large: Session) -> None:
    wanted = "select pgscore.index_statements('i.parted', 'i.profile', '{who}', '{id}', %s)"
    # One partition has such an index, which is taken; the parent has one that an earlier attempt has left.
    large.run("create index on i.two_a (who, at desc nulls last)")
    large.run("create index begun on only i.parted (who, at desc nulls last)")
    with pytest.raises(psycopg2.Error) as caught:
        large.run(_attach("i.parted", _COUNT, _LAST, _MOST))
    assert caught.value.pgcode == "55000"
    statements = (caught.value.diag.message_hint or "").split("; ")
    assert statements == [sql for (sql,) in large.run(wanted, json.dumps([_COUNT, _LAST, _MOST]))]
    assert [each.partition(" (")[0] for each in statements] == [
        "create index two_who_at_idx on only i.two",
        'create index concurrently "One_who_at_idx" on i."One"',
        "create index concurrently two_b_who_at_idx on i.two_b",
        "alter index i.two_who_at_idx attach partition i.two_a_who_at_idx",
        "alter index i.two_who_at_idx attach partition i.two_b_who_at_idx",
        'alter index i.begun attach partition i."One_who_at_idx"',
        "alter index i.begun attach partition i.two_who_at_idx",
    ]
    for statement in statements:
        large.run(statement)
    assert large.run("select indisvalid from pg_index where indexrelid = 'i.begun'::regclass") == [(True,)]
    assert large.run(wanted, json.dumps([_COUNT, _LAST, _MOST])) == []
    large.run("begin")
    large.run(_attach("i.parted", _COUNT, _LAST, _MOST, more=", backfill => false"))
    large.run("rollback")


@pytest.mark.parametrize(
    ("index", "served"),
    [
        ("(who)", (True, False, False)),
        ("using hash (who)", (True, False, False)),
        ("(who) where who is not null", (True, False, False)),
        ("(who, at)", (True, True, False)),
        ("(who, at desc nulls last)", (True, True, True)),
        ("(who, at nulls first)", (True, True, True)),
        ("(who, at) where at is not null and who is not null", (False, True, False)),
        ("(who) where kind = 'x'", (False, False, False)),
        ("(abs(who))", (False, False, False)),
        ("(at, who)", (False, False, False)),
        ("(at) include (who)", (False, False, False)),
        ("using brin (who)", (False, False, False)),
    ],
)
def test_indexes_that_serve(large: Session, index: str, served: tuple[bool, ...]) -> None:
    """A key, the largest of its values, and the last of them with NULL after all others."""
    large.run("begin")
    large.run("create index on i.event " + index)
    ask = "select pgscore._is_served('i.event', '{who}', '{bigint}', %s, %s)"
    found = tuple(large.value(ask, *each) for each in ((None, False), ("at", False), ("at", True)))
    large.run("rollback")
    assert found == served


@pytest.mark.parametrize(
    ("column", "index", "served"),
    [
        ("text", "(k)", True),
        ("text", "(k text_pattern_ops)", True),
        ("varchar(20)", "(k)", True),
        ('text collate "C"', "(k)", True),
        ("text", '(k collate "C")', False),
    ],
)
def test_an_index_of_another_collation_does_not_serve(large: Session, column: str, index: str, *, served: bool) -> None:
    large.run("begin")
    large.run(f"create table i.t (k {column}); create index on i.t {index}")
    found = large.value("select pgscore._is_served('i.t', '{k}', '{text}', null, false)")
    large.run("rollback")
    assert found is served


def test_a_small_table_passes_and_its_size_decides_what_is_counted_at_once(large: Session) -> None:
    large.run("begin")
    large.run("create table i.small as select * from i.event where id <= 15000")
    large.run(_attach("i.small", _COUNT))
    assert large.value("select sum(n) from i.profile") == 15000
    large.run("rollback")
    large.run("begin")
    large.run("create table i.small as select * from i.event where id <= 25000")
    large.run(_attach("i.small", _COUNT))
    # 1,000 profiles by 25,000 events are not counted while the tables are locked.
    assert large.value("select count(*) from pgscore.stale_row where cause = 'backfill'") == 1000
    large.run("rollback")
