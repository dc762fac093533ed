"""Publishing: from a source in the database to a topic, each event once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore.database import connect
from pgscore.errors import UnreachableError

from .kept import KeptInTopic, require_topic
from .producing import Record, Transactions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.changes import Stop

    from .source import Batch, Source

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_BATCH = 500


@dataclass(frozen=True)
class Publication:
    """What was published.

    Attributes:
        source: where from.
        topic: where to.
        messages: how many.
    """

    source: str
    topic: str
    messages: int


def publish_events(
    dsn: str,
    source: Source,
    topic: str,
    settings: Mapping[str, Any],
    *,
    stop: Stop,
    name: str | None = None,
    positions: str | None = None,
    from_now: bool = False,
    once: bool = False,
    interval: float = 0.25,
    batch: int = _BATCH,
    lost: Callable[[str, float], None] = lambda _sentence, _pause: None,
    sent: Callable[[int], None] = lambda _messages: None,
) -> Publication:
    """Sends what a source has, and what comes, each event once and those of one key in order.

    Messages of a batch and the position behind them are one transaction of Kafka's. Who begins under a name ends what
    another process of that name had begun, which can send nothing any more; then it reads the position. So whatever is
    killed, and however many are started, nothing is sent twice to readers of committed messages, and nothing left out.

    Args:
        dsn: a connection string.
        source: where events come from.
        topic: where messages go to; it is there.
        settings: of librdkafka's, ``bootstrap.servers`` among them.
        stop: ends it, after the batch at which it is.
        name: under which one process publishes at a time, and whose position is kept; without it made of both ends.
        positions: the topic that keeps positions; without it ``TOPIC.positions``.
        from_now: whether a new name begins with what comes, and not with what is there.
        once: whether to end where there is nothing more.
        interval: seconds between two looks for more.
        batch: how many messages a transaction has at most.
        lost: is told that the database or Kafka was lost, and in how many seconds it begins anew.
        sent: is told after each batch how many messages there were since the call.

    Raises:
        UnreachableError: the database or Kafka cannot be reached at the beginning.
        BusyError: another process has begun under the name.
        PgscoreError: the source, the topic or a message is refused.
    """
    run = _Run(dsn, source, topic, settings, stop, name, positions or f"{topic}.positions", batch, sent)
    pause = _FIRST_PAUSE
    while True:
        before = run.messages
        try:
            run.go(from_now=from_now, once=once, interval=interval)
        except UnreachableError as error:
            if not run.has_begun:
                raise
            pause = _FIRST_PAUSE if run.messages > before else pause
            lost(str(error), pause)
            if not stop.wait(pause):
                break
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            break
    return Publication(source.name, topic, run.messages)


class _Run:
    """A publication under way; what it has outlives connections."""

    def __init__(
        self,
        dsn: str,
        source: Source,
        topic: str,
        settings: Mapping[str, Any],
        stop: Stop,
        name: str | None,
        positions: str,
        batch: int,
        sent: Callable[[int], None],
    ) -> None:
        self._dsn, self._source, self._topic, self._settings = dsn, source, topic, settings
        self._stop, self._name, self._positions, self._batch, self._sent = stop, name, positions, batch, sent
        self.messages = 0
        self.has_begun = False

    def go(self, *, from_now: bool, once: bool, interval: float) -> None:
        require_topic(self._settings, self._topic)
        with closing(connect(self._dsn)) as connection:
            self._source.look(connection)
            with closing(Transactions(self._settings, self.name)) as producer:
                self._publish(connection, producer, from_now=from_now, once=once, interval=interval)

    @property
    def name(self) -> str:
        """What producer and position are called."""
        return self._name or f"pgscore.publish.{self._source.name}.{self._topic}"

    def _publish(
        self, connection: Connection, producer: Transactions, *, from_now: bool, once: bool, interval: float
    ) -> None:
        kept = KeptInTopic(self._settings, self._positions, self.name)
        # Only now that the producer has begun: nobody else can move it any more.
        stored = kept.load()
        position = self._source.begin(connection, stored, from_now=from_now)
        if stored is None:
            producer.send([kept.record(position)])
        self.has_begun = True
        while not self._is_to_stop():
            some = False
            for batch in self._source.batches(connection, position, self._batch):
                if batch.events:
                    producer.send([*self._messages(batch), kept.record(batch.position)])
                    self.messages += len(batch.events)
                    self._sent(self.messages)
                    some = True
                position = batch.position
                if self._is_to_stop():
                    break
            if not some and (once or not self._stop.wait(interval)):
                break

    def _is_to_stop(self) -> bool:
        return self._stop.asked

    def _messages(self, batch: Batch) -> list[Record]:
        return [
            Record(self._topic, None if each.key is None else each.key.encode(), each.value.encode())
            for each in batch.events
        ]
