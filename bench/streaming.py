"""Events through Kafka to a score in the profile: one worker of pgscore's, beside one that is written by hand."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from examples.churn.setting import ROOT
from examples.server.broker import PrivateBroker

from . import attached
from .contender import BaselineError
from .figure import Detail, Measured
from .models import TREES, fitted
from .pairs import spread
from .stream_worker import MODEL_FILE, WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .attached import Pair
    from .field import Field

_CUSTOMERS = 5000
_OURS, _BY_HAND = WORKERS
# Messages that are there when a worker begins, for its rate; messages a second, and for how long, for its latency.
_BACKLOG = {_OURS: 20_000, _BY_HAND: 2_000}
_RATES = (100, 1000)
_SECONDS = 15
_MOST = 0.5
# A pause is what came meanwhile, and goes on coming.
_PAUSE, _PAUSE_RATE = 60, 100
_LEVEL = 0.5
_MILLI = 1e3


@dataclass(frozen=True)
class _Run:
    """What a worker did.

    Attributes:
        times: when each message was committed, in their order.
        sent: when each was sent.
    """

    times: list[float]
    sent: list[float]

    @property
    def rate(self) -> float:
        """Messages a second, from the first commit to the last."""
        done = sum(each > self.times[0] for each in self.times)
        return done / (self.times[-1] - self.times[0])

    def latency(self, share: float) -> float:
        """Milliseconds from sending to commit, which so many of the messages took at most; the first is not counted."""
        ages = sorted(done - sent for done, sent in zip(self.times[1:], self.sent[1:], strict=True))
        return _MILLI * ages[min(int(share * len(ages)), len(ages) - 1)]

    def level(self, backlog: int) -> float:
        """Seconds from its first commit until it was as far as the messages that came."""
        for done, sent in zip(self.times[backlog:], self.sent[backlog:], strict=True):
            if done - sent < _LEVEL:
                return done - self.times[0]
        return float("inf")


def rates(field: Field) -> list[Measured]:
    """Events a second of a worker that has a backlog; how long an event takes at several rates; and after a pause.

    Raises:
        BaselineError: Kafka cannot be fetched or started, or a worker ends.
    """
    with _Place(field).ready() as place:
        full = {which: place.run(which, backlog=count) for which, count in _BACKLOG.items()}
        best = {which: run.rate for which, run in full.items()}
        found = [_ratio("events", best, "events/s")]
        for rate in _RATES:
            # Who cannot keep up is asked nevertheless, for fewer seconds: what waits shows.
            runs = {which: place.run(which, rate=rate, seconds=_SECONDS) for which in WORKERS}
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                found.append(_ratio(f"latency-{rate}-{name}", {w: run.latency(share) for w, run in runs.items()}, "ms"))
        most = int(_MOST * best[_OURS])
        busy = place.run(_OURS, rate=most, seconds=_SECONDS)
        found += [
            Measured(spread([busy.latency(share)]), "ms", f"latency-most-{name}", f"at {most:,} events/s")
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ]
        backlog = _PAUSE * _PAUSE_RATE
        late = {
            which: place.run(which, backlog=backlog, rate=_PAUSE_RATE, seconds=3 * _PAUSE // 2).level(backlog)
            for which in WORKERS
        }
        return [*found, _ratio("pause", late, "s until level")]


def _ratio(part: str, values: dict[str, float], unit: str) -> Measured:
    details = [Detail(which, spread([value]), unit) for which, value in values.items()]
    note = ", ".join(f"{which} {value:,.1f} {unit}" for which, value in values.items())
    return Measured(spread([values[_OURS] / values[_BY_HAND]]), part=part, note=note, details=details)


class _Place:
    """A broker, and tables for each of the two."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._number = 0
        self._pairs: dict[str, Pair] = {}
        self._broker = PrivateBroker()

    @contextmanager
    def ready(self) -> Iterator[_Place]:
        """Everything is there meanwhile; at the end pgscore's counters and scores are compared."""
        self._field.ours(TREES)
        file = self._field.key.with_name("pipeline.pickle")
        file.write_bytes(pickle.dumps(fitted(TREES)))
        self._environment = {**os.environ, MODEL_FILE: str(file)}
        with self._field.server.session() as session, self._broker:
            for which in WORKERS:
                self._pairs[which] = attached.make(session, f"stream_{which.replace('-', '_')}", _CUSTOMERS)
            with attached.attached(session, self._pairs[_OURS], TREES, "commit"):
                yield self
                attached.check(session, self._pairs[_OURS], TREES, scored=True)

    def run(self, which: str, *, backlog: int = 0, rate: int = 0, seconds: int = 0) -> _Run:
        """Has a worker do messages: some that are there, and then so many a second."""
        from confluent_kafka import Producer

        self._number += 1
        topic = f"bench-{self._number}"
        self._broker.create(topic)
        producer = Producer({"bootstrap.servers": self._broker.servers, "linger.ms": 0})
        sent: list[float] = []

        def send() -> None:
            customer = 1 + len(sent) * 7919 % _CUSTOMERS
            sent.append(time.time())
            producer.produce(topic, json.dumps({"customer": customer}), key=str(customer))
            producer.poll(0)

        for _ in range(max(backlog, 1)):
            send()
        producer.flush()
        backlog = len(sent)
        pair = self._pairs[which]
        worker = subprocess.Popen(  # noqa: S603  our own module
            [
                *(sys.executable, "-m", "bench.stream_worker", which, self._broker.servers, topic),
                *(self._field.server.dsn, pair.events, pair.profile, str(backlog + rate * seconds)),
            ],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert worker.stdout is not None  # noqa: S101
            if worker.stdout.readline().strip() != "begun":
                raise BaselineError(f"the worker {which} did nothing")
            start = time.monotonic()
            for number in range(rate * seconds):
                left = start + number / rate - time.monotonic()
                if left > 0:
                    time.sleep(left)
                send()
            producer.flush()
            times = json.loads(worker.stdout.readline() or "[]")[: len(sent)]
        finally:
            worker.kill()
            worker.wait()
        if len(times) < len(sent):
            raise BaselineError(f"the worker {which} ended after {len(times)} of {len(sent)} messages")
        return _Run(times, sent)
