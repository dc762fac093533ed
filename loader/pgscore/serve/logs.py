"""Logs, a JSON line each: what was asked for and what came of it, and neither rows nor keys nor tokens."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from pgscore.dsn import without_passwords

if TYPE_CHECKING:
    from .answers import Call

_encode = json.JSONEncoder(ensure_ascii=True).encode


class Log:
    """Writes lines; what nobody reads is not waited for."""

    def __init__(self, *, requests: bool = True, to: TextIO | None = None) -> None:
        self._requests = requests
        self._to = to or sys.stderr

    def request(self, call: Call, status: int, seconds: float) -> None:
        """A request that was answered."""
        if not self._requests:
            return
        line: dict[str, Any] = {"at": _now(), "event": "request", "method": call.scope["method"], "route": call.route}
        if call.model is not None:
            line["model"], line["version"] = call.model, call.version
        if call.rows:
            line["rows"] = call.rows
        line["status"], line["ms"] = status, round(seconds * 1000, 2)
        self._write(line)

    def event(self, event: str, **more: object) -> None:
        """Something else that happened."""
        self._write({"at": _now(), "event": event, **more})

    def fault(self, error: BaseException) -> None:
        """A fault of ours: its kind and its place, and not what it says, which may hold what a caller has sent."""
        trace, place = error.__traceback__, ""
        while trace is not None:
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
            trace = trace.tb_next
        self.event("fault", error=type(error).__name__, place=place)

    def _write(self, line: dict[str, Any]) -> None:
        try:
            self._to.write(_encode(line) + "\n")
            self._to.flush()
        except (OSError, ValueError):
            # Who has read it has gone.
            return


class JsonHandler(logging.Handler):
    """What uvicorn logs, as lines like the others."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record; of an exception its kind alone."""
        more = {} if record.exc_info is None or record.exc_info[0] is None else {"error": record.exc_info[0].__name__}
        said = without_passwords(" ".join(record.getMessage().split()))
        self._log.event("server", level=record.levelname.lower(), says=said, **more)


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
