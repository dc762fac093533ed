"""Waiting for a database, a bell, or the time, whichever comes first."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812


class Bell:
    """Wakes up who waits; may be rung by any thread, and by a signal handler."""

    def __init__(self) -> None:
        self._ended = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def ring(self) -> None:
        """Wakes up who waits."""
        # A full pipe wakes up as well.
        with suppress(BlockingIOError):
            os.write(self._writer, b".")

    def has_ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended

    def end(self) -> None:
        """Wakes up who waits, for good."""
        self._ended = True
        self.ring()

    def wait(self, seconds: float, connection: Connection | None = None) -> None:
        """Waits for a time in seconds, or until it is rung, or a connection of psycopg2 is notified or lost."""
        if self._ended:
            return
        # No select: a service may have more than 1,024 files open.
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        if connection is not None:
            poll.register(connection.fileno(), select.POLLIN)
        poll.poll(seconds * 1000)
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)
        if connection is not None:
            connection.poll()
            connection.notifies.clear()

    def close(self) -> None:
        """Gives back what it holds."""
        os.close(self._reader)
        os.close(self._writer)
