"""A streaming query of the shop's events, and what is sent to it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pgscore.spark
from confluent_kafka import Consumer, Producer

from tests.bindings import shop

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database, Session

# Without `last`, of which a profile alone does not tell whether an event is later.
REDUCERS = shop.REDUCERS[:7]
DEFINITION: dict[str, Any] = {
    "profile": shop.PROFILE,
    "event_key": ["Customer Id"],
    "profile_key": ["id"],
    "event_columns": {
        "Customer Id": "bigint",
        "Kind": "text",
        "rush": "boolean not null",
        "amount": "numeric",
        "pieces": "integer",
        "weight": "double precision",
        "at": "integer",
    },
    "reducers": REDUCERS,
    "score": "Score",
    "version": "Version",
}
PROFILES = 20
_KINDS = ("billing", "coverage", None)


def events(count: int, first: int = 1) -> list[dict[str, Any]]:
    """Events of the shop's, the same ones for the same numbers."""
    found = []
    for number in range(first, first + count):
        draw = random.Random(number)  # noqa: S311
        found.append(
            {
                "id": number,
                "Customer Id": draw.randint(1, PROFILES),
                "Kind": draw.choice(_KINDS),
                "rush": draw.random() < 0.5,
                "amount": draw.randint(-999, 999) / 100,
                "pieces": draw.choice((None, 1, 2)),
                "weight": draw.random(),
                "at": draw.randint(0, 99),
                "more": "is no column",
            }
        )
    return found


def send(broker: PrivateBroker, topic: str, values: Iterable[Any]) -> None:
    """Writes messages, those of one customer to one partition."""
    producer = Producer({"bootstrap.servers": broker.servers, "enable.idempotence": True})
    for value in values:
        key = str(value["Customer Id"]) if isinstance(value, dict) else "?"
        content = value if isinstance(value, bytes | None) else json.dumps(value).encode()
        producer.produce(topic, content, key)
    producer.flush(60)


def dead_letters(broker: PrivateBroker, topic: str, count: int) -> list[tuple[bytes | None, dict[str, str]]]:
    """Values and headers of so many messages."""
    reader = Consumer({"bootstrap.servers": broker.servers, "group.id": topic, "auto.offset.reset": "earliest"})
    reader.subscribe([topic])
    try:
        found = reader.consume(count, timeout=60)
        assert not reader.consume(1, timeout=1)
    finally:
        reader.close()
    return [(each.value(), {name: bytes(value).decode() for name, value in _headers(each)}) for each in found]


def _headers(message: Any) -> list[tuple[str, bytes]]:  # noqa: ANN401
    return message.headers() or []


class Stream:
    """A query, its topics and its checkpoint."""

    def __init__(
        self, spark: SparkSession, broker: PrivateBroker, topic: MakeTopic, shopping: Database, place: Path
    ) -> None:
        self.broker, self.place = broker, place
        self.events, self.dead = topic("events", 2), topic("dead")
        self.session: Session = shopping.session()
        self.spark = spark
        self.given: dict[str, Any] = {
            "dsn": shopping.dsn(shop.OWNER),
            "model": "shop",
            "brokers": broker.servers,
            "topics": [self.events],
            "group": "shop",
            "checkpoint": str(place / "checkpoint"),
            "dead_letters": self.dead,
            "until_now": True,
        }

    def options(self, into: str) -> dict[str, Any]:
        """What it is asked for, to store events or to move profiles."""
        if into == "events":
            return self.given | {"into": shop.EVENTS}
        # It would move the same columns.
        if self.session.value("select exists (select from pgscore.binding where model = 'shop')"):
            shop.detach(self.session)
        return self.given | {"definition": DEFINITION}

    def run(self, into: str, **options: Any) -> list[pgscore.spark.Batch]:  # noqa: ANN401
        """Runs the query until now."""
        batches: list[pgscore.spark.Batch] = []
        given = {"on_batch": batches.append} | self.options(into) | options
        query = pgscore.spark.stream(self.spark, **given)
        try:
            query.awaitTermination()
        finally:
            query.stop()
        return batches

    def send(self, values: Iterable[Any]) -> None:
        """Writes messages to its topic."""
        send(self.broker, self.events, values)

    def assert_right(self, into: str, found: Iterable[dict[str, Any]], *, profiles: int = PROFILES) -> None:
        """Holds that the events are those that moved the profiles, each once."""
        if into == "profile":
            assert self.session.value(f"select count(*) from {shop.EVENTS}") == 0
            self.session.run("set session_replication_role = replica")
            self.session.run(
                f"insert into {shop.EVENTS} select e.* from jsonb_array_elements(%s) j,"
                f" jsonb_populate_record(null::{shop.EVENTS}, j) e",
                json.dumps(list(found)),
            )
            self.session.run("set session_replication_role = origin")
        else:
            assert self.session.value(f"select count(*) from {shop.EVENTS}") == len(list(found))
        # Where nothing is attached there is no queue.
        assert shop.assert_right(self.session, reducers=7, in_flight=into == "profile") == profiles
        if into == "profile":
            self.session.run("set session_replication_role = replica")
            self.session.run(f"delete from {shop.EVENTS}")
            self.session.run("set session_replication_role = origin")
