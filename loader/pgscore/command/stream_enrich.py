"""`pgscore stream enrich`."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import Dsn, Json, command
from .output import print_json, say, tell, warn
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
    Settings,
    Start,
    Topics,
    is_latest,
    metrics_at,
)


@command(
    stream,
    "enrich",
    "pgscore stream enrich --topic complaints --profile shop.customer --event-key customer_id --to rich",
    "pgscore stream enrich --topic complaints --profile shop.customer --event-key id --to rich --once --json",
)
def enrich(
    topic: Topics,
    to: Annotated[str, typer.Option("--to", metavar="TOPIC", show_default=False, help="Where messages go.")],
    profile: Annotated[str, typer.Option(metavar="TABLE", show_default=False, help="The profile table.")],
    event_key: Annotated[
        list[str],
        typer.Option(metavar="FIELD", show_default=False, help="The field that names a profile; again for more."),
    ],
    profile_key: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="The column it is compared with, if named otherwise.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="What to tell of the profile; again for more. Else all."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Workers that share the topic; TO-enrich.")
    ] = None,
    dead_letters: DeadLetters = None,
    decode: Decode = None,
    start: Start = "earliest",
    batch: Batch = 500,
    rate: Rate = None,
    metrics: Port = None,
    every: Every = 10.0,
    once: Once = False,
    brokers: Brokers = "",
    settings: Settings = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Writes messages with their profiles to another topic, each once.

    A message becomes an object of event and profile: the row as it stands, or null where there is none. What is read
    and what is written are one transaction of Kafka's. Ctrl-C and SIGTERM end it after the messages at which it is.
    """
    from pgscore.stream import client, messages
    from pgscore.stream.enriching import Enrichment
    from pgscore.stream.enriching import enrich as go
    from pgscore.stream.profiles import Profiles

    order = Enrichment(
        dsn,
        client.settings(brokers, settings),
        group or f"{to}-enrich",
        topic,
        to,
        decode=None if decode is None else messages.decoder(decode),
        dead_letters=dead_letters,
        batch=batch,
        rate=rate,
        every=every or None,
        once=once,
        from_latest=is_latest(start),
    )
    profiles = Profiles(profile, event_key, profile_key or event_key, columns or ())
    done = metrics_at(metrics)
    with stopped_by_signals() as stop:
        go(order, profiles, stop=stop, metrics=done, lost=warn, say=tell)
    if as_json:
        print_json({"group": order.group, "to": to, "written": 0, "without_profile": 0, **done.summary()})
    else:
        written, without = (done.counts.get(name, 0) for name in ("written", "without_profile"))
        say(f"{written:,} messages are in topic {to}, {without:,} of them without a profile.")
