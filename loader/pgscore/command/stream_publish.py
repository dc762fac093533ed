"""`pgscore stream publish`: events of a table, or scores that changed, to a topic."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .app import Dsn, Json, command
from .output import print_json, say, warn
from .stream import stopped_by_signals, stream
from .stream_options import Brokers, Once, Settings  # noqa: TC001  typer reads them

if TYPE_CHECKING:
    from pgscore.stream.source import Source


@command(
    stream,
    "publish",
    "pgscore stream publish shop.complaints --key customer_id --topic complaints",
    "pgscore stream publish shop.complaints --key customer_id --topic complaints --once --json",
    "pgscore stream publish --scores --model churn --topic scores",
)
def publish(
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", show_default=False, help="The table of the events.")
    ] = None,
    topic: Annotated[
        str, typer.Option("--topic", metavar="NAME", show_default=False, help="The topic; it is there.")
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="By which events stay in order; again, or with commas, for more."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of the messages; again, or with commas, for more. Else all."),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", show_default=False, help="What counts the rows, if not the primary key."),
    ] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Scores that change, from the outbox, not a table.")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="With --scores: only of this model.")
    ] = None,
    brokers: Brokers = "",
    settings: Settings = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", show_default=False, help="One process at a time has it, and a position: TABLE.TOPIC."
        ),
    ] = None,
    positions: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", show_default=False, help="The compacted topic of positions: TOPIC.positions."),
    ] = None,
    from_now: Annotated[
        bool, typer.Option("--from-now", help="A new name begins with what comes, not with what is there.")
    ] = False,
    once: Once = False,
    interval: Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="How often to look for more.")] = 0.25,
    batch: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="COUNT", help="How many messages a transaction has at most.")
    ] = 500,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Sends a table's events to a topic, each once and in order.

    Messages and the position behind them are one transaction of Kafka's, so nothing is sent twice or left out, whatever
    is killed; readers ask for committed messages alone. The table needs a column that says which transaction inserted a
    row. Of two under one name the later goes on. Ctrl-C and SIGTERM end it after the batch at which it is.
    """
    from pgscore.stream import client
    from pgscore.stream.publishing import publish_events

    if not topic:
        raise typer.BadParameter("--topic says where to")
    source = _source(table, _split(key), _split(columns), order, model, scores=scores)
    with stopped_by_signals() as stop:
        done = publish_events(
            dsn,
            source,
            topic,
            client.settings(brokers, settings),
            stop=stop,
            name=name,
            positions=positions,
            from_now=from_now,
            once=once,
            interval=interval,
            batch=batch,
            lost=warn,
            sent=_show,
        )
    if as_json:
        print_json(asdict(done))
    else:
        say(f"{done.messages:,} messages of {done.source} are in topic {done.topic}.")


def _source(
    table: str | None, key: list[str], columns: list[str], order: str | None, model: str | None, *, scores: bool
) -> Source:
    if scores == (table is not None):
        raise typer.BadParameter("a table is published, or --scores: one of the two")
    if scores:
        from pgscore.stream.score_source import ScoreSource

        if key or columns or order:
            raise typer.BadParameter("--key, --columns and --order are a table's; scores have the profile's key")
        return ScoreSource(model)
    from pgscore.stream.table_source import TableSource

    if model is not None:
        raise typer.BadParameter("--model is for --scores")
    if not key:
        raise typer.BadParameter("--key names the column by which events stay in order, such as customer_id")
    return TableSource(table or "", key, columns, order)


def _split(given: list[str] | None) -> list[str]:
    return [name.strip() for each in given or [] for name in each.split(",") if name.strip()]


def _show(messages: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{messages:,} messages", end="", file=sys.stderr, flush=True)
