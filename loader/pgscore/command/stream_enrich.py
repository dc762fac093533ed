"""`pgscore stream enrich`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .app import Dsn, Json, command
from .output import print_json, say
from .stream import Brokers, Settings, stopped_by_signals, stream


@command(
    stream,
    "enrich",
    "pgscore stream enrich --topic complaints --profile shop.customer --event-key customer_id --to rich",
    "pgscore stream enrich --topic complaints --profile shop.customer --event-key id --to rich --once --json",
)
def enrich(
    topic: Annotated[list[str], typer.Option(metavar="NAME", show_default=False, help="The topic; again for more.")],
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
    dead_letters: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="For messages that nothing can be done with.")
    ] = None,
    decode: Annotated[
        str | None, typer.Option(metavar="MODULE:CALLABLE", help="Makes an event of bytes, where it is no JSON.")
    ] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="earliest|latest", help="Where a group begins that is new.")
    ] = "earliest",
    batch: Annotated[int, typer.Option(min=1, max=10_000, metavar="COUNT", help="Messages in a transaction.")] = 500,
    rate: Annotated[
        float | None, typer.Option(min=0.1, metavar="COUNT", help="Messages a second at most; without it, all.")
    ] = None,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Metrics for Prometheus, on 127.0.0.1.")
    ] = None,
    every: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Say how far it is; 0: never.")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="End where there is nothing more.")] = False,
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
    from pgscore.stream.metrics import Metrics
    from pgscore.stream.profiles import Profiles

    if start not in ("earliest", "latest"):
        raise typer.BadParameter(f"--from is earliest or latest, not {start}")
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
        from_latest=start == "latest",
    )
    profiles = Profiles(profile, event_key, profile_key or event_key, columns or ())
    done = Metrics()
    if metrics is not None:
        print(f"pgscore: metrics at http://127.0.0.1:{done.serve(metrics)}/metrics", file=sys.stderr, flush=True)
    with stopped_by_signals() as stop:
        go(order, profiles, stop=stop, metrics=done, lost=_warn, say=_tell)
    if as_json:
        print_json({"group": order.group, "to": to, "written": 0, "without_profile": 0, **done.summary()})
    else:
        written, without = (done.counts.get(name, 0) for name in ("written", "without_profile"))
        say(f"{written:,} messages are in topic {to}, {without:,} of them without a profile.")


def _tell(sentence: str) -> None:
    print(f"pgscore: {sentence}", file=sys.stderr, flush=True)


def _warn(sentence: str, pause: float) -> None:
    print(f"pgscore: {' '.join(sentence.split())}; once more in {pause:.0f} s", file=sys.stderr, flush=True)
