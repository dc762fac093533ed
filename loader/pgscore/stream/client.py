"""Clients of a broker: their settings, and what they say as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.errors import NotFoundError, PgscoreError, UnreachableError

from .offsets import Place, Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from confluent_kafka import KafkaError

_PATIENCE = 15.0


def settings(brokers: str, file: Path | None = None) -> dict[str, str]:
    """What clients of a broker are told, under librdkafka's names.

    Args:
        brokers: `host:port`, several with commas.
        file: lines of `name=value`, such as passwords, which are no matter for a command line.

    Raises:
        PgscoreError: the file cannot be read.
    """
    found = {"bootstrap.servers": brokers}
    if file is not None:
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise PgscoreError(f"{file} cannot be read: {error}") from None
        for number, line in enumerate(lines, start=1):
            name, equals, value = line.partition("=")
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if not equals:
                raise PgscoreError(f"line {number} of {file} is no NAME=VALUE", "For example sasl.username=shop.")
            found[name.strip()] = value.strip()
    if not found["bootstrap.servers"]:
        raise PgscoreError("no broker is named", "--brokers HOST:PORT, or PGSCORE_BROKERS.")
    return found


def confluent() -> Any:  # noqa: ANN401
    """The client library.

    Raises:
        PgscoreError: it is not installed.
    """
    try:
        import confluent_kafka
    except ModuleNotFoundError:
        raise PgscoreError(
            "streams need confluent-kafka, which this Python does not have", "pip install 'pgscore[stream]' brings it."
        ) from None
    return confluent_kafka


def topic_ids(
    given: Mapping[str, Any],
    topics: Iterable[str],
    *,
    admin: Any = None,  # noqa: ANN401
    seconds: float = _PATIENCE,
) -> dict[str, str]:
    """What the broker knows topics by.

    Args:
        given: the client's settings.
        topics: their names.
        admin: a client that asks; None: one that is made for it.
        seconds: how long to wait.

    Raises:
        NotFoundError: there is no such topic.
        UnreachableError: no broker answers.
    """
    kafka = confluent()
    from confluent_kafka.admin import AdminClient

    admin = admin or AdminClient({**given, "log_level": 0})
    found = {}
    described = admin.describe_topics(kafka.TopicCollection(list(topics)), request_timeout=seconds)
    for topic, future in described.items():
        try:
            found[topic] = str(future.result().topic_id)
        except kafka.KafkaException as error:
            raise refusal(error.args[0], given, topic) from None
    return found


def ranges(consumer: Any, places: Sequence[Place]) -> dict[Place, Range]:  # noqa: ANN401
    """What the broker has of partitions.

    Raises:
        UnreachableError: no broker answers.
    """
    kafka = confluent()
    found = {}
    for place in places:
        try:
            low, high = consumer.get_watermark_offsets(kafka.TopicPartition(*place), timeout=_PATIENCE, cached=False)
        except kafka.KafkaException as error:
            raise refusal(error.args[0], {}, place.topic) from None
        found[place] = Range(low, high)
    return found


def refusal(error: KafkaError, given: Mapping[str, Any], topic: str | None = None) -> PgscoreError:
    """An error of a client's as a sentence."""
    kafka = confluent()
    code, where = error.code(), given.get("bootstrap.servers", "the broker")
    if code in (kafka.KafkaError.UNKNOWN_TOPIC_OR_PART, kafka.KafkaError._UNKNOWN_TOPIC):
        return NotFoundError(f"the broker has no topic {topic}", "kafka-topics --create makes one.")
    if code in (kafka.KafkaError._TRANSPORT, kafka.KafkaError._ALL_BROKERS_DOWN, kafka.KafkaError._TIMED_OUT,
                kafka.KafkaError._RESOLVE):  # fmt: skip
        return UnreachableError(f"no broker answers at {where}", "Is it running, and is the address right?")
    if code in (kafka.KafkaError.NOT_COORDINATOR, kafka.KafkaError.COORDINATOR_NOT_AVAILABLE,
                kafka.KafkaError.COORDINATOR_LOAD_IN_PROGRESS, kafka.KafkaError.NOT_LEADER_FOR_PARTITION,
                kafka.KafkaError.LEADER_NOT_AVAILABLE):  # fmt: skip
        return UnreachableError(f"another broker takes over at {where}: {error.str()}")
    return PgscoreError(f"the broker refuses{f' topic {topic}' if topic else ''}: {error.str()}")
