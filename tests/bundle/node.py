"""A node that evaluates bundles: one process, asked by lines of JSON."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pgscore.bundle

if TYPE_CHECKING:
    from collections.abc import Iterable

MODULE = Path(pgscore.bundle.__file__).parent / "javascript" / "pgscore.js"
_DRIVER = Path(__file__).parent / "driver.mjs"


class RefusedError(Exception):
    """What pgscore.js refuses: its message, hint and SQLSTATE."""

    def __init__(self, message: str, hint: str, code: str) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


class Node:
    """A process that has imported pgscore.js, and holds one bundle at a time."""

    def __init__(self, module: Path = MODULE) -> None:
        # As a Content-Security-Policy would: source code that is made while it runs is an error.
        self._process = subprocess.Popen(
            ["node", "--disallow-code-generation-from-strings", str(_DRIVER), str(module)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, command: str, **asked: Any) -> Any:  # noqa: ANN401
        """What a command of the driver gives.

        Raises:
            RefusedError: the module refuses it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Infinity and NaN are none that JSON has: rows have them as texts.
        self._process.stdin.write(json.dumps({"command": command, **asked}, allow_nan=False) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline(), object_hook=_number)
        assert "failed" not in answer, answer["failed"]
        return _taken(answer)

    def rows(self, method: str, rows: Iterable[Any]) -> list[Any]:
        """What a method of the bundle gives for each row; a RefusedError where it refuses one."""
        answers = self.ask("rows", method=method, rows=list(rows))
        return [_refused(each) if "refused" in each else each["value"] for each in answers]

    def reduced_columns(self, profile: dict[str, Any], events: list[Any], columns: list[str]) -> list[Any]:
        """What reduce makes of a profile where each of the columns is wanted alone; a RefusedError where it refuses."""
        answers = self.ask("reduceEach", profile=profile, events=events, columns=columns)
        return [_refused(each) if "refused" in each else each["value"] for each in answers]

    def close(self) -> None:
        """Ends the process, which has nothing left to do."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(10) == 0


def _number(found: dict[str, Any]) -> Any:  # noqa: ANN401
    if set(found) == {"integer"}:
        return int(found["integer"])
    if set(found) != {"double"}:
        return found
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "-0": -0.0}[found["double"]]


def _refused(answer: dict[str, Any]) -> RefusedError:
    return RefusedError(answer["refused"], answer["hint"], answer["code"])


def _taken(answer: dict[str, Any]) -> Any:  # noqa: ANN401
    if "refused" in answer:
        raise _refused(answer)
    return answer["value"]
