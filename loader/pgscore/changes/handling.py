"""Running a program for what was told."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .stop import Stop

_PLACE = re.compile(r"\{([a-z_0-9]+)\}")
# How long a program that is ended may take to tidy up.
_GRACE = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class Program:
    """A program that is run for each change or crossing: without a shell, with the whole of it as JSON on stdin.

    Args:
        command: the program and its arguments, quoted as in a shell; ``{key}`` stands for a field.
        fields: which fields there are.
        tries: how often it is run where it fails, before that is an error.
        seconds: how long it may run, before it is ended and has failed; None: for ever.

    Raises:
        ValueError: the command is none, or names another field.
    """

    def __init__(self, command: str, fields: tuple[str, ...], *, tries: int, seconds: float | None = None) -> None:
        self._arguments = shlex.split(command)
        if not self._arguments:
            raise ValueError("it names no program")
        unknown = [name for each in self._arguments for name in _PLACE.findall(each) if name not in fields]
        if unknown:
            raise ValueError(f"{{{unknown[0]}}} is none of {', '.join(f'{{{name}}}' for name in fields)}")
        self._tries, self._seconds = tries, seconds
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, told: Mapping[str, object], stop: Stop, failed: Callable[[str, float], None]) -> bool:
        """Runs it, again after a pause where it fails.

        Args:
            told: the fields.
            stop: ends the waiting for another try.
            failed: is told why a try has failed, and in how many seconds it is tried again.

        Returns:
            Whether it succeeded; if not, it was to stop before it could.

        Raises:
            PgscoreError: it could not be run, or failed as often as it may.
        """
        pause = _FIRST_PAUSE
        for left in reversed(range(self._tries)):
            problem = self._problem(told)
            if problem is None:
                return True
            sentence = f"{self._arguments[0]} {problem}, for {told['model']} {told['key']}"
            if stop.asked:
                return False
            if not left:
                raise PgscoreError(sentence, "What it was run for is told again by the next run from the outbox.")
            failed(sentence, pause)
            if not stop.wait(pause):
                return False
            pause = min(2 * pause, _LONGEST_PAUSE)
        return False

    def terminate(self) -> None:
        """Ends the program where it is running; a signal handler may call it."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGTERM)

    def _problem(self, told: Mapping[str, object]) -> str | None:
        arguments = [_PLACE.sub(lambda found: _text(told[found[1]]), each) for each in self._arguments]
        document = json.dumps(told, ensure_ascii=False).encode()
        try:
            # In a group of its own: Ctrl-C in a terminal is for us, and lets it come to its end.
            self._child = subprocess.Popen(arguments, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
        except OSError as error:
            raise PgscoreError(f"{arguments[0]} cannot be run: {error.strerror}") from None
        try:
            code = self._waited(self._child, document + b"\n")
        except subprocess.TimeoutExpired:
            self._end(self._child)
            return f"took longer than {self._seconds:g} s, and was ended"
        finally:
            self._child = None
        if code == 0:
            return None
        return f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"

    def _waited(self, child: subprocess.Popen[bytes], document: bytes) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it runs for too long.
        """
        # One that does not read it ends the pipe.
        with suppress(BrokenPipeError):
            child.communicate(document, timeout=self._seconds)
        return child.wait(self._seconds)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Ends it and what it has begun: first it is asked to."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
                break


def _text(value: object) -> str:
    return "" if value is None else str(value)
