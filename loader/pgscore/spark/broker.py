"""What Kafka says of topics, by the client that Spark's connector brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.errors import NotFoundError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark import SparkContext

_PATIENCE_MS = "30000"


class Topic(NamedTuple):
    """A topic.

    Attributes:
        identifier: what the broker knows it by: one that is made anew under the same name has another.
        partitions: their numbers.
    """

    identifier: str
    partitions: tuple[int, ...]


def find_topics(context: SparkContext, topics: Sequence[str], kafka: Mapping[str, str]) -> dict[str, Topic]:
    """Asks the broker for topics.

    Args:
        context: the session's.
        topics: their names.
        kafka: options of Spark's source, which begin with ``kafka.``.

    Raises:
        NotFoundError: there is no such topic.
        PgscoreError: the broker does not answer, or Spark has no connector for Kafka.
    """
    from py4j.protocol import Py4JJavaError

    jvm: Any = context._jvm
    admin = _client(jvm, kafka)
    try:
        listed = jvm.java.util.ArrayList()
        for name in topics:
            listed.add(name)
        found = admin.describeTopics(listed).allTopicNames().get()
        return {
            name: Topic(
                str(found.get(name).topicId().toString()),
                tuple(sorted(int(each.partition()) for each in found.get(name).partitions())),
            )
            for name in topics
        }
    except Py4JJavaError as error:
        said = _said(error)
        if "UnknownTopicOrPartition" in str(error.java_exception.toString()):
            raise NotFoundError(
                f"there is none of the topics {', '.join(topics)}, or one of them is not there"
                if len(topics) > 1
                else f"there is no topic {topics[0]}"
            ) from None
        raise PgscoreError(f"Kafka cannot be asked for topics: {said}") from None
    finally:
        admin.close()


def _client(jvm: Any, kafka: Mapping[str, str]) -> Any:  # noqa: ANN401
    """What asks brokers, in Spark's own Java; it has to be closed."""
    from py4j.protocol import Py4JError, Py4JJavaError

    properties = jvm.java.util.Properties()
    for name, value in {"default.api.timeout.ms": _PATIENCE_MS, "request.timeout.ms": _PATIENCE_MS}.items():
        properties.setProperty(name, value)
    for name, value in kafka.items():
        properties.setProperty(name.removeprefix("kafka."), value)
    try:
        return jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
    except Py4JJavaError as error:
        raise PgscoreError(f"Kafka cannot be asked for topics: {_said(error)}") from None
    except (Py4JError, TypeError):
        # No class of that name: it is a package for all that Python knows.
        raise PgscoreError(
            "Spark has no connector for Kafka",
            "Start it with --packages org.apache.spark:spark-sql-kafka-0-10_2.13:VERSION, of Spark's own version, or"
            " with these jars in spark.jars.",
        ) from None


def _said(error: Any) -> str:  # noqa: ANN401
    thrown = error.java_exception
    while thrown.getCause() is not None:
        thrown = thrown.getCause()
    return " ".join(str(thrown.getMessage() or thrown.toString()).split())
