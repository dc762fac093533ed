"""Sending messages to Kafka, some in a transaction: readers see all of them or none."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Producer

from pgscore.errors import BusyError, PgscoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from confluent_kafka import TopicPartition

# What the client says of itself is for programs that ask for it; errors are raised as sentences.
_log = logging.getLogger("pgscore.kafka")
_log.addHandler(logging.NullHandler())
_FULL_QUEUE_SECONDS = 0.1
# librdkafka's RD_KAFKA_PARTITION_UA: the partitioner chooses.
_ANY = -1
_FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
_REFUSED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._INVALID_ARG,
    }
)


@dataclass(frozen=True)
class Record:
    """A message to be sent.

    Attributes:
        topic: where to.
        key: messages of one key stay in their order; None: any partition.
        value: what it says; None: in a compacted topic the key goes.
        partition: which one; None: by the key, as Kafka's own clients choose it.
        headers: names and values.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = field(default=())


class Transactions:
    """A producer under a name that one process has at a time: the one that begins last takes it over.

    Args:
        settings: of librdkafka's, ``bootstrap.servers`` among them.
        name: what the broker knows it by, its transactional.id.
        seconds: how long to wait for a broker that does not answer.

    Raises:
        UnreachableError: there is no broker that answers.
        PgscoreError: the broker refuses.
    """

    def __init__(self, settings: Mapping[str, Any], name: str, *, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._name = name
        # As Java's clients choose partitions, so that other producers of a topic, and joins by partition, agree.
        ours = {"transactional.id": name, "partitioner": "murmur2_random", "linger.ms": 5, "logger": _log}
        try:
            self._producer = Producer({**ours, **settings})
            # Ends what another process of this name had begun: it is committed or aborted when this returns.
            self._producer.init_transactions(seconds)
        except KafkaException as error:
            raise self._said(error) from None

    def send(
        self, records: Iterable[Record], offsets: Sequence[TopicPartition] = (), group: object | None = None
    ) -> None:
        """Sends messages in one transaction, with the offsets of a consumer group that they were made of.

        Args:
            records: the messages.
            offsets: of each partition the first message that was not read yet.
            group: the consumer's ``consumer_group_metadata()``.

        Raises:
            BusyError: another process has taken the name over; nothing was sent.
            UnreachableError: no broker answers, or it has lost the transaction. Whether it was committed is known when
                a producer of this name has begun anew.
            PgscoreError: a message was refused; none was sent.
        """
        try:
            self._producer.begin_transaction()
            for each in records:
                self._produce(each)
            if offsets:
                self._producer.send_offsets_to_transaction(list(offsets), group, self._seconds)
            self._producer.commit_transaction(self._seconds)
        except KafkaException as error:
            raise self._said(error) from None

    def close(self) -> None:
        """Gives the connections back; what is not committed is never seen."""
        # Waiting for messages of a transaction that nobody will see is in vain; and what is wrong was said.
        with suppress(KafkaException):
            self._producer.purge()
            self._producer.poll(0)

    def _produce(self, record: Record) -> None:
        partition = _ANY if record.partition is None else record.partition
        while True:
            try:
                self._producer.produce(
                    record.topic, record.value, key=record.key, partition=partition, headers=list(record.headers)
                )
            except BufferError:
                self._producer.poll(_FULL_QUEUE_SECONDS)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise _too_large(record) from None
                raise
            else:
                return

    def _said(self, error: KafkaException) -> PgscoreError:
        return as_refusal(error, f'somebody else has begun as "{self._name}"')


def as_refusal(error: KafkaException, fenced: str = "another process has taken over") -> PgscoreError:
    """The sentence of an error of Kafka's."""
    told = error.args[0]
    if not isinstance(told, KafkaError):
        return PgscoreError(f"Kafka: {told}")
    if told.code() in _FENCED:
        return BusyError(
            f"{fenced}, or this process was away for longer than a transaction may take",
            "One at a time goes on under a name, from where the other one was; nothing is lost or sent twice.",
        )
    if told.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return PgscoreError(f"a message is larger than the broker takes: {told.str()}", "See its max.message.bytes.")
    if told.code() in _REFUSED:
        return PgscoreError(f"Kafka refuses: {told.str()}")
    return UnreachableError(f"Kafka cannot be reached, or has lost the transaction: {told.str()}")


def _too_large(record: Record) -> PgscoreError:
    size = len(record.value or b"")
    key = (record.key or b"").decode(errors="replace")
    return PgscoreError(
        f'the message of key "{key[:50]}" for {record.topic} has {size:,} bytes, more than may be sent',
        "Leave columns out, or raise message.max.bytes here and max.message.bytes of the topic.",
    )
