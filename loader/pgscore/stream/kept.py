"""Positions that are kept in Kafka: in a compacted topic, and written in the transaction whose messages they count."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from pgscore.errors import NotFoundError, PgscoreError, UnreachableError

from .producing import Record, as_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

# All positions stand in it: it is small, since of each name the last one stays.
_PARTITION = 0
_READ_SECONDS = 0.5
_AGAIN = 0.1
_OPEN = (
    "It ends by itself; where it does not, a broker was killed and has left it behind: kafka-transactions.sh"
    " find-hanging lists such ones, and docs/guide/stream.md says what to do."
)
_NOT_YET = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)


class KeptInTopic:
    """The position of one name, in a topic.

    Args:
        settings: of librdkafka's, ``bootstrap.servers`` among them.
        topic: the topic; it is made where it is not there.
        name: whose position it is.
        seconds: how long to wait for a broker that does not answer.
    """

    def __init__(self, settings: Mapping[str, Any], topic: str, name: str, *, seconds: float = 30.0) -> None:
        self._settings = {**settings, "log_level": 2}
        self._topic, self._name, self._seconds = topic, name, seconds

    def record(self, position: str) -> Record:
        """The message that keeps a position."""
        return Record(self._topic, self._name.encode(), position.encode(), _PARTITION)

    def load(self) -> str | None:
        """The position; None: there is none yet. Asked for when no other process can still move it.

        Raises:
            UnreachableError: there is no broker that answers.
            PgscoreError: the topic cannot be made, or would forget.
        """
        try:
            self._have_topic()
            return self._last()
        except KafkaException as error:
            raise as_refusal(error) from None

    def _have_topic(self) -> None:
        admin = AdminClient(self._settings)
        if self._topic not in admin.list_topics(timeout=self._seconds).topics:
            topic = NewTopic(self._topic, 1, -1, config={"cleanup.policy": "compact"})
            try:
                admin.create_topics([topic])[self._topic].result(self._seconds)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        asked = ConfigResource(ResourceType.TOPIC, self._topic)
        described = self._soon(lambda: admin.describe_configs([asked])[asked].result(self._seconds))
        policy = described["cleanup.policy"].value
        if policy != "compact":
            raise PgscoreError(
                f"topic {self._topic} has cleanup.policy {policy}, and would forget how far publishing has come",
                "Its cleanup.policy has to be compact; or name another topic for positions.",
            )

    def _soon(self, ask: Callable[[], T]) -> T:
        """Asks again while brokers have not heard yet of a topic that was made."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].code() not in _NOT_YET or time.monotonic() > until:
                    raise
            time.sleep(_AGAIN)

    def _last(self) -> str | None:
        found: str | None = None
        partition = TopicPartition(self._topic, _PARTITION, 0)
        with closing(Consumer(self._reading("read_uncommitted"))) as looker:
            _, end = self._soon(lambda: looker.get_watermark_offsets(partition, timeout=self._seconds))
        if not end:
            return None
        with closing(Consumer(self._reading("read_committed"))) as reader:
            reader.assign([partition])
            until = time.monotonic() + self._seconds
            # Another name's transaction that is open holds up what comes behind it: it ends, or times out.
            while True:
                message = reader.poll(_READ_SECONDS)
                if message is None:
                    if time.monotonic() > until:
                        raise UnreachableError(
                            f"topic {self._topic} cannot be read to its end: a transaction is open", _OPEN
                        )
                    continue
                error = message.error()
                if error is None:
                    if message.key() == self._name.encode():
                        found = (message.value() or b"").decode() or None
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                elif (message.offset() or 0) >= end:
                    return found

    def _reading(self, isolation: str) -> dict[str, Any]:
        return {
            **self._settings,
            # Of no group: nothing of it is kept. librdkafka wants a name nevertheless.
            "group.id": f"{self._name}.position",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
        }


def require_topic(settings: Mapping[str, Any], topic: str, seconds: float = 30.0) -> None:
    """Refuses where a topic is not there: one that is made by the way has one partition, and is of nobody's choosing.

    Raises:
        NotFoundError: there is no such topic.
        UnreachableError: there is no broker that answers.
    """
    try:
        known = AdminClient({**settings, "log_level": 2}).list_topics(timeout=seconds).topics
    except KafkaException as error:
        raise as_refusal(error) from None
    if topic not in known:
        raise NotFoundError(
            f"there is no topic {topic}",
            "Make it with as many partitions as workers may ever read it: kafka-topics.sh --create --topic … "
            "--partitions 12",
        )
