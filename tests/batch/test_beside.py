"""What runs beside a rescore: events, promotions, other rescores, keys that change, a crash."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pgscore
import pytest

from tests.bindings import shop
from tests.concurrency.crashing import WAYS, CrashingCluster
from tests.support import command, migrate
from tests.support.database import Session, wait_until_blocked

from . import rescored
from .rescored import CALL, JOB, assert_rescored, load, promote, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database

_STEP = "select state from pgscore._rescore_step(%s)"
_START = "select id from pgscore._start_job('shop', %s, batch => %s)"


def _events(session: Session, seed: int, many: int, profiles: int) -> None:
    """Transactions of an application: a few events each, of profiles in any order; some change what is read."""
    chance = random.Random(seed)  # noqa: S311  no secret
    for number in range(many):
        session.run("begin")
        for each in chance.sample(range(1, profiles + 1), 3):
            session.run(
                f'insert into {shop.EVENTS} (id, "Customer Id", amount, weight) values (%s, %s, 2, 0.5)',
                seed * 10_000_000 + number * 1000 + each,
                each,
            )
        if number % 5 == 0:
            session.run(f'update {shop.PROFILE} set "Age" = "Age" + 1 where id = %s', chance.randrange(1, profiles))
        session.run("commit")


def _keys(session: Session, many: int) -> None:
    """Keys move to where a rescore has been already."""
    for number in range(many):
        session.run(f"update {shop.PROFILE} set id = %s where id = %s", -number, 1900 - number)


def test_events_promotions_and_several_rescores(root: Session, shopping: Database) -> None:
    """Whatever the order was: each row has the score and version that serve."""
    load(root, 2000)
    promote(root, 2)
    writers = [shopping.session() for _ in range(2)]
    keys = shopping.session()
    callers = [shopping.session(shop.OWNER) for _ in range(2)]
    running = [each.work(_events, each, seed, 40, 1000) for seed, each in enumerate(writers, 1)]
    running.append(keys.work(_keys, keys, 60))
    call = f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 150)"
    for version in (2, 1, 2):
        promote(root, version)
        for called in [caller.start(call) for caller in callers]:
            called.result()
    for one in running:
        one.result()
    callers[0].run(call)
    assert root.value("select left_out from pgscore.job order by id desc limit 1") == 0
    assert assert_rescored(root, version=2) == 2000
    assert _is_counted(root)
    assert root.run("select * from pgscore.stale_row") == []
    assert root.run("select id from pgscore.job where finished is null") == []


def _is_counted(root: Session) -> bool:
    events = f'select count(*) from {shop.EVENTS} e where e."Customer Id" = c.id'
    return root.run(f"select c.id from {shop.PROFILE} c where c.n <> ({events})") == []


def test_no_part_is_done_twice(root: Session, shopping: Database) -> None:
    """Two workers take turns by steps; a third one dies in the middle of its part, which another one takes."""
    load(root, 300)
    promote(root, 2)
    one, two, lost = (shopping.session(shop.OWNER) for _ in range(3))
    job = one.value(_START, shop.PROFILE, 40)
    assert two.value(_START, shop.PROFILE, 40) == job
    assert one.value(_STEP, job) == "working"  # the first part is handed out
    lost.run("begin")
    assert lost.value(_STEP, job) == "working"
    # It holds the job's row until it commits; nobody waits longer than for that.
    waiting = two.start(_STEP, job)
    wait_until_blocked(root, two.pid, by=lost.pid)
    root.run("select pg_terminate_backend(%s)", lost.pid)
    assert waiting.result() == [("working",)]
    while one.value(_STEP, job) != "finished":
        two.value(_STEP, job)
    assert root.row(JOB)[2:] == (300, 300, 0, 0, True)
    assert root.value("select count(*) from pgscore.prediction_log where version = 2") == 300
    assert assert_rescored(root, version=2) == 300


def test_it_waits_for_no_long_transaction_and_blocks_no_event(
    root: Session, owner: Session, shopping: Database
) -> None:
    """An event of a row that a batch has locked waits for that batch only; a batch for no event at all."""
    load(root, 20)
    promote(root, 2)
    application = shopping.session()
    application.run("begin")
    application.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 3, 5)')
    application.run("set constraints all immediate")
    owner.run(CALL)
    assert versions(root) == {1: 1, 2: 19}
    owner.run("begin isolation level read committed")
    job = owner.value(_START, shop.PROFILE, 40)
    application.run("commit")
    for _ in range(2):
        owner.value(_STEP, job)
    other = shopping.session()
    other.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (2, 4, 5)')
    owner.run("commit")
    owner.run(CALL)
    assert assert_rescored(root, version=2) == 20


@pytest.fixture
def crashing(cluster: PrivateCluster) -> Iterator[CrashingCluster]:
    """A cluster of its own with the shop, attached."""
    with CrashingCluster.like(cluster) as made:
        migrate.upgrade(made.dsn())
        session = Session(made.dsn())
        shop.build(session)
        rescored.publish_both(made.dsn())
        shop.attach(session)
        load(session, 3000)
        session.close()
        yield made


def test_a_crash_in_the_middle(crashing: CrashingCluster) -> None:
    """The server ends without a checkpoint, then one of its processes: what had committed stands, the rest follows."""
    for way in WAYS:
        root = Session(crashing.dsn())
        owner = Session(crashing.dsn())
        owner.run(f"set session authorization {shop.OWNER}")
        root.run("select pgscore.promote('shop', 3 - serving, 'sql') from pgscore.model where name = 'shop'")
        version = root.value("select serving from pgscore.model where name = 'shop'")
        job = owner.value(_START, shop.PROFILE, 1000)
        assert [owner.value(_STEP, job) for _ in range(2)] == ["working", "working"]
        owner.run("begin")
        assert owner.value(_STEP, job) == "working"
        crashing.crash(way, owner)
        root = Session(crashing.dsn())
        assert versions(root) == {version: 1000, 3 - version: 2000}
        owner = Session(crashing.dsn())
        owner.run(f"set session authorization {shop.OWNER}")
        owner.run(CALL)
        assert root.row(JOB)[2:] == (3000, 3000, 0, 0, True)
        assert assert_rescored(root, version=version) == 3000


def test_the_command_with_workers_and_ctrl_c(root: Session, shopping: Database) -> None:
    """Ctrl-C ends all workers at once, with 130; the same command goes on."""
    load(root, 500)
    promote(root, 2)
    dsn = shopping.dsn(shop.OWNER)
    holder = shopping.session()
    holder.run("begin")
    # Parts are taken one after the other until one cannot write its log.
    holder.run("lock table pgscore.prediction_log in share mode")
    waiting = "select count(*) from pg_stat_activity where application_name = 'pgscore' and wait_event_type = 'Lock'"
    options = ["--workers", "2", "--batch", "100"]
    with subprocess.Popen(
        [command.COMMAND, "rescore", "shop", shop.PROFILE, *options],
        env=command.environment(dsn),
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        deadline = time.monotonic() + 60
        while root.value(waiting) < 2:
            assert time.monotonic() < deadline, "the workers never waited"
        os.kill(started.pid, signal.SIGINT)
        assert started.communicate(timeout=30)[1] == "pgscore: interrupted\n"
    assert started.returncode == 130
    assert root.value(waiting) == 0
    holder.run("rollback")
    assert versions(root) == {1: 500}
    done = command.run_json(dsn, "rescore", "shop", shop.PROFILE, "--workers", "3", "--batch", "100")
    assert (done["ok"], done["done"], done["changed"], done["left"]) == (True, 500, 500, 0)
    assert root.value("select count(*) from pgscore.job") == 1
    assert assert_rescored(root, version=2) == 500
    # What others hold is said, and is no success.
    promote(root, 1)
    holder.run("begin")
    holder.run(f"select from {shop.PROFILE} where id = 3 for no key update")
    said = command.run(dsn, "rescore", "shop", shop.PROFILE, expect=1).stdout
    assert said.splitlines()[0] == f"{shop.PROFILE}: 500 rows looked at, 499 written with version 1."
    assert "1 rows were locked" in said
    holder.run("rollback")


def test_promoting_and_rescoring_at_once(root: Session, shopping: Database) -> None:
    load(root, 30)
    said = command.run(shopping.dsn(), "promote", "shop", "2", "--rescore").stdout
    assert f"{shop.PROFILE} belongs to {shop.OWNER}, who has to run: pgscore rescore shop {shop.PROFILE}" in said
    assert said.count("pgscore rescore") == 1
    assert versions(root) == {1: 30}
    root.run(f"grant pgscore_operator to {shop.OWNER}")
    done = command.run_json(shopping.dsn(shop.OWNER), "promote", "shop", "2", "--rescore")
    assert [(each["done"], each["changed"]) for each in done["rescored"]] == [(30, 30)]
    assert done["others"] == []
    root.run(f"revoke pgscore_operator from {shop.OWNER}")
    with pytest.raises(pgscore.PgscoreError, match="several workers need connections"):
        pgscore.rescore(root._connection, "shop", shop.PROFILE, workers=2)
    assert assert_rescored(root, version=2) == 30
