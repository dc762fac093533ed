"""Events of a table, each once, although transactions are committed in another order than they began.

What is read is the difference of two snapshots: rows of transactions that are over in the later one and were not in the
former. So nothing is skipped, nobody is waited for, and an event that was committed before another began comes first:
within a difference by the column that counts up. Rows that are committed are never in a later difference again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from pgscore.database import as_refusal, row, transaction
from pgscore.errors import PgscoreError

from .quoting import identifier
from .snapshots import Snapshot
from .source import Batch, Event
from .table import Table, look_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_PLACE = """
    select concat(
        (select c.system_identifier from pg_control_system() c), '/',
        (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
    ) as server,
    case
        when pg_is_in_recovery() then (select c.timeline_id from pg_control_checkpoint() c)
        else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
    end as timeline,
    pg_current_snapshot()::text as snapshot
"""
# What a session may set changes no message.
_SETTINGS = """
    set local search_path = pg_catalog, pg_temp;
    set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'iso_8601';
    set local extra_float_digits = 1; set local bytea_output = 'hex';
    set local row_security = off; set local cursor_tuple_fraction = 1
"""
_ROWS = """
    select e.{ordinal}, e.{transaction}::text, {key}, (select to_json(v) from (select {columns}) v)::text
    from {table} e
    where e.{transaction} >= %(lowest)s::text::xid8 and e.{transaction} < %(end)s::text::xid8
        and not pg_visible_in_snapshot(e.{transaction}, %(since)s::pg_snapshot)
        and pg_visible_in_snapshot(e.{transaction}, %(until)s::pg_snapshot)
        and (%(after)s::bigint is null or e.{ordinal} > %(after)s::bigint)
    order by e.{ordinal}
"""
_ROW = """
    select (select to_json(v) from (select {columns}) v)::text
    from {table} e where e.{transaction} = %s::text::xid8 and e.{ordinal} = %s
"""
_AHEAD = "select exists (select from {} e where e.{} >= pg_snapshot_xmax(pg_current_snapshot()))"
_BEFORE_ALL = "1:1:"


@dataclass(frozen=True)
class _Position:
    """How far a table was read.

    Attributes:
        server: the cluster and the database.
        table: the table's oid.
        timeline: the server's, which changes where a standby takes over.
        since: what was over in this snapshot was read.
        until: of the difference to this one some was read; None: there is no such difference.
        after: up to which number.
        mark: of the events that were read the transaction with the highest number, the event's own, and a digest of it.
    """

    server: str
    table: int
    timeline: int
    since: str
    until: str | None = None
    after: int | None = None
    mark: tuple[int, int, str] | None = None

    @classmethod
    def read(cls, text: str) -> _Position:
        try:
            found = json.loads(text)
            mark = found.pop("mark")
            position = cls(**found, mark=tuple(mark) if mark else None)
            for each in (position.since, position.until):
                if each is not None:
                    Snapshot.read(each)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise PgscoreError(f"what is kept is no position in a table: {text[:100]}") from None
        return position

    def __str__(self) -> str:
        return json.dumps(asdict(self))


class TableSource:
    """The rows of an event table, which are inserted and stay.

    Args:
        table: its name.
        key: the columns of the messages' key: one is written as it is, several as an array in JSON.
        columns: the columns of the messages; none: all.
        ordinal: the column that counts up; None: the primary key.
    """

    def __init__(self, table: str, key: Sequence[str], columns: Sequence[str] = (), ordinal: str | None = None) -> None:
        self.name = table
        self._asked = (table, key, columns, ordinal)
        self._table: Table | None = None

    def look(self, connection: Connection) -> None:
        """See `Source`."""
        self._table = look_at(connection, *self._asked)
        self.name = f"{self._table.schema}.{self._table.name}"

    def begin(self, connection: Connection, position: str | None, *, from_now: bool) -> str:
        """See `Source`."""
        with transaction(connection) as session:
            place = row(session, _PLACE)
            self._check_numbers(session)
        here = _Position(place["server"], self._known().number, place["timeline"], place["snapshot"])
        if position is None:
            return str(here if from_now else replace(here, since=_BEFORE_ALL))
        return str(self._gone_on(connection, _Position.read(position), here))

    def batches(self, connection: Connection, position: str, size: int) -> Iterator[Batch]:
        """See `Source`."""
        at = _Position.read(position)
        try:
            if at.until is not None:
                # The rest of a difference; then there is another behind it.
                at = yield from self._difference(connection, at, size)
            yield from self._difference(connection, at, size)
        except psycopg2.Error as error:
            raise as_refusal(error) from None

    def _difference(self, connection: Connection, at: _Position, size: int) -> Generator[Batch, None, _Position]:
        """The rows of a difference of two snapshots, and at its end none; gives what to go on from."""
        with connection:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read read only")
                cursor.execute(_SETTINGS)
                cursor.execute("select pg_current_snapshot()::text")
                (now,) = cursor.fetchone() or ("",)
            at = replace(at, until=at.until or now)
            # Sorted once, however many batches it makes.
            with closing(connection.cursor("events")) as cursor:
                cursor.execute(self._query(), _bounds(at))
                while found := cursor.fetchmany(size):
                    last = max(found, key=lambda each: (int(each[1]), each[0]))
                    highest = (int(last[1]), last[0], _digest(last[3]))
                    at = replace(at, after=found[-1][0], mark=max(at.mark or highest, highest))
                    yield Batch([Event(each[2], each[3]) for each in found], str(at))
        at = replace(at, since=at.until or at.since, until=None, after=None)
        yield Batch([], str(at))
        return at

    def _known(self) -> Table:
        if self._table is None:
            raise RuntimeError("look comes first")
        return self._table

    def _query(self) -> sql.Composed:
        table = self._known()
        key = [sql.SQL("e.{}").format(identifier(each)) for each in table.key]
        written: sql.Composable
        if not key:
            written = sql.SQL("null::text")
        elif len(key) == 1:
            written = sql.SQL("{}::text").format(key[0])
        else:
            written = sql.SQL("json_build_array({})::text").format(sql.SQL(", ").join(key))
        return sql.SQL(_ROWS).format(
            table=identifier(table.schema, table.name),
            transaction=identifier(table.transaction),
            ordinal=identifier(table.ordinal),
            key=written,
            columns=self._told(),
        )

    def _check_numbers(self, session: Connection) -> None:
        """Refuses rows of transactions that are yet to come: another cluster gave them their numbers."""
        column = self._known().transaction
        query = sql.SQL(_AHEAD).format(self._known().identifier, sql.Identifier(column))
        with session.cursor() as cursor:
            cursor.execute(query)
            if cursor.fetchone() == (True,):
                raise PgscoreError(
                    f"{self.name} holds rows of transactions that are yet to come: a dump, or logical replication,"
                    " brought them from another cluster",
                    f"After a restore its owner sets {column} = default where {column} >="
                    " pg_snapshot_xmax(pg_current_snapshot()); what replication fills is published at its origin.",
                )

    def _gone_on(self, connection: Connection, kept: _Position, here: _Position) -> _Position:
        if (kept.server, kept.table) != (here.server, here.table):
            raise PgscoreError(
                f"what was published of {self.name} came from another database, or the table was made anew",
                "Publish it under another --name: with --from-now, or all of it.",
            )
        ahead = Snapshot.read(kept.since).end > Snapshot.read(here.since).end
        if kept.timeline == here.timeline and not ahead:
            return kept
        # A standby has taken over, or a backup was restored: it may give numbers anew that others had. Those of what
        # was published it has not, if the last of these is here.
        if kept.mark is None:
            return replace(kept, timeline=here.timeline, since=here.since if ahead else kept.since)
        if not self._is_there(connection, kept.mark):
            raise PgscoreError(
                f"{self.name} is behind what was published of it: a standby has taken over, or a backup was restored",
                "What was published and is not here, only you can tell. Then publish it under another --name, with "
                "--from-now.",
            )
        since = str(Snapshot.read(kept.since).up_to(kept.mark[0]))
        until = None if kept.until is None else str(Snapshot.read(kept.until).up_to(kept.mark[0]))
        return replace(kept, timeline=here.timeline, since=since, until=until)

    def _is_there(self, connection: Connection, mark: tuple[int, int, str]) -> bool:
        # By its contents, too: another timeline gives the same numbers to other events.
        table = self._known()
        query = sql.SQL(_ROW).format(
            table=identifier(table.schema, table.name),
            transaction=identifier(table.transaction),
            ordinal=identifier(table.ordinal),
            columns=self._told(),
        )
        with transaction(connection) as session, session.cursor() as cursor:
            cursor.execute(_SETTINGS)
            cursor.execute(query, mark[:2])
            found = cursor.fetchone()
        return found is not None and _digest(found[0]) == mark[2]

    def _told(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.SQL("e.{}").format(identifier(each)) for each in self._known().columns)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _bounds(at: _Position) -> dict[str, Any]:
    until = at.until or at.since
    # Few rows are between these, by an index; which of them it is, the snapshots say.
    lowest, end = Snapshot.read(at.since).lowest, Snapshot.read(until).end
    return {"lowest": lowest, "end": end, "since": at.since, "until": until, "after": at.after}
