"""Attaching and detaching tables: what is refused, and who may."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database, Session

_COUNT = {"column": "n", "aggregate": "count"}
_GIVEN: dict[str, Any] = {
    "model": "shop",
    "events": shop.EVENTS,
    "profile": shop.PROFILE,
    "event_key": "Customer Id",
    "profile_key": "id",
    "reducers": [_COUNT],
    "score": "Score",
}
_ARGUMENTS = [*{**_GIVEN, "reducers": json.dumps(_GIVEN["reducers"])}.values()]
_ATTACH = f"select pgscore.attach({', '.join(f'{name} => %s' for name in _GIVEN)})"
_STATE = """
    select 'trigger', tgname::text || ' on ' || tgrelid::regclass from pg_trigger where not tgisinternal
    union all select 'function', oid::regprocedure::text from pg_proc where pronamespace = '"Shop"'::regnamespace
    order by 1, 2
"""
_TABLES = f"'{shop.EVENTS}', '{shop.PROFILE}'"
_CALLS = (
    f"select pgscore.detach({_TABLES})",
    f"select pgscore.reattach({_TABLES})",
    f"call pgscore.reconcile({_TABLES})",
)
_OWNERS = """
    select distinct owner::regrole::text
    from (
        select proowner as owner from pg_proc where pronamespace = '"Shop"'::regnamespace
        union all select relowner from pg_class where relname ~ '^_pgscore_Customer'
        union all select owner from pgscore.binding where model = 'shop'
    ) o
"""


def _attach(session: Session, **changed: object) -> str:
    given = {**_GIVEN, **changed}
    given["reducers"] = json.dumps(given["reducers"])
    ((name,),) = shop.run_as_owner(session, _ATTACH, *given.values())
    return str(name)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"score": "risk"},
            'has no column "risk"; run: alter table "Shop"."Customer" add column risk double precision',
        ),
        ({"score": "note"}, 'column "note" of table "Shop"."Customer" must be double precision'),
        ({"event_key": "nobody"}, 'table "Shop"."Order Lines" has no column "nobody"'),
        ({"profile_key": "pieces"}, 'column "pieces" of table "Shop"."Customer" is not unique; run: alter table'),
        ({"event_key": "Kind"}, 'the keys do not match: "Kind" of'),
        ({"events": '"Shop".view'}, '"Shop".view is no ordinary table: views'),
        ({"events": shop.PROFILE}, "a table cannot be attached to itself"),
        ({"model": "Shop!"}, '"Shop!" is no name of a model'),
        ({"reducers": {}}, "reducers are a list"),
        ({"reducers": [3]}, "a reducer is an object"),
        ({"reducers": [_COUNT, _COUNT]}, 'column "n" of table "Shop"."Customer" would have two meanings'),
        ({"reducers": [{**_COUNT, "column": "Score"}]}, "which a count can overflow"),
        ({"reducers": [{**_COUNT, "column": "id"}]}, 'column "id" of table "Shop"."Customer" would have two meanings'),
        (
            {"reducers": [{**_COUNT, "column": "small"}]},
            'which a count can overflow; run: alter table "Shop"."Customer"',
        ),
        ({"reducers": [{**_COUNT, "colour": "red"}]}, 'a reducer has no field "colour"'),
        (
            {"reducers": [{**_COUNT, "aggregate": "median"}]},
            'is count, sum, min, max, last, avg, distinct or due, not "median"',
        ),
        ({"reducers": [{**_COUNT, "column": "nothing"}]}, 'has no column "nothing" for a reducer'),
        ({"reducers": [{**_COUNT, "where": {"nothing": 1}}]}, 'has no column "nothing" to filter by'),
        ({"reducers": [{**_COUNT, "where": [1]}]}, '"where" of a reducer is an object'),
        ({"reducers": [{**_COUNT, "deletes": "count"}]}, 'can be "ignore"'),
        ({"reducers": [{"column": "n", "aggregate": "sum", "of": "weight"}]}, "must be double precision for a sum"),
        ({"reducers": [{"column": "n", "aggregate": "sum", "of": "amount"}]}, "must be numeric, without a precision"),
        ({"reducers": [{"column": "n", "aggregate": "sum", "of": "Kind"}]}, "cannot be summed"),
        ({"reducers": [{"column": "n", "aggregate": "max", "of": "amount"}]}, "they must be the same"),
        ({"reducers": [{"column": "latest", "aggregate": "last", "of": "Kind"}]}, 'takes an "order_by"'),
        (
            {"reducers": [{"column": "least", "aggregate": "min", "of": "amount", "deletes": "ignore"}]},
            "cannot ignore deletes",
        ),
    ],
)
def test_a_refusal_says_why_and_leaves_nothing(shopping: Database, changed: dict[str, object], reason: str) -> None:
    session = shopping.session()
    session.run(f'create view "Shop".view as select * from {shop.EVENTS}')
    session.run(f'alter table {shop.PROFILE} add column small smallint; alter view "Shop".view owner to {shop.OWNER}')
    before = session.run(_STATE)
    with refused("22023", reason):
        _attach(session, **changed)
    assert session.run(_STATE) == before
    assert session.value("select count(*) from pgscore.binding where model = 'shop'") == 0


def test_a_value_that_is_no_value_of_its_column_is_refused(shopping: Database) -> None:
    with refused(
        "22023",
        'column "at" of table "Shop"."Order Lines" is integer and is filtered by "soon", which is no value of that',
    ):
        _attach(shopping.session(), reducers=[{**_COUNT, "where": {"at": "soon"}}])


@pytest.fixture
def rights(shopping: Database) -> Iterator[Session]:
    """A superuser's session whose grants of roles, which all databases share, are taken back."""
    session = shopping.session()
    yield session
    session.run(f"reset role; grant pgscore_reader to {shop.OWNER}; revoke pgscore_reader from test_nobody")
    session.run(f"revoke {shop.OWNER}, test_nobody from test_operator")


def test_invariant_7_who_owns_neither_table_or_one_of_them_is_refused(shopping: Database, rights: Session) -> None:
    rights.run("grant pgscore_reader to test_nobody")
    rights.run('grant usage, create on schema "Shop" to test_nobody')
    stranger, owner = shopping.session("test_nobody"), shopping.session(shop.OWNER)
    with refused("42501", 'shop_owner owns table "Shop"."Customer", and test_nobody is no member of it'):
        stranger.run(_ATTACH, *_ARGUMENTS)
    shop.attach(rights)
    for statement in _CALLS:
        with refused("42501", 'shop_owner owns table "Shop"."Customer", and test_nobody is no member of it'):
            stranger.run(statement)
    # Tables of two owners: neither of them, and nobody who is both.
    rights.run(f"alter table {shop.EVENTS} owner to test_nobody; grant {shop.OWNER}, test_nobody to test_operator")
    for each in (stranger, owner, shopping.session("test_operator"), rights):
        with refused(
            "42501",
            'test_nobody owns table "Shop"."Order Lines" and shop_owner owns table "Shop"."Customer",'
            " and tables of two owners cannot be attached to each other",
            hint='alter table "Shop"."Order Lines" owner to shop_owner',
        ):
            each.run(_ATTACH, *_ARGUMENTS)


def test_invariant_7_an_owner_without_the_right_to_call_is_refused(shopping: Database, rights: Session) -> None:
    rights.run(f"revoke pgscore_reader from {shop.OWNER}; grant {shop.OWNER} to test_operator")
    with refused("42501", "permission denied for schema pgscore"):
        shopping.session(shop.OWNER).run(_ATTACH, *_ARGUMENTS)
    # Who may call, and is a member: the functions would belong to who may not.
    with refused("42501", "need a right that it has not", hint="grant pgscore_reader to shop_owner"):
        shopping.session("test_operator").run(_ATTACH, *_ARGUMENTS)
    rights.run(f'grant pgscore_reader to {shop.OWNER}; revoke usage on schema "Shop" from pgscore_owner')
    with refused(
        "42501", 'pgscore_owner may not use schema "Shop"', hint='grant usage on schema "Shop" to pgscore_owner'
    ):
        shopping.session(shop.OWNER).run(_ATTACH, *_ARGUMENTS)
    rights.run('grant usage on schema "Shop" to pgscore_owner; alter schema "Shop" owner to current_user')
    rights.run(f'grant usage on schema "Shop" to {shop.OWNER}')
    with refused(
        "42501", 'shop_owner may not create in schema "Shop"', hint='grant usage, create on schema "Shop" to shop_owner'
    ):
        shopping.session("test_operator").run(_ATTACH, *_ARGUMENTS)


def test_invariant_7_a_superuser_is_refused_but_for_tables_of_its_own(owner: Session) -> None:
    """What an owner has put on its tables would run with a superuser's rights."""
    for statement in (*_CALLS, f"select pgscore.attach('shop', {_TABLES}, 'Customer Id', 'id', '[]', 'Score')"):
        with refused(
            "42501",
            'is a superuser and table "Shop"."Customer" belongs to shop_owner, whose code would run with a superuser',
            hint="Connect as shop_owner, or as a member of it.",
        ):
            owner.run(statement)
    owner.run(
        """
        create schema own; grant usage on schema own to pgscore_owner;
        create table own.profile (id integer primary key, n bigint not null default 0, score double precision);
        create table own.event (id integer primary key, who integer); create index on own.event (who);
        insert into own.profile values (1); insert into own.event values (1, 1);
        """
    )
    reducers = json.dumps([_COUNT])
    owner.run("select pgscore.attach('own', 'own.event', 'own.profile', 'who', 'id', %s, 'score')", reducers)
    owner.run("insert into own.event values (2, 1)")
    assert owner.value("select n from own.profile") == 2
    owner.run("call pgscore.reconcile('own.event', 'own.profile')")
    owner.run("select pgscore.reattach('own.event', 'own.profile')")
    owner.run("select pgscore.detach('own.event', 'own.profile')")
    owner.run("insert into own.event values (3, 1)")
    assert owner.value("select n from own.profile") == 2


def test_a_member_of_the_owner_attaches_for_the_owner(shopping: Database, rights: Session) -> None:
    rights.run(f"grant {shop.OWNER} to test_operator")
    member = shopping.session("test_operator")
    assert member.value(_ATTACH, *_ARGUMENTS) == shop.EVENTS
    assert rights.run(_OWNERS) == [(shop.OWNER,)]
    member.run(f"insert into {shop.PROFILE} (id) values (1)")
    member.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 1)')
    assert rights.value(f"select n from {shop.PROFILE}") == 1
    for statement in reversed(_CALLS):
        member.run(statement)
        assert rights.run(_OWNERS) in ([(shop.OWNER,)], [])
    assert rights.run(_OWNERS) == []


def test_detach_leaves_the_tables_as_they_were(owner: Session) -> None:
    shop.detach(owner)
    before = owner.run(_STATE)
    assert [each for each in before if "pgscore_" in each[1] and "Shop" in each[1]] == []
    shop.attach(owner)
    assert owner.run(_STATE) != before
    attached = owner.run(_STATE)
    shop.attach(owner)  # once more changes nothing
    assert owner.run(_STATE) == attached
    with refused("42710", "with other keys, reducers or columns"):
        shop.attach(owner, reducers=shop.REDUCERS[:2])
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    owner.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 1)')
    stored = owner.run(f"select * from {shop.PROFILE}")
    shop.detach(owner)
    assert owner.run(_STATE) == before
    assert owner.run(f"select * from {shop.PROFILE}") == stored
    owner.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (2, 1)')
    assert owner.value(f"select n from {shop.PROFILE}") == 1
    with refused("42704", "is not attached to"):
        shop.detach(owner)


def test_invariant_7_an_application_that_may_only_insert(owner: Session) -> None:
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    owner.run(f"set role {shop.CLERK}")
    owner.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 1, 2)')
    for statement in (
        f"select * from {shop.PROFILE}",
        f"delete from {shop.EVENTS}",
        'select "Shop"."_pgscore_Order Lines_recount"(1, true)',
        'select "Shop"."_pgscore_Customer_apply"(null)',
        f"insert into {shop.QUEUE} (pgscore_binding, pgscore_task, pgscore_runs) values (2, 'recount all', 'commit')",
        f"select * from {shop.QUEUE}",
        'select pgscore.detach(\'"Shop"."Order Lines"\', \'"Shop"."Customer"\')',
    ):
        with refused("42501", "permission denied"):
            owner.run(statement)
    owner.run("reset role")
    assert shop.assert_right(owner) == 1


def test_invariant_7_an_owner_moves_no_counters_of_others(owner: Session) -> None:
    """Each profile table has its own queue, and its own functions; lists and logs take what is about one's own rows."""
    queue = "churn._pgscore_customer_profile_queue"
    # The application's owner has let others look into its schema.
    owner.run(f"grant usage on schema churn to {shop.OWNER}")
    owner.run(f"set role {shop.OWNER}")
    for statement in (
        f"insert into {queue} (pgscore_binding, pgscore_task, customer_id) values (1, 'recount', 1)",
        f"select * from {queue}",
        "update churn._pgscore_customer_profile_arrival set slot = 1",
        "select churn._pgscore_customer_profile_apply(null)",
    ):
        with refused("42501", "permission denied"):
            owner.run(statement)
    for statement in (
        "insert into pgscore.stale_row (binding, key, reason) values (1, '1', 'x')",
        "insert into pgscore.prediction_log (model, version, binding, key, score) values"
        " ('churn', 1, 'churn.complaints', '1', 0)",
    ):
        with refused("42501", "new row violates row-level security policy"):
            owner.run(statement)


@pytest.mark.parametrize(
    "call", ["select pgscore.detach({mine})", "select pgscore.detach({planted})", "call pgscore.reconcile({planted})"]
)
def test_invariant_7_a_row_that_an_owner_planted_takes_nothing_of_others(
    shopping: Database, rights: Session, call: str
) -> None:
    """It says that functions and queue of an owner's tables are those of others; who calls is a member of both."""
    rights.run(f"grant {shop.OWNER}, churn_owner to test_operator; grant usage, create on schema churn to {shop.OWNER}")
    shop.attach(rights)
    state = """
        select p.oid::regprocedure::text, p.proowner::regrole::text, md5(p.prosrc) from pg_proc p
        where p.pronamespace = 'churn'::regnamespace
        union all
        select c.oid::regclass::text, c.relowner::regrole::text, c.oid::text from pg_class c
        where c.relnamespace = 'churn'::regnamespace order by 1
    """
    before = rights.run(state)
    owner = shopping.session(shop.OWNER)
    owner.run('create table "Shop".planted (id integer primary key, "Customer Id" bigint)')
    calls = {"mine": _TABLES, "planted": f"'\"Shop\".planted', '{shop.PROFILE}'"}
    try:
        owner.run(
            """
            insert into pgscore.binding (
                name, owner, events, profile, model, event_key, profile_key, reducers, score, timing, on_error,
                on_missing, log, event_schema, event_prefix, profile_schema, profile_prefix
            )
            select 'planted', b.owner, '"Shop".planted', b.profile, 'planted', b.event_key, b.profile_key,
                '[{"column": "pieces", "aggregate": "count"}]', b.score, b.timing, b.on_error, b.on_missing, b.log,
                c.event_schema, c.event_prefix, c.profile_schema, c.profile_prefix
            from pgscore.binding b, pgscore.binding c where b.model = 'shop' and c.name = 'churn.complaints'
            """
        )
        shopping.session("test_operator").run(call.format_map(calls))
    except psycopg2.Error as error:
        if error.pgcode not in ("42501", "22023"):
            raise
    finally:
        rights.run("revoke churn_owner from test_operator")
    assert rights.run(state) == before
    rights.run("insert into churn.complaints (customer_id, kind) values (1, 'x')")
