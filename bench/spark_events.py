"""Events/s of `pgscore.spark.stream`, which stores the messages of a topic in an attached event table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from examples.churn.setting import ROOT
from examples.server.broker import PrivateBroker

from . import attached
from .contender import BaselineError
from .figure import Measured
from .models import TREES
from .pairs import spread
from .spark import installed, last_line

if TYPE_CHECKING:
    from .field import Field

_CUSTOMERS = 5000
_PARTITIONS = 2
# Of one batch more than is counted: the first one waits for workers to start.
_BATCH = 10_000
_BATCHES = 6


def rate(field: Field) -> list[Measured]:
    """Events/s from the first commit of a query to its last, on `local[2]`; each event once, counted and scored.

    Raises:
        BaselineError: Spark or Kafka cannot be installed or started.
        NotTheSameError: counters or scores are not what the events say.
    """
    field.ours(TREES)
    runs = field.effort.streams
    with field.server.session() as session, PrivateBroker() as broker:
        pair = attached.make(session, "spark_stream", _CUSTOMERS)
        topics = [_filled(broker, number) for number in range(runs)]
        with attached.attached(session, pair, TREES, "commit"):
            found = _measured(field, broker.servers, pair.events, topics)
            attached.check(session, pair, TREES, scored=True)
    note = f"batches of {_BATCH:,} messages, of {_PARTITIONS} partitions"
    return [Measured(spread(found), "events/s", "into-local[2]", note)]


def _filled(broker: PrivateBroker, number: int) -> str:
    from confluent_kafka import Producer

    topic = f"spark-{number}"
    broker.create(topic, _PARTITIONS)
    broker.create(f"{topic}.dead")
    producer = Producer({"bootstrap.servers": broker.servers})
    for event in range((_BATCHES + 1) * _BATCH):
        customer = 1 + event * 7919 % _CUSTOMERS
        producer.produce(topic, json.dumps({"customer": customer}), partition=event % _PARTITIONS)
        producer.poll(0)
    producer.flush()
    return topic


def _measured(field: Field, servers: str, events: str, topics: list[str]) -> list[float]:
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", "bench.spark_events_session", servers, events, TREES, str(_BATCH), *topics],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": installed(), "PGSCORE_DSN": field.server.dsn},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BaselineError(f"spark: {last_line(done.stderr)}")
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found
