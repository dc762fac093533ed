"""Writing scores back: through a staging table, and from there into rows that are still what was scored."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import row, transaction
from pgscore.errors import BusyError, DeniedError, PgscoreError
from pgscore.progress import no_step
from pgscore.vector.fetching import read_serving

from .addresses import Address, reached
from .scoring import COLUMNS, given, quoted
from .session import check_frame, told
from .storing import Target, find_target, store_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812
    from pyspark.sql import DataFrame

    from pgscore.progress import Step

# How many rows are locked at a time: applications that wait for one of them wait for no more.
_BATCH = 5000
_LONGEST_NAME = 63
_DENIED = "42501"
_EXISTS = "42P07"
_COUNTED = """
    select count(*) as rows, count(*) filter (where {lacking}) as lacking,
        array(select distinct t.version from {stage} t where t.version is distinct from %s order by 1) as others,
        pg_relation_size(%s::regclass) / current_setting('block_size')::integer as pages
    from {stage}
"""


@dataclass(frozen=True)
class Written:
    """What came of writing scores.

    Attributes:
        model: the model.
        version: the version whose scores they are.
        rows: how many rows the DataFrame had.
        refused: how many of them the model refused; their rows are left as they are.
        written: how many rows of the table have another score or version now.
        left: how many are as they were: the same score stood there, or the row is gone, or somebody else has changed
            it since or was at it.
    """

    model: str
    version: int
    rows: int
    refused: int
    written: int
    left: int


def write(
    scored: DataFrame,
    dsn: str,
    model: str,
    table: str,
    *,
    columns: tuple[str, str, str] = COLUMNS,
    into: Sequence[str] | None = None,
    key: Sequence[str] | None = None,
    staging: str | None = None,
    on_step: Step = no_step,
) -> Written:
    """Stores the scores of a DataFrame in a profile table, a few thousand rows at a time, each batch committed.

    A row gets its score only if it still holds the inputs that were scored, and if nobody else has changed it
    meanwhile; so no score that an event has brought is overwritten by an older one. Rows that are locked are passed
    over. Who writes needs the right to read and update the table, and to make the staging table, which is dropped at
    the end.

    Args:
        scored: what `score` gave, with the table's key and the model's inputs.
        dsn: a connection string that leads to the server from the workers too.
        model: the model's name.
        table: the profile table, as SQL writes it.
        columns: the DataFrame's columns for score, version and reason.
        into: the table's columns for score, version and, where there is a third, the time; None: those of its binding.
        key: the columns that identify a row; None: the primary key.
        staging: what the staging table is called, as SQL writes it; None: a name beside the table.
        on_step: is told what begins.

    Raises:
        NotFoundError: there is no such model or table.
        DeniedError: you may not; a superuser may not for a table of somebody else.
        BusyError: the staging table exists; or another version has been promoted since they were scored.
        PgscoreError: the DataFrame has not the columns, or NULL in a key; nothing was stored.
    """
    check_frame(scored)
    lacking = [name for name in columns if name not in scored.columns]
    if lacking:
        raise PgscoreError(
            f"the DataFrame has no column {', '.join(lacking)}",
            "pgscore.spark.score(df, dsn, model) gives one that has.",
        )
    with reached(dsn) as (connection, address):
        with transaction(connection):
            version, contract = read_serving(connection, model)
            floats = [name for name, kind in scored.dtypes if kind == "float"]
            target = find_target(connection, model, table, contract.inputs, into, key, floats)
            stage = _stage_name(connection, target, staging)
        frame = _staged(scored, target, columns)
        with _staging(connection, target, stage):
            on_step("staging the scores")
            rows, refused = _send(frame, address, stage, dsn)
            with transaction(connection):
                staged, pages = _check_staged(connection, target, stage, version)
            written = 0
            size = max(1, pages * _BATCH // max(staged, 1))
            for first in range(0, pages, size):
                on_step("storing the scores", min(staged, first * staged // max(pages, 1)), staged)
                with transaction(connection):
                    written += _store(connection, target, stage, version, (first, first + size), written)
    return Written(model, version, rows, refused, written, staged - written)


def _stage_name(connection: Connection, target: Target, staging: str | None) -> str:
    """Qualified and quoted."""
    if staging is None:
        names = [target.table.schema, f"pgscore_{target.table.bare}_{target.model}"[: _LONGEST_NAME - 8] + "_staging"]
        found = row(connection, "select string_agg(quote_ident(n), '.') as name from unnest(%s::text[]) n", (names,))
    else:
        found = row(
            connection,
            "select concat_ws('.', case when cardinality(i) = 1 then quote_ident(current_schema()) end,"
            " (select string_agg(quote_ident(n), '.') from unnest(i) n)) as name from parse_ident(%s) i",
            (staging,),
        )
    return str(found["name"])


@contextmanager
def _staging(connection: Connection, target: Target, stage: str) -> Iterator[None]:
    """The staging table, which is dropped whatever happens."""
    try:
        with transaction(connection), connection.cursor() as cursor:
            cursor.execute(target.create_sql(stage))
    except PgscoreError as error:
        if error.sqlstate == _EXISTS:
            raise BusyError(
                f"the staging table {stage} exists: somebody else is writing scores, or one who was has died",
                f"If nobody is: drop table {stage}",
                error.sqlstate,
            ) from None
        if error.sqlstate == _DENIED:
            raise DeniedError(
                f"the staging table {stage} cannot be made: {error}",
                "staging='schema.table' names one where you may make tables.",
                error.sqlstate,
            ) from None
        raise
    try:
        yield
    finally:
        with transaction(connection), connection.cursor() as cursor:
            cursor.execute(f"drop table if exists {stage}")


def _staged(scored: DataFrame, target: Target, columns: tuple[str, str, str]) -> DataFrame:
    """What goes into the staging table, the reason beside it."""
    from pyspark.sql import functions

    from pgscore.vector.frames import check_names

    check_names(scored.columns, [each.name for each in target.key], "which is in the key of the table")
    score, version, reason = (functions.col(quoted(name)) for name in columns)
    inputs = [given(scored, each) for each in target.inputs]
    return scored.select(
        *(functions.col(quoted(each.name)).alias(f"key_{n}") for n, each in enumerate(target.key)),
        score.cast("double").alias("score"),
        version.cast("int").alias("version"),
        *(
            (column.cast("double") if each.type == "boolean" else column).alias(f"input_{n}")
            for n, (each, column) in enumerate(zip(target.inputs, inputs, strict=True))
        ),
        reason.alias("reason"),
    )


def _send(frame: DataFrame, address: Address, stage: str, dsn: str) -> tuple[int, int]:
    """Has the workers fill the staging table; how many rows there were, and how many of them were refused."""
    from pyspark.sql import Observation, functions

    counted = Observation()
    with told("writing the scores", dsn):
        frame.observe(
            counted, functions.count(functions.lit(1)).alias("rows"), functions.count("reason").alias("refused")
        ).where("reason is null").drop("reason").write.jdbc(address.url, stage, "append", address.properties)
        found = counted.get
    return int(found["rows"] or 0), int(found["refused"] or 0)


def _check_staged(connection: Connection, target: Target, stage: str, version: int) -> tuple[int, int]:
    """How many rows the staging table has, and how many pages.

    Raises:
        BusyError: their scores are of another version than the one that answers.
        PgscoreError: a key is NULL.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"analyze {stage}")
    lacking = " or ".join(f"key_{n} is null" for n in range(len(target.key)))
    counted = _COUNTED.format(stage=stage.replace("%", "%%"), lacking=lacking)
    found = row(connection, counted, (version, stage))
    if found["lacking"]:
        raise PgscoreError(
            f"{found['lacking']} rows of the DataFrame have NULL in {', '.join(each.name for each in target.key)},"
            f" the key of {target.table.name}",
            "Nothing was stored. Filter them out: they are rows of no profile.",
        )
    if found["others"]:
        raise BusyError(
            f"the scores are those of version {', '.join(map(str, found['others']))} of model {target.model}, and"
            f" version {version} answers",
            "Nothing was stored. Score again.",
        )
    return found["rows"], int(found["pages"])


def _store(
    connection: Connection, target: Target, stage: str, version: int, pages: tuple[int, int], before: int
) -> int:
    serving, _ = read_serving(connection, target.model)
    if serving != version:
        raise BusyError(
            f"version {serving} of model {target.model} was promoted meanwhile: {before} scores of version {version}"
            " are stored, and the others are not",
            "Score again.",
        )
    with connection.cursor() as cursor:
        cursor.execute("set local search_path = pg_catalog, pg_temp")
    return int(row(connection, store_statement(target, stage, *pages))["written"])
