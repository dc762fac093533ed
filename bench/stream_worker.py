"""One worker of a stream, as a process: pgscore's, or one that is written by hand around the pickled pipeline.

`python -m bench.stream_worker ours|by-hand BROKERS TOPIC DSN EVENTS PROFILE MESSAGES`: says `begun` after the first
message, and when it has done so many prints, as JSON, for each when it was committed, in seconds since 1970.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.stream.apps import Done
    from pgscore.stream.messages import Message

MODEL_FILE = "PGSCORE_BENCH_PIPELINE"


def _ours(brokers: str, topic: str, dsn: str, events: str, _profile: str, count: int) -> list[float]:
    from pgscore.changes import Stop
    from pgscore.stream.consuming import Consumer
    from pgscore.stream.events import EventTable
    from pgscore.stream.metrics import Metrics
    from pgscore.stream.order import Order

    times: list[float] = []

    class Recorded(Metrics):
        """When messages were committed."""

        def settled(self, taken: int, messages: Sequence[Message], done: Done, seconds: float) -> None:
            """Counts, and ends it when all are done."""
            super().settled(taken, messages, done, seconds)
            times.extend([time.time()] * taken)
            _say_begun(times)
            if len(times) >= count:
                stop.set()

    with Stop() as stop:
        order = Order(dsn, {"bootstrap.servers": brokers}, f"{topic}-ours", [topic])
        Consumer(order, EventTable(events), stop, metrics=Recorded()).run()
    return times


def _by_hand(brokers: str, topic: str, dsn: str, events: str, profile: str, count: int) -> list[float]:
    """As tutorials have it: a message at a time, at least once."""
    import pickle
    from pathlib import Path

    import pandas as pd
    import psycopg2
    from confluent_kafka import Consumer
    from psycopg2.extras import RealDictCursor

    from .attached import COUNTER
    from .customers import declared

    pipeline = pickle.loads(Path(os.environ[MODEL_FILE]).read_bytes())
    names = list(declared())
    move = f"update {profile} set {COUNTER} = {COUNTER} + 1 where id = %s returning *"  # noqa: S608  our own names
    times: list[float] = []
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"{topic}-by-hand",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # After a pause it would say that its group has given it up.
            "log_level": 2,
        }
    )
    consumer.subscribe([topic])
    with closing(psycopg2.connect(dsn)) as connection, closing(consumer):
        while len(times) < count:
            message = consumer.poll(1)
            if message is None or message.error() is not None:
                continue
            customer = json.loads(message.value() or b"")["customer"]
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(f"insert into {events} (customer) values (%s)", (customer,))  # noqa: S608
                cursor.execute(move, (customer,))
                row: Any = cursor.fetchone()
                score = float(pipeline.predict_proba(pd.DataFrame([row], columns=names))[0, 1])
                cursor.execute(f"update {profile} set score = %s, version = 1 where id = %s", (score, customer))  # noqa: S608
            consumer.commit(message=message, asynchronous=True)
            # What was done before it was thrown out of the group may come again, and is done again.
            if (message.offset() or 0) >= len(times):
                times.append(time.time())
            _say_begun(times)
    return times


def _say_begun(times: Sequence[float]) -> None:
    if not _begun:
        _begun.append(times[0])
        print("begun", flush=True)


_begun: list[float] = []
WORKERS = {"ours": _ours, "by-hand": _by_hand}


def main() -> int:
    """Works, and says when."""
    which, brokers, topic, dsn, events, profile, count = sys.argv[1:]
    print(json.dumps(WORKERS[which](brokers, topic, dsn, events, profile, int(count))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
