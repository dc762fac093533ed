"""Messages with their profiles, in another topic: read, joined and written in one transaction of Kafka's.

A message becomes an object of `event`, the message, and `profile`, the row of the profile table as it stood, or null
where there is none. It keeps its key. The offsets of what was read are in the transaction of what is written, so for
readers of committed messages each is there once, whatever is killed.
"""

from __future__ import annotations

import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore.database import connect
from pgscore.errors import BusyError, PgscoreError, UnreachableError

from . import client
from .apps import Done
from .kept import require_topic
from .messages import Dead, Message, Raw, understood
from .metrics import Metrics
from .offsets import Place
from .producing import Record, Transactions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.changes import Stop

    from .messages import Decode
    from .profiles import Profiles

_POLL = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SQLSTATE_DATA = "22"
_OURS = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    "isolation.level": "read_committed",
    "enable.partition.eof": "true",
    "log_level": "0",
}
# A worker that was killed holds up readers for as long as its last transaction may take.
_TRANSACTION_MS = "10000"


@dataclass(frozen=True)
class Enrichment:
    """What is to be enriched, and how.

    Attributes:
        dsn: a connection string.
        settings: of the client of the broker: `client.settings`.
        group: the group of consumers, which share the partitions.
        topics: where messages come from.
        to: where they go.
        decode: what makes an event of a message's bytes; None: they are JSON.
        dead_letters: the topic for messages that nothing can be done with; None: the first one ends it.
        batch: how many messages a transaction has at most.
        rate: how many messages a second are taken at most; None: as many as can be.
        every: seconds between two lines about how far it is; None: none.
        once: whether to end where there is nothing more.
        from_latest: whether a group that is new begins with what comes from now on.
    """

    dsn: str
    settings: Mapping[str, str]
    group: str
    topics: Sequence[str]
    to: str
    decode: Decode | None = None
    dead_letters: str | None = None
    batch: int = 500
    rate: float | None = None
    every: float | None = None
    once: bool = False
    from_latest: bool = False


def enrich(
    order: Enrichment,
    profiles: Profiles,
    *,
    stop: Stop,
    metrics: Metrics | None = None,
    lost: Callable[[str, float], None] = lambda _sentence, _pause: None,
    say: Callable[[str], None] = lambda _sentence: None,
) -> Metrics:
    """Enriches messages until it is told to stop.

    Args:
        order: what is to be enriched.
        profiles: the table that is joined.
        stop: ends it after the batch at which it is.
        metrics: where it counts.
        lost: is told that database or broker was lost, and in how many seconds it begins anew.
        say: is told how far it is.

    Raises:
        UnreachableError: database or broker cannot be reached at the beginning.
        PgscoreError: it cannot go on; what was read and not written is read again.
    """
    done = metrics or Metrics()
    worker = _Worker(order, profiles, stop, done, say)
    pause = _FIRST_PAUSE
    while True:
        before = done.messages
        try:
            worker.run()
        except (UnreachableError, BusyError) as error:
            if not worker.has_begun:
                raise
            # Nothing of the transaction is seen: it is begun anew from what the group has committed.
            pause = _FIRST_PAUSE if done.messages > before else pause
            lost(str(error), pause)
            if not stop.wait(pause):
                return done
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return done


class _Worker:
    def __init__(
        self, order: Enrichment, profiles: Profiles, stop: Stop, done: Metrics, say: Callable[[str], None]
    ) -> None:
        self._order, self._profiles, self._stop, self._done, self._say = order, profiles, stop, done, say
        self._told = self._next = time.monotonic()
        self._kafka = client.confluent()
        self._at_end: dict[tuple[str, int], bool] = {}
        self._moved = False
        self.has_begun = False

    def run(self) -> None:
        """Until it is told to stop, or something is lost."""
        order = self._order
        for topic in (*order.topics, order.to, *([order.dead_letters] if order.dead_letters else [])):
            require_topic(order.settings, topic)
        # Whoever lost its partitions is refused by the group: no two processes need the same name.
        name = f"pgscore.enrich.{order.group}.{uuid.uuid4()}"
        settings = {"transaction.timeout.ms": _TRANSACTION_MS, **order.settings}
        start = "latest" if order.from_latest else "earliest"
        reading = {**order.settings, **_OURS, "group.id": order.group, "auto.offset.reset": start}
        with closing(connect(order.dsn)) as connection:
            self._profiles.begin(connection)
            with closing(Transactions(settings, name)) as producer, closing(self._kafka.Consumer(reading)) as consumer:
                self._at_end.clear()
                consumer.subscribe(list(order.topics), on_assign=self._assigned, on_revoke=self._revoked)
                self.has_begun = True
                while not self._is_to_stop():
                    raws = self._taken(consumer)
                    if raws:
                        self._write(connection, producer, consumer, raws)
                    self._report(consumer)
                    if raws:
                        self._slow_down(len(raws))
                    elif order.once and self._at_end and all(self._at_end.values()):
                        break

    def _is_to_stop(self) -> bool:
        return self._stop.asked

    def _slow_down(self, taken: int) -> None:
        """Waits until so many messages may have been taken; a member of the group that waits is one still."""
        if self._order.rate is not None:
            now = time.monotonic()
            self._next = max(self._next, now) + taken / self._order.rate
            self._stop.wait(self._next - now)

    def _report(self, consumer: Any) -> None:  # noqa: ANN401
        if self._order.every is None or time.monotonic() - self._told < self._order.every:
            return
        self._told = time.monotonic()
        self._done.lag = {}
        for each in consumer.position(consumer.assignment()):
            _, high = consumer.get_watermark_offsets(each, cached=True)
            behind = 0 if self._at_end.get((each.topic, each.partition)) else max(0, high - each.offset)
            self._done.lag[Place(each.topic, each.partition)] = behind if each.offset >= 0 else 0
        self._say(self._done.line())

    def _assigned(self, _consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401
        self._moved = True
        self._at_end = {(each.topic, each.partition): False for each in partitions}

    def _revoked(self, _consumer: Any, _partitions: Sequence[Any]) -> None:  # noqa: ANN401
        self._moved = True
        self._at_end = {}

    def _taken(self, consumer: Any) -> list[Raw]:  # noqa: ANN401
        # What is throttled is taken in pieces of no more than a second.
        most = self._order.batch if self._order.rate is None else min(self._order.batch, max(1, int(self._order.rate)))
        first = consumer.poll(_POLL)
        found = [] if first is None else [first, *(consumer.consume(most - 1, timeout=0) if most > 1 else [])]
        if self._moved:
            # Partitions have come or gone meanwhile, maybe between two of these: read on from what is committed.
            self._moved = False
            if found:
                self._rewind(consumer)
            return []
        raws = []
        for each in found:
            error = each.error()
            if error is None:
                kind, at = each.timestamp()
                known = None if kind == self._kafka.TIMESTAMP_NOT_AVAILABLE else at / 1000
                self._at_end[each.topic(), each.partition()] = False
                headers = tuple(each.headers() or ())
                place = (each.topic(), each.partition(), each.offset())
                raws.append(Raw(*place, each.key(), each.value(), known, headers))
            elif error.code() == self._kafka.KafkaError._PARTITION_EOF:
                self._at_end[each.topic(), each.partition()] = True
            elif error.fatal() or not error.retriable():
                raise client.refusal(error, self._order.settings, each.topic())
        return raws

    def _rewind(self, consumer: Any) -> None:  # noqa: ANN401
        assigned = consumer.assignment()
        if not assigned:
            return
        try:
            for each in consumer.committed(assigned, timeout=30):
                if each.offset < 0:
                    each.offset = self._kafka.OFFSET_END if self._order.from_latest else self._kafka.OFFSET_BEGINNING
                self._at_end[each.topic, each.partition] = False
                consumer.seek(each)
        except self._kafka.KafkaException as error:
            raise UnreachableError(f"the group's offsets cannot be read: {error.args[0].str()}") from None

    def _write(self, connection: Connection, producer: Transactions, consumer: Any, raws: Sequence[Raw]) -> None:  # noqa: ANN401
        began = time.monotonic()
        understandable: list[Message] = []
        dead: list[Dead] = []
        for raw in raws:
            found = understood(raw, self._order.decode)
            if isinstance(found, Dead):
                dead.append(found)
            else:
                understandable.append(found)
        joined = self._joined(connection, understandable, dead)
        if dead and self._order.dead_letters is None:
            raise PgscoreError(
                f"nothing can be done with {dead[0].raw.place}: {dead[0].reason}",
                "--dead-letters TOPIC writes such messages there and goes on.",
            )
        records = [
            Record(self._order.to, message.raw.key, _enriched(message, profile), headers=_kept(message.raw))
            for message, profile in joined
        ]
        records += [_letter(self._order.dead_letters or "", each, self._order.group) for each in dead]
        ends: dict[tuple[str, int], int] = {}
        for raw in raws:
            ends[raw.topic, raw.partition] = raw.offset + 1
        offsets = [self._kafka.TopicPartition(*place, end) for place, end in ends.items()]
        producer.send(records, offsets, consumer.consumer_group_metadata())
        counts = {"written": len(joined), "without_profile": sum(profile is None for _, profile in joined)}
        done = Done(dead=dead, counts=counts)
        self._done.settled(len(raws), [message for message, _ in joined], done, time.monotonic() - began)

    def _joined(
        self, connection: Connection, messages: Sequence[Message], dead: list[Dead]
    ) -> list[tuple[Message, str | None]]:
        """Messages with their profiles, in order; those whose key is no value of the table's are dead."""
        if not messages:
            return []
        try:
            found = self._profiles.of(connection, [each.event for each in messages])
        except PgscoreError as error:
            if not (error.sqlstate or "").startswith(_SQLSTATE_DATA):
                raise
            if len(messages) == 1:
                dead.append(Dead(messages[0].raw, str(error)))
                return []
            middle = len(messages) // 2
            first = self._joined(connection, messages[:middle], dead)
            return first + self._joined(connection, messages[middle:], dead)
        return [(message, found.get(number)) for number, message in enumerate(messages)]


def _enriched(message: Message, profile: str | None) -> bytes:
    # Both are JSON already: no digit is lost on the way.
    return f'{{"event":{message.text},"profile":{profile or "null"}}}'.encode()


def _kept(raw: Raw) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in raw.headers if value is not None]


def _letter(topic: str, dead: Dead, group: str) -> Record:
    raw = dead.raw
    headers = [
        *_kept(raw),
        ("pgscore-reason", dead.reason.encode()),
        ("pgscore-topic", raw.topic.encode()),
        ("pgscore-partition", str(raw.partition).encode()),
        ("pgscore-offset", str(raw.offset).encode()),
        ("pgscore-group", group.encode()),
    ]
    return Record(topic, raw.key, raw.content, headers=headers)
