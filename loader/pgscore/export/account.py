"""The account of exports, pgscore.export: what was exported last to a target, and what may have changed since.

**Which rows may have changed** since a snapshot was exported? Those whose transaction, xmin, is not before the oldest
one that was open then. Time says less: `scored_at` is when a transaction began, and one that began before an export may
commit after it. Nor is it enough to ask whether xmin was visible in the snapshot: a row that was written behind a
savepoint, or in a block of PL/pgSQL with EXCEPTION, has the number of a subtransaction, and a snapshot lists those at
the top alone, so such a row would pass for one that was exported. The oldest open transaction is a sure bound: a
subtransaction has a higher number than its transaction, one that is prepared is open, and whatever is written later
has a higher number, too. Rows of transactions between the oldest and the newest are exported twice, which a target
bears.

**32 bits.** xmin is the lower half of a transaction's number. Its distance from the snapshot's next number, modulo
2^32, is the true one for whatever was written within the last 2^32 transactions. A row that is older may seem younger,
and is exported once more. So the bound must be within that distance, and past half of it all rows are exported.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from pgscore.database import row, rows
from pgscore.errors import BusyError, PgscoreError

from .source import unreadable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .records import Plan, Stamp
    from .target import Target

_TOO_OLD = 2**31
_NUMBER = """
    select number from pgscore.export
    where exporter = to_regrole(quote_ident(current_user)) and (binding, target) = (%s, %s)
"""
# The timeline changes where a standby takes over: transactions that it never heard of get their numbers anew.
_PRESENT = """
    select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at,
        pg_current_snapshot()::text as snapshot, pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next,
        concat_ws(
            '/',
            (select system_identifier from pg_control_system()),
            left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
            (select oid from pg_database where datname = current_database())
        ) as server,
        (
            select string_agg(
                concat_ws(' ', a.attnum, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)), ', '
                order by u.place
            )
            from unnest(%(columns)s) with ordinality as u (name, place)
            join pg_attribute a on a.attrelid = to_regclass(%(relation)s) and a.attname = u.name
        ) as shape,
        exists (
            select from pg_attribute a
            where a.attrelid = to_regclass(%(relation)s) and a.attname = any (%(columns)s) and a.attgenerated = 'v'
        ) as virtual
"""
_LEAVES = """
    with recursive tree as (
        select to_regclass(%(relation)s)::oid as oid
        union
        select i.inhrelid from pg_inherits i join tree t on t.oid = i.inhparent
    )
    select c.oid::bigint as number, c.oid::regclass::text as called, c.relkind <> 'r' or m.amname <> 'heap' as mute
    from tree t join pg_class c on c.oid = t.oid left join pg_am m on m.oid = c.relam
    where c.relkind <> 'p'
    order by 1
"""
_LAST = """
    select pg_snapshot_xmin(snapshot)::text::bigint as oldest, pg_snapshot_xmax(snapshot)::text::bigint as next, server,
        shape, partitions::bigint[] as partitions, stamp::text as stamp
    from pgscore.export
    where number = %s
    for update nowait
"""
_RECORD = """
    update pgscore.export
    set shape = %(shape)s, partitions = %(partitions)s::oid[], snapshot = %(snapshot)s::pg_snapshot,
        server = %(server)s, stamp = %(stamp)s, versions = %(versions)s::jsonb, rows = %(rows)s, changed = %(changed)s,
        exported = now()
    where number = %(number)s
"""


@dataclass(frozen=True)
class Account:
    """Where an export stands: its own snapshot, and what was exported last.

    Attributes:
        number: of the row in pgscore.export, which is locked; None where nothing can be noted.
        at: when the snapshot was taken, in UTC.
        snapshot: the snapshot, as PostgreSQL writes it.
        next: the number that the next transaction gets.
        server: cluster, timeline and database.
        shape: the columns, by number, name and type.
        leaves: the tables that hold the rows, by number.
        mute: one of them whose rows do not say which transaction has written them, or a column that is computed when it
            is read; None where there is neither.
        last: what was exported last, or None.
    """

    number: int | None
    at: str
    snapshot: str
    next: int
    server: str
    shape: str
    leaves: list[int]
    mute: str | None
    last: dict[str, Any] | None

    def why_all(self, target: Target) -> str | None:
        """Why changes alone would not do, as a clause; None where they do."""
        last = self.last
        if last is None:
            return "nothing was exported to this target before"
        reasons = (
            (
                last["server"] != self.server or last["next"] > self.next,
                "the database was restored, or a standby took over, since the last export",
            ),
            (self.next - last["oldest"] >= _TOO_OLD, "the last export is too many transactions ago"),
            (last["shape"] != self.shape, "other columns, or of other types, were exported last"),
            (self.mute is not None, f"{self.mute} does not tell what has changed"),
        )
        found = next((said for is_so, said in reasons if is_so), None)
        if found is None and not target.holds(last["stamp"]):
            return "the target does not hold the last export any more"
        return found

    def changed(self) -> str:
        """SQL that is true of a row `p` that may have changed since the last export."""
        if self.last is None:
            raise AssertionError
        distance = self.next - self.last["oldest"]
        known = ", ".join(str(each) for each in self.last["partitions"])
        return (
            f"((({self.next} - p.xmin::pg_catalog.text::bigint) & 4294967295) <= {distance}"
            f" or p.tableoid <> all ('{{{known}}}'::pg_catalog.oid[]))"
        )


def open_account(connection: Connection, plan: Plan, where: str) -> int | None:
    """The number under which exports of this kind are noted; None on a standby, and for who may only read."""
    query = "select current_setting('transaction_read_only')::boolean as reads"
    if row(connection, query)["reads"]:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into pgscore.export (binding, target) values (%s, %s) on conflict do nothing", (plan.binding, where)
        )
    number: int = row(connection, _NUMBER, (plan.binding, where))["number"]
    return number


def take_snapshot(connection: Connection, plan: Plan, number: int | None) -> Account:
    """Begins the transaction that is exported: locks the account, and takes the snapshot.

    Raises:
        BusyError: an export to the same target is under way.
    """
    _begin(connection, plan)
    last = None
    if number is not None:
        try:
            locked = rows(connection, _LAST, (number,))
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.SerializationFailure) as error:
            raise BusyError(
                "another export to this target is under way", "Run it again when that is done.", error.pgcode
            ) from None
        if not locked:
            raise PgscoreError("the binding was detached while its scores were to be exported", "Attach it again.")
        last = locked[0] if locked[0]["next"] is not None else None
    parameters = {"relation": plan.relation, "columns": [column.source for column in plan.columns]}
    if number is None:
        present = row(connection, _PRESENT.replace("pg_current_wal_insert_lsn()", "null::pg_lsn"), parameters)
    else:
        present = row(connection, _PRESENT, parameters)
    leaves = rows(connection, _LEAVES, parameters)
    mute = next((f"table {each['called']}" for each in leaves if each["mute"]), None)
    return Account(
        number,
        present["at"],
        present["snapshot"],
        present["next"],
        present["server"],
        present["shape"],
        [each["number"] for each in leaves],
        "a column that is computed when it is read" if present["virtual"] else mute,
        last,
    )


def _begin(connection: Connection, plan: Plan) -> None:
    """Locks the table before the snapshot is taken: a TRUNCATE between the two would leave an empty table to export."""
    lock = sql.SQL("lock table {} in access share mode").format(sql.SQL(plan.relation))
    with connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read; savepoint locked")
        try:
            cursor.execute(lock)
        except psycopg2.errors.InsufficientPrivilege as error:
            # Who may read columns alone may not lock the table.
            cursor.execute("rollback to savepoint locked")
            listed = sql.SQL(", ").join(sql.Identifier(column.source) for column in plan.columns)
            try:
                cursor.execute(sql.SQL("select {} from {} limit 0").format(listed, sql.SQL(plan.relation)))
            except psycopg2.errors.InsufficientPrivilege:
                raise unreadable(error, plan.relation) from None
        # A snapshot is handed to others by no subtransaction.
        cursor.execute("release savepoint locked")


def record(connection: Connection, account: Account, stamp: Stamp) -> None:
    """Notes an export that is complete; it counts from the commit on."""
    if account.number is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "number": account.number,
                "shape": account.shape,
                "partitions": account.leaves,
                "snapshot": account.snapshot,
                "server": account.server,
                "stamp": str(uuid.UUID(stamp.stamp)),
                "versions": json.dumps(dict(stamp.versions)),
                "rows": stamp.rows,
                "changed": stamp.changed,
            },
        )
