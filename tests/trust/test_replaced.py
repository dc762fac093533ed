"""Generated functions belong to the owner, who may replace them by what works with its caller's rights: who runs it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import refused

from .world import CALLS, call

if TYPE_CHECKING:
    from tests.support.database import Session

    from .world import World

_GENERATED = """
    select p.oid::regprocedure::text, p.prokind, format_type(p.prorettype, null), p.proretset,
        p.prorettype = 'record'::regtype,
        case when p.prokind = 'p' then 'procedure' else 'function' end || ' ' || p.pronamespace::regnamespace || '.'
            || quote_ident(p.proname) || '(' || pg_get_function_arguments(p.oid) || ')', pg_get_function_result(p.oid),
        -- What says that there is nothing more to do: who calls it again and again is to stop.
        array(
            select p.proargnames[i] from generate_subscripts(p.proallargtypes, 1) i
            where p.proargmodes[i] in ('o', 'b', 't') and p.proallargtypes[i] = 'bool'::regtype
        )
    from pg_proc p
    where p.proowner = 'alice'::regrole and p.proname ~ '^_pgscore_'
    order by 1
"""
_EVIL = "create or replace {head} {returns} language plpgsql volatile security invoker as $evil$ {body} $evil$"


def replace(session: Session) -> int:
    """Makes a trap of each generated function, with the same signature; how many they are."""
    found = session.run(_GENERATED)
    for name, kind, returned, many, record, head, result, flags in found:
        if returned == "trigger":
            ending = "return coalesce(new, old);"
        elif kind == "p" or many or record or returned == "void":
            ending = "return;"
        else:
            ending = "return null;"
        session.run(
            _EVIL.format(
                head=head,
                returns=f"returns {result}" if result else "",
                body=f"begin perform evil.strike(); {' '.join(f'{flag} := true;' for flag in flags)} {ending} end",
            )
        )
        kept = "procedure" if kind == "p" else "function"
        session.run(f"alter {kept} {name} security invoker; alter {kept} {name} reset all")
    return len(found)


@pytest.fixture
def replaced(world: World) -> World:
    """All that was generated for alice's tables is a trap; bob has bound tables of his own."""
    world.attach("alice")
    world.attach("bob")
    world.insert("sa")
    call(world.alice, "rescore", "sa")
    assert replace(world.alice) > 6
    return world


@pytest.mark.parametrize("what", ["attach", *CALLS])
def test_a_superuser_is_refused_before_anything_runs(replaced: World, what: str) -> None:
    with refused("42501", "alice"):
        call(replaced.root, what, "sa")
    replaced.assert_ran_only_as()


def test_who_writes_to_the_tables_runs_triggers_and_nobody_else(replaced: World) -> None:
    """Triggers run as whoever writes: that is PostgreSQL's own rule. It reaches no other owner, and no role of ours."""
    replaced.insert("sa")
    replaced.app.run(
        "begin; insert into sa.ev (k, v) values ('k1', 1); insert into sb.ev (k, v) values ('k1', 1); commit"
    )
    replaced.insert("sb", 3)
    replaced.bob.run("update sb.pr set n = n + 1; update sb.ev set k = 'k2'; truncate sb.ev")
    replaced.insert("sb", 2)
    replaced.assert_counted("sb")
    replaced.assert_ran_only_as("app")


@pytest.mark.parametrize("what", ["attach", *CALLS])
def test_a_member_runs_none_of_it(replaced: World, what: str) -> None:
    """What these call is made anew first, so that the owner's text never has the member's rights."""
    call(replaced.member, what, "sa")
    replaced.assert_ran_only_as("alice")


def test_reattach_makes_everything_anew(replaced: World) -> None:
    call(replaced.alice, "reattach", "sa")
    replaced.insert("sa", 2)
    call(replaced.alice, "reconcile", "sa")
    replaced.assert_counted("sa")


def test_releases_run_none_of_it(replaced: World) -> None:
    for promotion in ("promote('m', 2)", "rollback('m')", "verify('m')", "retire('m', 2)"):
        replaced.operator.run(f"select pgscore.{promotion}")
    replaced.assert_ran_only_as()


def test_a_change_from_within_a_call(world: World) -> None:
    """The owner of a function may change it while it runs: what that does harms the owner only."""
    world.attach("alice")
    world.attach("bob")
    names = [name for name, *_ in world.alice.run(_GENERATED)]
    changes = " ".join(f"alter function {name} security invoker;" for name in names)
    world.alice.run(
        f"create function sa.change() returns trigger language plpgsql security definer as $$begin {changes}"
        " return new; exception when others then return new; end$$;"
        "create trigger a before insert on sa.ev for each row execute function sa.change();"
        "create trigger a before update on sa.pr for each row execute function sa.change()"
    )
    with refused("42501", "permission denied"):
        world.insert("sa")
        world.insert("sa")
    for what in ("attach", *CALLS):
        with refused("42501", "alice"):
            call(world.root, what, "sa")
    world.insert("sb", 2)
    world.assert_counted("sb")
    world.alice.run("drop trigger a on sa.ev; drop trigger a on sa.pr")
    call(world.alice, "reattach", "sa")
    world.insert("sa", 2)
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")


@pytest.mark.parametrize("after", ["detach", "drop"])
def test_other_owners_do_not_feel_what_goes(world: World, after: str) -> None:
    """A transaction of another owner's application that is in flight commits."""
    world.attach("alice")
    world.attach("bob")
    world.app.run("begin")
    world.app.run("insert into sb.ev (k, v) values ('k1', 1)")
    if after == "detach":
        call(world.alice, "detach", "sa")
    else:
        world.alice.run("drop table sa.ev cascade; drop table sa.pr cascade")
    world.app.run("commit")
    world.assert_counted("sb")
