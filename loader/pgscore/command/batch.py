"""`pgscore rescore`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pgscore import batch

from .app import Dsn, Json, Model, app, command
from .output import print_json, say, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.batch import OwnersTable, Rescored


@command(
    app,
    "rescore",
    "pgscore rescore churn shop.customer",
    "pgscore rescore churn shop.customer --all --workers 2 --json",
    "pgscore rescore churn shop.customer --into shop.customer_score",
)
def rescore(
    model: Model,
    profile: Annotated[
        str, typer.Argument(metavar="PROFILE", show_default=False, help="The profile table, such as shop.customer.")
    ],
    whole: Annotated[bool, typer.Option("--all", help="Score every row, and write those whose score differs.")] = False,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE", show_default=False, help="Write key, score, version and time of all rows there instead."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="COUNT", help="How many connections share the work.")] = 1,
    rows: Annotated[
        int | None, typer.Option("--batch", min=1, metavar="ROWS", help="How many rows a transaction takes.")
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Scores a table anew where it is outdated.

    Its rows get the score of the version that serves: those that another version scored, that none has scored, or that
    are stale, in batches that commit, while the table is in use. After an interruption the same command goes on. Rows
    that others hold are tried again later: it exits with 1 if some were left.
    """
    with steps(f"rescoring {profile}", of_bytes=False) as step:
        done = batch.rescore(dsn, model, profile, whole=whole, into=into, workers=workers, batch=rows, progress=step)
    if as_json:
        print_json({"ok": not done.left, **asdict(done)})
    else:
        say_rescored([done])
    if done.left:
        raise typer.Exit(1)


def say_rescored(done: Sequence[Rescored], others: Sequence[OwnersTable] = (), model: str = "") -> None:
    """What came of rescoring tables, in sentences."""
    for each in done:
        place = each.target or each.profile
        say(f"{place}: {each.done:,} rows looked at, {each.changed:,} written with version {each.version}.")
        if each.resumed:
            say("It went on where an earlier call had stopped, or shared the work with another one.")
        if each.refused:
            where = "They stand there without a score" if each.target else "pgscore.stale lists them with the reasons"
            say(f"{each.model} refused {each.refused:,} rows. {where}.")
        if each.left:
            say(
                f"{each.left:,} rows were locked by others all the time, and stand as they were.",
                "hint: run it again when these have committed.",
            )
    for other in others:
        say(f"{other.profile} belongs to {other.owner}, who has to run: pgscore rescore {model} {other.profile}")
