"""Jobs and their parts are rows that their owners may write: forged ones run no code and reach no other table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import refused, wait_until_blocked

from .world import MEMBER, MODEL, attempt, call

if TYPE_CHECKING:
    from .world import World

_START = f"select id from pgscore._start_job('{MODEL}', %s, true, batch => 2)"
_STEP = "select state from pgscore._rescore_step(%s)"
_JOB = """
    insert into pgscore.job (owner, model, profile, binding, target, whole, version, batch, total)
    values (%s, 'm', %s, (select min(b.number) from pgscore.binding b where b.profile = %s::regclass), %s,
        true, 1, 2, 5)
    returning id
"""
_PART = "insert into pgscore.job_part (job, first_key, last_key, keys, rows) values (%s, %s, %s, %s, 1)"
_INJECTED = ["k1'); select evil.strike(); --", 'k1" or evil.strike()', "{k1}", ""]


@pytest.fixture
def tied(world: World) -> World:
    """Alice's and bob's tables are bound; the other version serves, so that all rows are outdated."""
    for owner in ("alice", "bob"):
        world.attach(owner)
    world.insert("sa")
    world.insert("sb")
    world.operator.run("select pgscore.promote('m', 2)")
    return world


def test_nobody_writes_jobs_about_tables_of_others(tied: World) -> None:
    job = tied.alice.value(_START, "sa.pr")
    tied.alice.value(_STEP, job)
    before = tied.root.run("select j::text, p::text from pgscore.job j join pgscore.job_part p on p.job = j.id")
    assert len(before) == 1
    for login in (tied.bob, tied.carol):
        for owner, target in (("alice", None), ("bob", None), ("carol", "sa.pr"), ("bob", "sa.pr")):
            with refused("42501", "row-level security"):
                login.run(_JOB, owner, "sa.pr", "sa.pr", target)
        with refused("42501", "row-level security"):
            login.run(_PART, job, ["k1"], ["k5"], None)
        assert login.run("select id from pgscore.job") == login.run("select id from pgscore.job_part") == []
        assert login.run("update pgscore.job set batch = 1 returning id") == []
        assert login.run("delete from pgscore.job_part returning id") == []
        assert login.run("delete from pgscore.job returning id") == []
        # Of a job of somebody else's there is nothing to do.
        assert login.value(_STEP, job) == "anew"
        with refused("42501", "alice owns table sa.pr"):
            login.run(_START, "sa.pr")
    assert attempt(tied.app, "select from pgscore.job") is not None
    assert tied.root.run("select j::text, p::text from pgscore.job j join pgscore.job_part p on p.job = j.id") == before
    assert len(tied.operator.run("select id from pgscore.job")) == 1
    with refused("42501", "alice"):
        tied.root.run(_STEP, job)


def test_forged_rows_of_ones_own_reach_nobody_else(tied: World) -> None:
    """A job of alice's that names bob's binding, and parts that are SQL: for a member who calls, too."""
    before = tied.root.run("select p::text from sb.pr p order by k")
    forged = tied.alice.value(_JOB, "alice", "sa.pr", "sb.pr", None)
    for caller in (tied.alice, tied.member):
        with refused("42704", "the tables were detached"):
            caller.value(_STEP, forged)
    tied.alice.run("update pgscore.job set binding = null, target = 'sa.ev' where id = %s", forged)
    for caller in (tied.alice, tied.member):
        assert attempt(caller, _STEP, forged) is not None
    tied.alice.run("delete from pgscore.job")
    job = tied.member.value(_START, "sa.pr")
    for key in _INJECTED:
        tied.alice.run(_PART, job, [key], [key, key], [key])
    while tied.member.value(_STEP, job) != "finished":
        pass
    assert tied.root.run("select p::text from sb.pr p order by k") == before
    tied.assert_ran_only_as()


def test_a_members_job_runs_nothing_that_was_replaced_between_its_steps(tied: World) -> None:
    job = tied.alice.value(_START, "sa.pr")
    assert tied.member.value(_START, "sa.pr") == job
    name = "sa._pgscore_pr_rescore(integer,text,text,integer,text[],text[],text[],integer)"
    arguments = tied.root.value("select pg_get_function_arguments(%s::regprocedure)", name)
    signature = f"sa._pgscore_pr_rescore({arguments})"
    for _ in range(3):
        tied.member.value(_STEP, job)
        tied.alice.run(
            f"create or replace function {signature} language plpgsql security invoker as"
            " $$begin perform evil.strike(); end$$;"
            f" alter function {name} reset all"
        )
    while tied.member.value(_STEP, job) != "finished":
        pass
    tied.assert_ran_only_as()
    assert tied.root.value("select count(*) from sa.pr p where score is distinct from pgscore.score('m', p)") == 0


def test_members_work_side_by_side(tied: World) -> None:
    """Each with a function that nobody else sees: one waits in the middle of its rows, another one goes on."""
    tied.alice.run(
        "create function sa.wait() returns trigger language plpgsql as"
        " $$begin perform pg_catalog.pg_advisory_xact_lock(7); return null; end$$;"
        "create trigger wait after update on sa.pr for each row when (new.k = 'k1') execute function sa.wait()"
    )
    tied.root.run("select pg_catalog.pg_advisory_lock(7)")
    other = tied.database.session(MEMBER)
    job = tied.member.value(_START, "sa.pr")
    tied.member.value(_STEP, job)
    waiting = tied.member.start(_STEP, job)
    wait_until_blocked(tied.root, tied.member.pid, by=tied.root.pid)
    right = "select k from sa.pr p where score = pgscore.score('m', p) order by k"
    while len(tied.root.run(right)) < 2:
        assert other.value(_STEP, job) == "working"
    assert tied.root.run(right) == [("k3",), ("k4",)]
    tied.root.run("select pg_catalog.pg_advisory_unlock(7)")
    assert waiting.result() == [("working",)]
    while other.value(_STEP, job) != "finished":
        pass
    assert len(tied.root.run(right)) == 5
    assert tied.root.run("select proname from pg_proc where proname ~ '^_pgscore_pr_([0-9]+|rescore)$'") == []


def test_what_stands_on_the_tables_runs_as_their_owner(tied: World) -> None:
    """Triggers, also deferred ones, defaults and checks of alice's, when a member calls."""
    tied.alice.run(
        "create trigger a before update on sa.pr for each row execute function sa.trap_trigger();"
        "create constraint trigger b after update on sa.pr deferrable initially deferred"
        " for each row execute function sa.trap_trigger();"
        "alter table sa.pr add check (sa.trap(n)); create index on sa.pr (sa.trap_value(n))"
    )
    tied.forget()
    call(tied.member, "rescore", "sa")
    assert tied.ran_as() == {"alice"}
    # What goes to another table goes there by its owner only.
    tied.alice.run(
        'create table sa.into_it (k text primary key, score float8, version integer, "at" timestamptz);'
        "create trigger a before insert on sa.into_it for each row execute function sa.trap_trigger();"
    )
    tied.forget()
    for caller in (tied.member, tied.root, tied.bob):
        with refused("42501", "only its owner has scores written there"):
            caller.run("call pgscore.rescore('m', 'sa.pr', target => 'sa.into_it')")
    tied.assert_ran_only_as()
    tied.alice.run("call pgscore.rescore('m', 'sa.pr', target => 'sa.into_it')")
    assert tied.ran_as() == {"alice"}
    # A policy of alice's would run as who reads her table.
    tied.alice.run(
        "create policy p on sa.pr using (sa.trap()); alter table sa.pr enable row level security;"
        "grant select on sa.pr to bob"
    )
    tied.bob.run('create table sb.into_it (k text primary key, score float8, version integer, "at" timestamptz)')
    tied.forget()
    with refused("22023", "may hide rows from bob"):
        tied.bob.run("call pgscore.rescore('m', 'sa.pr', target => 'sb.into_it')")
    tied.assert_ran_only_as()
