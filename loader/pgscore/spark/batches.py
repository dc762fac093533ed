"""A batch of messages: what it does, and how far the query has come, in one transaction."""

from __future__ import annotations

import json
import uuid
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2

from pgscore.bundle.make import pin
from pgscore.database import connected, row, transaction
from pgscore.errors import BusyError, DeniedError, PgscoreError
from pgscore.vector.fetching import fetch_version, read_serving

from .inserting import Event, Inserter, is_of_messages
from .messages import DEAD, MESSAGE, MOVED, READ, Work, move_profiles, read_messages
from .moving import find_binding, find_mover
from .plan import Batch
from .positions import Place, hold, move, read_offsets, take_batch
from .tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from pyspark import SparkContext
    from pyspark.sql import DataFrame, SparkSession

    from pgscore.vector.fetching import FetchedVersion

    from .moving import Mover
    from .plan import Plan
    from .positions import Offsets

# A batch that meets somebody else's lock, or whose profiles change meanwhile.
_TRIES = 5
_QUERY = "sql.streaming.queryId"
_ORDER = ("topic", "partition", "offset")


class _RefusedError(Exception):
    """The database refuses what a message says, and has not said which."""


class _ChangedError(Exception):
    """Somebody was at the same profiles, offsets or version."""


class _Shipped(NamedTuple):
    name: str
    version: FetchedVersion


class Batches:
    """Stores batches, one after the other."""

    def __init__(self, spark: SparkSession, context: SparkContext, plan: Plan) -> None:
        self._spark, self._context, self._plan = spark, context, plan
        self._shipped: _Shipped | None = None

    def check(self) -> Offsets:
        """How far the query has come.

        Raises:
            PgscoreError: there is no such model, binding or table, or no right to them; or a topic was made anew.
        """
        plan = self._plan
        with connected(plan.dsn) as connection, transaction(connection):
            if plan.into == "profile":
                self._mover(connection)
                self._version(connection)
            else:
                find_binding(connection, plan.model, plan.events, plan.profile)
                _check_insert(connection, read_table(connection, plan.events, ()).name)
            return read_offsets(connection, plan.group, plan.topic_ids)

    def store(self, df: DataFrame, number: int) -> None:
        """Stores a batch, as `foreachBatch` hands it over."""
        checkpoint = self._context.getLocalProperty(_QUERY) or ""
        self._plan.on_batch(self.take(df, Place(self._plan.group, str(uuid.UUID(checkpoint)), number)))

    def take(self, df: DataFrame, place: Place) -> Batch:
        """Stores a batch, once.

        Args:
            df: messages, as Spark's source for Kafka has them.
            place: which batch they are.

        Raises:
            PgscoreError: nothing of it was stored.
        """
        messages = df.select(*MESSAGE)
        one_by_one = is_locked = False
        for left in reversed(range(_TRIES)):
            try:
                with _no_word_of_pandas(), connected(self._plan.dsn) as connection:
                    if self._plan.into == "events":
                        return self._insert(connection, messages, place, one_by_one=one_by_one)
                    return self._move(connection, messages, place, lock=is_locked)
            except _RefusedError:
                one_by_one = True
            except (_ChangedError, BusyError) as error:
                is_locked = True
                if not left:
                    raise BusyError(f"batch {place.batch} of query {place.group} is not stored: {error}") from None
        raise AssertionError

    def _insert(self, connection: Connection, df: DataFrame, place: Place, *, one_by_one: bool) -> Batch:
        """Inserts the events of a batch."""
        found = self._read(df, None).toArrow().sort_by([(name, "ascending") for name in _ORDER])
        messages = found.to_pylist()
        with self._transaction(connection):
            offsets = hold(connection, place, {_partition(each) for each in messages}, self._plan.topic_ids)
            if not take_batch(connection, place):
                return Batch(place.batch, len(messages), known=len(messages))
            new = [each for each in messages if each["offset"] >= offsets[_partition(each)]]
            inserter = Inserter(connection, read_table(connection, self._plan.events, ()))
            events = [Event(_place(each), each["event"]) for each in new if each["reason"] is None]
            try:
                inserter.insert(events, one_by_one=one_by_one)
            except psycopg2.Error as error:
                if is_of_messages(error) and not one_by_one:
                    raise _RefusedError from None
                raise
            refused = inserter.refused
            dead = [each | {"reason": refused.get(_place(each), each["reason"])} for each in new]
            dead = [each for each in dead if each["reason"] is not None]
            self._bury(dead)
            move(connection, place.group, {_partition(each): each["offset"] + 1 for each in new})
        return Batch(place.batch, len(messages), len(new) - len(dead), len(dead), len(messages) - len(new))

    def _move(self, connection: Connection, df: DataFrame, place: Place, *, lock: bool) -> Batch:
        """Moves the profiles that the messages of a batch name."""
        with transaction(connection):
            mover = self._mover(connection)
            known = read_offsets(connection, place.group, self._plan.topic_ids)
        binding = json.dumps(mover.binding)
        messages = self._read(df, binding).persist()
        try:
            return self._move_read(connection, messages, place, (mover, binding), known, lock=lock)
        finally:
            messages.unpersist()

    def _move_read(
        self,
        connection: Connection,
        messages: DataFrame,
        place: Place,
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
        version = 0
        if not lock:
            with transaction(connection):
                pin(connection)
                states = mover.read(connection, keys)
            if mover.adds and len(states) < len(keys):
                raise _ChangedError("profiles are to be made")
            version, moved = self._moved(connection, new, states, binding)
        with self._transaction(connection):
            offsets = hold(connection, place, ends.keys(), self._plan.topic_ids)
            if not take_batch(connection, place):
                return Batch(place.batch, total, known=total)
            if any(offsets[each] != known.get(each, 0) for each in ends):
                raise _ChangedError("another driver of the query has stored messages")
            if lock:
                states = mover.read(connection, keys, lock=True)
                version, moved = self._moved(connection, new, states, binding)
            if read_serving(connection, self._plan.model)[0] != version:
                raise _ChangedError("another version was promoted meanwhile")
            stored = [each for each in moved if each["reason"] is None]
            if mover.store(connection, stored) != len(stored):
                raise _ChangedError("profiles were changed meanwhile")
            dead = [each for each in (*read, *moved) if each["reason"] is not None]
            if mover.refuses:
                dead += self._homeless(new, keys, states)
            self._bury(dead)
            move(connection, place.group, {each: end for each, (end, _) in ends.items()})
        done, count = sum(each["events"] for each in stored), new.count()
        return Batch(place.batch, total, done, len(dead), total - count, count - done - len(dead), len(stored), version)

    @contextmanager
    def _transaction(self, connection: Connection) -> Iterator[None]:
        """The transaction of a batch; what its commit refuses because of a message is told apart."""
        try:
            with transaction(connection):
                pin(connection)
                yield
        except PgscoreError as error:
            if self._plan.into == "events" and is_of_messages(error):
                raise _RefusedError from None
            raise

    def _mover(self, connection: Connection) -> Mover:
        _, contract = read_serving(connection, self._plan.model)
        pin(connection)
        return find_mover(connection, self._plan.model, contract.inputs, self._plan.events, self._plan.profile)

    def _version(self, connection: Connection) -> _Shipped:
        """The version that answers, fetched where it is another than before."""
        serving, _ = read_serving(connection, self._plan.model)
        if self._shipped is None or self._shipped.version.version != serving:
            fetched = fetch_version(self._plan.dsn, self._plan.model, serving, self._plan.trusted)
            self._shipped = _Shipped(str(uuid.uuid4()), fetched)
        return self._shipped

    def _read(self, df: DataFrame, binding: str | None) -> DataFrame:
        decode = self._plan.decode

        def batches(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return read_messages(given, decode, binding)

        return df.mapInArrow(batches, _spark_schema(READ))

    def _moved(
        self, connection: Connection, new: DataFrame, states: Sequence[dict[str, Any]], binding: str
    ) -> tuple[int, list[dict[str, Any]]]:
        """The version, and what workers make of these profiles with it."""
        import pyarrow as pa

        shipped = self._version(connection)
        if not states:
            return shipped.version.version, []
        shipping = self._context.broadcast(Work(*shipped, binding))

        def batches(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return move_profiles(given, shipping.value)

        names = ("profile", "state")
        table = pa.table({name: [each[name] for each in states] for name in names}, dict.fromkeys(names, pa.string()))
        joined = new.where("profile is not null").join(self._spark.createDataFrame(table), "profile")
        together = joined.repartition("profile").sortWithinPartitions("profile", *_ORDER)
        try:
            return shipped.version.version, together.mapInArrow(batches, _spark_schema(MOVED)).toArrow().to_pylist()
        finally:
            shipping.destroy()

    def _homeless(self, new: DataFrame, keys: Sequence[str], states: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Messages whose profile is not there."""
        gone = set(keys) - {each["profile"] for each in states}
        if not gone:
            return []
        found = new.where(new["profile"].isin(list(gone))).select(*DEAD, "profile").toArrow().to_pylist()
        return [each | {"reason": f"there is no profile {each['profile']} in {self._plan.profile}"} for each in found]

    def _bury(self, dead: Sequence[dict[str, Any]]) -> None:
        """Writes messages to the topic of dead letters."""
        if not dead:
            return
        rows = [
            (
                each["key"],
                each["value"],
                [(name, str(each[name]).encode()) for name in ("reason", "topic", "partition", "offset")],
            )
            for each in sorted(dead, key=_place)
        ]
        schema = "key binary, value binary, headers array<struct<key: string, value: binary>>"
        self._spark.createDataFrame(rows, schema).coalesce(1).write.format("kafka").options(**self._plan.kafka).option(
            "topic", self._plan.dead_letters
        ).save()


@contextmanager
def _no_word_of_pandas() -> Iterator[None]:
    """Spark warns of a pandas that its functions for pandas do not support; Arrow goes without."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _partition(message: Mapping[str, Any]) -> tuple[str, int]:
    return message["topic"], message["partition"]


def _place(message: Mapping[str, Any]) -> tuple[str, int, int]:
    return message["topic"], message["partition"], message["offset"]


def _ends(messages: DataFrame) -> dict[tuple[str, int], tuple[int, int]]:
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


def _check_insert(connection: Connection, table: str) -> None:
    may = row(connection, "select has_any_column_privilege(%s::regclass, 'insert') as may", (table,))["may"]
    if not may:
        raise DeniedError(f"you may not insert into {table}", f"grant insert on {table} to the role that connects")
