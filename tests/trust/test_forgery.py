"""Nobody writes into queues of others, nor what is noted about tables of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.database import refused

from .world import OWNERS, attempt, call

if TYPE_CHECKING:
    from tests.support.database import Session

    from .world import World

_OTHERS = ("bob", "carol", "app", "test_analyst", "test_operator", "test_scientist", "test_nobody")
# What pgscore made for alice: beside her tables, or in a schema of its own.
_MADE = """
    select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S') and (
        (n.nspname = 'sa' and c.relname ~ 'pgscore')
        or (n.nspname = 'pgscore' and c.relname ~ '^(queue|arrival)_[0-9]+$')
    )
    order by 1
"""
_LEFT = """
    select 'relation ' || c.oid::regclass from pg_class c
    where c.relnamespace = 'sa'::regnamespace and c.relname !~ '^(ev|pr)(_|$)'
    union all
    select 'function ' || p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'sa'::regnamespace and p.proname !~ '^trap'
    union all
    select 'trigger ' || t.tgname from pg_trigger t
    where t.tgrelid in ('sa.ev'::regclass, 'sa.pr'::regclass) and not t.tgisinternal
    union all
    select 'type ' || t.oid::regtype from pg_type t
    where t.typnamespace = 'sa'::regnamespace and t.typrelid = 0 and t.typelem = 0
"""
_NOTES = ("binding", "stale_row", "reconciliation", "prediction_log")
_STATE = " union all ".join(f"select '{table}', t::text from pgscore.{table} t" for table in _NOTES) + " order by 1, 2"
_COLUMNS = (
    "name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing,"
    " on_error, on_missing, max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix"
)
# Without a number, and with one of the forger's choice.
_FORGED = tuple(
    f"insert into pgscore.binding ({columns}) {overriding} select {columns}"
    " from (select (jsonb_populate_record(b, %s::jsonb)).* from pgscore.binding b where b.events = 'sa.ev'::regclass) f"
    for columns, overriding in ((_COLUMNS, ""), (f"number, {_COLUMNS}", "overriding system value"))
)


@pytest.fixture
def tied(world: World) -> World:
    """Alice's and bob's tables are bound, and something is noted of each."""
    for owner in ("alice", "bob"):
        world.attach(owner)
        world.insert(OWNERS[owner], 2)
        call(getattr(world, owner), "reconcile", OWNERS[owner])
    world.root.run(
        "insert into pgscore.stale_row (binding, key, reason) select number, 'k5', 'noted by the test'"
        " from pgscore.binding where events in ('sa.ev'::regclass, 'sb.ev'::regclass)"
    )
    found = world.root.run(f"select kind, count(*) from ({_STATE}) s (kind, row) group by kind order by kind")
    assert [kind for kind, _ in found] == sorted(_NOTES)
    return world


def _of_bob(session: Session) -> list[tuple[str, str]]:
    """What is noted of bob's tables."""
    return session.run(
        """
        with b as (select number, name from pgscore.binding where 'sb.ev'::regclass = events)
        select 'binding', t::text from pgscore.binding t where events = 'sb.ev'::regclass or profile = 'sb.pr'::regclass
        union all select 'stale_row', t::text from pgscore.stale_row t where binding in (select number from b)
        union all select 'reconciliation', t::text from pgscore.reconciliation t where binding in (select number from b)
        union all select 'prediction_log', t::text from pgscore.prediction_log t where binding in (select name from b)
        order by 1, 2
        """
    )


def test_queues_are_closed_to_others(tied: World) -> None:
    made = [name for (name,) in tied.root.run(_MADE)]
    assert len(made) >= 2
    mine = [name for name in made if name.startswith("sa.")]
    opened = tied.root.run(
        "select r, c, w from unnest(%s::text[]) as r, unnest(%s::text[]) as c,"
        " unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as w"
        " where has_table_privilege(r, c, w)",
        list(_OTHERS),
        mine,
    )
    assert opened == []
    for name in mine:
        for other in (tied.bob, tied.carol, tied.app):
            with refused("42501", "permission denied"):
                other.run(f"insert into {name} default values")
            with refused("42501", "permission denied"):
                other.run(f"delete from {name}")


def test_queues_stand_beside_the_tables(tied: World) -> None:
    """None in a schema that owners share."""
    made = [name for (name,) in tied.root.run(_MADE)]
    assert [name for name in made if not name.startswith("sa.")] == []


def test_after_detach_nothing_is_left(tied: World) -> None:
    call(tied.alice, "detach", "sa")
    assert tied.root.run(_LEFT) == []
    assert tied.root.run("select 1 from pgscore.binding where events = 'sa.ev'::regclass") == []
    tied.insert("sa")
    tied.insert("sb")
    tied.assert_counted("sb")


@pytest.mark.parametrize(
    "change",
    [
        {"events": "sb.ev", "profile": "sb.pr", "owner": "bob"},
        {"events": "sb.ev", "profile": "sb.pr", "owner": "alice"},
        {"events": "sa.ev", "profile": "sb.pr", "owner": "alice"},
        {"events": "sb.ev", "profile": "sa.pr", "owner": "alice"},
        {"events": "sa.ev", "profile": "sb.pr", "owner": "bob"},
        {"events": "sb.ev", "profile": "sb.pr", "owner": "pgscore_owner"},
        {"events": "sc.ev", "profile": "sc.pr", "owner": "carol"},
        {"events": "sa.ev", "profile": "sa.pr", "owner": "bob", "model": "other"},
    ],
    ids=lambda change: " ".join(change.values()),
)
def test_a_binding_of_somebody_elses_tables(tied: World, change: dict[str, str]) -> None:
    forged: dict[str, object] = {"name": "forged", **change}
    for column, kind in (("events", "regclass"), ("profile", "regclass"), ("owner", "regrole")):
        forged[column] = tied.root.value(f"select %s::{kind}::oid::bigint", change[column])
    former = tied.root.run(_STATE)
    for number in (1, 2, 77, -1, 2147483647):
        for statement in _FORGED:
            error = attempt(tied.alice, statement, json.dumps({**forged, "number": number}))
            assert error is not None, "it was accepted"
            assert error.pgcode == "42501", error
            assert tied.root.run(_STATE) == former
    _works(tied)


@pytest.mark.parametrize("verb", ["update", "delete"])
@pytest.mark.parametrize("table", _NOTES)
def test_what_is_noted_of_somebody_elses_tables_stays(tied: World, table: str, verb: str) -> None:
    former = _of_bob(tied.root)
    for attacker in (tied.alice, tied.carol, tied.app):
        if verb == "delete":
            attempt(attacker, f"delete from pgscore.{table}")
            attempt(attacker, f"truncate pgscore.{table} cascade")
            continue
        for (column,) in tied.root.run(
            "select quote_ident(attname) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
            f"pgscore.{table}",
        ):
            attempt(attacker, f"update pgscore.{table} set {column} = {column}")
            attempt(attacker, f"update pgscore.{table} set {column} = null")
    assert _of_bob(tied.root) == former
    tied.insert("sb")
    tied.assert_counted("sb")


@pytest.mark.parametrize(
    "forged",
    [
        "insert into pgscore.stale_row (binding, key, reason) select number, 'k1', 'forged' from pgscore.binding"
        " where events = 'sb.ev'::regclass",
        "insert into pgscore.reconciliation (binding, repair) select number, true from pgscore.binding"
        " where events = 'sb.ev'::regclass on conflict do nothing",
        "insert into pgscore.prediction_log (model, version, binding, key, score) select 'm', 1, name, 'k1', 0.5"
        " from pgscore.binding where events = 'sb.ev'::regclass",
        "insert into pgscore.prediction_log (model, version, binding, key, score) values ('m', 1, 'sb.ev', 'k1', 0.5)",
        "update pgscore.stale_row set binding = (select number from pgscore.binding where events = 'sb.ev'::regclass)",
        "update pgscore.prediction_log set binding = 'sb.ev'",
        "update pgscore.binding set events = 'sb.ev', profile = 'sb.pr' where events = 'sa.ev'::regclass",
        "update pgscore.binding set owner = 'bob' where events = 'sa.ev'::regclass",
        "update pgscore.binding set number = 1 where events = 'sb.ev'::regclass",
    ],
    ids=range(9),
)
def test_forged_notes(tied: World, forged: str) -> None:
    former = _of_bob(tied.root)
    attempt(tied.alice, forged)
    assert _of_bob(tied.root) == former
    _works(tied)


def test_a_number_taken_beforehand_stops_nobody(tied: World) -> None:
    """Rows about one's own tables, with numbers that come next or a name that another has, keep nobody from tying."""
    top = tied.root.value("select max(number) from pgscore.binding")
    for number in (*range(top + 1, top + 4), 2147483647):
        name = "sc.ev" if number == top + 1 else f"sc.ev {number}"
        for statement in _FORGED:
            attempt(tied.alice, statement, json.dumps({"number": number, "name": name, "model": f"x{number}"}))
    tied.attach("carol")
    tied.insert("sc", 2)
    tied.assert_counted("sc")
    call(tied.carol, "reconcile", "sc")
    call(tied.carol, "detach", "sc")


@pytest.mark.parametrize("what", ["attach", "reattach", "reconcile", "detach"])
@pytest.mark.parametrize("attacker", ["alice", "member", "carol"])
def test_calls_for_somebody_elses_tables(tied: World, attacker: str, what: str) -> None:
    former = _of_bob(tied.root)
    with pytest.raises(psycopg2.Error) as caught:
        call(getattr(tied, attacker), what, "sb")
    assert caught.value.pgcode == "42501", caught.value
    assert _of_bob(tied.root) == former
    tied.insert("sb")
    tied.assert_counted("sb")


def test_direct_calls_of_generated_functions(tied: World) -> None:
    """Nobody but the owner may execute them, but for the condition of a trigger: it says no."""
    conditions = ("sa._pgscore_pr_is_marked()", "sa._pgscore_pr_has_mark()")
    for condition in conditions:
        assert not tied.app.value(f"select {condition}")
    assert (
        tied.root.run(
            "select r, p.oid::regprocedure::text from unnest(%s) as r, pg_proc p"
            " where p.proname ~ '^_pgscore' and p.proowner = 'alice'::regrole"
            " and has_function_privilege(r, p.oid, 'execute') and p.oid <> all (%s::regprocedure[])",
            list(_OTHERS),
            list(conditions),
        )
        == []
    )


def test_triggers_of_others_cannot_use_generated_functions(tied: World) -> None:
    """A trigger function that somebody puts on a table of their own would work with alice's rights."""
    for (name,) in tied.root.run(
        "select oid::regproc::text from pg_proc where proowner = 'alice'::regrole and proname ~ '^_pgscore'"
        " and prorettype = 'trigger'::regtype"
    ):
        with refused("42501", "permission denied"):
            tied.bob.run(f"create trigger stolen before insert on sb.ev for each row execute function {name}()")


def _works(tied: World) -> None:
    tied.insert("sa")
    tied.insert("sb")
    tied.assert_counted("sa", "sb")
    for owner in ("alice", "bob"):
        call(getattr(tied, owner), "reattach", OWNERS[owner])
        call(getattr(tied, owner), "reconcile", OWNERS[owner])
    tied.assert_counted("sa", "sb")
