"""The server ends at once, in the middle of what pgscore does: afterwards counters are right, and go on."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
import pytest

from tests.bindings import shop
from tests.support import migrate
from tests.support.database import Database, wait_until_blocked

from .crashing import WAYS, CrashingCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

_TEMPLATE = "template_shop"
_ARRIVAL = '"Shop"."_pgscore_Customer_arrival"'
# Whoever meets it waits until the test lets go, or ends the server.
_GATE = """
    create function "Shop".wait() returns trigger language plpgsql
        as 'begin perform pg_advisory_xact_lock_shared(1); return new; end'
"""
_EVENTS = f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) select n, %s, n, n from generate_series(%s, %s) n'


@pytest.fixture(scope="module")
def crashing(cluster: PrivateCluster, key: Path) -> Iterator[CrashingCluster]:
    """A cluster of its own, since all its sessions end; it holds the tables of the shop, whose model serves."""
    with CrashingCluster.like(cluster) as crashing:
        database = Database(crashing, _TEMPLATE)
        session = Database(crashing, "postgres").session()
        session.run(f"create database {_TEMPLATE}")
        session.close()
        migrate.upgrade(database.dsn())
        pgscore.trust_key(database.dsn(), pgscore.read_public_key(key.with_name(key.name + ".pub")), "the tests")
        shop.build(database.session())
        shop.publish(database.dsn(), key)
        database.close()
        yield crashing


@pytest.fixture
def crashed(crashing: CrashingCluster) -> Iterator[Database]:
    """A database of the test's own, dropped with the cluster."""
    session = Database(crashing, "postgres").session()
    name = f"crashed_{session.value('select max(oid) from pg_database')}"
    session.run(f"create database {name} template {_TEMPLATE}")
    session.close()
    database = Database(crashing, name)
    yield database
    database.close()


def _hold_all(database: Database, profiles: int) -> Session:
    """Holds invariants 1 and 2 after a crash, and that whatever comes next counts; a session."""
    session = database.session()
    assert shop.assert_right(session) == profiles
    assert session.value(f"select array_agg(slot order by slot) from {_ARRIVAL}") == list(range(64))
    assert session.run("select * from pgscore.stale where cause <> 'backfill'") == []
    before = session.value(f"select n from {shop.PROFILE} where id = 1")
    # One event, many, an event before its profile, and what is recounted.
    session.run(_EVENTS, 1, 9001, 9001)
    session.run(_EVENTS, 1, 9002, 9003)
    session.run(_EVENTS, 9000, 9010, 9010)
    session.run(f"insert into {shop.PROFILE} (id) values (9000)")
    assert session.value(f"select n from {shop.PROFILE} where id = 1") == before + 3
    assert session.value(f"select n from {shop.PROFILE} where id = 9000") == 1
    session.run(f"begin; delete from {shop.EVENTS} where id = 9001; update {shop.EVENTS} set at = -1 where id = 9002")
    session.run(_EVENTS, 9000, 9011, 9011)
    session.run("commit")
    assert shop.assert_right(session) == profiles + 1
    return session


def _give_up(sessions: list[Session], running: list[Future[Any]]) -> None:
    """Waits for what was running when the server ended, all of which has failed."""
    for each in running:
        with pytest.raises(psycopg2.Error):
            each.result()
    for session in sessions:
        session.close()


def _fill(database: Database, profiles: int) -> Session:
    """Makes profiles with an event each, and one more for the first; a session."""
    session = database.session()
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, {profiles})")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) select n, n, 2, 1'
                f" from generate_series(1, {profiles}) n")  # fmt: skip
    session.run(_EVENTS, 1, 5001, 5001)
    session.run(_GATE)
    return session


@pytest.mark.parametrize("way", WAYS)
def test_in_the_middle_of_transactions(crashing: CrashingCluster, crashed: Database, way: str) -> None:
    """Work that is queued goes with its transaction; what one that is prepared has done stays, and waits."""
    holder = _fill(crashed, 5)
    shop.attach(holder)
    queued, done, prepared = (crashed.session() for _ in range(3))
    prepared.run("begin")
    prepared.run(_EVENTS, 2, 6001, 6003)
    prepared.run(f"delete from {shop.EVENTS} where id = 3; insert into {shop.PROFILE} (id) values (6)")
    prepared.run("prepare transaction 'work'")
    queued.run("begin")
    queued.run(_EVENTS, 1, 7001, 7003)
    queued.run(_EVENTS, 7, 7004, 7004)
    queued.run(f"delete from {shop.EVENTS} where id = 1")
    assert queued.value(f"select count(*) from {shop.QUEUE}") > 0
    done.run("begin")
    done.run(_EVENTS, 4, 8001, 8003)
    done.run(f"insert into {shop.PROFILE} (id) values (8)")
    done.run("set constraints all immediate")
    assert done.value(f"select n from {shop.PROFILE} where id = 4") == 4
    crashing.crash(way, queued)
    session = crashed.session()
    assert session.run("select gid from pg_prepared_xacts") == [("work",)]
    assert session.run(f"select id, n from {shop.PROFILE} order by id") == [(1, 2), (2, 1), (3, 1), (4, 1), (5, 1)]
    session.run("commit prepared 'work'")
    found = session.run(f"select id, n from {shop.PROFILE} order by id")
    assert found == [(1, 2), (2, 4), (3, 0), (4, 1), (5, 1), (6, 0)]
    _hold_all(crashed, 6)


@pytest.mark.parametrize("way", WAYS)
def test_in_the_middle_of_commits(crashing: CrashingCluster, crashed: Database, way: str) -> None:
    """One has done all of its work, others wait for a profile and for the slot of a new one: none has committed."""
    holder = _fill(crashed, 5)
    observer, *sessions = (crashed.session() for _ in range(5))
    shop.attach(observer)
    # Fires at COMMIT, and because of what is done there.
    observer.run(
        f"create constraint trigger gate after update on {shop.PROFILE} deferrable initially deferred"
        ' for each row when (new.id in (1, 2)) execute function "Shop".wait()'
    )
    holder.run("begin; select pg_advisory_xact_lock(1)")
    holder.run(f"select from {shop.PROFILE} where id = 4 for update")
    holder.run(f"select from {_ARRIVAL} where slot = hashtext('8000') & 63 for update")
    committing = []
    for number, customers in enumerate(([1], [2, 5], [3, 4], [3, 8000])):
        sessions[number].run("begin")
        for customer in customers:
            first = 6000 + 100 * number + customer % 10
            sessions[number].run(_EVENTS, customer, first, first)
        committing.append(sessions[number].start("commit"))
        wait_until_blocked(observer, sessions[number].pid, by=holder.pid)
    crashing.crash(way, sessions[1])
    _give_up(sessions, committing)
    session = _hold_all(crashed, 5)
    assert session.value(f"select count(*) from {shop.EVENTS} where id between 6000 and 6999") == 0


@pytest.mark.parametrize("way", WAYS)
def test_while_attach_counts(crashing: CrashingCluster, crashed: Database, way: str) -> None:
    """Nothing is left of it, and the tables can be attached."""
    holder = _fill(crashed, 60)
    observer, attaching = crashed.session(), crashed.session()
    observer.run(
        f"create trigger gate before update on {shop.PROFILE} for each row when (new.id = 40)"
        ' execute function "Shop".wait()'
    )
    holder.run("begin; select pg_advisory_xact_lock(1)")
    running = [attaching.work(_attach, attaching)]
    wait_until_blocked(observer, attaching.pid, by=holder.pid)
    crashing.crash(way, attaching)
    _give_up([attaching], running)
    session = crashed.session()
    assert session.value("select count(*) from pgscore.binding where events = %s::regclass", shop.EVENTS) == 0
    made = "select {0}name from pg_{1} where {0}namespace = '\"Shop\"'::regnamespace and {0}name like '\\_pgscore%%'"
    assert session.run(f"{made.format('rel', 'class')} union all {made.format('pro', 'proc')}") == []
    shop.attach(session)
    _hold_all(crashed, 60)


@pytest.mark.parametrize("way", WAYS)
def test_while_reconcile_counts(crashing: CrashingCluster, crashed: Database, way: str) -> None:
    """What it has committed stays, and it goes on from there."""
    holder = _fill(crashed, 1200)
    observer, reconciling = crashed.session(), crashed.session()
    shop.attach(observer, backfill="false")
    observer.run(
        f"create trigger gate before update on {shop.PROFILE} for each row when (new.id = 700)"
        ' execute function "Shop".wait()'
    )
    holder.run("begin; select pg_advisory_xact_lock(1)")
    running = [reconciling.work(_reconcile, reconciling)]
    wait_until_blocked(observer, reconciling.pid, by=holder.pid)
    crashing.crash(way, reconciling)
    _give_up([reconciling], running)
    session = crashed.session()
    state = "select last_key, checked, differing, finished is not null from pgscore.reconciliation"
    assert session.row(state) == (["500"], 500, 500, False)
    assert session.value("select count(*) from pgscore.stale where cause = 'backfill'") == 700
    began = session.value("select started from pgscore.reconciliation")
    # Events of one that is counted, of one that is not, and of one that comes now.
    for number, customer in enumerate((2, 900, 2000)):
        session.run(_EVENTS, customer, 6000 + number, 6000 + number)
    session.run(f"insert into {shop.PROFILE} (id) values (2000)")
    shop.reconcile(session)
    assert session.row(state) == (["2000"], 1201, 1200, True)
    assert session.value("select started from pgscore.reconciliation") == began
    assert session.run("select * from pgscore.stale") == []
    _hold_all(crashed, 1201)


def test_at_any_moment(crashing: CrashingCluster, crashed: Database) -> None:
    """Sessions that do all kinds of things, and end with the server while they do them."""
    shop.attach(_fill(crashed, 8))
    chance = random.Random(5)  # noqa: S311
    for number in range(6):
        way, timing = WAYS[number % 2], ("commit", "statement")[number // 2 % 2]
        shop.attach(crashed.session(), timing=timing)
        sessions = [crashed.session() for _ in range(3)]
        running = [each.work(_go_on, each, 100 * number + each.pid) for each in sessions]
        _wait_for_transactions(crashed.session(), chance.randint(20, 120))
        crashing.crash(way, sessions[0])
        _give_up(sessions, running)
        session = crashed.session()
        shop.assert_right(session)
        assert session.value(f"select count(*) from {_ARRIVAL}") == 64
    assert session.value(f"select count(*) from {shop.EVENTS}") > 0
    profiles = session.value(f"select count(*) from {shop.PROFILE}")
    session.run(f"insert into {shop.PROFILE} (id) values (1) on conflict do nothing")
    assert shop.assert_right(session) in (profiles, profiles + 1)


def _wait_for_transactions(observer: Session, many: int) -> None:
    """Returns when so many transactions have begun to write since."""
    begun = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    until, deadline = observer.value(begun) + many, time.monotonic() + 60
    while observer.value(begun) < until:
        assert time.monotonic() < deadline, "nobody writes"


def _attach(session: Session) -> None:
    shop.attach(session)


def _reconcile(session: Session) -> None:
    shop.reconcile(session)


def _go_on(session: Session, seed: int) -> None:
    """Transactions on all tables, until the session ends."""
    chance = random.Random(seed)  # noqa: S311
    while True:
        try:
            session.run("begin")
            for _ in range(chance.randint(1, 4)):
                one, customer = chance.randint(1, 400), chance.randint(1, 12)
                session.run(
                    chance.choice(
                        [
                            f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) select n, {customer}, 4, n % 7'
                            f" from generate_series({one}, {one} + 3) n on conflict do nothing",
                            f'insert into {shop.EVENTS} (id, "Customer Id") values ({one}, {customer})'
                            " on conflict do nothing",
                            f'update {shop.EVENTS} set "Customer Id" = {customer}, amount = 1 where id = {one}',
                            f"delete from {shop.EVENTS} where id = {one}",
                            f"insert into {shop.PROFILE} (id) values ({customer}) on conflict do nothing",
                            f"delete from {shop.PROFILE} where id = {customer}",
                            "set constraints all immediate",
                        ]
                    )
                )
            session.run(chance.choice(["commit", "commit", "rollback"]))
        except psycopg2.errors.DeadlockDetected:
            session.run("rollback")
