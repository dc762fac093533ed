"""Following what the database tells, for as long as it takes: a connection that is lost is made anew."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg2

from pgscore.database import as_refusal, connect
from pgscore.errors import UnreachableError

from .outbox import Change, horizon, read_changes
from .positions import KeptPosition, NoPosition

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .stop import Stop

Told = TypeVar("Told")

_CHANNEL = "pgscore"
_BATCH = 1000
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# A connection that is dead without saying so is found by asking it.
_SILENCE = 60.0


def follow_changes(
    dsn: str,
    *,
    position: KeptPosition | None = None,
    model: str | None = None,
    from_now: bool = False,
    store_each: bool = True,
    interval: float = 1.0,
    once: bool = False,
    stop: Stop,
    lost: Callable[[str, float], None] = lambda _sentence, _pause: None,
) -> Iterator[Change]:
    """Gives the changes of the outbox in order, each at least once.

    A change counts as done when the next one is asked for: then its position is kept. So a consumer that dies is given
    the one at which it was again.

    Args:
        dsn: a connection string.
        position: where the position is kept; without it nowhere.
        model: only changes of this model's scores.
        from_now: whether a consumer that has not begun yet begins with what comes from now on, and not with the first
            change that is there.
        store_each: whether the position is kept after each change, and not only after some.
        interval: seconds between two looks for more.
        once: whether to end where there is nothing more.
        stop: ends it, after the change at which it is.
        lost: is told that a connection was lost, and in how many seconds it is made anew.

    Raises:
        UnreachableError: there is no connection at the beginning.
        PgscoreError: the position cannot be gone on from, or it cannot be kept.
    """
    kept = position or NoPosition()
    reading = _Reading(kept, model, from_now=from_now, store_each=store_each)

    def work(connection: Connection) -> Iterator[Change]:
        reading.begin(connection)
        while not stop.asked:
            some = yield from reading.step(connection, stop)
            if not some and (once or not stop.wait(interval)):
                return

    yield from _reconnecting(dsn, work, stop, lost)


class _Reading:
    """How far a consumer has read, and what it has not kept yet; it outlives connections."""

    def __init__(self, kept: KeptPosition, model: str | None, *, from_now: bool, store_each: bool) -> None:
        self._kept, self._model, self._from_now, self._store_each = kept, model, from_now, store_each
        self._since: str | None = None
        self._done: str | None = None
        self._begun = False

    def begin(self, connection: Connection) -> None:
        if not self._begun:
            self._since = self._kept.load(connection)
            if self._since is None and self._from_now:
                self._since = self._done = horizon(connection)
            self._begun = True
        self._store(connection)

    def step(self, connection: Connection, stop: Stop) -> Generator[Change, None, bool]:
        batch = read_changes(connection, self._since, model=self._model, limit=_BATCH)
        for change in batch.changes:
            yield change
            self._since = self._done = change.position
            if self._store_each:
                self._store(connection)
            if stop.asked:
                break
        else:
            self._since = batch.position
        self._store(connection)
        return bool(batch.changes)

    def _store(self, connection: Connection) -> None:
        if self._done is not None:
            self._kept.store(connection, self._done)
            self._done = None


def follow_crossings(
    dsn: str,
    *,
    model: str | None = None,
    stop: Stop,
    lost: Callable[[str, float], None] = lambda _sentence, _pause: None,
) -> Iterator[dict[str, Any]]:
    """Gives what is notified of scores that cross a threshold, while it is connected; what is missed is missed.

    Args:
        dsn: a connection string, to a server or to a pooler that keeps sessions.
        model: only of this model.
        stop: ends it.
        lost: is told that a connection was lost, and in how many seconds it is made anew.

    Raises:
        UnreachableError: there is no connection at the beginning.

    Returns:
        ``model``, ``key``, ``score`` and ``version``; of a key of more than 1,000 bytes the beginning, and ``key_md5``.
    """

    def work(connection: Connection) -> Iterator[dict[str, Any]]:
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                # Nothing is to end it between two notifications.
                cursor.execute("set idle_session_timeout = 0")
                cursor.execute(f"listen {_CHANNEL}")
                while not stop.asked:
                    yield from (told for told in _taken(connection) if model in (None, told["model"]))
                    stop.wait(_SILENCE, connection.fileno())
                    cursor.execute("select 1")
        except psycopg2.Error as error:
            raise as_refusal(error) from None

    yield from _reconnecting(dsn, work, stop, lost)


def _reconnecting(
    dsn: str,
    work: Callable[[Connection], Iterator[Told]],
    stop: Stop,
    lost: Callable[[str, float], None],
) -> Iterator[Told]:
    """Gives what some work gives on a connection, and on another one where that was lost."""
    connection: Connection | None = connect(dsn)
    pause = _FIRST_PAUSE
    while True:
        try:
            if connection is None:
                connection = connect(dsn)
                pause = _FIRST_PAUSE
            with closing(connection):
                yield from work(connection)
        except UnreachableError as error:
            lost(str(error), pause)
        else:
            return
        connection = None
        if not stop.wait(pause):
            return
        pause = min(2 * pause, _LONGEST_PAUSE)


def _taken(connection: Connection) -> Iterator[dict[str, Any]]:
    while connection.notifies:
        try:
            told = json.loads(connection.notifies.pop(0).payload)
        except ValueError:
            continue
        # Anybody may notify: what is none of pgscore's is passed over.
        if isinstance(told, dict) and told.keys() >= {"model", "key", "score", "version"}:
            yield told
