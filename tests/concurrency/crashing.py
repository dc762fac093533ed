"""A private cluster of its own that can be ended the hard way, and goes on afterwards."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Self

import psycopg2

from examples.server.cluster import PrivateCluster

if TYPE_CHECKING:
    from tests.support.database import Session

_PATIENCE = 60.0
WAYS = ("the server", "one process")


class CrashingCluster(PrivateCluster):
    """A private cluster that a test may end at any moment.

    Its fsync is off as ever: what the server has written stays with the operating system, which does not crash here.
    """

    @classmethod
    def like(cls, other: PrivateCluster) -> Self:
        """One that runs the same Python inside."""
        return cls({"max_prepared_transactions": "4"}, other._python_path, other.programs)

    def crash(self, way: str, victim: Session) -> None:
        """Ends the server without a checkpoint and starts it, or has it recover by itself; all sessions end.

        Args:
            way: one of `WAYS`.
            victim: the session whose process is killed, where only one is.
        """
        assert way in WAYS
        if way == "the server":
            self.programs.run("pg_ctl", "-D", self._inside(self._data), "-m", "immediate", "-w", "stop")
            self.programs.run("pg_ctl", *self._control("start"), environment=self._environment())
            return
        before = self._checkpointer()
        # The postmaster ends all others when one was killed.
        os.kill(victim.pid, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while self._checkpointer() in (None, before):
            assert time.monotonic() < deadline, "the cluster does not come back"

    def _checkpointer(self) -> int | None:
        """The process id of the checkpointer, which is another one after a recovery."""
        try:
            connection = psycopg2.connect(self.dsn())
        except psycopg2.OperationalError:
            return None
        try:
            with connection.cursor() as cursor:
                cursor.execute("select max(pid) from pg_stat_activity where backend_type = 'checkpointer'")
                ((pid,),) = cursor.fetchall()
        except psycopg2.OperationalError:
            return None
        finally:
            connection.close()
        return int(pid) if pid else None
