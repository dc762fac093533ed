"""Counters for dashboards: how many messages, by filters, in a table of their own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pgscore.bundle.make import pin
from pgscore.database import row, rows
from pgscore.errors import DeniedError, NotFoundError, PgscoreError

from .apps import Done
from .quoting import identifier, type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .messages import Message

_COLUMNS = """
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null
    from pg_attribute a where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
"""
_IS_KEY = """
    select exists (
        select from pg_index i
        where i.indrelid = %s and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
            and i.indexprs is null and (
                select array_agg(a.attname::text order by a.attname::text) from pg_attribute a
                where a.attrelid = i.indrelid and a.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
            ) = (select array_agg(c order by c) from unnest(%s::text[]) c)
    ) as here
"""


@dataclass(frozen=True)
class Filter:
    """A counter: its name, and the fields that an event must have to be counted.

    Attributes:
        name: what it is called.
        where: fields and their values; all events are counted where there are none.
    """

    name: str
    where: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Filter:
        """Of `all`, `billing:kind=billing,channel=web`, or an object of JSON with `name` and `where`.

        Raises:
            PgscoreError: it is none of these.
        """
        if text.lstrip().startswith("{"):
            try:
                found = json.loads(text, parse_float=Decimal)
                name, where = found.pop("name"), found.pop("where", {})
            except (ValueError, KeyError):
                name, where, found = None, None, {}
            if not isinstance(name, str) or not isinstance(where, Mapping) or found:
                raise PgscoreError(f"{text} is no counter", '{"name": "billing", "where": {"kind": "billing"}}')
            return cls(name, where)
        name, colon, rest = text.partition(":")
        pairs = [each.partition("=") for each in rest.split(",")] if colon else []
        if not name or not all(field and equals for field, equals, _ in pairs):
            raise PgscoreError(f"{text!r} is no counter", "Such as all, or billing:kind=billing,channel=web.")
        return cls(name, {field: value for field, _, value in pairs})

    def counts(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is counted."""
        return all(name in event and _is(event[name], value) for name, value in self.where.items())


class CounterTable:
    """Adds up messages in a table with the columns `counter` and `number`, and one for each field it is divided by."""

    def __init__(self, table: str, filters: Sequence[Filter], by: Sequence[str] = ()) -> None:
        """Knows nothing of the table before it begins.

        Args:
            table: the table, named as in SQL.
            filters: what is counted.
            by: fields by whose values each counter is divided; an event that lacks one is not counted.
        """
        self._table, self._filters, self._by = table, filters, tuple(by)
        self._statement: sql.Composed | None = None

    def begin(self, connection: Connection) -> None:
        """Looks at the table.

        Raises:
            PgscoreError: nothing can be counted in it.
        """
        found = row(connection, "select to_regclass(%s)::oid as number", (self._table,))
        if found["number"] is None:
            raise NotFoundError(f"there is no table {self._table}", self._make())
        # So that types come with their schemas, as messages are counted under this path.
        pin(connection)
        may = "has_table_privilege(%(n)s, 'insert') and has_table_privilege(%(n)s, 'update')"
        may = f"select {may} and has_table_privilege(%(n)s, 'select') as may"
        if not row(connection, may, {"n": found["number"]})["may"]:
            raise DeniedError(
                f"you may not count in {self._table}",
                f"As its owner: grant select, insert, update on {self._table} to …",
            )
        types = {each["name"]: each["type"] for each in rows(connection, _COLUMNS, (found["number"],))}
        wanted = ("counter", *self._by)
        lacking = [name for name in (*wanted, "number") if name not in types]
        if lacking:
            raise NotFoundError(f"table {self._table} has no column {lacking[0]}", self._make())
        if not row(connection, _IS_KEY, (found["number"], list(wanted)))["here"]:
            raise PgscoreError(f"table {self._table} has no unique index on ({', '.join(wanted)})", self._make())
        qualified = row(
            connection,
            "select n.nspname as schema, c.relname as name"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = %s",
            (found["number"],),
        )
        names = [identifier(name) for name in wanted]
        # Texts that differ may be one value of a column's type: 1.5 and 1.50.
        self._statement = sql.SQL(
            "insert into {table} as t ({names}, number) select {names}, sum(number)"
            " from jsonb_to_recordset(%s::jsonb) as r ({typed}, number bigint) group by {names} order by {names}"
            " on conflict ({names}) do update set number = t.number + excluded.number"
        ).format(
            table=identifier(qualified["schema"], qualified["name"]),
            names=sql.SQL(", ").join(names),
            typed=sql.SQL(", ").join(
                sql.SQL("{} {}").format(name, type_name(types[each])) for name, each in zip(names, wanted, strict=True)
            ),
        )

    def apply(self, connection: Connection, messages: Sequence[Message]) -> Done:
        """Adds the messages up, and then to the table: all workers lock counters in one order."""
        sums: Counter[tuple[str, ...]] = Counter()
        left = 0
        for message in messages:
            divided = [message.event.get(name) for name in self._by]
            if any(each is None for each in divided):
                left += 1
                continue
            group = tuple(_text(each) for each in divided)
            for each in self._filters:
                if each.counts(message.event):
                    sums[(each.name, *group)] += 1
        if sums:
            names = ("counter", *self._by)
            added = [{**dict(zip(names, key, strict=True)), "number": number} for key, number in sums.items()]
            with connection.cursor() as cursor:
                cursor.execute(self._statement or "", (json.dumps(added),))
        return Done(counts={"counted": sums.total(), "left_out": left})

    def _make(self) -> str:
        columns = "".join(f", {sql.Identifier(name).strings[0]} text not null" for name in self._by)
        keys = ", ".join(("counter", *self._by))
        keyed = f"counter text not null{columns}, number bigint not null, primary key ({keys})"
        return f"create table {self._table} ({keyed});"


def _is(value: Any, wanted: Any) -> bool:  # noqa: ANN401
    """Whether a value of an event is the one that is wanted; what a command line says is a text of any type."""
    if isinstance(wanted, str) and not isinstance(value, str):
        if isinstance(value, bool):
            return wanted == _text(value)
        try:
            wanted = Decimal(wanted)
        except InvalidOperation:
            return False
    if _is_number(value) and _is_number(wanted):
        return Decimal(str(value)) == Decimal(str(wanted))
    return type(value) is type(wanted) and bool(value == wanted)


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
