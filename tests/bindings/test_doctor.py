"""What the doctor says of bindings that were broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg2
import pytest
from pgscore.database import transaction
from pgscore.doctor.bindings import check_bindings

from tests.support.command import run_json
from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgscore.doctor import Finding

    from tests.support.database import Database, Session

_TABLES = f"('{shop.EVENTS}', '{shop.PROFILE}')"
_REATTACH = f"select pgscore.reattach{_TABLES}"
_DETACH = f"select pgscore.detach{_TABLES}"
_INSERT, _UPDATE, _TRUNCATE = (f'"pgscore_Order Lines_{each}"' for each in ("insert", "update", "truncate"))
_GENERATED = """
    select count(*) from pg_proc where pronamespace = '"Shop"'::regnamespace and proname ~ '^_pgscore_'
"""


def _all(database: Database) -> list[Finding]:
    """What the doctor says of bindings, without the models, which take seconds to load."""
    with transaction(database.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("set transaction read only; set local search_path = pg_catalog, pg_temp")
        return list(check_bindings(connection))


def _looked_at(database: Database) -> list[Finding]:
    return [each for each in _all(database) if each.subject == shop.EVENTS]


def _findings(database: Database) -> list[Finding]:
    return [each for each in _looked_at(database) if each.level != "ok"]


def _sentences(database: Database) -> list[str]:
    return [each.sentence for each in _findings(database)]


def _sql(remedy: str) -> str:
    """The SQL that a remedy begins with."""
    return remedy.partition("; then")[0].partition(" forgets")[0]


def _heal(session: Session, found: Finding) -> None:
    """Does what the doctor says, as the tables' owner."""
    shop.run_as_owner(session, _sql(found.remedy))


@pytest.fixture
def heir(shopping: Database) -> Iterator[Session]:
    """A superuser's session in `shopping`; a role, shop_heir, may own tables, and its grants are taken back."""
    session = shopping.session()
    if session.value("select to_regrole('shop_heir')") is None:
        session.run("create role shop_heir")
    session.run('grant pgscore_reader to shop_heir; grant usage, create on schema "Shop" to shop_heir')
    shop.attach(session)
    yield session
    session.run(f"reset role; revoke pgscore_reader, {shop.OWNER} from shop_heir")


def test_a_binding_that_works(owner: Session, shopping: Database) -> None:
    found = [(each.level, each.sentence) for each in _looked_at(shopping)]
    assert found == [("ok", f"events move the counters of {shop.PROFILE}")]


@pytest.mark.parametrize("who", [shop.OWNER, "test_operator", "test_analyst"])
def test_who_may_look(owner: Session, shopping: Database, who: str) -> None:
    """Its owner sees all, an operator what is no table's row; who reads scores sees neither list."""
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    with transaction(shopping.dsn(who)) as connection:
        found = [each for each in check_bindings(connection) if each.subject == shop.EVENTS]
    assert [(each.level, each.sentence) for each in found] == [
        ("ok", f"events move the counters of {shop.PROFILE}"),
    ]


def test_triggers_that_are_disabled_or_missing(owner: Session, shopping: Database) -> None:
    owner.run(f"alter table {shop.EVENTS} disable trigger {_INSERT}")
    owner.run(f'alter table {shop.PROFILE} disable trigger "~pgscore_score"')
    owner.run(f"drop trigger {_TRUNCATE} on {shop.EVENTS}; drop trigger pgscore_arrive on {shop.PROFILE}")
    owner.run(f"alter table {shop.EVENTS} enable always trigger {_UPDATE}")  # works
    owner.run(f"alter table {shop.QUEUE} disable trigger pgscore_commit")
    found = _findings(shopping)
    assert [each.sentence for each in found] == [
        f"trigger {_TRUNCATE} of {shop.EVENTS} is missing: events that are truncated stay counted",
        f"trigger {_INSERT} of {shop.EVENTS} is disabled: its events move no counter and no score",
        f'trigger "~pgscore_score" of {shop.PROFILE} is disabled: a change of its rows refreshes no score',
        f"trigger pgscore_arrive of {shop.PROFILE} is missing: events from before their profile are not counted",
        f"trigger pgscore_commit of {shop.QUEUE} is disabled: what events bring is not done",
    ]
    assert [_sql(each.remedy) for each in found] == [
        _REATTACH,
        f"alter table {shop.EVENTS} enable trigger {_INSERT}",
        f'alter table {shop.PROFILE} enable trigger "~pgscore_score"',
        _REATTACH,
        f"alter table {shop.QUEUE} enable trigger pgscore_commit",
    ]
    document = run_json(shopping.dsn(), "doctor", expect=1)
    assert [each["sentence"] for each in document["findings"] if each["level"] == "problem"] == _sentences(shopping)
    shop.reattach(owner)  # it enables them, too
    assert _findings(shopping) == []


def test_a_partition_that_was_added_later_and_one_that_was_detached(serving: Database, key: Path) -> None:
    session = serving.session()
    shop.build(session, partitioned=True)
    shop.attach(session)
    shop.publish(serving.dsn(), key)
    session.run(f'create table "Shop".later (like {shop.EVENTS}); alter table "Shop".later owner to {shop.OWNER}')
    session.run('insert into "Shop".later (id, "Customer Id", rush) values (60, 1, true)')
    session.run(f'alter table {shop.EVENTS} detach partition "Shop".high')
    session.run(f'alter table {shop.EVENTS} attach partition "Shop".later for values from (50) to (99)')
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    (found,) = _findings(serving)
    assert found.sentence == (
        f'trigger {_TRUNCATE} of partition "Shop".later is missing: for statements that name it,'
        " events that are truncated stay counted"
    )
    (left,) = [each for each in _all(serving) if each.subject == '"Shop".high']
    assert left.sentence.startswith(f"trigger {_TRUNCATE} of it belongs to no binding")
    assert left.remedy == f'drop trigger {_TRUNCATE} on "Shop".high'
    _heal(session, left)
    _heal(session, found)
    assert [each for each in _all(serving) if each.level != "ok"] == []
    session.run('alter table "Shop".later disable trigger "pgscore_Order Lines_row"')
    (found,) = _findings(serving)
    assert found.sentence.endswith('of partition "Shop".later is disabled: its events move no counter and no score')
    _heal(session, found)
    assert _findings(serving) == []
    session.run('insert into "Shop".later (id, "Customer Id", rush) values (61, 1, true)')
    assert shop.assert_right(session) == 1


def test_tables_whose_owner_changed(heir: Session, shopping: Database) -> None:
    heir.run(f"alter table {shop.PROFILE} owner to shop_heir")
    (found,) = _findings(shopping)
    assert found.sentence == (
        f"{shop.OWNER} owns {shop.EVENTS} and shop_heir owns {shop.PROFILE},"
        " and tables of two owners cannot be attached"
    )
    assert found.remedy == f"alter table {shop.PROFILE} owner to {shop.OWNER}, or give both to the new owner."
    heir.run(f"alter table {shop.EVENTS} owner to shop_heir")
    (found,) = _findings(shopping)
    assert found.sentence == (
        f"shop_heir owns {shop.EVENTS} and {shop.PROFILE} now, and the binding works with the rights of {shop.OWNER}"
    )
    assert found.remedy == f"As a member of both (grant {shop.OWNER} to shop_heir): {_DETACH}; then attach them again."
    heir.run(f"grant {shop.OWNER} to shop_heir")
    heir.run("set role shop_heir")
    heir.run(_DETACH)
    heir.run(
        "select pgscore.attach('shop', %s, %s, 'Customer Id', 'id', %s, 'Score')",
        shop.EVENTS,
        shop.PROFILE,
        json.dumps(shop.REDUCERS),
    )
    assert _findings(shopping) == []


def test_all_that_the_owner_had_goes_to_another(heir: Session, shopping: Database) -> None:
    heir.run(f"reassign owned by {shop.OWNER} to shop_heir")
    (found,) = _findings(shopping)
    assert found.sentence.startswith(f"shop_heir owns {shop.EVENTS} and {shop.PROFILE} now")
    assert found.remedy == _REATTACH
    heir.run("set role shop_heir")
    heir.run(_REATTACH)
    heir.run("reset role")
    assert _findings(shopping) == []
    heir.run(f"insert into {shop.PROFILE} (id) values (1)")
    heir.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 1)')
    assert shop.assert_right(heir) == 1


_CHANGES = {
    f"alter table {shop.EVENTS} force row level security": (
        f"row-level security of table {shop.EVENTS} hides rows from its owner, so its events cannot be counted",
        f"alter table {shop.EVENTS} no force row level security",
        f"alter table {shop.EVENTS} no force row level security",
    ),
    f"alter table {shop.PROFILE} force row level security": (
        f"row-level security of table {shop.PROFILE} hides rows from its owner, so its events cannot be counted",
        f"alter table {shop.PROFILE} no force row level security",
        f"alter table {shop.PROFILE} no force row level security",
    ),
    f'create table "Shop".child () inherits ({shop.EVENTS})': (
        f'table {shop.EVENTS} has a child, "Shop".child, that inherits from it, and rows of children cannot be counted'
        " right: use partitions",
        f"Change it back; or {_DETACH}, and attach them again as they are now.",
        'drop table "Shop".child',
    ),
    f"alter table {shop.PROFILE} rename pieces to parts": (
        f'table {shop.PROFILE} has no column "pieces" for a reducer',
        f"Change it back; or {_DETACH}, and attach them again as they are now.",
        f"alter table {shop.PROFILE} rename parts to pieces",
    ),
    f"alter table {shop.EVENTS} rename amount to sum": (
        f'table {shop.EVENTS} has no column "amount" for sum',
        f"Change it back; or {_DETACH}, and attach them again as they are now.",
        f"alter table {shop.EVENTS} rename sum to amount",
    ),
    f'alter table {shop.EVENTS} rename "Customer Id" to who': (
        f'table {shop.EVENTS} has no column "Customer Id"',
        f"Change it back; or {_DETACH}, and attach them again as they are now.",
        f'alter table {shop.EVENTS} rename who to "Customer Id"',
    ),
    f'alter table {shop.PROFILE} rename "Score" to risk': (
        f'table {shop.PROFILE} has no column "Score"',
        f"Change it back; or {_DETACH}, and attach them again as they are now.",
        f'alter table {shop.PROFILE} rename risk to "Score"',
    ),
    f"alter table {shop.PROFILE} alter column least type numeric(9, 2)": (
        'column "least" is of type numeric(9,2) and takes the min of a column of type numeric: they must be the same',
        f'alter table {shop.PROFILE} alter column "least" type numeric',
        f"alter table {shop.PROFILE} alter column least type numeric",
    ),
    f'alter table {shop.PROFILE} drop constraint "Customer_pkey"': (
        f'column "id" of table {shop.PROFILE} is not unique',
        f"alter table {shop.PROFILE} add unique (id)",
        f"alter table {shop.PROFILE} add primary key (id)",
    ),
}


@pytest.mark.parametrize("change", list(_CHANGES))
def test_tables_that_attach_would_refuse_now(owner: Session, shopping: Database, change: str) -> None:
    sentence, remedy, back = _CHANGES[change]
    shop.run_as_owner(owner, change)
    found = _findings(shopping)
    assert [each.sentence for each in found] == [sentence]
    assert _sql(found[0].remedy) == remedy
    shop.run_as_owner(owner, back)
    assert _findings(shopping) == []


@pytest.mark.parametrize(
    ("change", "outdated"),
    [
        (f'alter table {shop.EVENTS} rename to "Lines"', "recount"),
        (f'alter table {shop.PROFILE} rename to "Buyer"', "apply"),
        ('alter schema "Shop" rename to "Store"', None),
        (f"alter table {shop.PROFILE} add column twice bigint generated always as (n * 2) stored", "score"),
        ('create or replace function "Shop"."_pgscore_Order Lines_insert"() returns trigger language plpgsql security'
         " definer set search_path = pg_catalog, pg_temp as 'begin return null; end'", "insert"),
        ('alter function "Shop"."_pgscore_Order Lines_insert"() security invoker', "insert"),
        ('grant execute on function "Shop"."_pgscore_Customer_arrive"() to public', "arrive"),
        ('drop function "Shop"."_pgscore_Order Lines_reconcile"', "reconcile"),
    ],
)  # fmt: skip
def test_what_attach_would_make_otherwise_now(
    owner: Session, shopping: Database, change: str, outdated: str | None
) -> None:
    owner.run(change)
    found = [each for each in _all(shopping) if each.level != "ok"]
    assert found, change
    assert {each.subject for each in found} <= {shop.EVENTS}, found
    if outdated:
        assert any(f"_{outdated}" in each.sentence or "more" in each.sentence for each in found), found
    for each in found:
        assert each.remedy.startswith("select pgscore.reattach("), found
    _heal(owner, found[0])
    assert [each for each in _all(shopping) if each.level != "ok"] == []
    events = owner.value("select events::text from pgscore.binding where model = 'shop'")
    profile = owner.value("select profile::text from pgscore.binding where model = 'shop'")
    owner.run(f"insert into {profile} (id) values (1)")
    owner.run(f'insert into {events} (id, "Customer Id") values (1, 1)')
    assert owner.value(f"select n from {profile}") == 1


def test_triggers_that_came_along_with_a_copy(owner: Session, shopping: Database) -> None:
    owner.run(
        f"""
        create table "Shop".copy (like {shop.EVENTS} including all);
        alter table "Shop".copy owner to {shop.OWNER};
        create trigger {_INSERT} after insert on "Shop".copy referencing new table as pgscore_new
            for each statement execute function "Shop"."_pgscore_Order Lines_insert"();
        create trigger {_TRUNCATE} after truncate on "Shop".copy
            for each statement execute function "Shop"."_pgscore_Order Lines_truncate"();
        """
    )
    (found,) = [each for each in _all(shopping) if each.level != "ok"]
    assert (found.level, found.subject) == ("problem", '"Shop".copy')
    assert found.sentence == (
        f"triggers {_INSERT}, {_TRUNCATE} of it belong to no binding: its rows would be counted as another table's"
    )
    owner.run(found.remedy)
    assert [each for each in _all(shopping) if each.level != "ok"] == []


def test_counters_that_are_not_what_events_give(owner: Session, shopping: Database) -> None:
    owner.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 7)")
    owner.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", amount) select n, n %% 5, n from generate_series(1, %s) n', 20
    )
    assert _findings(shopping) == []
    owner.run("set session_replication_role = replica")
    owner.run(f"update {shop.PROFILE} set n = 9, least = null where id = 3")
    owner.run("reset session_replication_role")
    (found,) = _findings(shopping)
    assert found.sentence == (
        "of 7 profiles that were compared 1 hold other counters than their events give,"
        " such as 3: n is 9 and the events give 4; least is NULL and the events give 3"
    )
    assert f"call pgscore.reconcile{_TABLES}" in found.remedy
    # An operator may not read the tables, and is not told of what it could not see.
    with transaction(shopping.dsn("test_operator")) as connection:
        assert {each.level for each in check_bindings(connection) if each.subject == shop.EVENTS} == {"ok"}
    shop.reconcile(owner)
    assert _findings(shopping) == []


def test_the_doctor_runs_nothing_that_belongs_to_the_owner(owner: Session, shopping: Database) -> None:
    """It may be a superuser who looks, and the owner may have put anything in the place of what was generated."""
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    owner.run('drop function "Shop"."_pgscore_Order Lines_recount"(bigint, boolean) cascade')
    shop.run_as_owner(
        owner,
        'create function "Shop"."_pgscore_Order Lines_recount"(bigint, boolean) returns boolean language plpgsql'
        " as 'begin raise exception ''called''; end'",
    )
    assert all("called" not in each.sentence for each in _findings(shopping))
    assert _findings(shopping) != []


def test_the_doctor_calls_no_cast_and_no_view_of_the_owner(shopping: Database) -> None:
    session = shopping.session()
    shop.run_as_owner(
        session,
        f"""
        create type "Shop".mood as enum ('good', 'bad');
        create function "Shop".says("Shop".mood) returns text language plpgsql
            as 'begin raise exception ''called''; end';
        create cast ("Shop".mood as text) with function "Shop".says("Shop".mood);
        alter table {shop.EVENTS} add column mood "Shop".mood;
        alter table {shop.PROFILE} add column mood "Shop".mood;
        """,
    )
    shop.attach(session, reducers=[{"column": "mood", "aggregate": "max", "of": "mood"}])
    session.run("set session_replication_role = replica")
    session.run(f"insert into {shop.PROFILE} (id, mood) values (1, 'bad')")
    session.run("reset session_replication_role")
    (found,) = _findings(shopping)
    assert found.sentence.endswith("such as 1: mood is bad and the events give NULL")
    # PostgreSQL makes a view of an empty table that gets a rule for SELECT.
    shop.detach(session)
    shop.run_as_owner(session, f"alter table {shop.PROFILE} drop column mood; drop table {shop.EVENTS}")
    session.run(
        f"""
        set role {shop.OWNER};
        create table {shop.EVENTS} (id integer, "Customer Id" bigint);
        create index on {shop.EVENTS} ("Customer Id");
        create function "Shop".rows() returns setof {shop.EVENTS} language plpgsql
            as 'begin raise exception ''called''; end';
        reset role;
        """
    )
    shop.attach(session, reducers=[{"column": "n", "aggregate": "count"}])
    for trigger in ("insert", "update", "delete", "truncate"):
        session.run(f'drop trigger "pgscore_Order Lines_{trigger}" on {shop.EVENTS}')
    session.run('drop index "Shop"."Order Lines_Customer Id_idx"')
    session.run(f"vacuum {shop.EVENTS}")  # it looks once more for triggers and indexes
    try:
        shop.run_as_owner(
            session,
            f'create rule "_RETURN" as on select to {shop.EVENTS} do instead select * from "Shop".rows()',
        )
    except psycopg2.errors.WrongObjectType:
        return  # not any more, since PostgreSQL 16
    found = _findings(shopping)[0]
    assert "is no ordinary table" in found.sentence
    assert all("called" not in each.sentence for each in _findings(shopping))


def test_a_table_that_somebody_holds_is_not_waited_for(owner: Session, shopping: Database) -> None:
    other = shopping.session()
    other.run("begin")
    other.run(f"lock table {shop.PROFILE} in access exclusive mode")
    assert _findings(shopping) == []


def test_rows_that_wait_for_something(shopping: Database) -> None:
    session = shopping.session()
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2), (3)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 3)')
    shop.attach(session, backfill="false")
    assert _sentences(shopping) == ["events from before the tables were attached are not counted yet, for 3 profiles"]
    shop.reconcile_step(session, 1)
    found = _findings(shopping)
    assert [each.level for each in found] == ["problem", "warning"]
    assert "has come to 1 profile and not to the end" in found[1].sentence
    assert f"call pgscore.reconcile{_TABLES}" in found[0].remedy
    assert f"call pgscore.reconcile{_TABLES}" in found[1].remedy
    shop.reconcile(session)
    assert _findings(shopping) == []
    session.run(f'alter table {shop.PROFILE} rename "Age" to age')
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (2, 3)')
    (stale,) = _sentences(shopping)
    assert stale.startswith("1 stale row, for reasons such as: ")
    session.run(f'alter table {shop.PROFILE} rename age to "Age"')
    session.run(f'update {shop.PROFILE} set "Score" = null where id = 3')
    assert _findings(shopping) == []
    assert shop.assert_right(session) == 3


def test_tables_that_were_dropped(owner: Session, shopping: Database) -> None:
    """Until the binding is forgotten the other table suffers; detach takes the number of what has gone."""
    owner.run(f"drop table {shop.EVENTS}")
    with refused("42P01", "does not exist"):
        owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    (found,) = _findings(shopping)
    assert found.sentence == f"its event table, {shop.EVENTS}, was dropped"
    assert owner.value(_GENERATED) > 0
    _heal(owner, found)
    assert _looked_at(shopping) == []
    assert owner.value(_GENERATED) == 0
    assert owner.value("select to_regclass(%s)", shop.QUEUE) is None
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")

    shop.run_as_owner(owner, 'create table "Shop".visits (id bigint); create table "Shop".calls (id bigint)')
    for column, events in (("n", '"Shop".visits'), ("pieces", '"Shop".calls')):
        reducers = json.dumps([{"column": column, "aggregate": "count"}])
        attach = "select pgscore.attach('shop', %s, %s, 'id', 'id', %s, 'Score')"
        shop.run_as_owner(owner, attach, events, shop.PROFILE, reducers)
    owner.run(f"drop table {shop.PROFILE} cascade")
    with refused("42P01", "does not exist"):
        owner.run('insert into "Shop".visits values (1)')
    gone = [each for each in _all(shopping) if each.level == "problem"]
    assert [each.sentence for each in gone] == [f"its profile table, {shop.PROFILE}, was dropped"] * 2
    for each in gone:
        _heal(owner, each)
    assert owner.value(_GENERATED) == 0
    owner.run('insert into "Shop".visits values (1); insert into "Shop".calls values (1)')
    assert owner.value("select count(*) from pg_class where relname ~ '^_pgscore_Customer_(queue|arrival)'") == 0
