"""The command as a process of its own, steered by steps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition

from tests.support.command import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0


class Process:
    """A command that runs."""

    def __init__(self, started: subprocess.Popen[str]) -> None:
        self._started = started

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._started.poll() is None

    def paused(self) -> None:
        """Returns when it has come to its step."""
        assert self._started.stdout is not None
        said = self._started.stdout.readline()
        assert said.startswith("paused "), said + (self._started.stderr.read() if self._started.stderr else "")

    def go_on(self) -> None:
        """Tells it to go on."""
        assert self._started.stdin is not None
        self._started.stdin.write("\n")
        self._started.stdin.flush()

    def kill(self) -> None:
        """As kill -9 does."""
        self._started.kill()
        self._started.wait()

    def terminate(self) -> None:
        """Asks it to end."""
        self._started.send_signal(signal.SIGTERM)

    def stopped(self) -> None:
        """Has it stand still, as a machine that swaps does."""
        self._started.send_signal(signal.SIGSTOP)

    def continued(self) -> None:
        """Has it go on after that."""
        self._started.send_signal(signal.SIGCONT)

    def ended(self) -> tuple[int, str, str]:
        """Its exit code, and what it said, when it has ended."""
        out, err = self._started.communicate(timeout=_PATIENCE)
        return self._started.returncode, out, err


@contextmanager
def running(dsn: str, *arguments: str, pause: tuple[str, int] | None = None) -> Iterator[Process]:
    """Runs the command meanwhile; with a pause it stops at a step, at the time that the number says."""
    command = (
        [str(COMMAND)] if pause is None else [sys.executable, "-m", "tests.streams.paused", pause[0], str(pause[1])]
    )
    started = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env=environment(dsn),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Process(started)
    finally:
        started.kill()
        started.communicate()


def messages(servers: str, topic: str, *, isolation: str = "read_committed") -> list[Message]:
    """What a topic holds for readers of committed messages, partition by partition, up to where it ends now."""
    reader = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "test",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": isolation,
        }
    )
    found: list[Message] = []
    try:
        partitions = sorted(reader.list_topics(topic, timeout=_PATIENCE).topics[topic].partitions)
        for partition in partitions:
            reader.assign([TopicPartition(topic, partition, 0)])
            while True:
                message = reader.poll(_PATIENCE)
                assert message is not None, f"nothing of {topic}"
                if message.error() is not None:
                    break
                found.append(message)
    finally:
        reader.close()
    return found


def values(servers: str, topic: str) -> list[dict[str, Any]]:
    """The messages' values, as objects."""
    return [json.loads(message.value() or b"") for message in messages(servers, topic)]
