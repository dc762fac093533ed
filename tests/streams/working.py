"""Workers of streams as processes, and the messages that they are given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.support.command import environment
from tests.support.database import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from examples.server.broker import PrivateBroker
    from tests.support.database import Database, Session

PATIENCE = 90.0
LOGIN = "test_stream"
EVENTS = "churn.complaints"
COUNTER = "number_customer_service_calls"
# A dead member is missed soon.
SETTINGS = {"session.timeout.ms": "1500", "heartbeat.interval.ms": "300", "reconnect.backoff.max.ms": "500"}


def grant(database: Database) -> str:
    """Makes a login that may insert complaints and nothing else; its connection string."""
    session = database.session()
    if session.value("select to_regrole(%s)", LOGIN) is None:
        session.run(f"create role {LOGIN} login password '{PASSWORD}'; grant pgscore_reader to {LOGIN}")
    session.run(f"grant usage on schema churn to {LOGIN}; grant insert on {EVENTS} to {LOGIN}")
    session.close()
    return database.dsn(LOGIN)


def send(
    broker: PrivateBroker, topic: str, events: Iterable[Any], *, partition: int | None = None, key: str | None = None
) -> None:
    """Writes messages: bytes as they are, anything else as JSON, by customer_id where it has one."""
    producer = Producer({"bootstrap.servers": broker.servers, "linger.ms": "5"})
    for event in events:
        content = event if isinstance(event, bytes | None) else json.dumps(event).encode()
        named = key if key is not None or not isinstance(event, dict) else str(event.get("customer_id"))
        producer.produce(topic, content, named, partition=-1 if partition is None else partition)
    assert producer.flush(PATIENCE) == 0


def complaints(count: int, customers: int = 60) -> list[dict[str, Any]]:
    """Events for customers in turn."""
    return [{"customer_id": 1 + n % customers, "kind": "billing", "body": str(n)} for n in range(count)]


def read(broker: PrivateBroker, topic: str, count: int) -> list[Any]:
    """The first messages of a topic of one partition."""
    consumer = Consumer({"bootstrap.servers": broker.servers, "group.id": "none", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        found = consumer.consume(count, timeout=PATIENCE)
    finally:
        consumer.close()
    assert all(each.error() is None for each in found)
    return list(found)


class Worker:
    """A process of `pgscore stream …`, whose steps can be waited for."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.streams.worker", *command],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip())

    def wait_for(self, text: str) -> None:
        """Returns when it has said something."""
        deadline = time.monotonic() + PATIENCE
        while not any(text in line for line in self.lines):
            assert self._process.poll() is None or any(text in line for line in self.lines), self.lines
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def end(self, expect: int = 0) -> str:
        """Waits for its end, and holds its exit code; what it has printed."""
        assert self._process.stdout is not None
        # One document, which fits into the pipe.
        code = self._process.wait(timeout=PATIENCE)
        self._reader.join()
        assert code == expect, (code, self.lines)
        return self._process.stdout.read()

    def stop(self, expect: int = 0) -> str:
        """Asks it to end."""
        self.signal(signal.SIGTERM)
        return self.end(expect)

    def kill(self) -> None:
        """Ends it the hard way, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


class Streams:
    """What starts workers against a broker and a database."""

    def __init__(self, broker: PrivateBroker, dsn: str, folder: Path) -> None:
        self.broker, self.dsn = broker, dsn
        self._settings = folder / "kafka.properties"
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
        self._workers: list[Worker] = []
        self.definition = folder / "definition.json"

    def straightly(self, topic: str) -> list[str]:
        """The arguments of a worker that goes straight to profiles."""
        return ["predict", "churn", "--topic", topic, "--definition", str(self.definition)]

    def straight(self, topic: str, *arguments: str, expect: int = 0) -> Any:  # noqa: ANN401
        """Has a worker do what is there, straight to profiles; what it says at its end."""
        worker = self.start(*self.straightly(topic), "--once", "--json", *arguments)
        printed = worker.end(expect)
        return json.loads(printed if expect == 0 else worker.lines[-1])

    def start(
        self, *arguments: str, kill: str | None = None, stop: str | None = None, dsn: str | None = None, **more: str
    ) -> Worker:
        """Starts `pgscore stream …`."""
        variables = {
            **environment(dsn or self.dsn),
            "PGSCORE_BROKERS": self.broker.servers,
            **({} if kill is None else {"PGSCORE_TEST_KILL": kill}),
            **({} if stop is None else {"PGSCORE_TEST_STOP": stop}),
            **more,
        }
        worker = Worker(["stream", *arguments, "--kafka-settings", str(self._settings)], variables)
        self._workers.append(worker)
        return worker

    def predict(self, topic: str, *arguments: str, **options: Any) -> Worker:  # noqa: ANN401
        """Starts `pgscore stream predict churn` into the event table."""
        return self.start("predict", "churn", "--topic", topic, "--into", EVENTS, *arguments, **options)

    def run(self, topic: str, *arguments: str, expect: int = 0, **options: Any) -> Any:  # noqa: ANN401
        """Has a worker do what is there; what it says at its end."""
        worker = self.predict(topic, "--once", "--json", *arguments, **options)
        printed = worker.end(expect)
        return json.loads(printed if expect == 0 else worker.lines[-1])

    def close(self) -> None:
        """Ends all workers."""
        for each in self._workers:
            each.kill()


@contextmanager
def streams(broker: PrivateBroker, dsn: str, folder: Path) -> Iterator[Streams]:
    """Workers that are ended with the block."""
    made = Streams(broker, dsn, folder)
    try:
        yield made
    finally:
        made.close()


def offsets(session: Session, topic: str) -> dict[int, int]:
    """How far a topic's partitions are."""
    return dict(session.run("select partition, next_offset from pgscore.stream_offset where topic = %s", topic))


def is_running(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
