"""Ctrl-C, SIGTERM and SIGHUP end the program in order, and never in the middle of starting or stopping a server."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Turns the first ending signal into SystemExit with the usual code; later ones find the cleaning up under way."""

    def __init__(self) -> None:
        self._held = False
        self._received: int | None = None
        for number in _ENDING:
            signal.signal(number, self._receive)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Remembers a signal that comes meanwhile and obeys it afterwards: a half-started server cannot be stopped."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self._received is not None:
                raise SystemExit(128 + self._received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            return
        self._received = number
        if not self._held:
            raise SystemExit(128 + number)
