"""Scoring a DataFrame: the version is fetched once, sent to the workers, and evaluated for whole columns."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError
from pgscore.vector.fetching import FetchedVersion, fetch_version
from pgscore.vector.scorer import Scorer

from .session import check_frame, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pgscore_runtime.contract import Input
    from pyspark import Broadcast
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from pgscore.database import Database
    from pgscore.keys import PublicKey

COLUMNS = ("score", "version", "reason")
# Of versions that a worker has scored with, the latest.
_MOST_KEPT = 4
_kept: dict[str, Scorer] = {}


def score(
    df: DataFrame,
    database: Database,
    model: str,
    *,
    version: int | None = None,
    trusted: Sequence[PublicKey | Path | str] = (),
    columns: tuple[str, str, str] = COLUMNS,
) -> DataFrame:
    """A DataFrame with the scores that `pgscore.score` gives for its rows.

    The version is fetched now; rows are scored when Spark needs them, and a promotion in between changes nothing. Only
    the columns that the model reads travel to Python.

    Args:
        df: has the model's inputs among its columns, with types that a profile table's columns may have: a float is
            read as a column of type `real` is, as the decimal that it is shown as; NaN is NULL.
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2; only the driver
            connects.
        model: the model's name.
        version: the version's number; None: the one that answers.
        trusted: public keys, or their files, whose holders may have Spark's workers run their code. Needed for
            versions that are no program.
        columns: what the columns that are added are called.

    Returns:
        The same rows with three more columns: the score (double), NULL where `pgscore.score` gives NULL; the version
        (integer); and the reason (string) where the row is refused.

    Raises:
        NotFoundError: there is no such model or version.
        DeniedError: the version is no program, and you trust no key that signed it, or may not read artifacts.
        PgscoreError: no version is promoted; or an input is no column, or of a type that cannot serve.
    """
    context = check_frame(df)
    from pyspark.sql import functions

    taken = [name for name in columns if name.lower() in map(str.lower, df.columns)]
    if taken or len({name.lower() for name in columns}) != len(columns):
        raise PgscoreError(
            f"the DataFrame has a column {', '.join(taken)} already"
            if taken
            else "the columns that are added have no names of their own",
            "columns=('my_score', 'my_version', 'my_reason') names those that are added.",
        )
    fetched = fetch_version(database, model, version, trusted)
    inputs = fetched.parsed_contract().inputs
    read = [given(df, each).alias(f"c{n}") for n, each in enumerate(inputs)]
    with told("making ready to score"):
        shipped = context.broadcast((str(uuid.uuid4()), fetched))
        # A column for a model without inputs, since a struct has one at least.
        struct = functions.struct(*(read or [functions.lit(0).alias("c0")]))
        added = [functions.col(f"{_INNER}.{each}").alias(name) for each, name in zip(COLUMNS, columns, strict=True)]
        # With a star, since a DataFrame may have several columns of one name.
        return df.select("*", _udf(shipped)(struct).alias(_INNER)).select("*", *added).drop(_INNER)


_INNER = "_pgscore_answers"


def given(df: DataFrame, wanted: Input) -> Column:
    """The column of an input, as numbers, booleans or texts.

    Raises:
        PgscoreError: there is none, or it is of a type that cannot serve.
    """
    from pyspark.sql import functions, types

    from pgscore.vector.frames import check_names, misfit

    check_names(df.columns, [wanted.name])
    found: DataType = df.schema[wanted.name].dataType
    column = functions.col(quoted(wanted.name))
    if wanted.type == "double precision" and isinstance(found, types.FloatType):
        return column
    if wanted.type == "double precision" and isinstance(found, types.NumericType):
        return column.cast("double")
    if wanted.type == "text" and isinstance(found, types.StringType | types.CharType | types.VarcharType):
        return column
    if wanted.type == "boolean" and isinstance(found, types.BooleanType):
        return column
    raise misfit(wanted.name, found.simpleString(), wanted.type)


def quoted(name: str) -> str:
    """A column's name as Spark reads it: with dots and blanks that are a part of it."""
    return "`" + name.replace("`", "``") + "`"


def _udf(shipped: Broadcast[tuple[str, FetchedVersion]]) -> Any:  # noqa: ANN401
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import functions, types

    from .arrow import answers

    def batches(given: Iterator[pa.Array]) -> Iterator[pa.Array]:
        scorer = worker_scorer(*shipped.value)
        for batch in given:
            yield answers(scorer, batch)

    # Read by Spark; as texts, which they are in this module, it could not find the names.
    batches.__annotations__ = {"given": Iterator[pa.Array], "return": Iterator[pa.Array]}
    fields = [types.DoubleType(), types.IntegerType(), types.StringType()]
    returned = types.StructType([types.StructField(n, t) for n, t in zip(COLUMNS, fields, strict=True)])
    # Or a filter on a score would be moved below, and score a second time.
    return functions.arrow_udf(batches, returned).asNondeterministic()


def worker_scorer(name: str, fetched: FetchedVersion) -> Scorer:
    """What scores, in a worker that lives for many parts; an artifact's signature is checked there once more."""
    if name not in _kept:
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[name] = Scorer(fetched)
    return _kept[name]
