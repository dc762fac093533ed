"""Looking profiles up for events, many at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from pgscore.bundle.make import pin
from pgscore.database import as_refusal, row, rows, transaction
from pgscore.errors import NotFoundError, PgscoreError

from .quoting import identifier, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_COLUMNS = """
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type
    from pg_attribute a where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum
"""


class Profiles:
    """A profile table, as events name its rows."""

    def __init__(
        self, table: str, event_key: Sequence[str], profile_key: Sequence[str], columns: Sequence[str]
    ) -> None:
        """Knows nothing of the table before it begins.

        Args:
            table: the table, named as in SQL.
            event_key: the fields of an event that name a profile.
            profile_key: the columns that they are compared with, in the same order.
            columns: what is told of a profile; all where there are none.
        """
        self._table, self._event_key, self._profile_key = table, tuple(event_key), tuple(profile_key)
        self._columns = tuple(columns)
        self._query: sql.Composed | None = None
        if len(self._event_key) != len(self._profile_key) or not self._event_key:
            raise PgscoreError("the keys of events and profiles have as many columns as each other, at least one")

    def begin(self, connection: Connection) -> None:
        """Looks at the table.

        Raises:
            PgscoreError: there is none, or it has no such column.
        """
        with transaction(connection) as session:
            number = row(session, "select to_regclass(%s)::oid as number", (self._table,))["number"]
            if number is None:
                raise NotFoundError(f"there is no table {self._table}", "Name it with its schema: shop.customer.")
            # So that types come with their schemas, as profiles are looked up under this path.
            pin(session)
            place = row(
                session,
                "select n.nspname as schema, c.relname as name, has_table_privilege(c.oid, 'select') as may"
                " from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = %s",
                (number,),
            )
            types = {each["name"]: each["type"] for each in rows(session, _COLUMNS, (number,))}
        for name in (*self._profile_key, *self._columns):
            if name not in types:
                raise NotFoundError(f"table {self._table} has no column {name}", f"It has {', '.join(types)}.")
        keys = [identifier(f"k{number}") for number, _ in enumerate(self._profile_key)]
        typed = [
            sql.SQL("{} {}").format(key, type_name(types[name]))
            for key, name in zip(keys, self._profile_key, strict=True)
        ]
        equal = [
            sql.SQL("p.{} = k.{}").format(identifier(name), key)
            for key, name in zip(keys, self._profile_key, strict=True)
        ]
        told = [sql.SQL("p.{}").format(identifier(name)) for name in self._columns or types]
        self._query = sql.SQL(
            "select k.n, (select to_json(v) from (select {told}) v)::text as profile"
            " from jsonb_to_recordset(%s::jsonb) as k (n integer, {typed}) join {table} p on {equal}"
        ).format(
            told=sql.SQL(", ").join(told),
            typed=sql.SQL(", ").join(typed),
            table=identifier(place["schema"], place["name"]),
            equal=sql.SQL(" and ").join(equal),
        )

    def of(self, connection: Connection, events: Sequence[Mapping[str, Any]]) -> dict[int, str]:
        """The profiles of some events, as JSON, by the event's number among them; none where there is no such profile.

        Raises:
            UnreachableError: the connection was lost.
            PgscoreError: a key is no value of the column's type.
        """
        asked = []
        for number, event in enumerate(events):
            keys = [event.get(name) for name in self._event_key]
            if all(each is not None for each in keys):
                named = {f"k{place}": _plain(key) for place, key in enumerate(keys)}
                asked.append({"n": number, **named})
        if not asked:
            return {}
        try:
            with transaction(connection) as session:
                pin(session)
                found = rows(session, self._query or "", (json.dumps(asked),))  # type: ignore[arg-type]
        except psycopg2.Error as error:
            raise as_refusal(error) from None
        return {each["n"]: each["profile"] for each in found}


def _plain(key: Any) -> Any:  # noqa: ANN401
    return key if isinstance(key, str | int) else str(key)
