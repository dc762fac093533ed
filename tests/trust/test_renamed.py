"""Inserts after something was renamed, moved, dropped or taken away: they work, or fail with one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .world import assert_one_sentence, attempt

if TYPE_CHECKING:
    from .world import World

_RENAMED = {
    "counter": ("alter table sa.pr rename n to counted", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "score": ("alter table sa.pr rename score to risk", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "profile's key": ("alter table sa.pr rename k to id", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "events' key": (
        "alter table sa.ev rename k to customer",
        "insert into sa.ev (customer, v) values ('k1', 1)",
        "42703",
    ),
    "counter that was dropped": ("alter table sa.pr drop n", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "profile": ("alter table sa.pr rename to customer", "insert into sa.ev (k, v) values ('k1', 1)", "42P01"),
    "events": ("alter table sa.ev rename to complaints", "insert into sa.complaints (k, v) values ('k1', 1)", "42P01"),
    "profile that was moved": (
        "alter table sa.pr set schema moved",
        "insert into sa.ev (k, v) values ('k1', 1)",
        "42P01",
    ),
    "profile that was dropped": ("drop table sa.pr cascade", "insert into sa.ev (k, v) values ('k1', 1)", "42P01"),
}


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("what", _RENAMED)
def test_an_insert_after_something_was_renamed(world: World, what: str, timing: str) -> None:
    """It works, or the application gets one sentence; the doctor says what to do."""
    change, insert, sqlstate = _RENAMED[what]
    world.attach("alice", timing=timing)
    world.insert("sa")
    world.root.run("create schema moved authorization alice; grant usage on schema moved to app, pgscore_owner")
    world.alice.run(change)
    for statements in (
        [insert],
        ["begin", insert, insert, "commit"],
        [insert.replace("('k1', 1)", "('k1', 1), ('k2', 1)")],
    ):
        error = None
        for statement in statements:
            error = error or attempt(world.app, statement)
        if error is not None:
            assert error.pgcode == sqlstate, error
            assert_one_sentence(error)
            attempt(world.app, "rollback")
    assert world.problems() != [] or error is None


def test_a_failing_recount_is_one_sentence_too(world: World) -> None:
    """Updates, deletes and TRUNCATE by the owner, and new profiles, after a column was renamed."""
    world.attach("alice")
    world.insert("sa", 2)
    world.alice.run("alter table sa.pr rename n to counted")
    for statement in (
        "update sa.ev set k = 'k2'",
        "delete from sa.ev",
        "truncate sa.ev",
        "insert into sa.pr (k) values ('k9')",
        "update sa.pr set k = 'k8' where k = 'k1'",
        "update sa.pr set secret = 'x'",
        "delete from sa.pr where k = 'k4'",
        "call pgscore.reconcile('sa.ev', 'sa.pr')",
    ):
        error = attempt(world.alice, statement)
        if error is not None:
            assert_one_sentence(error)
            assert error.pgcode == "42703", error


def test_inserts_while_somebody_may_not_call_pgscore_any_more(world: World) -> None:
    """A right that is taken away stops owners from changing bindings, and not applications from inserting."""
    world.attach("alice")
    world.root.run("revoke pgscore_reader from alice")
    error = attempt(world.app, "insert into sa.ev (k, v) values ('k1', 1), ('k1', 1)")
    world.root.run("grant pgscore_reader to alice")
    if error is None:
        world.assert_counted("sa")
    else:
        assert_one_sentence(error)
        assert error.pgcode == "42501"
