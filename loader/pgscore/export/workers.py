"""Reading with several connections, which share one snapshot."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pgscore.database import connect, row
from pgscore.errors import PgscoreError

from .source import settle, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812
    from sqlalchemy.engine import Engine

    from .records import Plan
    from .target import Row

# How many blocks a worker reads at once: 32 MB, unless that leaves the others idle.
_BLOCKS = 4096
_AT_ONCE = 4
_PATIENCE = 0.2
# Ranges of places hold for each partition alike, so that the parent is read, and no right on partitions is asked for.
_SIZE = """
    select pg_export_snapshot() as snapshot, (
        select coalesce(max(pg_relation_size(c.oid)), 0) / current_setting('block_size')::bigint
        from pg_class c where c.oid = any (%s::oid[])
    ) as blocks
"""


@contextmanager
def reading(
    connection: Connection,
    database: str | Engine,
    plan: Plan,
    conditions: Sequence[str],
    leaves: Sequence[int],
    workers: int,
) -> Iterator[Iterator[list[Row]]]:
    """The rows in batches, read by workers.

    Args:
        connection: in the transaction that is exported, and that lasts until the end.
        database: where the workers connect to.
        plan: what is exported.
        conditions: SQL that is true of the rows.
        leaves: the tables that hold them, by number.
        workers: how many connections read.

    Raises:
        PgscoreError: a worker could not connect, or was refused.
    """
    found = row(connection, _SIZE, (list(leaves),))
    ranges = _ranges(found["blocks"], workers)
    crew = _Crew(database, plan, conditions, found["snapshot"], ranges)
    try:
        crew.start(min(workers, len(ranges)))
        yield crew.batches()
    finally:
        crew.stop()


def _ranges(blocks: int, workers: int) -> list[str]:
    """Conditions that share out the places of rows; the last one has no end."""
    size = max(1, min(_BLOCKS, -(-blocks // (_AT_ONCE * workers))))
    starts = range(0, max(blocks, 1), size)
    ends = [f" and p.ctid < '({start + size},0)'" for start in starts[:-1]]
    return [f"p.ctid >= '({start},0)'{end}" for start, end in zip(starts, [*ends, ""], strict=True)]


class _Crew:
    """Threads that read, and the queue that they fill; it holds a few batches of each."""

    def __init__(
        self, database: str | Engine, plan: Plan, conditions: Sequence[str], snapshot: str, ranges: Sequence[str]
    ) -> None:
        self._database, self._plan, self._conditions, self._snapshot = database, plan, conditions, snapshot
        self._ranges: queue.SimpleQueue[str] = queue.SimpleQueue()
        for each in ranges:
            self._ranges.put(each)
        self._read: queue.Queue[list[Row] | BaseException | None]
        self._threads: list[threading.Thread] = []
        self._connections: list[Connection] = []
        self._stopped = threading.Event()

    def start(self, workers: int) -> None:
        self._read = queue.Queue(2 * workers)
        for _ in range(workers):
            connection = connect(self._database)
            self._connections.append(connection)
            thread = threading.Thread(target=self._work, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def batches(self) -> Iterator[list[Row]]:
        """What all of them read, as it comes; what one of them raised."""
        left = len(self._threads)
        while left:
            read = self._read.get()
            if isinstance(read, BaseException):
                raise read
            if read is None:
                left -= 1
            else:
                yield read

    def stop(self) -> None:
        self._stopped.set()
        for connection in self._connections:
            with suppress(Exception):
                connection.cancel()
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            with suppress(Exception):
                connection.close()

    def _work(self, connection: Connection) -> None:
        try:
            settle(connection)
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read")
                cursor.execute("set transaction snapshot %s", (self._snapshot,))
            while True:
                try:
                    place = self._ranges.get_nowait()
                except queue.Empty:
                    break
                for batch in stream(connection, self._plan, [*self._conditions, place]):
                    self._hand_over(batch)
            self._hand_over(None)
        except BaseException as error:
            with suppress(_StoppedError):
                self._hand_over(error)

    def _hand_over(self, read: Any) -> None:  # noqa: ANN401
        while not self._stopped.is_set():
            try:
                self._read.put(read, timeout=_PATIENCE)
            except queue.Full:
                continue
            return
        raise _StoppedError


class _StoppedError(Exception):
    """Nobody waits for what is read any more."""


def workers_connect_to(database: object) -> Any:  # noqa: ANN401
    """What workers connect to.

    Raises:
        PgscoreError: it is an open connection, of which there is one.
    """
    from psycopg2.extensions import connection as connection_class

    if isinstance(database, connection_class):
        raise PgscoreError(
            "several workers cannot share the one connection that was given", "Give it a connection string."
        )
    return database
