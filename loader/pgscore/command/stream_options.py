"""Options that several commands of `pgscore stream` take, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import tell

if TYPE_CHECKING:
    from pgscore.stream.metrics import Metrics

Brokers = Annotated[
    str,
    typer.Option(
        "--brokers", envvar="PGSCORE_BROKERS", metavar="HOST:PORT", show_default=False, help="With commas for several."
    ),
]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--kafka-settings",
        metavar="FILE",
        show_default=False,
        help="Lines of NAME=VALUE for Kafka's client: TLS, passwords.",
    ),
]
Topics = Annotated[
    list[str], typer.Option("--topic", metavar="NAME", show_default=False, help="The topic; again for more.")
]
DeadLetters = Annotated[
    str | None, typer.Option("--dead-letters", metavar="TOPIC", help="For messages that nothing can be done with.")
]
Decode = Annotated[
    str | None,
    typer.Option("--decode", metavar="MODULE:CALLABLE", help="Makes an event of bytes, where it is no JSON."),
]
Start = Annotated[str, typer.Option("--from", metavar="earliest|latest", help="Where a group begins that is new.")]
Reset = Annotated[bool, typer.Option("--reset", help="Begin anew where offsets mean nothing any more.")]
TakeOver = Annotated[bool, typer.Option("--take-over", help="Go on with a group of another database or role.")]
Batch = Annotated[int, typer.Option("--batch", min=1, max=10_000, metavar="COUNT", help="Messages in a transaction.")]
Rate = Annotated[
    float | None,
    typer.Option("--rate", min=0.1, metavar="COUNT", help="Messages a second at most; without it, all."),
]
Once = Annotated[bool, typer.Option("--once", help="End where there is nothing more.")]
Port = Annotated[
    int | None,
    typer.Option("--metrics", metavar="PORT", min=0, max=65535, help="Metrics for Prometheus, on 127.0.0.1."),
]
Every = Annotated[float, typer.Option("--every", min=0, metavar="SECONDS", help="Say how far it is; 0: never.")]


def is_latest(start: str) -> bool:
    """Whether a group that is new begins with what comes, and not with what is there.

    Raises:
        typer.BadParameter: it is neither said.
    """
    if start not in ("earliest", "latest"):
        raise typer.BadParameter(f"--from is earliest or latest, not {start}")
    return start == "latest"


def metrics_at(port: int | None) -> Metrics:
    """Metrics, which a port tells where there is one; 0: a free one."""
    from pgscore.stream.metrics import Metrics

    metrics = Metrics()
    if port is not None:
        tell(f"metrics at http://127.0.0.1:{metrics.serve(port)}/metrics")
    return metrics
