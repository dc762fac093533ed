"""What goes wrong around a worker changes no counter: rebalances, zombies, brokers and databases that go away."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition

from tests.concurrency.crashing import CrashingCluster
from tests.support import migrate
from tests.support.database import Database, wait_until
from tests.support.models import assert_counters_are_right, counters, load_customers

from .working import EVENTS, LOGIN, Streams, complaints, grant, offsets, send, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from examples.server.cluster import PrivateCluster
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Session

_PATIENCE = 60.0


@pytest.fixture
def working(broker: PrivateBroker, installed: Database, tmp_path: Path) -> Iterator[Streams]:
    with streams(broker, grant(installed), tmp_path) as made:
        yield made


def _wait_for(session: Session, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while session.value(f"select count(*) from {EVENTS}") < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _all_once(session: Session, topic: str, count: int) -> None:
    assert session.row(f"select count(*), count(distinct body) from {EVENTS}") == (count, count)
    assert sum(offsets(session, topic).values()) == count


def test_a_zombie_stores_nothing(working: Streams, topic: MakeTopic, installed: Database) -> None:
    """It is stopped before its transaction, its partition is given to another worker, and then it goes on."""
    session = installed.session()
    start = counters(session)
    events = topic("events", 1)
    send(working.broker, events, complaints(40))
    zombie = working.predict(events, "--batch", "10", stop="taken:2")
    zombie.wait_for("step taken 2")
    other = working.predict(events, "--batch", "10")
    _wait_for(session, 40)
    zombie.signal(signal.SIGCONT)
    zombie.wait_for("was given to another worker")
    send(working.broker, events, [{"customer_id": 1, "kind": "x", "body": "last"}])
    _wait_for(session, 41)
    zombie.stop()
    other.stop()
    _all_once(session, events, 41)
    assert_counters_are_right(session, start)


def test_workers_share_partitions_and_hand_them_over(working: Streams, topic: MakeTopic, installed: Database) -> None:
    session = installed.session()
    start = counters(session)
    events = topic("events", 4)
    first = working.predict(events, "--batch", "7")
    first.wait_for("step claimed 1")
    send(working.broker, events, complaints(300))
    second = working.predict(events, "--batch", "7")
    second.wait_for("step claimed 1")
    more = [{**each, "body": f"more {n}"} for n, each in enumerate(complaints(300))]
    send(working.broker, events, more)
    _wait_for(session, 450)
    second.kill()
    _wait_for(session, 600)
    first.stop()
    _all_once(session, events, 600)
    assert_counters_are_right(session, start)


def test_the_broker_goes_away_and_comes_back(own_broker: PrivateBroker, installed: Database, tmp_path: Path) -> None:
    session = installed.session()
    own_broker.create("events", 2)
    with streams(own_broker, grant(installed), tmp_path) as working:
        send(own_broker, "events", complaints(50))
        worker = working.predict("events", "--batch", "10")
        _wait_for(session, 50)
        own_broker.kill()
        worker.wait_for("no broker answers")
        own_broker.restart()
        send(own_broker, "events", [{**each, "body": f"more {n}"} for n, each in enumerate(complaints(50))])
        _wait_for(session, 100)
        worker.stop()
        _all_once(session, "events", 100)
    own_broker.kill()
    with streams(own_broker, working.dsn, tmp_path) as working:
        assert "no broker answers at" in working.run("events", expect=3)["error"]


@pytest.fixture
def crashing(cluster: PrivateCluster) -> Iterator[CrashingCluster]:
    with CrashingCluster.like(cluster) as crashing:
        yield crashing


def test_the_database_goes_away_and_comes_back(working: Streams, topic: MakeTopic, crashing: CrashingCluster) -> None:
    """The server ends in the middle of a transaction; the worker stays a member, and does its messages again."""
    database = Database(crashing, "postgres")
    with closing(database.session()) as session:
        migrate.upgrade(database.dsn())
        load_customers(session)
        dsn = grant(database)
        start = counters(session)
    events = topic("events", 1)
    send(working.broker, events, complaints(60))
    worker = working.predict(events, "--batch", "20", stop="applied:2", dsn=dsn)
    worker.wait_for("step applied 2")
    victim = database.session()
    crashing.crash("the server", victim)
    worker.signal(signal.SIGCONT)
    worker.wait_for("once more in")
    with closing(database.session()) as session:
        _wait_for(session, 60)
        worker.stop()
        _all_once(session, events, 60)
        assert_counters_are_right(session, start)
    database.close()


def test_a_topic_that_was_made_anew_is_refused(working: Streams, topic: MakeTopic, installed: Database) -> None:
    session = installed.session()
    events = topic("events", 1)
    send(working.broker, events, complaints(5))
    working.run(events)
    admin = working.broker.admin()
    admin.delete_topics([events])[events].result(_PATIENCE)
    deadline = time.monotonic() + _PATIENCE
    while events in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    working.broker.create(events, 1)
    send(working.broker, events, complaints(9))
    said = working.run(events, expect=1)
    assert said["error"] == (
        f"topic {events} was made anew since group churn-predict read it: its offsets mean other messages"
    )
    assert session.value(f"select count(*) from {EVENTS}") == 5
    assert working.run(events, "--reset")["messages"] == 9
    assert offsets(session, events) == {0: 9}


def test_messages_that_were_deleted_unread_are_refused(working: Streams, topic: MakeTopic, installed: Database) -> None:
    events = topic("events", 1)
    send(working.broker, events, complaints(5))
    working.run(events)
    send(working.broker, events, complaints(5))
    admin = working.broker.admin()
    (deleted,) = admin.delete_records([TopicPartition(events, 0, 8)]).values()
    deleted.result(_PATIENCE)
    said = working.run(events, expect=1)
    assert said["error"] == (
        f"partition 0 of topic {events} begins at offset 8, and group churn-predict has come to 5: what is between was"
        " deleted before it was read, 3 offsets"
    )
    assert working.run(events, "--reset")["messages"] == 2


def test_two_databases_do_not_share_a_group(
    working: Streams, topic: MakeTopic, installed: Database, serving: Database
) -> None:
    events = topic("events", 1)
    send(working.broker, events, complaints(5))
    working.run(events)
    said = working.run(events, dsn=grant(serving), expect=1)
    assert "was consumed as test_stream into database installed" in said["error"]
    assert serving.session().value(f"select count(*) from {EVENTS}") == 0
    assert working.run(events, "--group", "other", dsn=serving.dsn(LOGIN))["messages"] == 5


def test_a_backup_that_is_restored_takes_what_it_lacks(working: Streams, topic: MakeTopic, installed: Database) -> None:
    """Offsets are in the backup, with what the messages before them did."""
    session = installed.session()
    start = counters(session)
    events = topic("events", 2)
    send(working.broker, events, complaints(30))
    working.run(events)
    session.close()
    with closing(Database(installed._cluster, "postgres").session()) as other:
        other.run("drop database if exists restored")
        wait_until(other, f"select count(*) from pg_stat_activity where datname = '{installed.name}'", 0)
        other.run(f"create database restored template {installed.name}")
    send(working.broker, events, [{**each, "body": f"more {n}"} for n, each in enumerate(complaints(20))])
    assert working.run(events)["messages"] == 20
    restored = Database(installed._cluster, "restored")
    assert "--take-over" in working.run(events, dsn=restored.dsn(LOGIN), expect=1)["hint"]
    assert working.run(events, "--take-over", dsn=restored.dsn(LOGIN))["messages"] == 20
    session = restored.session()
    _all_once(session, events, 50)
    assert_counters_are_right(session, start)
    restored.close()
