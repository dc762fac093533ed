"""The private broker: it answers, keeps what it has over kill -9, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from examples.server import ports
from examples.server.broker import PrivateBroker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.streams.conftest import MakeTopic


def _read(servers: str, topic: str, count: int) -> list[str]:
    reader = Consumer({"bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False})
    # Without the group, whose coordinator has to come back too: this is about what was written.
    reader.assign([TopicPartition(topic, 0, 0)])
    try:
        found = reader.consume(count, timeout=120)
        assert all(message.error() is None for message in found), [str(message.error()) for message in found]
        return [(message.value() or b"").decode() for message in found]
    finally:
        reader.close()


def test_it_keeps_a_transaction_over_kill_9(broker: PrivateBroker, topic: MakeTopic) -> None:
    events = topic("events", 1)
    writer = Producer({"bootstrap.servers": broker.servers, "transactional.id": events})
    writer.init_transactions(60)
    for ends in (writer.abort_transaction, writer.commit_transaction):
        writer.begin_transaction()
        writer.produce(events, ends.__name__)
        ends(60)
    # Only then are the marks of its end written where the messages are. Kafka 4.3 that is killed before may never write
    # them (KAFKA-20734): alone, it has no leader for the partition when it comes back, and takes it for deleted.
    assert _read(broker.servers, events, 1) == ["commit_transaction"]
    former = broker.pid
    broker.restart()
    assert broker.pid != former
    assert _read(broker.servers, events, 1) == ["commit_transaction"]


def test_a_port_that_is_taken_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between finding a free port and the broker's using it another program may take it."""
    real = ports.free_ports
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        given = iter([[taken, *real(1)]])
        monkeypatch.setattr("examples.server.broker.free_ports", lambda count: next(given, None) or real(count))
        with PrivateBroker() as broker:
            assert broker.port != taken


def test_nothing_is_left(tmp_path: Path) -> None:
    with PrivateBroker(place=tmp_path) as broker:
        pid = broker.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not any(tmp_path.iterdir())
