"""The broker is told whose a partition is before anything of it is stored, also while the group changes."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import confluent_kafka
import pytest
from pgscore.changes import Stop
from pgscore.stream.apps import Done
from pgscore.stream.consuming import Consumer
from pgscore.stream.order import Order
from pgscore.stream.taking import Taking

from .working import SETTINGS, grant, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgscore.stream.messages import Message
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

_PATIENCE = 20.0


class _Refused(confluent_kafka.Consumer):
    """Its first commits that wait for an answer are refused, as while the group changes."""

    left = 0
    moves = 0

    def committed(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        if _Refused.moves > 0:
            _Refused.moves -= 1
            raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(confluent_kafka.KafkaError.NOT_COORDINATOR))
        return super().committed(*arguments, **named)

    def commit(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        if named.get("asynchronous") is False and _Refused.left > 0:
            _Refused.left -= 1
            raise confluent_kafka.KafkaException(
                confluent_kafka.KafkaError(confluent_kafka.KafkaError.REBALANCE_IN_PROGRESS)
            )
        return super().commit(*arguments, **named)


class _Seen:
    """An app that remembers what it was given."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def begin(self, connection: Connection) -> None:
        """It works with any database."""

    def apply(self, _connection: Connection, messages: Sequence[Message]) -> Done:
        """Remembers them."""
        self.events += [each.event for each in messages]
        return Done()


@pytest.fixture
def order(broker: PrivateBroker, topic: MakeTopic, installed: Database) -> Order:
    settings = {"bootstrap.servers": broker.servers, **SETTINGS}
    events = topic("events", 2)
    return Order(grant(installed), settings, events, [events])


@contextmanager
def _running(order: Order, monkeypatch: pytest.MonkeyPatch, refusals: int) -> Iterator[_Seen]:
    """A worker, and what it was given."""
    monkeypatch.setattr(confluent_kafka, "Consumer", _Refused)
    _Refused.left = refusals
    seen = _Seen()
    with Stop() as stop:
        thread = threading.Thread(target=Consumer(order, seen, stop).run)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()


def _wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _unsigned(order: Order) -> set[int]:
    """The partitions of which the broker does not know whose they are."""
    settings = {"bootstrap.servers": order.settings["bootstrap.servers"], "group.id": order.group}
    reader = confluent_kafka.Consumer(settings)
    try:
        places = [confluent_kafka.TopicPartition(order.group, number) for number in range(2)]
        found = reader.committed(places, timeout=_PATIENCE)
        return {each.partition for each in found if "pgscore" not in (each.metadata or "")}
    except confluent_kafka.KafkaException as error:
        # The group has no coordinator before the first that joins it.
        if error.args[0].code() != confluent_kafka.KafkaError.NOT_COORDINATOR:
            raise
        return {0, 1}
    finally:
        reader.close()


@pytest.mark.parametrize("refusals", [1, 6])
def test_a_commit_that_is_refused_is_tried_again_and_messages_are_taken(
    order: Order, broker: PrivateBroker, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    with _running(order, monkeypatch, refusals) as seen:
        _wait_until(lambda: not _unsigned(order))
        send(broker, order.group, [{"number": 1}], partition=0)
        _wait_until(lambda: seen.events == [{"number": 1}])


def test_a_partition_that_comes_meanwhile_is_signed(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes in the pause behind the last time that signing for another one was refused."""
    other = confluent_kafka.Consumer(
        {**order.settings, "group.id": order.group, "partition.assignment.strategy": "cooperative-sticky"}
    )
    other.subscribe([order.group])

    def polled(count: int) -> bool:
        other.poll(0.05)
        return len(other.assignment()) == count

    _wait_until(lambda: polled(2))
    pauses: list[int] = []
    leave, left = threading.Event(), threading.Event()
    pause = Taking.pause

    def pausing(taking: Taking, seconds: float) -> None:
        pauses.append(len(taking._partitions.positions))
        pause(taking, seconds)
        if len(pauses) == 5:
            leave.set()
            assert left.wait(_PATIENCE)
            _wait_until(lambda: pause(taking, 0.1) is None and len(taking._partitions.positions) == 2)

    monkeypatch.setattr(Taking, "pause", pausing)
    with _running(order, monkeypatch, 5):
        _wait_until(lambda: polled(1))
        _wait_until(lambda: other.poll(0.05) is None and leave.is_set())
        other.close()
        left.set()
        _wait_until(lambda: not _unsigned(order))
    assert pauses == [1] * 5


def test_a_coordinator_that_moves_is_waited_for(
    order: Order, broker: PrivateBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Refused, "moves", 2)
    send(broker, order.group, [{"number": 1}], partition=0)
    with _running(order, monkeypatch, 0) as seen:
        _wait_until(lambda: seen.events == [{"number": 1}])
