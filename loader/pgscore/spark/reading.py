"""Reading a profile table in parts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pgscore.database import row, transaction
from pgscore.errors import PgscoreError

from .addresses import reached
from .session import check_session, told
from .tables import Table, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812
    from pyspark.sql import DataFrame, SparkSession

_FETCHED = "10000"
_BORDERS = """
    select array(
        select quote_literal(b::text) || '::' || pg_typeof(b)::text
        from unnest((select percentile_disc(%s::double precision[]) within group (order by {column}) from {table}))
            with ordinality as u (b, n)
        where b is not null order by n
    ) as borders
"""


def profile(
    spark: SparkSession,
    dsn: str,
    table: str,
    *,
    columns: Sequence[str] | None = None,
    partitions: int | None = None,
    key: Sequence[str] | None = None,
) -> DataFrame:
    """A profile table, or a view, as a DataFrame that the workers read over JDBC.

    It is read in ranges of the first column of its key, whose borders are looked up now, by one pass over that column.
    Each range is a statement of its own: no row is missed or read twice because others change it meanwhile, but they do
    not see one moment.

    Args:
        spark: the session, which has PostgreSQL's driver among its jars.
        dsn: a connection string that leads to the server from the workers too.
        table: its name, as SQL writes it.
        columns: those to read beside the key; None: all.
        partitions: in how many parts it is read; None: as many as Spark runs at once.
        key: the columns that identify a row; None: the primary key, or the key of its binding.

    Returns:
        Numbers as Spark's numbers, `numeric` as double, `real` as float; booleans, dates and timestamps; everything
        else as string, a `char(n)` padded.

    Raises:
        NotFoundError: there is no such table.
        UnreachableError: there is no connection.
        PgscoreError: a column is none, there is nothing to tell parts by, or Spark lacks the driver.
    """
    context = check_session(spark)
    wanted = context.defaultParallelism if partitions is None else partitions
    if wanted < 1:
        raise PgscoreError(f"the table is to be read in {wanted} parts, and 1 is the least")
    with reached(dsn) as (connection, address):
        with transaction(connection):
            found = read_table(connection, table, key)
            if not found.key and partitions is not None and partitions > 1:
                raise PgscoreError(
                    f"{found.name} has no primary key to read it in {partitions} parts by",
                    "Name a column that tells rows apart, key=['id'], or read it in one part.",
                )
            read = [*found.key, *(name for name in columns or found.columns if name not in found.key)]
            found.checked(read, "is to be read")
            predicates = _predicates(connection, found, wanted)
        listed = ", ".join(
            f"{each.read_sql(is_key=each.name in found.key)} as {each.quoted}"
            for each in found.checked(read, "is to be read")
        )
        properties = address.properties | {"fetchsize": _FETCHED}
        source = f"(select {listed} from {found.name}) as pgscore_profile"  # noqa: S608  names are quoted
        with told(f"reading {found.name}", dsn):
            return spark.read.jdbc(address.url, source, predicates=predicates, properties=properties)


def _predicates(connection: Connection, table: Table, parts: int) -> list[str]:
    """Conditions that each row fulfils exactly one of."""
    if not table.key or parts == 1:
        return ["true"]
    first = table.columns[table.key[0]]
    column = first.read_sql(is_key=True)
    listed = _BORDERS.format(column=column.replace("%", "%%"), table=table.name.replace("%", "%%"))
    borders: list[str] = row(connection, listed, ([n / parts for n in range(1, parts)],))["borders"]
    ordered = list(dict.fromkeys(borders))
    if not ordered:
        return ["true"]
    name = first.quoted
    return [
        f"{name} < {ordered[0]} or {name} is null",
        *(f"{name} >= {low} and {name} < {high}" for low, high in pairwise(ordered)),
        f"{name} >= {ordered[-1]}",
    ]
