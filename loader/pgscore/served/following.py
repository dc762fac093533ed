"""Following which versions answer, in a thread of its own: told by NOTIFY, and found by looking every few seconds."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from pgscore.database import as_refusal, connect, hang_up, row
from pgscore.dsn import libpq_dsn
from pgscore.errors import PgscoreError

from .bell import Bell
from .fetching import Mark, Served, fetch, marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from psycopg2.extensions import connection as Connection  # noqa: N812

_CHANNEL = "pgscore_release"
# Seconds between two looks, which find what nobody was told: by a pooler, a standby, a release in several databases.
INTERVAL = 2.0
# After so many seconds without an answer to a look a server hangs: it is away, and connected to anew.
_SILENCE = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
# What could not be evaluated is tried again after so many seconds, though nothing has changed: rights may have.
_PATIENCE = 30.0
# A server that is gone without a word is given up after these seconds, where the connection string says nothing else.
_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Follower:
    """What answers now for each model, without asking the database; use it as a context manager.

    All methods may be called by any thread.
    """

    def __init__(
        self,
        dsn: str,
        models: Sequence[str] | None = None,
        *,
        interval: float = INTERVAL,
        changed: Callable[[Served], None] = lambda _served: None,
        gone: Callable[[str], None] = lambda _model: None,
        lost: Callable[[str, float], None] = lambda _sentence, _pause: None,
    ) -> None:
        """Follows nothing until it is started.

        Args:
            dsn: a connection string of a login that has `pgscore_reader`; also to a pooler of any mode, or a standby.
            models: the models that are followed; None: all that there are.
            interval: seconds between two looks.
            changed: is told of each other state of a model before `get` gives it, from the thread that follows.
            gone: is told of a model that is not there any more.
            lost: is told that the database is away, and in how many seconds it is tried again.
        """
        given = libpq_dsn(dsn)
        self._dsn = make_dsn(given, **{name: value for name, value in _LIMITS.items() if name not in parse_dsn(given)})
        self._models = None if models is None else list(models)
        self._interval = interval
        self._changed, self._gone, self._lost = changed, gone, lost
        self._served: dict[str, Served] = {}
        self._tried: dict[str, float] = {}
        self._bell = Bell()
        self._ready = threading.Event()
        self._connected = False
        # Asked at the moment for the state of all.
        self._looking: Connection | None = None
        self._thread = threading.Thread(target=self._follow, name="pgscore follower", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the database could be asked when it was last looked at; if not, what is given is as it was then."""
        return self._connected

    @property
    def served(self) -> dict[str, Served]:
        """All models by their names, as they answer now."""
        return dict(self._served)

    def get(self, model: str) -> Served | None:
        """A model as it answers now; None where it is not known."""
        return self._served.get(model)

    def start(self, *, wait: float | None = None) -> None:
        """Looks once, and goes on in a thread.

        Args:
            wait: None: the first look is taken here, and fails where the database is away. Seconds: it is taken in the
                thread, which tries until the database is there, and waited for so long.

        Raises:
            UnreachableError: the database is away.
            PgscoreError: the login may not read the registry, or pgscore is not installed.
        """
        if wait is None:
            with closing(connect(self._dsn)) as connection:
                self._look(connection)
        self._thread.start()
        if wait is not None:
            self._ready.wait(wait)

    def look(self) -> None:
        """Has it look at once, and try once more what could not be evaluated."""
        self._tried.clear()
        self._bell.ring()

    def close(self) -> None:
        """Ends it."""
        self._bell.end()
        if self._thread.is_alive():
            if (connection := self._looking) is not None:
                hang_up(connection)
            self._thread.join()
        self._bell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self) -> None:
        pause = _FIRST_PAUSE
        while not self._bell.has_ended():
            try:
                with closing(connect(self._dsn)) as connection:
                    connection.autocommit = True
                    listens = None
                    while not self._bell.has_ended():
                        if listens is None:
                            listens = _listen(connection)
                        self._look(connection)
                        pause = _FIRST_PAUSE
                        self._bell.wait(self._interval, connection if listens else None)
            # Whatever it is: a thread that has ended would follow nothing, and nobody would be told.
            except Exception as error:
                self._connected = False
                if self._bell.has_ended():
                    return
                self._lost(_sentence(error), pause)
                self._bell.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _look(self, connection: Connection) -> None:
        """Fetches what has changed.

        Raises:
            PgscoreError: the database is away, or refuses.
        """
        try:
            connection.autocommit = True
            found = self._marks(connection)
            now = time.monotonic()
            for model in [each for each, mark in found.items() if self._is_due(each, mark, now)]:
                self._fetch(connection, model)
        except psycopg2.Error as error:
            raise as_refusal(error) from None
        for model in self._served.keys() - found.keys():
            del self._served[model]
            self._gone(model)
        self._connected = True
        self._ready.set()

    def _marks(self, connection: Connection) -> dict[str, Mark]:
        """Asks for the state of all; a server that hangs does not answer that."""
        watch = threading.Timer(_SILENCE, hang_up, (connection,))
        watch.daemon = True
        self._looking = connection
        watch.start()
        try:
            return marks(connection, self._models)
        finally:
            self._looking = None
            watch.cancel()

    def _is_due(self, model: str, mark: object, now: float) -> bool:
        served = self._served.get(model)
        if served is None or served.mark != mark:
            return True
        if served.bundle is not None and not served.refused:
            return False
        return now - self._tried.get(model, -_PATIENCE) >= _PATIENCE

    def _fetch(self, connection: Connection, model: str) -> None:
        connection.autocommit = False
        with connection:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read read only")
            # As it is in this transaction, which may be later.
            mark = marks(connection, [model]).get(model)
            served = None if mark is None else fetch(connection, model, mark)
        connection.autocommit = True
        self._tried[model] = time.monotonic()
        if served is not None and not _is_same(served, self._served.get(model)):
            self._changed(served)
            self._served[model] = served


def _is_same(served: Served, former: Served | None) -> bool:
    """Whether what was tried once more has come to nothing else."""
    if former is None or (served.bundle is None) != (former.bundle is None):
        return False
    return replace(served, bundle=former.bundle) == former


def _sentence(error: Exception) -> str:
    if isinstance(error, psycopg2.Error):
        return str(as_refusal(error))
    return str(error) if isinstance(error, PgscoreError | UnicodeError) else f"a fault of pgscore: {error!r}"


def _listen(connection: Connection) -> bool | None:
    """Listens where that reaches us: behind a pooler others would get what is told, and no standby listens.

    None: it is a standby, which may be promoted while we are connected.
    """
    with connection.cursor() as cursor:
        found = row(connection, "select pg_is_in_recovery() as standby, pg_backend_pid() as pid")
        if found["standby"]:
            return None
        if found["pid"] != connection.info.backend_pid:
            return False
        # Nothing is to end it between two looks.
        cursor.execute("select set_config('idle_session_timeout', '0', false)")
        cursor.execute(f"listen {_CHANNEL}")
    return True
