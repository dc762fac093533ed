"""Code that stands on an owner's tables runs as the owner, or as whoever writes to them, and as nobody else."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.parity.engines import NO_MEASURE
from tests.support.database import refused

from .world import CALLS, assert_one_sentence, call, generated, publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Session

    from .world import World

_POLICY = "alter table sa.{table} enable row level security; create policy p on sa.{table} using (sa.trap(k))"
_TRIGGER = """
    create trigger trap {when} on sa.{table} for each row execute function sa.trap_trigger();
    create trigger trap_all {when} on sa.{table} for each statement execute function sa.trap_trigger()
"""
_DEFERRED = """
    create constraint trigger trap after insert or update or delete on sa.{table} deferrable initially deferred
    for each row execute function sa.trap_trigger()
"""
_DOMAIN = "create domain sa.checked as bigint check (sa.trap(value));"
_OWN_TYPE = """
    create type sa.own as enum ('k1', 'k2', 'k3', 'k4', 'k5', 'k6');
    create function sa.own_text(sa.own) returns text language plpgsql immutable as
        $$begin perform evil.strike(); return 'k1'; end$$;
    create function sa.own_equal(sa.own, sa.own) returns boolean language plpgsql immutable as
        $$begin perform evil.strike(); return true; end$$;
    create function sa.own_of(text) returns sa.own language plpgsql immutable as
        $$begin perform evil.strike(); return 'k1'::sa.own; end$$;
    create cast (sa.own as text) with function sa.own_text as implicit;
    create cast (text as sa.own) with function sa.own_of as assignment;
    create operator sa.= (leftarg = sa.own, rightarg = sa.own, function = sa.own_equal);
"""
# A key of an own type: what compares, orders, hashes and writes it may be its owner's.
_OWN_KEY = (
    _OWN_TYPE
    + """
    alter table sa.ev alter k type sa.own using 'k1';
    drop table sa.pr;
    create table sa.pr (k sa.own primary key, n bigint not null default 0, score double precision, secret text);
    insert into sa.pr (k) select unnest('{k1,k2,k3,k4,k5}'::sa.own[])
"""
)
# What alice has on both of her tables: what she makes first, and what she does to {table}.
_TRAPS = {
    "policy": ("", _POLICY),
    "policy with check": ("", _POLICY + " with check (sa.trap(k))"),
    "trigger before": ("", _TRIGGER.replace("{when}", "before insert or update or delete")),
    "trigger after": ("", _TRIGGER.replace("{when}", "after insert or update or delete")),
    "deferred trigger": ("", _DEFERRED),
    "index expression": ("", "create index on sa.{table} (sa.trap(k))"),
    "partial index": ("", "create index on sa.{table} (k) where sa.trap(k)"),
    "statistics": ("", "create statistics sa.s_{table} on (sa.trap(k)), k from sa.{table}"),
    "generated column": ("", "alter table sa.{table} add column made boolean generated always as (sa.trap(k)) stored"),
    "default": ("", "alter table sa.{table} add column given boolean default sa.trap()"),
    "check": ("", "alter table sa.{table} add check (sa.trap(k))"),
    "domain": (_DOMAIN, "alter table sa.{table} add column held sa.checked default 1"),
    "enum": (_OWN_TYPE, "alter table sa.{table} add column own sa.own default 'k1'"),
}


def _lay(world: World, trap: str) -> None:
    once, each = _TRAPS[trap]
    world.alice.run("; ".join([once, each.format(table="ev"), each.format(table="pr")]))


@pytest.mark.parametrize("trap", _TRAPS)
def test_code_on_an_owners_tables(world: World, trap: str) -> None:
    """What others do with alice's tables, and with their own beside them."""
    _lay(world, trap)
    world.attach("bob")
    for what in ("attach", *CALLS):
        with refused("42501", "alice"):
            call(world.root, what, "sa")
        # Nothing of hers was run to find that out.
    world.assert_ran_only_as("alice")
    world.attach("alice", on_missing="insert")
    world.assert_ran_only_as("alice")
    for key in ("k1", "k1", "k6"):
        world.insert("sa", key=key)
    world.insert("sb", 3)
    world.assert_counted("sa", "sb")
    world.assert_ran_only_as("alice", "app")
    for what in ("attach", *CALLS):
        with refused("42501", "alice"):
            call(world.root, what, "sa")
    # What measures engines reads golden rows and no tables.
    world.root.run(NO_MEASURE)
    _release(world)
    _maintain(world.root)
    world.assert_ran_only_as("alice", "app")
    for what in ("reconcile", "reattach", "attach"):
        call(world.alice, what, "sa")
    world.assert_ran_only_as("alice", "app")


def _release(world: World) -> None:
    for session in (world.operator, world.root):
        for promotion in ("promote('m', 2)", "rollback('m')", "verify('m')"):
            session.run(f"select pgscore.{promotion}")


def _maintain(root: Session) -> None:
    """What a superuser and autovacuum do to everybody's tables."""
    for table in ("ev", "pr", *_queues(root)):
        root.run(f'vacuum analyze sa."{table}"')
        root.run(f'reindex table sa."{table}"')
    root.run("create index made_by_root on sa.ev (v); create index made_by_root_too on sa.pr (score)")
    root.run("analyze")


def _queues(root: Session) -> list[str]:
    return [
        name
        for (name,) in root.run(
            "select relname::text from pg_class where relnamespace = 'sa'::regnamespace and relkind = 'r'"
            " and relname ~ 'pgscore'"
        )
    ]


@pytest.mark.parametrize("trap", _TRAPS)
def test_a_member_lends_nothing_to_it(world: World, trap: str) -> None:
    """What a member calls for the owner's tables works with the owner's rights only."""
    _lay(world, trap)
    world.insert("sa", 3)
    world.forget()
    for what in ("attach", "attach", "reattach", "reconcile"):
        call(world.member, what, "sa")
    world.assert_ran_only_as("alice")
    world.alice.run("update sa.pr set n = 100")
    world.forget()
    for what in ("reconcile", "detach"):
        call(world.member, what, "sa")
    world.assert_counted("sa")
    world.assert_ran_only_as("alice")


def test_keys_of_an_own_type(world: World) -> None:
    """They are refused in a sentence, or nothing of them runs as somebody else."""
    world.alice.run(_OWN_KEY)
    world.root.run("grant insert on sa.ev to app")
    world.forget()
    with suppress(psycopg2.errors.InvalidParameterValue, psycopg2.errors.FeatureNotSupported):
        world.attach("alice")
        world.app.run("insert into sa.ev (k, v) values ('k1', 1), ('k2', 1)")
        _release(world)
        _maintain(world.root)
        call(world.alice, "reconcile", "sa")
        assert world.root.run("select n from sa.pr order by k") == [(1,), (1,), (0,), (0,), (0,)]
    world.assert_ran_only_as("alice", "app")


def test_policies_by_force_are_refused_before_they_run(world: World) -> None:
    """The attack as it was: a superuser is to tie tables whose policy becomes the superuser."""
    world.alice.run(_POLICY.format(table="pr") + "; alter table sa.pr force row level security")
    for what in ("attach", *CALLS):
        with refused("42501", "alice"):
            call(world.root, what, "sa")
    with pytest.raises(psycopg2.Error, match=r"row.level security|FORCE") as caught:
        world.attach("alice")
    assert_one_sentence(caught.value)
    world.assert_ran_only_as("alice")


@pytest.mark.parametrize("at", ["before", "after"])
def test_an_index_under_analyze_does_nothing_to_others(world: World, at: str) -> None:
    """A superuser, or autovacuum, evaluates alice's expression: the session is not hers, and the role is."""
    deeds = "".join(
        f"begin {deed}; perform pg_catalog.nextval('evil.other'); exception when others then null; end;"
        for deed in (
            "perform pgscore.detach('sc.ev', 'sc.pr')",
            "perform pgscore.reattach('sc.ev', 'sc.pr')",
            "perform pgscore.attach('m', 'sc.ev', 'sc.pr', 'k', 'k', '[{\"column\": \"n\", \"aggregate\": \"count\"}]',"
            " 'score', timing => 'statement')",
            "call pgscore.reconcile('sc.ev', 'sc.pr')",
            *(f"perform * from pgscore.{name}" for name in _callable(world)),
            "perform pgscore.promote('m', 2)",
            "perform pgscore.retire('m', 2)",
        )
    )
    world.attach("carol")
    world.attach("alice")
    world.insert("sc", 2)
    state = "select b::text from pgscore.binding b order by 1"
    world.alice.run("create table sa.trap (x bigint); insert into sa.trap select generate_series(1, 200)")
    world.alice.run(
        "create function sa.deeds(x bigint) returns bigint language plpgsql immutable as"
        f" $$begin if session_user <> 'alice' then perform evil.strike(); {deeds} end if; return x; end$$"
    )
    former = world.root.run(state)
    if at == "before":
        world.alice.run("create index on sa.trap (sa.deeds(x))")
        world.root.run("analyze sa.trap")
        world.root.run("vacuum full sa.trap")
    else:
        world.alice.run("create index on sa.ev (sa.deeds(v)); create index on sa.pr (sa.deeds(n))")
        _maintain(world.root)
    assert "alice" in world.ran_as(), "the trap did not spring"
    world.assert_ran_only_as("alice", "app")
    assert world.root.run(state) == former
    assert world.root.value("select serving from pgscore.model where name = 'm'") == 1
    world.insert("sc", 2)
    world.assert_counted("sc")


def _callable(world: World) -> list[str]:
    """Calls of what the present tree offers owners to untie others' tables with, if it still does."""
    known = {
        "_unbind": "_unbind('sc.ev', 'sc.pr')",
        "_bindings_to_reconcile": "_bindings_to_reconcile('sc.ev', 'sc.pr')",
    }
    return [
        text
        for name, text in known.items()
        if world.root.value(
            "select exists (select from pg_proc where proname = %s and pronamespace = 'pgscore'::regnamespace)", name
        )
    ]


def test_a_publisher_and_an_operator(world: World, key: Path) -> None:
    """Publishing, proving and promoting a version of a model that is tied to such tables touch none of them."""
    for trap in ("policy", "domain", "generated column", "index expression", "enum"):
        _lay(world, trap)
    world.attach("alice")
    world.insert("sa")
    world.forget()
    for login in ("test_scientist", None):
        publish(world.database.dsn(login), key, 2.0 if login else 3.0, promoted=False)
    for version in (3, 2, 4):
        world.operator.run("select pgscore.promote('m', %s)", version)
    world.operator.run("select pgscore.rollback('m'); select pgscore.retire('m', 4)")
    world.root.run("set role pgscore_owner")
    world.root.run("select pgscore.promote('m', 1)")
    world.root.run("reset role")
    world.assert_ran_only_as("alice")
    assert [name for _, name in generated(world.root, "sa")] != []
