"""`pgscore stream predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import Dsn, Json, Model, command
from .output import print_json, say
from .stream import stopped_by_signals, stream
from .stream_options import (
    Batch,
    Brokers,
    DeadLetters,
    Decode,
    Every,
    Once,
    Port,
    Rate,
    Reset,
    Settings,
    Start,
    TakeOver,
    Topics,
    is_latest,
    metrics_at,
)

if TYPE_CHECKING:
    from pgscore.stream.apps import App


@command(
    stream,
    "predict",
    "pgscore stream predict churn --topic complaints --into shop.complaints",
    "pgscore stream predict churn --topic complaints --definition churn-stream.json --to scores",
    "pgscore stream predict churn --topic complaints --into shop.complaints --once --json",
)
def predict(
    model: Model,
    topic: Topics,
    into: Annotated[
        str | None, typer.Option(metavar="TABLE", help="The event table; what is attached to it does the rest.")
    ] = None,
    definition: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Straight to profiles: how events move them, as JSON.")
    ] = None,
    enriched: Annotated[
        bool, typer.Option("--enriched", help="Messages are event and profile: no look-up while it stands so.")
    ] = False,
    to: Annotated[str | None, typer.Option("--to", metavar="TOPIC", help="Write each score there as well.")] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Workers that share the topic; MODEL-predict."),
    ] = None,
    identifier: Annotated[
        str | None, typer.Option("--id", metavar="FIELD", help="What tells an event: one that is there is passed over.")
    ] = None,
    dead_letters: DeadLetters = None,
    decode: Decode = None,
    start: Start = "earliest",
    reset: Reset = False,
    take_over: TakeOver = False,
    batch: Batch = 500,
    rate: Rate = None,
    once: Once = False,
    metrics: Port = None,
    every: Every = 10.0,
    brokers: Brokers = "",
    settings: Settings = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Scores events of a topic, each once.

    What messages do and how far they were read is stored in one transaction. With --into they become rows of the event
    table, and its binding counts and scores; with --definition they move and score profiles, without an event table.
    Ctrl-C and SIGTERM end it after the messages at which it is; kill it, and it goes on where it was.
    """
    from pgscore.stream import client, messages
    from pgscore.stream.consuming import Consumer
    from pgscore.stream.order import Order

    order = Order(
        dsn,
        client.settings(brokers, settings),
        group or f"{model}-predict",
        topic,
        decode=None if decode is None else messages.decoder(decode),
        batch=batch,
        rate=rate,
        from_latest=is_latest(start),
        reset=reset,
        take_over=take_over,
        dead_letters=dead_letters,
        once=once,
        every=every or None,
    )
    app = _app(model, into, definition, to, identifier, enriched=enriched)
    counted = metrics_at(metrics)
    with stopped_by_signals() as stop:
        Consumer(order, app, stop, metrics=counted).run()
    if as_json:
        print_json({"model": model, "group": order.group, **counted.summary()})
    else:
        say(f"{counted.line()}.")


def _app(
    model: str, into: str | None, definition: Path | None, to: str | None, identifier: str | None, *, enriched: bool
) -> App:
    if into is not None and definition is None:
        if enriched or to is not None:
            raise typer.BadParameter("--enriched and --to go with --definition: a binding scores when it commits")
        from pgscore.stream.events import EventTable

        return EventTable(into, identifier)
    if into is not None or definition is None:
        raise typer.BadParameter("messages go --into an event table, or by a --definition straight to profiles")
    if identifier is not None:
        raise typer.BadParameter("--id goes with --into: without an event table nothing tells which events there were")
    from pgscore.stream.definition import read_definition
    from pgscore.stream.straight import StraightToProfiles

    return StraightToProfiles(model, read_definition(definition), enriched=enriched, to=to)
