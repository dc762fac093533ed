"""Kafka's messages through Spark Structured Streaming, each once, into the event table or straight into profiles."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError
from pgscore.stream.definition import read_definition
from pgscore.stream.offsets import Place

from .broker import find_topics
from .plan import Batch, Plan
from .session import check_session, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

    from pgscore.keys import PublicKey
    from pgscore.stream.messages import Decode

    from .broker import Topic
    from .positions import Offsets

__all__ = ["Batch", "stream"]

_EARLIEST = -2
# What the query itself says, since what is stored depends on it.
_OWN = ("subscribe", "assign", "subscribepattern", "kafka.bootstrap.servers", "startingoffsets", "maxoffsetspertrigger")
_OWN_LATER = ("includeheaders", "startingtimestamp", "startingoffsetsbytimestamp", "kafka.group.id", "topic")


def _no_batch(_: Batch) -> None:
    """Nobody is told."""


def stream(
    spark: SparkSession,
    dsn: str,
    model: str,
    *,
    brokers: str,
    topics: Sequence[str],
    group: str,
    checkpoint: Path | str,
    dead_letters: str,
    into: str | None = None,
    definition: Path | str | Mapping[str, Any] | None = None,
    decode: Decode | None = None,
    batch: int = 10_000,
    every: str | None = None,
    until_now: bool = False,
    options: Mapping[str, str] | None = None,
    trusted: Sequence[PublicKey | Path | str] = (),
    on_batch: Callable[[Batch], None] = _no_batch,
) -> StreamingQuery:
    """Starts a streaming query that stores what Kafka's messages do to profiles, each message once.

    A batch is one transaction of the driver's: the effects of its messages, the offsets behind them and the batch's
    number are committed together. So a batch that Spark repeats, after a driver was killed at whatever point, does
    nothing; and a query with an empty checkpoint goes on where the database is for `group`, or begins with the first
    message. Workers read, reduce and score, and have no effects: a task may fail and run again.

    Messages are taken in the order of their offsets, those of one partition after the other. What is no event, or what
    the database refuses because of what it says, goes to the topic `dead_letters`, as `pgscore stream` has it: with its
    key, value and headers, and headers `pgscore-reason`, `pgscore-topic`, `pgscore-partition` and `pgscore-offset`. It
    is written there before the commit: where the driver dies between the two it stands there twice, as these tell.

    Args:
        spark: the session, which has the connector for Kafka of its own version among its jars.
        dsn: a connection string; only the driver connects, as a role with `pgscore_reader`.
        model: the model's name.
        brokers: Kafka's `bootstrap.servers`.
        topics: the topics' names.
        group: the query's name. `pgscore.stream_offset` has how far it has come, as for `pgscore stream`: of two that
            share it, each message is stored by one.
        checkpoint: the folder, as Spark names it, where Spark keeps how far it has read.
        dead_letters: the topic for messages that are none.
        into: the event table, as SQL writes it: messages become rows, and what is attached does the rest. Needs INSERT.
        definition: instead of `into`, how messages move profiles, as `pgscore stream predict --definition` takes it: a
            file, or what would stand in it. Workers reduce and score, and counters, score and version are stored in the
            profiles, for events that the database keeps nowhere. Columns that a binding moves are refused, also when it
            is attached later. Needs SELECT and UPDATE of the profile table.
        decode: what makes an event, a mapping of columns to values, of a message's value, on the workers; what it
            raises is the reason of a dead letter. None: values are JSON objects of the event table's columns.
        batch: of how many messages at most a batch is made.
        every: how often a batch is begun, such as ``5 seconds``; None: when the one before is done.
        until_now: whether it ends when it has stored what the topics held as it began.
        options: further options of Spark's source for Kafka, such as ``kafka.security.protocol``; those that begin with
            ``kafka.`` count for `dead_letters` too.
        trusted: with `definition`, public keys whose holders may have workers run their code: for versions that are no
            program.
        on_batch: is told of each batch, in the driver, behind its commit.

    Returns:
        The running query: `awaitTermination()` waits for it and raises where a batch has failed, `stop()` ends it.
        A promotion is followed from the next batch on.

    Raises:
        NotFoundError: there is no such model or table.
        DeniedError: the caller may not; a superuser may not for profiles of somebody else.
        PgscoreError: an argument cannot serve; no version is promoted; or Spark has no connector for Kafka.
    """
    context = check_session(spark)
    # Knows Arrow.
    from .batches import Batches

    names = [topics] if isinstance(topics, str) else list(topics)
    given = dict(options or {})
    _check(names, given, group, dead_letters, batch)
    if (into is None) == (definition is None):
        raise PgscoreError(
            "messages go into an event table, or by a definition straight to profiles",
            "into='shop.complaints', or definition='churn-stream.json'.",
        )
    kafka = {"kafka.bootstrap.servers": brokers}
    kafka |= {name: value for name, value in given.items() if name.lower().startswith("kafka.")}
    found = find_topics(context, names, kafka)
    plan = Plan(
        dsn=dsn,
        model=model,
        into=into,
        definition=None if definition is None else read_definition(definition),
        group=group,
        decode=decode,
        trusted=tuple(trusted),
        dead_letters=dead_letters,
        kafka=kafka,
        topic_ids={name: each.identifier for name, each in found.items()},
        on_batch=on_batch,
    )
    batches = Batches(spark, context, plan)
    starts = _starts(found, batches.check())
    with told("starting the query", dsn):
        source = _messages(spark, names, given | kafka, starts, batch)
        writer = source.writeStream.queryName(group).option("checkpointLocation", os.fspath(checkpoint))
        if until_now:
            writer = writer.trigger(availableNow=True)
        elif every is not None:
            writer = writer.trigger(processingTime=every)
        return writer.foreachBatch(batches.store).start()


def _messages(
    spark: SparkSession, topics: Sequence[str], options: dict[str, str], starts: str, batch: int
) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        # What a producer has taken back is no event.
        .options(**{"kafka.isolation.level": "read_committed"} | options)
        .option("subscribe", ",".join(topics))
        # Counts with an empty checkpoint alone.
        .option("startingOffsets", starts)
        .option("maxOffsetsPerTrigger", batch)
        .option("includeHeaders", value=True)
        .load()
    )


def _starts(topics: Mapping[str, Topic], stored: Offsets) -> str:
    """Where to begin, as Spark reads it: behind what is stored, or at the beginning."""
    return json.dumps(
        {
            name: {str(n): stored.get(Place(name, n), _EARLIEST) for n in each.partitions}
            for name, each in topics.items()
        }
    )


def _check(topics: Sequence[str], options: Mapping[str, str], group: str, dead_letters: str, batch: int) -> None:
    if not topics or not all(topics) or any("," in each for each in topics):
        raise PgscoreError("no topic is named", "topics=['complaints'] names one.")
    if not group:
        raise PgscoreError("the query has no name, by which is stored how far it has come", "group='churn' names it.")
    if not dead_letters or dead_letters in topics:
        raise PgscoreError(
            "dead letters would go to a topic that is read" if dead_letters else "no topic is named for dead letters",
            "dead_letters='complaints.dead' names a topic of their own.",
        )
    if batch < 1:
        raise PgscoreError(f"a batch is to have {batch} messages, and 1 is the least")
    taken = [name for name in options if name.lower() in (*_OWN, *_OWN_LATER)]
    if taken:
        raise PgscoreError(f"option {taken[0]} is one that the query sets itself")
