"""The applications as processes: `pgscore stream …`, each with its group of consumers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pgscore import PgscoreError

if TYPE_CHECKING:
    from types import TracebackType

_COMMAND = Path(sys.executable).with_name("pgscore")
_PATIENCE = 60.0


class Applications:
    """Those that run; all are ended with the block."""

    def __init__(self, dsn: str, brokers: str, folder: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PGSCORE_DSN": dsn, "PGSCORE_BROKERS": brokers}
        self._running: dict[str, subprocess.Popen[str]] = {}

    def start(self, name: str, *arguments: str) -> None:
        """Starts `pgscore stream` with these arguments."""
        self._running[name] = subprocess.Popen(  # noqa: S603  our own arguments
            [str(_COMMAND), "stream", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, name: str) -> None:
        """As kill -9 does."""
        killed = self._running.pop(name)
        killed.kill()
        killed.communicate()

    def check(self) -> None:
        """Sees that all run.

        Raises:
            PgscoreError: one has ended.
        """
        for name, each in self._running.items():
            if each.poll() is not None:
                raise PgscoreError(f"application {name} has ended: {each.communicate()[0].strip()[-300:]}")

    def end(self) -> dict[str, str]:
        """Asks all to end, which they do after what they are at; the last line of each.

        Raises:
            PgscoreError: one did not end well.
        """
        for each in self._running.values():
            each.send_signal(signal.SIGTERM)
        said = {}
        for name, each in self._running.items():
            out, _ = each.communicate(timeout=_PATIENCE)
            if each.returncode != 0:
                raise PgscoreError(f"application {name} ended with {each.returncode}: {out.strip()[-300:]}")
            said[name] = out.strip().splitlines()[-1]
        self._running.clear()
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._running.values():
            each.kill()
            each.communicate()
