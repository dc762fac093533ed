"""pgbench: several clients at once, each running transactions of a script."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .setting import Server

CLIENTS = 8
_THREADS = 2
_GRACE_SECONDS = 60


class PgbenchError(Exception):
    """A client met an error, or pgbench cannot run."""


@dataclass(frozen=True)
class Run:
    """What a run gave.

    Attributes:
        rate: transactions in a second.
        transactions: that were committed.
        failed: that ended by a conflict or a deadlock.
    """

    rate: float
    transactions: int
    failed: int


def pgbench(server: Server, script: str, seconds: int) -> Run:
    """Has eight clients run a script for some seconds, with prepared statements.

    Raises:
        PgbenchError: a client met an error.
    """
    try:
        ended = subprocess.run(  # noqa: S603  our own arguments
            [
                *(_program(), "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", f"--jobs={_THREADS}"),
                *(f"--time={seconds}", "--file=/dev/stdin", server.dsn),
            ],
            input=script,
            capture_output=True,
            text=True,
            timeout=seconds + _GRACE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PgbenchError(f"pgbench did not end {_GRACE_SECONDS} s after its time") from None
    if ended.returncode != 0 or "ERROR" in ended.stderr:
        raise PgbenchError(f"pgbench: {' '.join(ended.stderr.split())[-500:]}")
    return Run(
        rate=float(_found(r"^tps = ([\d.]+)", ended.stdout)),
        transactions=int(_found(r"^number of transactions actually processed: (\d+)", ended.stdout)),
        failed=int(_found(r"^number of failed transactions: (\d+)", ended.stdout)),
    )


def _program() -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: float(path.parts[-3]))
    program = shutil.which("pgbench") or (str(installed[-1]) if installed else None)
    if program is None:
        raise PgbenchError("pgbench is not installed: it comes with the server's package")
    return program


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise PgbenchError(f"pgbench says nothing that is like {pattern}: {text.strip()}")
    return match[1]
