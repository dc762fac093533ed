"""Where everything is measured: a private cluster with pgscore and the customers, and connections to it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg2

from examples.churn.setting import ROOT, run
from examples.server.cluster import PrivateCluster

from .customers import load_customers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from examples.server.signals import Signals

# One row's transaction must not wait for a disk, and nothing may run beside it. A plan that is kept is what a trigger
# has. One core for each query: parallel plans would measure how many workers were free.
_SETTINGS = {
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_generic_plan",
    "shared_buffers": "256MB",
    "checkpoint_timeout": "1h",
    "max_wal_size": "8GB",
}

# What takes longer is refused, and the other figures are measured.
_LIMIT = "-c statement_timeout=60s"


class Session:
    """A connection in autocommit mode."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg2.connect(dsn, application_name="bench")
        self._connection.autocommit = True
        self.pid: int = self._connection.info.backend_pid

    def run(
        self, statement: str, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Runs a statement; the rows that it gives, if any."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, parameters: Sequence[object] | None = None) -> Any:  # noqa: ANN401
        """The only value of a query."""
        ((found,),) = self.run(statement, parameters)
        return found

    def seconds(self, statement: str) -> float:
        """How long a statement takes, as the client sees it."""
        start = time.perf_counter()
        self.run(statement)
        return time.perf_counter() - start

    def copy(self, statement: str, lines: Any) -> None:  # noqa: ANN401  what psycopg2 reads
        """Runs COPY … FROM STDIN."""
        with self._connection.cursor() as cursor:
            cursor.copy_expert(statement, lines)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


class Server:
    """The running cluster."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A new connection, closed at the end."""
        session = Session(self.dsn)
        try:
            yield session
        finally:
            session.close()

    def describe(self) -> list[str]:
        """What a reader of the figures must know of the place where they were measured."""
        names = ("synchronous_commit", "fsync", "jit", "autovacuum", "max_parallel_workers_per_gather")
        with self.session() as session:
            version = session.value("show server_version")
            settings = [f"{name} {session.value(f'show {name}')}" for name in (*names, "plan_cache_mode")]
        busy = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        return [f"PostgreSQL {version}; {', '.join(settings)}", f"{busy}; ratios of pairs, measured in turn"]


@contextmanager
def serving(signals: Signals, *, jit: bool) -> Iterator[Server]:
    """Starts a private cluster, installs pgscore and loads the customers; stops it at the end.

    Raises:
        PgscoreError: the cluster does not start, or the schema cannot be installed.
    """
    with signals.held():
        cluster = PrivateCluster({**_SETTINGS, "jit": "on" if jit else "off"})
        cluster.start()
    try:
        run(cluster.dsn(), ROOT, "alembic", "upgrade", "heads")
        server = Server(f"{cluster.dsn()}?options={quote(_LIMIT)}")
        with server.session() as session:
            # Nothing else is attached: each further profile table adds a look into its queue to every commit.
            session.run("set role churn_owner")
            session.run("select pgscore.detach('churn.complaints', 'churn.customer_profile')")
            session.run("reset role")
            load_customers(session)
        yield server
    finally:
        with signals.held():
            cluster.stop()
