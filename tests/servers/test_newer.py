"""What newer versions of PostgreSQL let tables have, and pgscore meets there."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.bindings import shop
from tests.support.database import Database, Session, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

_number = count(1)


@pytest.fixture
def owner(managed: Database) -> Iterator[Session]:
    """An owner's session in a schema that is empty."""
    session = managed.session(shop.OWNER)
    name = f"newer_{next(_number)}"
    managed.session().run(f"create schema {name} authorization {shop.OWNER}")
    session.run(f"grant usage on schema {name} to pgscore_owner; set search_path = {name}")
    yield session
    managed.session().run(
        f"delete from pgscore.model_profile where profile::text like '{name}.%'; delete from pgscore.binding b"
        f" where b.name like '{name}.%'; drop schema {name} cascade"
    )


def _attach(owner: Session, *reducers: dict[str, Any], key: str = "who", **options: str) -> None:
    named = "".join(f", {name} => '{value}'" for name, value in options.items())
    owner.run(
        f"select pgscore.attach('newer', 'events', 'profile', '{key}', 'id', %s, 'score'{named})",
        json.dumps(reducers or [{"column": "n", "aggregate": "count"}]),
    )


_PROFILE = "create table profile (id integer primary key, n bigint not null default 0, score float8)"


def test_virtual_columns(owner: Session, version: int) -> None:
    """Triggers read them nowhere, so events cannot be counted by them; that a table has some does no harm."""
    if version < 18:
        pytest.skip("from 18 on")
    owner.run(f"""
        {_PROFILE};
        create table events (
            id integer primary key, who integer, amount integer,
            twice integer generated always as (amount * 2), whom integer generated always as (who)
        )
    """)
    message = "events is generated and virtual, which triggers cannot read: make it stored"
    for reducer in (
        {"aggregate": "sum", "of": "twice"},
        {"aggregate": "count", "where": {"twice": 2}},
        {"aggregate": "last", "of": "amount", "order_by": "twice"},
    ):
        owner.run(
            "alter table profile drop n; alter table profile add n "
            + ("integer" if "order_by" in reducer else "bigint")
        )
        with refused("22023", message):
            _attach(owner, {"column": "n", **reducer})
    owner.run("alter table profile drop n; alter table profile add n bigint not null default 0")
    with refused("22023", message):
        _attach(owner, key="whom")
    _attach(owner)
    owner.run("insert into profile (id) values (1), (2)")
    owner.run("insert into events (id, who) values (1, 1), (2, 2), (3, 2)")
    owner.run("insert into events (id, who) values (4, 1)")
    owner.run("update events set who = 1, amount = 3 where id = 2")
    owner.run("delete from events where id = 3")
    assert owner.run("select id, n from profile order by id") == [(1, 3), (2, 0)]


def test_temporal_keys(owner: Session, managed: Database, version: int) -> None:
    """Of events they are keys like others; a profile is named by what is unique at all times."""
    if version < 18:
        pytest.skip("from 18 on")
    managed.session().run("create extension if not exists btree_gist schema pg_catalog")
    owner.run("""
        create table profile (
            id integer, valid daterange, n bigint not null default 0, latest integer, score float8,
            primary key (id, valid without overlaps)
        );
        create table events (id integer, who integer, valid daterange, primary key (id, valid without overlaps))
    """)
    with refused("22023", 'column "id" of table '):
        _attach(owner)
    owner.run("alter table profile add unique (id)")
    _attach(
        owner,
        {"column": "n", "aggregate": "count"},
        {"column": "latest", "aggregate": "last", "of": "id", "order_by": "id"},
    )
    owner.run("insert into profile (id, valid) values (1, '[2026-01-01,)'), (2, '[2026-01-01,)')")
    owner.run("insert into events values (1, 1, '[2026-01-01,2026-02-01)'), (1, 2, '[2026-02-01,2026-03-01)')")
    owner.run("update events set who = 2, id = 7 where valid @> date '2026-01-05'")
    owner.run("update profile set id = 3 where id = 1")
    owner.run("insert into events values (9, 3, '[2026-01-01,)')")
    assert owner.run("select id, n, latest from profile order by id") == [(2, 2, 7), (3, 1, 9)]


def test_identity_columns_of_profiles_and_partitions(owner: Session, version: int) -> None:
    """A profile that is made for an event has the event's key, also where the table would give one."""
    always = "generated always as identity"
    owner.run(f"""
        create table profile (id bigint {always}, n bigint not null default 0, score float8, primary key (id))
            partition by hash (id);
        create table profile_0 partition of profile for values with (modulus 2, remainder 0);
        create table profile_1 partition of profile for values with (modulus 2, remainder 1);
        create table events (id bigint {always if version >= 17 else "generated by default as identity"}, who bigint,
            at integer, primary key (id, at)) partition by range (at);
        create table early partition of events for values from (0) to (10);
        create table late partition of events for values from (10) to (20)
    """)
    _attach(owner, on_missing="insert")
    owner.run("insert into events (who, at) values (5, 1), (6, 15), (5, 2)")
    owner.run("update events set at = 12 where at = 1")
    owner.run(
        "insert into late (who, at) values (7, 15)" if version >= 17 else "insert into events (who, at) values (7, 15)"
    )
    assert owner.run("select id, n from profile order by id") == [(5, 2), (6, 1), (7, 1)]
    if version >= 15:
        owner.run(
            "merge into events e using (values (5, 19)) s (who, at) on e.who = s.who and e.at = 12"
            " when matched then update set at = 3, who = 6 when not matched then insert (who, at) values (s.who, s.at)"
        )
        assert owner.run("select id, n from profile order by id") == [(5, 1), (6, 2), (7, 1)]


def test_nulls_that_are_not_distinct_and_constraints_that_are_not_enforced(owner: Session, version: int) -> None:
    if version < 15:
        pytest.skip("from 15 on")
    owner.run("create table profile (id integer unique nulls not distinct, n bigint not null default 0, score float8)")
    enforced = "not enforced" if version >= 18 else ""
    owner.run(f"create table events (id integer primary key, who integer references profile (id) {enforced})")
    _attach(owner, on_missing="insert" if enforced else "ignore")
    owner.run("insert into profile (id) values (1), (null)")
    owner.run("insert into events values (1, 1), (2, null), (3, null)")
    if enforced:
        owner.run("insert into events values (4, 8)")
    expected = [(1, 1), *([(8, 1)] if enforced else []), (None, 0)]
    assert owner.run("select id, n from profile order by id") == expected
    owner.run("create view shown with (security_invoker) as select * from profile")
    assert owner.run("select id, n from shown order by id") == expected
