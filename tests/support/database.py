"""Databases and sessions of tests."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg2
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from examples.server.cluster import PrivateCluster

# Login roles of the private cluster. What each may do is granted in `tests/conftest.py`.
APPLICATION, ANALYST, SCIENTIST, OPERATOR, NOBODY = (
    "test_application",
    "test_analyst",
    "test_scientist",
    "test_operator",
    "test_nobody",
)
LOGINS = (APPLICATION, ANALYST, SCIENTIST, OPERATOR, NOBODY)
PASSWORD = "only for the private cluster"  # noqa: S105
_PATIENCE = 60.0


class Session:
    """A connection in autocommit mode: tests write `begin` and `commit` themselves, as steps."""

    def __init__(self, dsn: str) -> None:
        # What hangs is to fail. A statement's timeout ends before its commit, where profiles are locked.
        limits = f"-c statement_timeout={_PATIENCE:.0f}s -c lock_timeout={_PATIENCE:.0f}s"
        self._connection = psycopg2.connect(dsn, application_name="test", options=limits)
        self._connection.autocommit = True
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.pid: int = self._connection.info.backend_pid

    def run(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Runs a statement; the rows that it gives, if any."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def row(self, sql: str, *parameters: object) -> tuple[Any, ...]:
        """The only row of a query."""
        (found,) = self.run(sql, *parameters)
        return found

    def value(self, sql: str, *parameters: object) -> Any:  # noqa: ANN401
        """The only value of a query."""
        (found,) = self.row(sql, *parameters)
        return found

    def copy(self, sql: str, lines: str) -> None:
        """Runs COPY … FROM STDIN."""
        import io

        with self._connection.cursor() as cursor:
            cursor.copy_expert(sql, io.StringIO(lines))

    @contextmanager
    def said(self) -> Iterator[list[tuple[str, str]]]:
        """What the server says meanwhile, as severity and text; complete when the block is left."""
        said: list[tuple[str, str]] = []
        self._connection.notices.clear()
        yield said
        for each in self._connection.notices:
            severity, _, text = each.partition(":")
            said.append((severity, text.strip().splitlines()[0]))

    def start(self, sql: str, *parameters: object) -> Future[list[tuple[Any, ...]]]:
        """Runs a statement in the background: it is expected to wait for a lock."""
        return self._thread.submit(self.run, sql, *parameters)

    def work(self, job: Callable[..., None], *arguments: object) -> Future[None]:
        """Does a job in the session's thread."""
        return self._thread.submit(job, *arguments)

    def close(self) -> None:
        """Closes the connection; an open transaction is rolled back."""
        self._connection.close()
        self._thread.shutdown()


class Database:
    """A test's own database, and the sessions that it opened there."""

    def __init__(self, cluster: PrivateCluster, name: str) -> None:
        self._cluster = cluster
        self.name = name
        self._sessions: list[Session] = []

    def dsn(self, user: str | None = None) -> str:
        """A connection URI, for the superuser or for one of the login roles."""
        if user is None:
            return self._cluster.dsn(self.name)
        address = f"{self._cluster.host}:{self._cluster.port}"
        return f"postgresql://{user}:{quote(PASSWORD)}@{address}/{self.name}"

    def session(self, user: str | None = None) -> Session:
        """A new session, closed when the test ends."""
        session = Session(self.dsn(user))
        self._sessions.append(session)
        return session

    def close(self) -> None:
        """Closes all sessions."""
        for session in self._sessions:
            session.close()


def named(template: str) -> str:
    """The database that pytest-postgresql makes of a template: of its own for each worker."""
    return template + os.environ.get("PYTEST_XDIST_WORKER", "")


@contextmanager
def refused(sqlstate: str, message: str, *, hint: str = "") -> Iterator[None]:
    """Expects that the database refuses with this SQLSTATE and with a message, and a hint, that hold these texts."""
    with pytest.raises(psycopg2.Error) as caught:
        yield
    assert caught.value.pgcode == sqlstate, caught.value
    assert message in (caught.value.diag.message_primary or "")
    assert hint in (caught.value.diag.message_hint or "")


def wait_until_blocked(observer: Session, waiting: int, *, by: int | None = None) -> None:
    """Returns when the backend of this process id waits for a lock, of that of `by` where it is given."""
    _wait(
        observer,
        "select exists (select from unnest(pg_blocking_pids(%s)) as b (pid) where %s is null or b.pid = %s)",
        (waiting, by, by),
    )


def wait_until_gone(observer: Session, pid: int) -> None:
    """Returns when a backend has ended."""
    _wait(observer, "select not exists (select from pg_stat_activity where pid = %s)", (pid,))


def waiting_publisher(observer: Session) -> int:
    """The process id of a `publish` that waits for a lock, once there is one."""
    waits = (
        "from pg_stat_activity where application_name = 'pgscore' and wait_event_type = 'Lock'"
        " and datname = current_database()"
    )
    _wait(observer, f"select exists (select {waits})", ())
    pid: int = observer.value(f"select pid {waits}")
    return pid


def wait_until(observer: Session, query: str, expected: object) -> None:
    """Returns when a query's only value is this one."""
    _wait(observer, f"select ({query}) is not distinct from %s", (expected,))


def _wait(observer: Session, condition: str, parameters: tuple[object, ...]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not observer.value(condition, *parameters):
        assert time.monotonic() < deadline, f"never came true: {condition} {parameters}"
