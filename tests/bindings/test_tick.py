"""Bringing up profiles that are due, beside everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest

from tests.support.command import run_here, run_json_here
from tests.support.database import OPERATOR, refused, wait_until_blocked, wait_until_gone

from . import shop, windows

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_STEP = "select ticked, locked, finished from pgscore._tick_step(%s, clock_timestamp(), rows => %s)"


def _number(session: Session) -> int:
    number = session.value("select number from pgscore.binding where profile = %s::regclass", windows.PROFILE)
    return int(number)


def test_what_is_due_is_brought_up_once(visits: Session) -> None:
    windows.leave(visits, 1, 3)
    assert visits.value(windows.DUE) == [1, 3]
    windows.assert_right(visits)
    untouched = visits.row(f"select xmin::text, ctid::text from {windows.PROFILE} where id = 2")
    assert windows.said_by_tick(visits) == ["visits.visit: 2 profiles brought up"]
    assert visits.value(windows.DUE) is None
    assert visits.run(f"select n, n_day, long_week from {windows.PROFILE} where id = 1") == [(1, 0, 1)]
    windows.assert_right(visits)
    assert windows.said_by_tick(visits) == ["visits.visit: 0 profiles brought up"]
    assert visits.row(f"select xmin::text, ctid::text from {windows.PROFILE} where id = 2") == untouched


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_whatever_the_default_level_is(visits: Session, level: str) -> None:
    windows.leave(visits, 1, 3)
    visits.run(f"set default_transaction_isolation = '{level}'")
    assert windows.said_by_tick(visits) == ["visits.visit: 2 profiles brought up"]
    said = windows.said_by_tick(visits, f"call pgscore.reconcile('{windows.EVENTS}', '{windows.PROFILE}')")
    assert said == ["visits.visit: 3 profiles compared, 0 differed"]


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_an_event_that_commits_after_tick_has_looked(shopping: Database, timing: str) -> None:
    application, worker, observer = (shopping.session() for _ in range(3))
    windows.build(observer)
    windows.attach(observer, timing=timing)
    observer.run(f"insert into {windows.PROFILE} (id) select generate_series(1, 3)")
    windows.leave(observer, 1, 2)
    application.run("begin")
    application.run(
        f"insert into {windows.EVENTS} (id, member, kind, at) values (1, 1, 'old', now() - interval '25 hours')"
    )
    said = windows.said_by_tick(worker)
    held = timing == "statement"
    # With statement its profile is locked, and brought up by who has locked it.
    left = "1 profiles brought up; 1 were locked by others and are due until the next tick"
    assert said == [f"visits.visit: {left if held else '2 profiles brought up'}"]
    application.run("commit")
    assert observer.value(windows.DUE) is None
    assert observer.row(f"select n, kinds from {windows.PROFILE} where id = 1") == (2, 2)
    windows.assert_right(observer)


def test_who_has_locked_a_profile_is_not_waited_for(visits: Session, shopping: Database) -> None:
    application = shopping.session()
    windows.leave(visits, 1, 2, 3)
    application.run("begin")
    application.run(f"select from {windows.PROFILE} where id in (1, 3) for update")
    assert windows.said_by_tick(visits) == [
        "visits.visit: 1 profiles brought up; 2 were locked by others and are due until the next tick"
    ]
    application.run("rollback")
    assert visits.value(windows.DUE) == [1, 3]
    assert windows.said_by_tick(visits) == ["visits.visit: 2 profiles brought up"]
    windows.assert_right(visits)


def test_two_at_once(visits: Session, shopping: Database) -> None:
    """The second waits for the first one's transaction, and finds nothing left."""
    first, second = shopping.session(), shopping.session()
    windows.leave(visits, 1, 2)
    number = _number(visits)
    for each in (first, second):
        each.run(f"set role {shop.OWNER}")
    first.run("begin")
    assert first.row(_STEP, number, 10) == (2, 0, True)
    waiting = second.start(_STEP, number, 10)
    wait_until_blocked(visits, second.pid, by=first.pid)
    first.run("commit")
    assert waiting.result() == [(0, 0, True)]
    windows.assert_right(visits)


def test_killed_in_the_middle(visits: Session, shopping: Database) -> None:
    """What it had committed stays, and the next call does the rest."""
    blocker, worker = shopping.session(), shopping.session()
    visits.run(f"insert into {windows.PROFILE} (id) select generate_series(4, 450)")
    windows.leave(visits, *range(1, 451))
    # The 300th of them in the order in which they were due waits for whoever holds the lock.
    shop.run_as_owner(
        visits,
        f"""
        create function visits.wait() returns trigger language plpgsql as
            $$ begin if new.id = 300 then perform pg_advisory_xact_lock(7); end if; return new; end $$;
        create trigger wait before update on {windows.PROFILE} for each row execute function visits.wait();
        """,
    )
    blocker.run("select pg_advisory_lock(7)")
    calling = worker.work(windows.tick, worker)
    wait_until_blocked(visits, worker.pid, by=blocker.pid)
    # An application's events of profiles that are not of this chunk are not kept.
    visits.run(f"insert into {windows.EVENTS} (id, member) values (1, 1)")
    visits.run("select pg_terminate_backend(%s)", worker.pid)
    with pytest.raises(psycopg2.Error):
        calling.result()
    wait_until_gone(visits, worker.pid)
    blocker.run("select pg_advisory_unlock(7)")
    assert visits.value(f"select count(*) from {windows.PROFILE} where due_at <= clock_timestamp()") == 250
    windows.assert_right(visits)
    assert windows.said_by_tick(visits) == ["visits.visit: 250 profiles brought up"]
    windows.assert_right(visits)


def test_many_that_were_due_at_one_time_are_told_apart_by_their_keys(visits: Session) -> None:
    visits.run(f"insert into {windows.PROFILE} (id) select generate_series(4, 1000)")
    visits.run(
        f"insert into {windows.EVENTS} (id, member, at) select m, m, now() - interval '1 hour'"
        " from generate_series(1, 1000) m"
    )
    visits.run("set session_replication_role = replica")
    visits.run(f"update {windows.EVENTS} set at = at - interval '1 day'; update {windows.PROFILE} set due_at = now()")
    visits.run("set session_replication_role = origin")
    assert windows.said_by_tick(visits) == ["visits.visit: 1000 profiles brought up"]
    windows.assert_right(visits)


def test_all_of_an_owner_without_other_rights(visits: Session, shopping: Database) -> None:
    """The owner is no superuser; what fails of one binding does not keep others from it."""
    session = shopping.session(shop.OWNER)
    windows.leave(visits, 1)
    session.run("create table visits.other (id bigint primary key, seen bigint, until timestamptz, score float8)")
    session.run(
        "select pgscore.attach('visits', 'visits.visit', 'visits.other', 'member', 'id', %s, 'score')",
        '[{"column": "seen", "aggregate": "count", "window": "1 day", "time": "at"},'
        ' {"column": "until", "aggregate": "due"}]',
    )
    session.run("insert into visits.other (id) values (1)")
    session.run("update visits.other set until = now()")
    assert session.value("select seen from visits.other") == 0
    session.run(
        "create function visits.fail() returns trigger language plpgsql as"
        " $$ begin raise exception 'not today'; end $$;"
        f"create trigger fail before update on {windows.PROFILE} for each row execute function visits.fail()"
    )
    with session.said() as said, refused("P0001", "visits.visit: not today"):
        session.run("call pgscore.tick()")
    assert [text for _, text in said] == [
        "visits.visit: 0 profiles brought up",
        "visits.visit to visits.other: 1 profiles brought up",
    ]
    session.run(f"drop trigger fail on {windows.PROFILE}")
    found = pgscore.tick(shopping.dsn(shop.OWNER))
    assert [(each.binding, each.ticked, each.problem) for each in found] == [
        ("visits.visit", 1, None),
        ("visits.visit to visits.other", 0, None),
    ]
    windows.assert_right(visits)


def test_refusals(visits: Session, shopping: Database) -> None:
    with refused("22023", "name the event table and the profile table, or neither"):
        visits.run("call pgscore.tick('visits.visit')")
    with refused("42501", "belongs to shop_owner"):
        visits.run("call pgscore.tick('visits.visit', 'visits.member')")
    with refused("42704", "is not attached to"):
        shop.run_as_owner(visits, "call pgscore.tick('visits.member', 'visits.visit')")
    shop.attach(shopping.session())
    with refused("22023", "has a window, so time alone changes nothing"):
        shop.run_as_owner(visits, f"call pgscore.tick('{shop.EVENTS}', '{shop.PROFILE}')")
    with visits.said() as said:
        visits.run("call pgscore.tick()")
    assert said == [("NOTICE", "no binding of yours has a window, so nothing is due")]
    shop.run_as_owner(visits, f"select pgscore.detach('{windows.EVENTS}', '{windows.PROFILE}')")
    assert visits.value("select count(*) from pg_proc where proname ~ '^_pgscore_(visit|member)'") == 0
    with refused("42704", "is not attached to"):
        shop.run_as_owner(visits, "call pgscore.tick('visits.visit', 'visits.member')")


def test_the_command(visits: Session, shopping: Database) -> None:
    dsn = shopping.dsn(shop.OWNER)
    windows.leave(visits, 1, 2)
    found = run_json_here(dsn, "tick", "visits.visit", "visits.member")
    assert found == {
        "ok": True,
        "bindings": [{"binding": "visits.visit", "ticked": 2, "locked": 0, "problem": None, "hint": ""}],
    }
    windows.assert_right(visits)
    done = run_here(dsn, "tick")
    assert (done.returncode, done.stdout) == (0, "visits.visit: 0 profiles brought up.\n")
    assert "or neither" in run_here(dsn, "tick", "visits.visit", expect=2).stderr


def test_keys_of_two_columns_one_at_a_time(visits: Session, shopping: Database) -> None:
    """Profiles that were due at one time are gone through in the order of their keys, texts too."""
    session = shopping.session(shop.OWNER)
    session.run(
        """
        create table visits.pass (at timestamptz, place text, number integer);
        create table visits.gate (
            place text, number integer, n bigint, due_at timestamptz, score float8, primary key (number, place)
        );
        select pgscore.attach('visits', 'visits.pass', 'visits.gate', '{place,number}'::name[],
            '{place,number}'::name[],
            '[{"column": "n", "aggregate": "count", "window": "1 hour", "time": "at"},
              {"column": "due_at", "aggregate": "due"}]', 'score');
        insert into visits.gate (place, number)
            select p, n from unnest(array['a', 'B', 'a b', '\u00e4', '', '\\']) p, generate_series(1, 2) n;
        insert into visits.pass select clock_timestamp(), place, number from visits.gate;
        """
    )
    visits.run("set session_replication_role = replica")
    visits.run("update visits.pass set at = at - interval '1 hour'; update visits.gate set due_at = now()")
    visits.run("set session_replication_role = origin")
    number = session.value("select number from pgscore.binding where profile = 'visits.gate'::regclass")
    until = session.value("select clock_timestamp()")
    step = "select ticked, last_due, last_key, finished from pgscore._tick_step(%s, %s, %s, %s, 1)"
    after: tuple[object, object] = (None, None)
    keys = []
    finished = False
    while not finished:
        ticked, *after_this, finished = session.row(step, number, until, *after)
        after = (after_this[0], after_this[1])
        keys += [tuple(after_this[1])] if ticked else []
    assert len(set(keys)) == len(keys) == 12
    assert session.run("select distinct n, due_at from visits.gate") == [(0, None)]


def test_a_member_of_the_owner_runs_nothing_that_another_one_has_put_there(visits: Session, shopping: Database) -> None:
    windows.leave(visits, 1)
    visits.run(f"grant {shop.OWNER} to {OPERATOR}")
    try:
        shop.run_as_owner(
            visits,
            "create or replace function visits._pgscore_visit_tick(rows integer, until timestamptz,"
            " after_due timestamptz, after_key text[], out ticked bigint, out locked bigint, out last_due timestamptz,"
            " out last_key text[], out finished boolean) language plpgsql as"
            " $$ begin raise exception 'run as %', current_user; end $$",
        )
        assert [each.ticked for each in pgscore.tick(shopping.dsn(OPERATOR))] == [1]
    finally:
        visits.run(f"revoke {shop.OWNER} from {OPERATOR}")
    windows.assert_right(visits)


def test_five_bindings_and_more_of_two_tables(shopping: Database) -> None:
    """What a statement brings by many bindings is done together, by another way."""
    session = shopping.session()
    windows.build(session)
    windows.attach(session, timing="statement")
    for number in range(5):
        shop.run_as_owner(
            session,
            f"alter table {windows.PROFILE} add day_{number} bigint, add due_{number} timestamptz,"
            f" add s_{number} float8",
        )
        reducers = (
            f'[{{"column": "day_{number}", "aggregate": "count", "window": "{number + 1} hours", "time": "at"}},'
            f' {{"column": "due_{number}", "aggregate": "due"}}]'
        )
        shop.run_as_owner(
            session,
            "select pgscore.attach(%s, %s, %s, 'member', 'id', %s, %s, timing => 'statement')",
            *(f"other_{number}", windows.EVENTS, windows.PROFILE, reducers, f"s_{number}"),
        )
    session.run(f"insert into {windows.PROFILE} (id) values (1)")
    session.run(
        f"insert into {windows.EVENTS} (id, member, at)"
        " select g, 1, clock_timestamp() - make_interval(mins => 60 * g - 30) from generate_series(1, 5) g"
    )
    columns = ", ".join(f"day_{number}" for number in range(5))
    assert session.row(f"select {columns} from {windows.PROFILE}") == (1, 2, 3, 4, 5)
    windows.assert_right(session)
    session.run(f"update {windows.EVENTS} set at = clock_timestamp() where id = 5")
    assert session.row(f"select {columns} from {windows.PROFILE}") == (2, 3, 4, 5, 5)
    windows.assert_right(session)
