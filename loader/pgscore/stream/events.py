"""Messages into an event table: the binding of the table does the rest."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from pgscore.bundle.make import pin
from pgscore.database import row, rows
from pgscore.errors import DeniedError, NotFoundError, PgscoreError

from .apps import Done
from .messages import Dead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .messages import Message

# A table that the caller names as SQL does; columns that the database itself fills are none of a message's.
_TABLE = """
    select c.oid, c.oid::regclass::text as name, c.relkind in ('r', 'p') as is_table,
        has_any_column_privilege(c.oid, 'insert') as may,
        exists (select from pgscore.binding b where b.events = c.oid) as is_attached
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where parse_ident(%(table)s) in (array[n.nspname, c.relname]::text[], array[c.relname]::text[])
        and (cardinality(parse_ident(%(table)s)) = 2 or n.nspname = any (%(path)s))
    order by array_position(%(path)s, n.nspname::text) limit 1
"""
_COLUMNS = """
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type
    from pg_attribute a
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity <> 'a'
"""
_UNIQUE = """
    select exists (
        select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = %s and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
            and i.indnkeyatts = 1 and a.attname = %s
    ) as is_unique, has_column_privilege(%s, %s, 'select') as may
"""


class EventTable:
    """Inserts each message as a row.

    A field goes into the column of its name, and one that is no column is left out. Columns that a message does not
    name have their defaults. A time without a zone is UTC.
    """

    def __init__(self, table: str, identifier: str | None = None) -> None:
        """Knows nothing of the table before it begins.

        Args:
            table: the table, named as in SQL.
            identifier: the field that tells an event from others: one that is in the table already is passed over.
        """
        self._table, self._identifier = table, identifier
        self._name = ""
        self._columns: dict[str, str] = {}
        self._warned = False

    def begin(self, connection: Connection) -> None:
        """Looks at the table.

        Raises:
            PgscoreError: messages cannot be inserted.
        """
        path = row(connection, "select current_schemas(true)::text[] as path")["path"]
        # So that names come with their schemas.
        pin(connection)
        try:
            found = rows(connection, _TABLE, {"table": self._table, "path": path})
        except psycopg2.DataError:
            raise PgscoreError(f"{self._table!r} is no table's name", "Name it as SQL does: shop.complaints.") from None
        if not found or not found[0]["is_table"]:
            raise NotFoundError(f"there is no table {self._table}", "--into names the event table as SQL does.")
        described = found[0]
        if not described["may"]:
            raise DeniedError(
                f"you may not insert into {self._table}", f"As its owner: grant insert on {self._table} to …"
            )
        if not described["is_attached"] and not self._warned:
            self._warned = True
            print(
                f"pgscore: nothing is attached to {self._table}: events are stored, and score nothing", file=sys.stderr
            )
        self._name = described["name"]
        self._columns = {each["name"]: each["type"] for each in rows(connection, _COLUMNS, (described["oid"],))}
        if self._identifier is not None:
            self._check_identifier(connection, described["oid"])

    def apply(self, connection: Connection, messages: Sequence[Message]) -> Done:
        """Inserts the messages, in their order."""
        with connection.cursor() as cursor:
            # As for any application: the table's own triggers find what they name. What stands here is qualified.
            cursor.execute("set local search_path to default")
        done = Done()
        for names, some in groupby(messages, key=lambda each: frozenset(each.event) & self._columns.keys()):
            together = list(some)
            if not names or (self._identifier is not None and self._identifier not in names):
                lacks = "no column's name" if not names else f"no field {self._identifier}"
                done.dead += [Dead(each.raw, f"it has {lacks} of table {self._table}") for each in together]
                continue
            inserted = self._insert(connection, sorted(names), together)
            done.add(Done(counts={"stored": inserted, "repeated": len(together) - inserted}))
        return done

    def _insert(self, connection: Connection, names: Sequence[str], messages: Sequence[Message]) -> int:
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        typed = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(self._columns[n])) for n in names)
        statement = sql.SQL(
            "insert into {table} ({listed}) select {listed} from jsonb_to_recordset({rows}::jsonb) as r ({typed}){once}"
        ).format(
            table=sql.SQL(self._name),
            listed=listed,
            # No parameter: names may hold a percent sign.
            rows=sql.Literal(f"[{','.join(each.text for each in messages)}]"),
            typed=typed,
            once=self._once(),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return int(cursor.rowcount)

    def _once(self) -> sql.Composable:
        if self._identifier is None:
            return sql.SQL("")
        return sql.SQL(" on conflict ({}) do nothing").format(sql.Identifier(self._identifier))

    def _check_identifier(self, connection: Connection, table: int) -> None:
        name: Any = self._identifier
        if name not in self._columns:
            raise NotFoundError(f"table {self._table} has no column {name} that a message may fill", "--id names one.")
        found = row(connection, _UNIQUE, (table, name, table, name))
        if not found["is_unique"]:
            raise PgscoreError(
                f"no unique index is on column {name} of {self._table} alone, so it does not tell events apart",
                f"As its owner: create unique index concurrently on {self._table} ({sql.Identifier(name).strings[0]})",
            )
        if not found["may"]:
            raise DeniedError(
                f"you may not read column {name} of {self._table}, which tells whether an event is there already",
                f"As its owner: grant select ({name}) on {self._table} to …",
            )
