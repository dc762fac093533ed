"""`pgscore stream`: each of its commands has a module of its own."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pgscore.changes import Stop

from .app import app, group

if TYPE_CHECKING:
    from collections.abc import Iterator

stream = group("Streams: Apache Kafka's topics in and out.")
app.add_typer(stream, name="stream")


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """What SIGTERM and Ctrl-C set: what is under way is finished. The third one ends the process."""
    with Stop() as stop:
        asked = []

        def ask(_number: int, _frame: object) -> None:
            asked.append(1)
            if len(asked) > 2:  # noqa: PLR2004
                os._exit(130)
            stop.set()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


# Each adds its command to the group.
from . import stream_publish, stream_predict, stream_count, stream_enrich  # noqa: E402, F401, I001
