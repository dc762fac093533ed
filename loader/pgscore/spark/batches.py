"""A batch of messages: what it does, and how far the query has come, in one transaction."""

from __future__ import annotations

import json
import sys
import time
import uuid
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.bundle.make import pin
from pgscore.database import connected, row, transaction
from pgscore.errors import BusyError, PgscoreError, UnreachableError
from pgscore.stream.apps import apply
from pgscore.stream.events import EventTable
from pgscore.stream.messages import Dead, Message
from pgscore.stream.offsets import Place, move
from pgscore.stream.outputs import dead_headers
from pgscore.vector.fetching import fetch_version, find_serving

from .messages import DEAD, MESSAGE, MOVED, READ, Work, move_profiles, raw, read_messages, score_states
from .moving import find_mover
from .plan import Batch
from .positions import Step, hold, read_offsets, take_batch
from .scoring import worker_scorer
from .session import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from pyspark import SparkContext
    from pyspark.sql import DataFrame, SparkSession

    from pgscore.vector.fetching import FetchedVersion
    from pgscore.vector.scorer import Scorer

    from .moving import Mover
    from .plan import Plan
    from .positions import Offsets

# A batch that meets somebody else's lock, or whose profiles change meanwhile.
_TRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_QUERY = "sql.streaming.queryId"
_ORDER = ("topic", "partition", "offset")


class _ChangedError(Exception):
    """Somebody was at the same profiles, offsets or version."""


class _Shipped(NamedTuple):
    name: str
    version: FetchedVersion | None


class Batches:
    """Stores batches, one after the other."""

    def __init__(self, spark: SparkSession, context: SparkContext, plan: Plan) -> None:
        self._spark, self._context, self._plan = spark, context, plan
        self._shipped: _Shipped | None = None

    def check(self) -> Offsets:
        """How far the query has come.

        Raises:
            PgscoreError: there is no such model or table, or no right to them; or a topic was made anew.
        """
        plan = self._plan
        with connected(plan.dsn) as connection, transaction(connection):
            if plan.into is not None:
                # The binding may be attached later; the model is what is to be known.
                find_serving(connection, plan.model)
                EventTable(plan.into).begin(connection)
            else:
                self._version(self._mover(connection).version)
            return read_offsets(connection, plan.group, plan.topic_ids)

    def store(self, df: DataFrame, number: int) -> None:
        """Stores a batch, as `foreachBatch` hands it over; where the database is away it is tried again and again.

        Raises:
            PgscoreError: the batch cannot be stored, or the query was stopped before it was.
        """
        query = self._context.getLocalProperty(_QUERY) or ""
        step = Step(self._plan.group, str(uuid.UUID(query)), number)
        pause = _FIRST_PAUSE
        while True:
            try:
                batch = self.take(df, step)
                break
            except (UnreachableError, BusyError) as error:
                if not self._is_active(query):
                    raise
                print(f"pgscore: {error}; once more in {pause:.1f} s", file=sys.stderr, flush=True)
                self._wait(query, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        self._plan.on_batch(batch)

    def _is_active(self, query: str) -> bool:
        """Whether the query was not stopped, which then waits for this batch."""
        found = self._spark.streams.get(query)
        return found is not None and found.isActive

    def _wait(self, query: str, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while self._is_active(query) and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, _FIRST_PAUSE))

    def take(self, df: DataFrame, step: Step) -> Batch:
        """Stores a batch, once.

        Args:
            df: messages, as Spark's source for Kafka has them.
            step: which batch they are.

        Raises:
            PgscoreError: nothing of it was stored.
        """
        messages = df.select(*MESSAGE)
        is_locked = False
        for left in reversed(range(_TRIES)):
            try:
                with _no_word_of_pandas(), connected(self._plan.dsn) as connection:
                    if self._plan.into is not None:
                        return self._insert(connection, messages, step, self._plan.into)
                    return self._move(connection, messages, step, lock=is_locked)
            except (_ChangedError, BusyError) as error:
                is_locked = True
                if not left:
                    raise BusyError(f"batch {step.batch} of query {step.group} is not stored: {error}") from None
        raise AssertionError

    def _insert(self, connection: Connection, df: DataFrame, step: Step, table: str) -> Batch:
        """Inserts the events of a batch."""
        found = self._read(df, None).toArrow().sort_by([(name, "ascending") for name in _ORDER])
        messages = found.to_pylist()
        with transaction(connection):
            offsets = hold(connection, step, {_partition(each) for each in messages}, self._plan.topic_ids)
            if not take_batch(connection, step):
                return Batch(step.batch, len(messages), known=len(messages))
            new = [each for each in messages if each["offset"] >= offsets[_partition(each)]]
            app = EventTable(table)
            app.begin(connection)
            events = [Message(raw(each), json.loads(each["event"]), each["event"]) for each in new if each["event"]]
            dead = apply(app, connection, events).dead if events else []
            dead += [Dead(raw(each), each["reason"]) for each in new if each["reason"] is not None]
            self._bury(dead)
            self._go_on(connection, {_partition(each): each["offset"] + 1 for each in new}, offsets)
        return Batch(step.batch, len(messages), len(new) - len(dead), len(dead), len(messages) - len(new))

    def _move(self, connection: Connection, df: DataFrame, step: Step, *, lock: bool) -> Batch:
        """Moves the profiles that the messages of a batch name."""
        with transaction(connection):
            mover = self._mover(connection)
            known = read_offsets(connection, step.group, self._plan.topic_ids)
        binding = json.dumps(mover.there.document)
        messages = self._read(df, binding).persist()
        try:
            return self._move_read(connection, messages, step, (mover, binding), known, lock=lock)
        finally:
            messages.unpersist()

    def _move_read(
        self,
        connection: Connection,
        messages: DataFrame,
        step: Step,
        by: tuple[Mover, str],
        known: Offsets,
        *,
        lock: bool,
    ) -> Batch:
        mover, binding = by
        ends = _ends(messages)
        total = sum(count for _, count in ends.values())
        new = _new(messages, known)
        read = new.where("reason is not null or profile is null").select(*DEAD).toArrow().to_pylist()
        keys = new.where("profile is not null").select("profile").distinct().toArrow()["profile"].to_pylist()
        states: list[dict[str, Any]] = []
        moved: list[dict[str, Any]] = []
        if not lock:
            with transaction(connection):
                pin(connection)
                states = mover.read(connection, keys)
            if mover.adds and len(states) < len(keys):
                raise _ChangedError("profiles are to be made")
            moved = self._moved(mover, new, states, binding)
        with transaction(connection):
            pin(connection)
            offsets = hold(connection, step, ends.keys(), self._plan.topic_ids)
            if not take_batch(connection, step):
                return Batch(step.batch, total, known=total)
            if any(offsets[each] != known.get(each, 0) for each in ends):
                raise _ChangedError("another driver of the query has stored messages")
            if lock:
                states = mover.read(connection, keys, lock=True)
                moved = self._moved(mover, new, states, binding)
            if self._serving(connection) != mover.version:
                raise _ChangedError("another version was promoted meanwhile")
            stored = [each for each in moved if each["reason"] is None]
            if mover.store(connection, stored) != len(stored):
                if lock:
                    raise PgscoreError(
                        f"a trigger of table {mover.there.shown} keeps rows from being changed, so what moves"
                        " them is not stored"
                    )
                raise _ChangedError("profiles were changed meanwhile")
            mover.settle(connection, stored, lambda states: score_states(states, self._scorer(mover.version)))
            mover.refuse_attached(connection)
            dead = [Dead(raw(each), each["reason"]) for each in (*read, *moved) if each["reason"] is not None]
            if not mover.adds:
                dead += self._homeless(new, keys, states)
            self._bury(dead)
            self._go_on(connection, {each: end for each, (end, _) in ends.items()}, offsets)
        done, count = sum(each["events"] for each in stored), new.count()
        return Batch(
            step.batch, total, done, len(dead), total - count, count - done - len(dead), len(stored), mover.version
        )

    def _go_on(self, connection: Connection, ends: Offsets, offsets: Offsets) -> None:
        ahead = {place: end for place, end in ends.items() if end > offsets[place]}
        if ahead:
            move(connection, self._plan.group, ahead)

    def _mover(self, connection: Connection) -> Mover:
        path = row(connection, "select current_schemas(true)::text[] as path")["path"]
        found = find_serving(connection, self._plan.model)
        answers = None if found is None else (found[0], found[1].inputs)
        return find_mover(connection, self._plan.model, answers, self._plan.definition or {}, path)

    def _serving(self, connection: Connection) -> int | None:
        found = find_serving(connection, self._plan.model)
        return None if found is None else found[0]

    def _version(self, version: int | None) -> _Shipped:
        """A version, fetched where it is another than before."""
        if version is None:
            return _Shipped("", None)
        if self._shipped is None or self._shipped.version is None or self._shipped.version.version != version:
            fetched = fetch_version(self._plan.dsn, self._plan.model, version, self._plan.trusted)
            self._shipped = _Shipped(str(uuid.uuid4()), fetched)
        return self._shipped

    def _scorer(self, version: int | None) -> Scorer:
        name, fetched = self._version(version)
        if fetched is None:
            raise AssertionError
        return worker_scorer(name, fetched)

    def _read(self, df: DataFrame, binding: str | None) -> DataFrame:
        decode = self._plan.decode

        def batches(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return read_messages(given, decode, binding)

        return df.mapInArrow(batches, _spark_schema(READ))

    def _moved(
        self, mover: Mover, new: DataFrame, states: Sequence[dict[str, Any]], binding: str
    ) -> list[dict[str, Any]]:
        """What workers make of these profiles."""
        import pyarrow as pa

        shipped = self._version(mover.version)
        if not states:
            return []
        shipping = self._context.broadcast(Work(*shipped, binding))

        def batches(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return move_profiles(given, shipping.value)

        names = ("profile", "state")
        table = pa.Table.from_pylist(list(states), pa.schema([(name, pa.string()) for name in names]))
        joined = new.where("profile is not null").join(self._spark.createDataFrame(table), "profile")
        together = joined.repartition("profile").sortWithinPartitions("profile", *_ORDER)
        try:
            found: list[dict[str, Any]] = together.mapInArrow(batches, _spark_schema(MOVED)).toArrow().to_pylist()
            return found
        finally:
            shipping.destroy()

    def _homeless(self, new: DataFrame, keys: Sequence[str], states: Sequence[dict[str, Any]]) -> list[Dead]:
        """Messages whose profile is not there."""
        gone = set(keys) - {each["profile"] for each in states}
        if not gone:
            return []
        found = new.where(new["profile"].isin(list(gone))).select(*MESSAGE, "profile").toArrow().to_pylist()
        return [Dead(raw(each), f"there is no profile {each['profile']}") for each in found]

    def _bury(self, dead: Sequence[Dead]) -> None:
        """Writes messages to the topic of dead letters, with the headers that workers without Spark give them."""
        if not dead:
            return
        rows = [(each.raw.key, each.raw.content, dead_headers(each, self._plan.group)) for each in dead]
        schema = "key binary, value binary, headers array<struct<key: string, value: binary>>"
        with told(f"writing to topic {self._plan.dead_letters}"):
            self._spark.createDataFrame(rows, schema).coalesce(1).write.format("kafka").options(
                **self._plan.kafka
            ).option("topic", self._plan.dead_letters).option("includeHeaders", value=True).save()


@contextmanager
def _no_word_of_pandas() -> Iterator[None]:
    """Spark warns of a pandas that its functions for pandas do not support; Arrow goes without."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _partition(message: Mapping[str, Any]) -> Place:
    return Place(message["topic"], message["partition"])


def _ends(messages: DataFrame) -> dict[Place, tuple[int, int]]:
    """The offset behind the last message of each partition, and how many messages it has."""
    from pyspark.sql import functions

    counted = messages.groupBy("topic", "partition").agg(
        functions.max("offset").alias("last"), functions.count("*").alias("count")
    )
    return {_partition(each): (each["last"] + 1, each["count"]) for each in counted.toArrow().to_pylist()}


def _new(messages: DataFrame, known: Offsets) -> DataFrame:
    """Those that were not stored before."""
    from pyspark.sql import functions

    condition = functions.expr("true")
    for (topic, partition), offset in known.items():
        is_there = (messages["topic"] == topic) & (messages["partition"] == partition)
        condition = condition & (~is_there | (messages["offset"] >= offset))
    return messages.where(condition)


def _spark_schema(schema: pa.Schema) -> Any:  # noqa: ANN401
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
