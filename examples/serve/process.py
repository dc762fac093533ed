"""`pgscore serve` as a process, and calling it with the standard library alone, as any caller might."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = Path(sys.executable).with_name("pgscore")
_PATIENCE = 30.0


class Service:
    """A running service, and a caller that knows its token."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._token = token

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and the document of a GET."""
        return self._ask(urllib.request.Request(self.address + path))  # noqa: S310  our own address

    def post(self, path: str, document: object) -> tuple[int, dict[str, Any]]:
        """The status and the document of a POST."""
        body = json.dumps(document).encode()
        headers = {"content-type": "application/json"}
        return self._ask(urllib.request.Request(self.address + path, body, headers))  # noqa: S310

    def _ask(self, request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
        request.add_header("authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, json.load(problem)


@contextmanager
def served(dsn: str, token_file: Path) -> Iterator[Service]:
    """A service of model churn on a free port, ended by SIGTERM."""
    process = subprocess.Popen(  # noqa: S603  our own arguments
        [_COMMAND, "serve", "--model", "churn", "--port", "0", "--token-file", token_file, "--no-log-requests"],
        env={**os.environ, "PGSCORE_DSN": dsn},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = process.stderr or ()
    try:
        address = ""
        for line in said:
            event = json.loads(line) if line.startswith("{") else {"event": line}
            address = event.get("address", address)
            if event["event"] == "serves":
                break
        else:
            raise OSError(f"pgscore serve did not start: {event['event']}")
        yield Service(address, token_file.read_text().strip())
    finally:
        process.terminate()
        process.wait(_PATIENCE)
        if process.stderr is not None:
            process.stderr.close()
