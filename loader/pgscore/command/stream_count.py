"""`pgscore stream count`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .app import Dsn, Json, command
from .output import print_json, say
from .stream import Brokers, Settings, stopped_by_signals, stream


@command(
    stream,
    "count",
    "pgscore stream count --topic complaints --into shop.dashboard --counter all --counter billing:kind=billing",
    "pgscore stream count --topic complaints --into shop.by_kind --counter all --by kind --once --json",
)
def count(
    topic: Annotated[list[str], typer.Option(metavar="NAME", show_default=False, help="The topic; again for more.")],
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
    dead_letters: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="For messages that nothing can be done with.")
    ] = None,
    decode: Annotated[
        str | None, typer.Option(metavar="MODULE:CALLABLE", help="Makes an event of bytes, where it is no JSON.")
    ] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="earliest|latest", help="Where a group begins that is new.")
    ] = "earliest",
    reset: Annotated[bool, typer.Option("--reset", help="Begin anew where offsets mean nothing any more.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Go on with a group of another database or role.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, max=10_000, metavar="COUNT", help="Messages in a transaction.")] = 500,
    rate: Annotated[
        float | None, typer.Option(min=0.1, metavar="COUNT", help="Messages a second at most; without it, all.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End where there is nothing more.")] = False,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Metrics for Prometheus, on 127.0.0.1.")
    ] = None,
    every: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Say how far it is; 0: never.")] = 10.0,
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
    from pgscore.stream.metrics import Metrics
    from pgscore.stream.order import Order

    if start not in ("earliest", "latest"):
        raise typer.BadParameter(f"--from is earliest or latest, not {start}")
    order = Order(
        dsn,
        client.settings(brokers, settings),
        group or f"{into}-count",
        topic,
        decode=None if decode is None else messages.decoder(decode),
        batch=batch,
        rate=rate,
        from_latest=start == "latest",
        reset=reset,
        take_over=take_over,
        dead_letters=dead_letters,
        once=once,
        every=every or None,
    )
    app = CounterTable(into, [Filter.read(each) for each in counter], by or ())
    counted = Metrics()
    if metrics is not None:
        port = counted.serve(metrics)
        print(f"pgscore: metrics at http://127.0.0.1:{port}/metrics", file=sys.stderr, flush=True)
    with stopped_by_signals() as stop:
        Consumer(order, app, stop, metrics=counted).run()
    if as_json:
        print_json({"table": into, "group": order.group, **counted.summary()})
    else:
        say(f"{counted.line()}.")
