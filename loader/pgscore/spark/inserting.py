"""Storing events in their table, where a binding does the rest; and finding those that the database refuses."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2

from pgscore.database import as_refusal
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .tables import Table

# What a statement takes at once.
_MANY = 1000
# Data that a column does not hold, a constraint, what a trigger of the owner's raises.
_OF_THE_MESSAGE = ("22", "23", "P0001")
# A binding with `on_error => 'abort'` whose model cannot score: no message is to blame for a model.
_ABORTED = "22000"
_INSERT = """
insert into {table} ({names})
select {names}
from unnest(%s::text[]) with ordinality as m (event, n)
cross join lateral json_to_record(m.event::json) as e ({typed})
order by m.n
"""


class Event(NamedTuple):
    """An event, and the message that it came in.

    Attributes:
        place: topic, partition, offset.
        text: the event as JSON.
    """

    place: tuple[str, int, int]
    text: str


class Inserter:
    """Inserts events; columns that a message does not name get their defaults, and what is no column is left out."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self.refused: dict[tuple[str, int, int], str] = {}
        """Why the database refuses messages, by their places."""

    def insert(self, events: Sequence[Event], *, one_by_one: bool) -> None:
        """Inserts events in their order.

        Args:
            events: in the order in which they are to be inserted.
            one_by_one: whether those that the database refuses are to be found and left out; else it fails.

        Raises:
            psycopg2.Error: the database refuses.
        """
        # One statement for messages that name the same columns; the order of all of them stays.
        for names, same in groupby(((self._names(each), each) for each in events), key=lambda pair: pair[0]):
            listed = [event for _, event in same]
            for first in range(0, len(listed), _MANY):
                chunk = listed[first : first + _MANY]
                if one_by_one:
                    self._search(names, chunk)
                else:
                    self._run(names, chunk)

    def _names(self, event: Event) -> tuple[str, ...]:
        given = json.loads(event.text)
        return tuple(name for name in self._table.columns if name in given)

    def _run(self, names: Sequence[str], events: Sequence[Event]) -> None:
        columns = [self._table.columns[name] for name in names]
        with self._connection.cursor() as cursor:
            if not columns:
                for _ in events:
                    cursor.execute(f"insert into {self._table.name} default values")
                return
            insert = _INSERT.format(
                table=self._table.name.replace("%", "%%"),
                names=", ".join(each.quoted for each in columns).replace("%", "%%"),
                typed=", ".join(f"{each.quoted} {each.declared}" for each in columns).replace("%", "%%"),
            )
            cursor.execute(insert, ([each.text for each in events],))

    def _search(self, names: Sequence[str], events: Sequence[Event]) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("savepoint pgscore_stream")
            try:
                self._run(names, events)
                # What is deferred to the commit is found here too.
                cursor.execute("set constraints all immediate; set constraints all deferred")
            except psycopg2.Error as error:
                if not is_of_messages(error):
                    raise
                cursor.execute("rollback to savepoint pgscore_stream")
                if len(events) > 1:
                    middle = len(events) // 2
                    self._search(names, events[:middle])
                    self._search(names, events[middle:])
                else:
                    self.refused[events[0].place] = str(as_refusal(error))
            else:
                cursor.execute("release savepoint pgscore_stream")


def is_of_messages(error: BaseException) -> bool:
    """Whether the database refuses what a message says, rather than to work."""
    code: Any = getattr(error, "sqlstate", None) if isinstance(error, PgscoreError) else getattr(error, "pgcode", None)
    return (code or "").startswith(_OF_THE_MESSAGE) and code != _ABORTED
