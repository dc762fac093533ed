"""The connections of a service to its database: a few, each with a thread, and a queue before them that has an end."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extensions import QueryCanceledError, make_dsn, parse_dsn

from pgscore.database import as_refusal, as_unreadable, connect, hang_up
from pgscore.dsn import libpq_dsn
from pgscore.errors import DeniedError, NotFoundError, PgscoreError, UnreachableError

from .problems import Problem, away, overloaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.sql import Composable

    Rows = list[tuple[Any, ...]]

# One message, and so one transaction, with what follows: also behind a pooler. Values are as scores read them, whatever
# the login has set.
_PINNED = (
    "select set_config('search_path', 'pg_catalog, pg_temp', true), set_config('datestyle', 'ISO, MDY', true),"
    " set_config('timezone', 'UTC', true), set_config('intervalstyle', 'postgres', true),"
    " set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true),"
    " set_config('transaction_read_only', 'on', true), set_config('statement_timeout', '{}', true); "
)
# So long after a connection was refused nobody tries again: requests are told at once that the database is away.
_PAUSE = 0.5
_LIMITS = {"connect_timeout": 3, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


class _SlowError(UnreachableError):
    """The server has ended a query that took too long: asked again it would as well."""


class _Asked:
    """A query; `connection` is the one that is asked at the moment."""

    def __init__(self, query: str | Composable, parameters: Sequence[Any] | dict[str, Any]) -> None:
        self.query, self.parameters = query, parameters
        self.connection: Connection | None = None
        self.is_over = False

    def give_up(self) -> None:
        """Nobody waits for it any more, nor is a thread to."""
        self.is_over = True
        if (connection := self.connection) is not None:
            hang_up(connection)


class Pool:
    """Queries, each on the connection of a thread."""

    def __init__(self, dsn: str, connections: int, queue: int, seconds: float) -> None:
        """Connects to nothing yet.

        Args:
            dsn: a connection string.
            connections: how many there are at most.
            queue: how many queries wait for one at most.
            seconds: how long a query may take.
        """
        given = libpq_dsn(dsn)
        limits = {**_LIMITS, "tcp_user_timeout": int(seconds * 1000) + 5000}
        self._dsn = make_dsn(given, **{name: value for name, value in limits.items() if name not in parse_dsn(given)})
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="pgscore pool")
        self._most = connections + queue
        self._seconds = seconds
        self._pinned = _PINNED.format(int(seconds * 1000))
        self._own = threading.local()
        self._all: set[Connection] = set()
        self._away_until = 0.0
        self.waiting = 0

    async def rows(self, query: str | Composable, parameters: Sequence[Any] | dict[str, Any]) -> Rows:
        """The rows of a query.

        Raises:
            Problem: the database is away, refuses, or too much waits for it.
        """
        if self.waiting >= self._most:
            raise overloaded("too many requests wait for the database")
        self.waiting += 1
        asked = _Asked(query, parameters)
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._run, asked)
            work.add_done_callback(self._done)
        except BaseException:
            self.waiting -= 1
            raise
        try:
            # The server ends it by the same timeout, a second before, unless it hangs.
            return await asyncio.wait_for(asyncio.shield(work), self._seconds + 1)
        except TimeoutError:
            asked.give_up()
            raise away(f"the database did not answer within {self._seconds:g} s") from None
        except UnreachableError as error:
            raise away(str(error)) from None
        except DeniedError as error:
            raise Problem(500, "denied", f"the service's login may not read that: {error}") from None
        except NotFoundError as error:
            raise Problem(404, "not-found", str(error)) from None
        except PgscoreError as error:
            raise Problem(422, "refused", f"{error} {error.hint}".strip()) from None

    def close(self) -> None:
        """Ends the threads, and closes the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for connection in list(self._all):
            # Closing it would wait for the answer that it waits for.
            hang_up(connection)
            with suppress(psycopg2.Error):
                connection.close()

    def _done(self, work: asyncio.Future[Rows]) -> None:
        self.waiting -= 1
        # Nobody may be waiting for it any more.
        if not work.cancelled():
            work.exception()

    def _run(self, asked: _Asked) -> Rows:
        if asked.is_over:
            return []
        connection, is_new = self._connection()
        try:
            return self._ask(connection, asked)
        except _SlowError:
            raise
        except UnreachableError:
            self._drop(connection)
            if is_new or asked.is_over:
                raise
        # It was lost while nobody used it, as after a restart; what is asked for only reads.
        connection, _ = self._connection()
        try:
            return self._ask(connection, asked)
        except _SlowError:
            raise
        except UnreachableError:
            self._drop(connection)
            raise

    def _ask(self, connection: Connection, asked: _Asked) -> Rows:
        query = asked.query
        text = query if isinstance(query, str) else query.as_string(connection)
        asked.connection = connection
        try:
            with connection.cursor() as cursor:
                cursor.execute(self._pinned + text, asked.parameters)
                return cursor.fetchall()
        except QueryCanceledError:
            raise _SlowError(f"the database did not answer within {self._seconds:g} s") from None
        except psycopg2.Error as error:
            raise as_refusal(error) from None
        except UnicodeError as error:
            raise as_unreadable(error) from None
        finally:
            asked.connection = None

    def _connection(self) -> tuple[Connection, bool]:
        connection = getattr(self._own, "connection", None)
        if connection is not None and not connection.closed:
            return connection, False
        if time.monotonic() < self._away_until:
            raise UnreachableError("the database cannot be reached")
        try:
            connection = connect(self._dsn)
        except UnreachableError:
            self._away_until = time.monotonic() + _PAUSE
            raise
        connection.autocommit = True
        self._own.connection = connection
        self._all.add(connection)
        return connection, True

    def _drop(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._own.connection = None
        with suppress(psycopg2.Error):
            connection.close()
