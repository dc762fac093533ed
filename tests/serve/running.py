"""A running `pgscore serve`."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.support.command import COMMAND, environment

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_PATIENCE = 60.0


class Running:
    """A running `pgscore serve`, on a port of its own; use it as a context manager.

    Attributes:
        client: of httpx, with the service's address.
        lines: what it has logged.
    """

    def __init__(self, *arguments: str | Path, dsn: str = "", **variables: str) -> None:
        self.process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", *arguments],
            env={**environment(dsn), **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self.text: list[str] = []
        self._told = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait("listens")
        self.address = str(self.wait("listens")["address"])
        self.port = int(self.address.rpartition(":")[2])
        self.client = httpx.Client(base_url=self.address, timeout=_PATIENCE, verify=False)  # noqa: S501

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._told:
                self.text.append(line)
                if line.startswith("{"):
                    self.lines.append(json.loads(line))
                self._told.notify_all()
        with self._told:
            self._told.notify_all()

    def wait(self, event: str, **fields: object) -> dict[str, Any]:
        """The first line of an event with these fields, once it is there."""

        def found() -> dict[str, Any] | None:
            wanted = {"event": event, **fields}
            return next((line for line in self.lines if wanted.items() <= line.items()), None)

        with self._told:
            assert self._told.wait_for(lambda: found() or self.process.poll() is not None, _PATIENCE), self.text
            line = found()
            assert line is not None, self.text
            return line

    def until_ready(self) -> Self:
        """Returns when it is ready."""
        deadline = time.monotonic() + _PATIENCE
        while self.client.get("/readyz").status_code != httpx.codes.OK:
            assert time.monotonic() < deadline, self.text
        return self

    def post(self, path: str, document: Any, **more: Any) -> httpx.Response:  # noqa: ANN401
        """Posts JSON."""
        return self.client.post(path, json=document, **more)

    def send(self, number: int) -> None:
        """Sends it a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Has it end; its exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
        try:
            self.process.wait(_PATIENCE)
        finally:
            self.process.kill()
            self._reader.join()
            assert self.process.stderr is not None
            self.process.stderr.close()


def problem(response: httpx.Response, status: int, kind: str | None = None) -> dict[str, Any]:
    """The problem that a response is."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    if kind is not None:
        assert document["type"].endswith(f"/{kind}")
    return document
