"""Each damage is found as what it is, and gone when its remedy has run: in one database, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.bindings import shop
from tests.support.database import PASSWORD

from . import ward as wards

if TYPE_CHECKING:
    from tests.support.database import Database

_E, _P, _Q = shop.EVENTS, shop.PROFILE, shop.QUEUE
_INSERT = '"pgscore_Order Lines_insert"'
_FUNCTION = '"Shop"."_pgscore_Order Lines_insert"()'
_NEW_EVENTS = f"""
    create table {_E} (
        id integer not null primary key, "Customer Id" bigint, "Kind" text, rush boolean not null default false,
        amount numeric, pieces integer, weight double precision, at integer
    )
"""


@dataclass(frozen=True)
class Damage:
    """What is done to a database.

    Attributes:
        sql: the damage, by a superuser; two semicolons part transactions.
        codes: the findings that are to be mended, of all there is.
        says: a text in the first of them.
        subject: what it is about.
        after: what has to run after the remedies, for the next damage.
    """

    sql: str
    codes: tuple[str, ...]
    says: str
    subject: str = shop.EVENTS
    after: str = ""


_DAMAGES = {
    "events' trigger disabled": Damage(
        f"alter table {_E} disable trigger {_INSERT}", ("trigger-disabled",), f"trigger {_INSERT} of {_E} is disabled"
    ),
    "all triggers disabled": Damage(
        f"alter table {_P} disable trigger all", ("trigger-disabled",), f'trigger "~pgscore_score" of {_P} is disabled'
    ),
    "enabled for replicas": Damage(
        f"alter table {_E} enable replica trigger {_INSERT}", ("trigger-disabled",), "enabled for replicas only"
    ),
    "queue's trigger disabled": Damage(
        f'alter table {_Q} disable trigger pgscore_commit; insert into {_E} (id, "Customer Id") values (1001, 1)',
        ("trigger-disabled", "counters-differ", "queue-left"),
        "what events bring is not done",
    ),
    "trigger dropped": Damage(
        f"drop trigger {_INSERT} on {_E}", ("trigger-missing",), "events that come, change or go move no counter"
    ),
    "profile's trigger dropped": Damage(
        f"drop trigger pgscore_arrive on {_P}", ("trigger-missing",), "events from before their profile are not counted"
    ),
    "trigger of the same name": Damage(
        f"""
        create function "Shop".other() returns trigger language plpgsql as 'begin return null; end';
        drop trigger {_INSERT} on {_E};
        create trigger {_INSERT} after insert on {_E} for each statement execute function "Shop".other()
        """,
        ("trigger-replaced",),
        "calls another function",
        after='drop function "Shop".other()',
    ),
    "function dropped": Damage(
        'drop function "Shop"."_pgscore_Order Lines_reconcile"', ("function-missing",), '_reconcile" is missing'
    ),
    "function edited": Damage(
        f"create or replace function {_FUNCTION} returns trigger language plpgsql security definer"
        " set search_path = pg_catalog, pg_temp as 'begin return null; end'",
        ("function-edited",),
        "somebody has changed it",
    ),
    "function without its owner's rights": Damage(
        f"alter function {_FUNCTION} security invoker", ("function-loose",), "its rights or settings were changed"
    ),
    "function that all may call": Damage(
        'grant execute on function "Shop"."_pgscore_Customer_arrive"() to public', ("function-loose",), "not guarded"
    ),
    "generated column added": Damage(
        f"alter table {_P} add column twice bigint generated always as (n * 2) stored",
        ("function-outdated",),
        "are outdated: their tables, or pgscore, have changed since",
        after=f"alter table {_P} drop column twice; select pgscore.reattach{wards.TABLES}",
    ),
    "rename of events": Damage(
        f'alter table {_E} rename to "Lines"',
        ("table-renamed",),
        '"Shop"."Lines", once "Shop"."Order Lines", was renamed',
        after=f'alter table "Shop"."Lines" rename to "Order Lines"; select pgscore.reattach{wards.TABLES}',
    ),
    "rename of profiles": Damage(
        f'alter table {_P} rename to "Buyer"',
        ("table-renamed",),
        '"Shop"."Buyer", once "Shop"."Customer", was renamed',
        after=f'alter table "Shop"."Buyer" rename to "Customer"; select pgscore.reattach{wards.TABLES}',
    ),
    "move of events": Damage(
        f"""
        create schema "Store" authorization {shop.OWNER};
        grant usage on schema "Store" to pgscore_owner;
        alter table {_E} set schema "Store"
        """,
        ("table-moved",),
        '"Store"."Order Lines" was moved to another schema',
        after=f'alter table "Store"."Order Lines" set schema "Shop"; select pgscore.reattach{wards.TABLES};'
        ' drop schema "Store"',
    ),
    "rename of the schema": Damage(
        'alter schema "Shop" rename to "Store"',
        ("table-moved",),
        "another schema",
        after=f'alter schema "Store" rename to "Shop"; select pgscore.reattach{wards.TABLES}',
    ),
    "counter renamed": Damage(
        f"alter table {_P} rename pieces to parts", ("column-missing",), "parts seems to be it under another name"
    ),
    "event's column renamed": Damage(
        f"alter table {_E} rename amount to sum", ("column-missing",), f"{_E} has no column amount any more"
    ),
    "key renamed": Damage(
        f'alter table {_E} rename "Customer Id" to who', ("column-missing",), 'has no column "Customer Id" any more'
    ),
    "score renamed": Damage(
        f'alter table {_P} rename "Score" to risk', ("column-missing",), "risk seems to be it under another name"
    ),
    "version dropped": Damage(
        f'alter table {_P} drop column "Version"',
        ("column-missing",),
        'no column "Version" any more, which pgscore fills',
    ),
    "type of a counter": Damage(
        f"alter table {_P} alter column least type numeric(9, 2)",
        ("misfit",),
        'column "least" is of type numeric(9,2) and takes the min of a column of type numeric: they must be the same',
        after="attach",
    ),
    "row security of events": Damage(
        f"alter table {_E} force row level security", ("row-security",), "hides rows from its owner"
    ),
    "row security of profiles": Damage(
        f"alter table {_P} force row level security", ("row-security",), "hides rows from its owner"
    ),
    "child": Damage(
        f'set role {shop.OWNER}; create table "Shop".child () inherits ({_E}); reset role',
        ("child-table",),
        'has a child, "Shop".child, that inherits',
        after='drop table "Shop".child',
    ),
    "key not unique": Damage(
        f'alter table {_P} drop constraint "Customer_pkey"', ("key-not-unique",), "the key (id) of"
    ),
    "owner of one": Damage(
        f"alter table {_P} owner to shop_heir", ("owners-differ",), f"{shop.OWNER} owns {_E} and shop_heir owns {_P}"
    ),
    "owner without the role": Damage(
        f"revoke pgscore_reader from {shop.OWNER}", ("right-missing",), "lacks the rights of pgscore_reader"
    ),
    "owner without the schema": Damage(
        f'alter schema "Shop" owner to postgres; revoke all on schema "Shop" from {shop.OWNER}',
        ("right-missing",),
        'lacks CREATE on schema "Shop"',
        after=f'alter schema "Shop" owner to {shop.OWNER}',
    ),
    "pgscore without the schema": Damage(
        'revoke usage on schema "Shop" from pgscore_owner',
        ("right-missing",),
        'pgscore_owner lacks USAGE on schema "Shop"',
        subject=shop.PROFILE,
    ),
    "readers without a score": Damage(
        "revoke execute on function pgscore.score(text, jsonb) from pgscore_reader",
        ("right-missing",),
        "lacks EXECUTE on function pgscore.score(text,jsonb)",
        subject="pgscore",
    ),
    "copied triggers": Damage(
        f"""
        set role {shop.OWNER};
        create table "Shop".copy (like {_E} including all);
        create trigger {_INSERT} after insert on "Shop".copy referencing new table as pgscore_new
            for each statement execute function {_FUNCTION};
        reset role
        """,
        ("trigger-left-over",),
        "belongs to no binding",
        subject='"Shop".copy',
        after='drop table "Shop".copy',
    ),
    "events that no trigger saw": Damage(
        f"""
        set session_replication_role = replica;
        insert into {_E} (id, "Customer Id") select 2000 + n, n % 40 + 1 from generate_series(1, 80) n;
        reset session_replication_role
        """,
        ("counters-differ",),
        "of 40 profiles that were compared 40 hold other counters than their events give",
    ),
    "not counted yet": Damage(
        "insert into pgscore.stale_row (binding, key, cause, reason) select number, '7', 'backfill', 'later'"
        " from pgscore.binding where model = 'shop'",
        ("uncounted",),
        "events from before the tables were attached are not counted yet, for 1 profile",
    ),
    "stale": Damage(
        f"""
        alter table {_P} rename "Age" to age;;
        insert into {_E} (id, "Customer Id") values (3000, 3);;
        alter table {_P} rename age to "Age"
        """,
        ("stale",),
        "1 stale row, since",
    ),
    "table made anew": Damage(
        f"drop table {_E}; set role {shop.OWNER}; {_NEW_EVENTS}; reset role",
        ("table-recreated",),
        f"its event table, {_E}, was dropped and made anew",
    ),
    "all that the owner had": Damage(
        f"reassign owned by {shop.OWNER} to shop_heir",
        ("owner-changed",),
        f"shop_heir owns {_E} and {_P} now",
        after=f"reassign owned by shop_heir to {shop.OWNER};"
        f" set role {shop.OWNER}; select pgscore.reattach{wards.TABLES}; reset role",
    ),
    "events dropped": Damage(f"drop table {_E}", ("table-dropped",), f"its event table, {_E}, was dropped"),
}


@pytest.fixture(scope="module")
def healthy(ward: Database) -> Database:
    """The ward, and an heir who may own tables."""
    session = ward.session()
    if session.value("select to_regrole('shop_heir')") is None:
        session.run(f"create role shop_heir login password '{PASSWORD}'")
    session.run('grant pgscore_reader to shop_heir; grant usage, create on schema "Shop" to shop_heir')
    assert wards.to_mend(ward) == []
    return ward


@pytest.mark.parametrize("what", _DAMAGES)
def test_a_damage_is_found_and_mended(healthy: Database, what: str) -> None:
    damage = _DAMAGES[what]
    session = healthy.session()
    for part in damage.sql.split(";;"):
        session.run(part)
    found = wards.to_mend(healthy)
    assert set(wards.codes(found)) == set(damage.codes), found
    first = found[0]
    assert damage.says in first.sentence, found
    assert first.subject == damage.subject
    for each in found:
        wards.apply(healthy, each)
    assert wards.to_mend(healthy) == []
    if damage.after == "attach":
        session.run(f"alter table {_P} alter column least type numeric")
        shop.attach(session)
        assert wards.to_mend(healthy) == []
    elif damage.after:
        owner = damage.after if "reset role" in damage.after else _as_owner(damage.after)
        session.run(owner)
        assert wards.to_mend(healthy) == []


def test_a_profile_table_that_is_dropped(healthy: Database) -> None:
    """The last of this file: with two bindings, of which one after the other is forgotten."""
    session = healthy.session()
    session.run(f"set role {shop.OWNER}; {_NEW_EVENTS}; reset role")
    shop.attach(session)
    shop.run_as_owner(session, 'create table "Shop".visits (id bigint, amount numeric)')
    session.run(f"alter table {_P} add column visits bigint not null default 0")
    reducers = '[{"column": "visits", "aggregate": "count"}]'
    attach = "select pgscore.attach('shop', '\"Shop\".visits', %s, 'id', 'id', %s, 'Score', 'Version')"
    shop.run_as_owner(session, attach, _P, reducers)
    assert wards.to_mend(healthy) == []
    session.run(f"drop table {_P} cascade")
    found = wards.to_mend(healthy)
    assert [(each.code, each.sentence) for each in found] == [
        ("table-dropped", f"its profile table, {_P}, was dropped")
    ] * 2
    for each in found:
        wards.apply(healthy, each)
    assert wards.to_mend(healthy) == []
    assert session.value("select count(*) from pg_proc where proname ~ '^_pgscore_(Order|Customer|visits)'") == 0
    session.run('insert into "Shop".visits values (1)')


def _as_owner(sql: str) -> str:
    """Calls of pgscore are the owner's to make, and the rest is a superuser's."""
    called = f"set role {shop.OWNER}; select pgscore.reattach{wards.TABLES}; reset role"
    return sql.replace(f"select pgscore.reattach{wards.TABLES}", called)
