"""What publishing has to know of an event table, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pgscore.database import rows, transaction
from pgscore.errors import NotFoundError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_TABLE = """
    select c.oid::integer as number, n.nspname as schema, c.relname as name,
        has_table_privilege(c.oid, 'select') as readable, has_schema_privilege(n.oid, 'usage') as reachable
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = %s and c.relkind in ('r', 'p')
"""
_COLUMNS = """
    select a.attname as name, a.attnotnull as not_null,
        a.atttypid = 'pg_catalog.xid8'::regtype and a.attnotnull
            and pg_get_expr(d.adbin, d.adrelid) = 'pg_current_xact_id()' as says_transaction,
        a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) as is_integer,
        exists (
            select from pg_catalog.pg_index i
            where i.indrelid = a.attrelid and i.indisunique and i.indisvalid and i.indpred is null
                and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
        ) as is_unique,
        exists (
            select from pg_catalog.pg_index i
            where i.indrelid = a.attrelid and i.indisvalid and i.indpred is null and i.indkey[0] = a.attnum
        ) as is_indexed,
        exists (
            select from pg_catalog.pg_index i
            where i.indrelid = a.attrelid and i.indisprimary and i.indkey[0] = a.attnum
        ) as is_primary,
        (
            select s.seqcache from pg_catalog.pg_sequence s
            where s.seqrelid = pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass
        ) as cached
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""


@dataclass(frozen=True)
class Table:
    """An event table.

    Attributes:
        number: its oid.
        schema: where it stands.
        name: what it is called.
        transaction: the column that says which transaction inserted a row.
        ordinal: the column that counts up.
        key: the columns of the messages' key.
        columns: the columns of the messages.
    """

    number: int
    schema: str
    name: str
    transaction: str
    ordinal: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, for a statement."""
        return sql.Identifier(self.schema, self.name)


def look_at(
    connection: Connection, name: str, key: Sequence[str], columns: Sequence[str] = (), ordinal: str | None = None
) -> Table:
    """Looks at a table that is to be published.

    Args:
        connection: to the database, in no transaction.
        name: the table's name.
        key: the columns of the messages' key.
        columns: the columns of the messages; none: all but the one that says the transaction.
        ordinal: the column that counts up; None: the primary key.

    Raises:
        NotFoundError: there is no such table or column.
        PgscoreError: nothing in it says in which order its rows came.
    """
    number, schema, bare, known = _described(connection, name)
    shown = f"{schema}.{bare}"
    for column in (*key, *columns, *([ordinal] if ordinal else [])):
        if column not in known:
            raise NotFoundError(f"{shown} has no column {column}", f"It has {', '.join(known)}.")
    says = [each for each, of in known.items() if of["says_transaction"]]
    if len(says) != 1:
        raise _no_transaction(shown, says)
    if not known[says[0]]["is_indexed"]:
        raise PgscoreError(
            f"column {says[0]} of {shown} has no index, and each look for new events would read the whole table",
            f"As its owner: create index concurrently on {shown} ({says[0]});",
        )
    counts = _ordinal(shown, known, ordinal)
    chosen = tuple(columns) or tuple(each for each in known if each != says[0])
    return Table(number, schema, bare, says[0], counts, tuple(key), chosen)


def _described(connection: Connection, name: str) -> tuple[int, str, str, dict[str, dict[str, Any]]]:
    """The oid of a table, its schema, its name, and its columns by their names."""
    with transaction(connection) as session:
        # As it is written here; what is deparsed and compared has no schema then.
        with session.cursor() as cursor:
            cursor.execute("select to_regclass(%s)::oid::integer", (name,))
            (number,) = cursor.fetchone() or (None,)
            cursor.execute("set local search_path = pg_catalog, pg_temp")
        tables = [] if number is None else rows(session, _TABLE, (number,))
        if not tables:
            raise NotFoundError(f"there is no table {name}", "Name it with its schema: shop.complaints.")
        (table,) = tables
        shown = f"{table['schema']}.{table['name']}"
        if not (table["readable"] and table["reachable"]):
            raise PgscoreError(f"this role may not read {shown}", f"As its owner: grant select on {shown} to …")
        known = {each["name"]: each for each in rows(session, _COLUMNS, (number,))}
    return table["number"], table["schema"], table["name"], known


def _ordinal(shown: str, known: dict[str, dict[str, Any]], wanted: str | None) -> str:
    """The column that counts the rows of a table up."""
    counts = wanted or next((each for each, of in known.items() if of["is_primary"]), None)
    if counts is None or not (known[counts]["is_integer"] and known[counts]["is_unique"] and known[counts]["not_null"]):
        raise PgscoreError(
            f"{shown} has no column that counts its rows: an integer, not NULL, with a unique index of its own",
            "Name another one with --order, or as its owner: "
            f"alter table {shown} add column number bigint generated always as identity unique;",
        )
    if (known[counts]["cached"] or 1) > 1:
        raise PgscoreError(
            f"the sequence of {shown}.{counts} hands out {known[counts]['cached']} numbers at a time to each session, "
            "so they say nothing of the order",
            f"As its owner: alter table {shown} alter column {counts} set cache 1; or alter sequence … cache 1;",
        )
    return counts


def _no_transaction(shown: str, says: Sequence[str]) -> PgscoreError:
    if says:
        return PgscoreError(f"{shown} has several columns that say the transaction: {', '.join(says)}")
    return PgscoreError(
        f"no column of {shown} says which transaction inserted a row, and numbers do not tell what is yet to come",
        f"As its owner: alter table {shown} add column transaction xid8 not null default pg_current_xact_id(); "
        f"create index concurrently on {shown} (transaction);",
    )
