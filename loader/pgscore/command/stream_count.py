"""`pgscore stream count`."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import Dsn, Json, command
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


@command(
    stream,
    "count",
    "pgscore stream count --topic complaints --into shop.dashboard --counter all --counter billing:kind=billing",
    "pgscore stream count --topic complaints --into shop.by_kind --counter all --by kind --once --json",
)
def count(
    topic: Topics,
    into: Annotated[str, typer.Option(metavar="TABLE", show_default=False, help="The table of the counters.")],
    counter: Annotated[
        list[str],
        typer.Option(metavar="NAME[:FIELD=VALUE,…]", show_default=False, help="What is counted; again for more."),
    ],
    by: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Divide counters by its values; again for more.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Workers that share the topic; TABLE.")
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
    """Counts events of a topic by filters, each once.

    Counters and how far the topic was read are stored in one transaction. A counter is a name, and fields with the
    values that an event must have; as JSON also NULL and values with commas. The table has the columns counter, number,
    and one for each --by.
    """
    from pgscore.stream import client, messages
    from pgscore.stream.consuming import Consumer
    from pgscore.stream.counters import CounterTable, Filter
    from pgscore.stream.order import Order

    order = Order(
        dsn,
        client.settings(brokers, settings),
        group or f"{into}-count",
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
    app = CounterTable(into, [Filter.read(each) for each in counter], by or ())
    counted = metrics_at(metrics)
    with stopped_by_signals() as stop:
        Consumer(order, app, stop, metrics=counted).run()
    if as_json:
        print_json({"table": into, "group": order.group, **counted.summary()})
    else:
        say(f"{counted.line()}.")
