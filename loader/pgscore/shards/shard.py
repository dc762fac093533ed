"""A database that takes part in a release of several, and how a transaction that is prepared there is ended."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import psycopg2

from pgscore.database import as_refusal, connect, row
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack

    from psycopg2.extensions import connection as Connection  # noqa: N812

_TRIES, _PAUSE = 4, 1.0
_WHO = """
    select s.system_identifier || '-' || d.oid as identity, current_setting('max_prepared_transactions')::integer
        as may_prepare, pg_is_in_recovery() as is_standby, current_user as role,
        (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) as is_superuser
    from pg_catalog.pg_control_system() s, pg_catalog.pg_database d where d.datname = current_database()
"""
# A transaction that is prepared is in progress; NULL is one that the server has forgotten.
_FATE = "select pg_catalog.pg_xact_status(%s::xid8) as fate"


@dataclass(frozen=True)
class Shard:
    """A database that takes part; its connection leaves transactions to us.

    Attributes:
        dsn: the connection string.
        connection: in autocommit mode.
        name: where, as ``host:port/name``.
        identity: the identifiers of its cluster and of itself, whatever it is reached by.
        may_prepare: the server's max_prepared_transactions.
        is_standby: whether it only follows another server.
        role: who is connected.
        is_superuser: whether that role is one.
    """

    dsn: str
    connection: Connection
    name: str
    identity: str
    may_prepare: int
    is_standby: bool
    role: str
    is_superuser: bool

    def run(self, sql: str) -> None:
        """Runs a statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def transaction(self) -> int:
        """The number of the transaction that the connection is in."""
        return int(row(self.connection, "select pg_catalog.pg_current_xact_id()::text as id")["id"])

    def end(self, name: str, transaction: int, *, commit: bool) -> bool | None:
        """Ends a prepared transaction, by another connection if need be.

        Returns:
            Whether it is committed now, which somebody else may have decided meanwhile; None: it cannot be said.
        """
        sql = f"{'commit' if commit else 'rollback'} prepared '{name}'"
        with suppress(psycopg2.Error):
            self.run(sql)
            return commit
        for attempt in range(_TRIES):
            with suppress(PgscoreError, psycopg2.Error), closing(connect(self.dsn)) as connection:
                connection.autocommit = True
                ended = fate(connection, transaction)
                if ended is not None:
                    return ended
                with connection.cursor() as cursor:
                    cursor.execute(sql)
                return commit
            if attempt < _TRIES - 1:
                time.sleep(_PAUSE)
        return None


def joined(dsns: Sequence[str], stack: ExitStack) -> list[Shard]:
    """The databases, in one order for all who release, so that two of them do not wait for each other.

    Raises:
        PgscoreError: one is given twice, follows another one, or cannot be reached.
    """
    shards = sorted((_connected(dsn, stack) for dsn in dsns), key=lambda shard: shard.identity)
    for shard in shards:
        if shard.is_standby:
            raise PgscoreError(f"{shard.name} is a standby, which changes nothing", "Name its primary instead.")
    for one, other in pairwise(shards):
        if one.identity == other.identity:
            both = f"{one.name} is given twice"
            if one.name != other.name:
                both = f"{one.name} and {other.name} are one database, or copies of one cluster"
            raise PgscoreError(both, "Name each database once.")
    return shards


def _connected(dsn: str, stack: ExitStack) -> Shard:
    connection = stack.enter_context(closing(connect(dsn)))
    connection.autocommit = True
    info = connection.info
    name = f"{info.host}:{info.port}/{info.dbname}"
    with at(name):
        return Shard(dsn, connection, name, **row(connection, _WHO))


def fate(connection: Connection, transaction: int) -> bool | None:
    """Whether a transaction was committed or rolled back; None where it is prepared, running or forgotten."""
    try:
        found = row(connection, _FATE, (str(transaction),))["fate"]
    except psycopg2.errors.InvalidParameterValue:
        # Not begun yet, so a restored server does not know it.
        return None
    return {"committed": True, "aborted": False}.get(found)


@contextmanager
def at(name: str) -> Iterator[None]:
    """Has errors say in which database they were."""
    try:
        yield
    except psycopg2.Error as error:
        refused = as_refusal(error)
    except PgscoreError as error:
        refused = error
    else:
        return
    raise type(refused)(f"{name}: {refused}", refused.hint, refused.sqlstate)
