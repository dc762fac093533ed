"""Running the `pgscore` command as people run it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pgscore import command

COMMAND = Path(sys.executable).with_name("pgscore")


def environment(dsn: str) -> dict[str, str]:
    """The command's environment: the database, and nothing of libpq's that would say another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "PGSCORE_DSN": dsn}


def run(dsn: str, *arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command against a database, and holds its exit code."""
    done = subprocess.run(
        [COMMAND, *arguments],
        env=environment(dsn),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr + done.stdout
    return done


def run_json(dsn: str, *arguments: str | Path, expect: int = 0) -> Any:  # noqa: ANN401
    """The document that the command prints with `--json`."""
    return json.loads(run(dsn, *arguments, "--json", expect=expect).stdout)


def run_here(dsn: str, *arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has imported already what a new one takes a second for."""
    given = list(map(str, arguments))
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, environment(dsn), clear=True), redirect_stdout(out), redirect_stderr(err):
        code = command.run(given)
    assert code == expect, err.getvalue() + out.getvalue()
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())


def run_json_here(dsn: str, *arguments: str | Path, expect: int = 0) -> Any:  # noqa: ANN401
    """The document that the command prints with `--json`, in this process."""
    return json.loads(run_here(dsn, *arguments, "--json", expect=expect).stdout)
