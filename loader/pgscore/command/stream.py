"""`pgscore stream`: what its commands share."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgscore.changes import Stop

Brokers = Annotated[
    str,
    typer.Option(
        "--brokers",
        envvar="PGSCORE_BROKERS",
        metavar="HOST:PORT",
        show_default=False,
        help="Where Kafka is; several with commas.",
    ),
]
ClientFile = Annotated[
    Path | None,
    typer.Option(
        "--client-file",
        metavar="FILE",
        show_default=False,
        help="Further settings of librdkafka's, NAME=VALUE each: passwords, TLS.",
    ),
]


@contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask to stop, meanwhile."""

    def ask(_number: int, _frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def warn(sentence: str, pause: float) -> None:
    """Says that something was lost, and when it is tried again."""
    print(f"pgscore: {' '.join(sentence.split())}; once more in {pause:.0f} s", file=sys.stderr, flush=True)
