"""Where streams are measured: a broker, tables for each worker, and workers that are given messages."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from examples.churn.setting import ROOT
from examples.server.broker import PrivateBroker

from . import attached
from .contender import BaselineError
from .models import TREES, fitted
from .stream_worker import MODEL_FILE, WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .attached import Pair
    from .field import Field

WARM = 3.0
"""Seconds for which a worker warms up: a session's first rows have Python started, and functions planned."""
_CUSTOMERS = 5000
_LEVEL = 0.5
_MILLI = 1e3


@dataclass(frozen=True)
class Phase:
    """Messages that come evenly.

    Attributes:
        rate: how many a second.
        seconds: for how long.
        stopped: whether the worker is stopped meanwhile, as by SIGSTOP.
    """

    rate: int
    seconds: float
    stopped: bool = False


@dataclass(frozen=True)
class Run:
    """What a worker did, in the order of its messages; times are seconds since 1970.

    Attributes:
        times: when each message was committed.
        sent: when each was sent.
        resumed: when it was let go on after the last time that it was stopped; 0 where it never was.
    """

    times: list[float]
    sent: list[float]
    resumed: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second, from the first commit to the last."""
        done = sum(each > self.times[0] for each in self.times)
        return done / (self.times[-1] - self.times[0])

    def latency(self, share: float) -> float:
        """Milliseconds from sending to commit, which so many of the messages took at most, once it has warmed up."""
        ages = sorted(age for age, is_first in self._ages() if not is_first)
        return _MILLI * ages[min(int(share * len(ages)), len(ages) - 1)]

    @property
    def slowest_first(self) -> float:
        """Milliseconds that the slowest message took while it warmed up; the very first is not counted."""
        return _MILLI * max(age for age, is_first in self._ages() if is_first)

    def _ages(self) -> list[tuple[float, bool]]:
        warm = self.sent[1] + WARM
        pairs = zip(self.times[1:], self.sent[1:], strict=True)
        return [(done - sent, sent < warm) for done, sent in pairs]

    @property
    def level(self) -> float:
        """Seconds after a pause until a message that came meanwhile or later was committed within half a second."""
        for done, sent in zip(self.times, self.sent, strict=True):
            if done > self.resumed and done - sent < _LEVEL:
                return done - self.resumed
        return float("inf")

    @property
    def followed(self) -> float:
        """Seconds for which messages came after a pause."""
        return self.sent[-1] - self.resumed

    @property
    def worst_lag(self) -> int:
        """How many messages were sent and not committed, where there were most."""
        worst = came = 0
        for number, done in enumerate(self.times):
            while came < len(self.sent) and self.sent[came] <= done:
                came += 1
            worst = max(worst, came - number)
        return worst


class Place:
    """A broker, and tables for each of the two workers; several may run at once."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._numbers = count(1)
        self._pairs: dict[str, Pair] = {}
        self._broker = PrivateBroker()

    @contextmanager
    def ready(self) -> Iterator[Place]:
        """Everything is there meanwhile; at the end pgscore's counters and scores are compared."""
        self._field.ours(TREES)
        file = self._field.key.with_name("pipeline.pickle")
        file.write_bytes(pickle.dumps(fitted(TREES)))
        self._environment = {**os.environ, MODEL_FILE: str(file)}
        with self._field.server.session() as session, self._broker:
            for which in WORKERS:
                self._pairs[which] = attached.make(session, f"stream_{which.replace('-', '_')}", _CUSTOMERS)
            with attached.attached(session, self._pairs["ours"], TREES, "commit"):
                yield self
                attached.check(session, self._pairs["ours"], TREES, scored=True)

    def run(self, which: str, *phases: Phase, backlog: int = 1, linger: int = 0) -> Run:
        """Has a worker do messages: some that are there when it begins, and then those of each phase.

        Args:
            which: the worker.
            phases: what comes, one after the other.
            backlog: how many messages are there.
            linger: for so many ms the producer waits for more to send at once.

        Raises:
            BaselineError: the worker ends before it has done them.
        """
        sender = _Sender(self._broker, f"bench-{next(self._numbers)}", linger)
        for _ in range(backlog):
            sender.send()
        sender.flush()
        total = backlog + sum(round(each.rate * each.seconds) for each in phases)
        worker = self._start(which, sender.topic, total)
        resumed = 0.0
        try:
            assert worker.stdout is not None  # noqa: S101
            if worker.stdout.readline().strip() != "begun":
                raise BaselineError(f"the worker {which} did nothing")
            for each in phases:
                if each.stopped:
                    worker.send_signal(signal.SIGSTOP)
                sender.send_evenly(each)
                if each.stopped:
                    resumed = time.time()
                    worker.send_signal(signal.SIGCONT)
            sender.flush()
            times = json.loads(worker.stdout.readline() or "[]")[:total]
        finally:
            worker.kill()
            worker.wait()
        if len(times) < total:
            raise BaselineError(f"the worker {which} ended after {len(times)} of {total} messages")
        return Run(times, sender.sent, resumed)

    def _start(self, which: str, topic: str, total: int) -> subprocess.Popen[str]:
        pair = self._pairs[which]
        return subprocess.Popen(  # noqa: S603  our own module
            [
                *(sys.executable, "-m", "bench.stream_worker", which, self._broker.servers, topic),
                *(self._field.server.dsn, pair.events, pair.profile, str(total)),
            ],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )


class _Sender:
    """Sends messages to a topic of one partition, and remembers when."""

    def __init__(self, broker: PrivateBroker, topic: str, linger: int) -> None:
        from confluent_kafka import Producer

        broker.create(topic)
        self.topic = topic
        self.sent: list[float] = []
        self._producer = Producer({"bootstrap.servers": broker.servers, "linger.ms": linger})

    def send(self) -> None:
        customer = 1 + len(self.sent) * 7919 % _CUSTOMERS
        self.sent.append(time.time())
        self._producer.produce(self.topic, json.dumps({"customer": customer}), key=str(customer))
        self._producer.poll(0)

    def send_evenly(self, phase: Phase) -> None:
        start = time.monotonic()
        for number in range(round(phase.rate * phase.seconds)):
            left = start + number / phase.rate - time.monotonic()
            if left > 0:
                time.sleep(left)
            self.send()

    def flush(self) -> None:
        self._producer.flush()
