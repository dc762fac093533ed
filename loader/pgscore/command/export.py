"""`pgscore export`."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pgscore.export import export_scores
from pgscore.export.run import RETRIES

from .app import Dsn, Json, Model, app, command
from .output import print_json, say, steps

if TYPE_CHECKING:
    from collections.abc import Iterator


@command(
    app,
    "export",
    "pgscore export churn --to scores.parquet",
    "pgscore export churn --to redis://cache/0 --changed --json",
    "pgscore export churn --to sftp://feed@files/in/scores-{at}.csv",
    "pgscore export churn --to mysql://me@db/shop --table churn_scores --delete-missing",
)
def export(
    model: Model,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            envvar="PGSCORE_EXPORT_TO",
            metavar="TARGET",
            show_default=False,
            help="redis://, sftp://, a URL of SQLAlchemy's, or a path; files end in .csv or .parquet.",
        ),
    ],
    profile: Annotated[
        str | None, typer.Option(metavar="TABLE", help="The profile table, where the model scores several.")
    ] = None,
    binding: Annotated[
        str | None, typer.Option(metavar="NAME", help="A binding by its name, where several share a table.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A further column of the profile table; again, or with commas, for more."),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what may have changed since the last export to this target.")
    ] = False,
    pattern: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Redis: what keys are called, MODEL:{key} without it.")
    ] = None,
    value: Annotated[
        str | None,
        typer.Option("--as", metavar="number|hash", help="Redis: the score, or a hash of all columns."),
    ] = None,
    expire: Annotated[int | None, typer.Option(metavar="SECONDS", help="Redis: after how long keys go.")] = None,
    table: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Databases: the table, MODEL_scores without it.")
    ] = None,
    delete_missing: Annotated[
        bool,
        typer.Option("--delete-missing", help="Redis, databases: remove what is there and is no profile any more."),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=64, help="How many connections read the table; they share a snapshot."),
    ] = 1,
    retries: Annotated[
        int, typer.Option(metavar="N", min=0, help="How often to try again what may pass, with longer waits.")
    ] = RETRIES,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Exports the scores of a model to where they are read.

    They are of one snapshot, and the target is marked when they are complete: an export that dies leaves the last one
    in place. Exits with 3 where the database or the target cannot be reached.
    """
    further = [name.strip() for each in columns or [] for name in each.split(",")]
    with _ended_cleanly(), steps(f"exporting {model}", of_bytes=False) as step:
        done = export_scores(
            dsn,
            model,
            to,
            profile=profile,
            binding=binding,
            columns=further,
            changed=changed,
            pattern=pattern,
            value=value,
            expire=expire,
            table=table,
            delete_missing=delete_missing,
            workers=workers,
            retries=retries,
            progress=step,
        )
    if as_json:
        print_json(asdict(done))
        return
    what = "changed since the last export" if done.changed else "of all profiles"
    say(f"{done.rows:,} scores of {model} are in {done.target}, {what} of {done.profile}.")
    if done.why_all is not None:
        say(f"All of them, because {done.why_all}.")
    if "deleted" in done.details:
        say(f"{done.details['deleted']:,} that are no profiles any more were removed there.")
    for version, rows in done.versions.items():
        say(f"without a version: {rows:,}" if version == "none" else f"version {version}: {rows:,}")


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """SIGTERM is Ctrl-C: what is half written goes."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
