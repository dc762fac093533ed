"""`pgscore stream predict --into`: each message is an event, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.models import assert_counters_are_right, assert_scores_are_right, counters, pipeline

from .working import EVENTS, Streams, complaints, grant, offsets, send, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

STEPS = ("claimed", "applied", "moved", "stored", "told")


@pytest.fixture
def working(broker: PrivateBroker, serving: Database, tmp_path: Path) -> Iterator[Streams]:
    with streams(broker, grant(serving), tmp_path) as made:
        yield made


def test_messages_count_and_score_once(working: Streams, topic: MakeTopic, serving: Database) -> None:
    session = serving.session()
    start = counters(session)
    events = topic("events", 3)
    send(working.broker, events, complaints(700))
    said = working.run(events, "--batch", "200")
    assert (said["messages"], said["stored"], said["dead"], said["lag"]) == (700, 700, 0, 0)
    assert said["batches"] >= 4
    assert working.run(events)["messages"] == 0
    send(working.broker, events, complaints(5))
    assert working.run(events)["messages"] == 5
    assert session.value(f"select count(*) from {EVENTS}") == 705
    assert_counters_are_right(session, start)
    assert assert_scores_are_right(session, {1: pipeline()}) == 60
    assert sum(offsets(session, events).values()) == 705


@pytest.mark.parametrize("step", STEPS)
def test_kill_9_at_each_step(working: Streams, topic: MakeTopic, serving: Database, step: str) -> None:
    session = serving.session()
    start = counters(session)
    events = topic("events", 2)
    send(working.broker, events, complaints(90))
    number = 1 if step == "claimed" else 2
    worker = working.predict(events, "--batch", "20", kill=f"{step}:{number}")
    worker.end(expect=-9)
    assert_counters_are_right(session, start)
    assert session.value(f"select count(*) from {EVENTS}") == sum(offsets(session, events).values())
    working.run(events)
    assert session.row(f"select count(*), count(distinct body) from {EVENTS}") == (90, 90)
    assert_counters_are_right(session, start)
    assert_scores_are_right(session, {1: pipeline()})
