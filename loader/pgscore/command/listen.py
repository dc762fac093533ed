"""`pgscore listen`: what the database tells of scores that change."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pgscore.changes import FilePosition, NoPosition, Stop, TablePosition, follow_changes, follow_crossings, why_silent
from pgscore.changes.handling import Program

from .app import Dsn, Json, app, command
from .output import jsonable, say, tell, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgscore.changes import KeptPosition

_CROSSING = ("model", "key", "score", "version")
_CHANGE = ("position", "binding", "model", "key", "former", "score", "version", "at")


@command(
    app,
    "listen",
    "pgscore listen",
    "pgscore listen --model churn --command 'notify-agent {key} {score}'",
    "pgscore listen --consumer crm --command 'update-crm {key} {score}'",
    "pgscore listen --position-file /var/lib/crm/position --once --json",
)
def listen(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Only what is told of this model.")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            "--command",
            metavar="COMMAND",
            show_default=False,
            help="Run this for each, without a shell; {key}, {score} and so on stand for its fields.",
        ),
    ] = None,
    from_outbox: Annotated[
        bool, typer.Option("--from-outbox", help="All changes of scores, from the outbox, and not what crosses.")
    ] = False,
    consumer: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="From the outbox; the database keeps the position."),
    ] = None,
    position_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="From the outbox; this file keeps the position."),
    ] = None,
    from_now: Annotated[
        bool, typer.Option("--from-now", help="A new consumer begins with what comes, not with what is there.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="From the outbox: end where there is nothing more.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.01, metavar="SECONDS", help="From the outbox: how often to look for more.")
    ] = 1.0,
    tries: Annotated[int, typer.Option(min=1, metavar="COUNT", help="How often a command that fails is tried.")] = 5,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.01, metavar="SECONDS", show_default=False, help="How long a command may run; then it has failed."
        ),
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Prints what the database tells of scores.

    Of scores that cross the notify_above or notify_below of a binding, while it runs; or all changes of the bindings
    with changes, from the outbox, each at least once and in order. With --json each is a line. A command is run for
    each instead: it gets the fields as arguments and as JSON on stdin, and a position is kept when it has succeeded.
    Ctrl-C and SIGTERM end it after the one at which it is.
    """
    if consumer and position_file:
        raise typer.BadParameter("a position is kept by --consumer or by --position-file, not by both")
    outbox = bool(from_outbox or consumer or position_file)
    if not outbox and (once or from_now):
        raise typer.BadParameter("--once and --from-now are for the outbox: --from-outbox, --consumer, --position-file")
    if (why := why_silent(dsn, model, outbox=outbox)) is not None:
        tell(why)
    runs = _program(program, _CHANGE if outbox else _CROSSING, tries, timeout)
    with Stop() as stop, _stopped_by_signals(stop, runs):
        told: Iterator[dict[str, Any]]
        if outbox:
            changes = follow_changes(
                dsn,
                position=_position(consumer, position_file),
                model=model,
                from_now=from_now,
                store_each=runs is not None,
                interval=interval,
                once=once,
                stop=stop,
                lost=warn,
            )
            told = (asdict(each) for each in changes)
        else:
            told = follow_crossings(dsn, model=model, stop=stop, lost=warn)
        for each in told:
            if runs is None:
                _print(each, as_json=as_json)
            elif not runs.run(jsonable(each), stop, warn):
                break


def _program(given: str | None, fields: tuple[str, ...], tries: int, seconds: float | None) -> Program | None:
    if given is None:
        return None
    try:
        return Program(given, fields, tries=tries, seconds=seconds)
    except ValueError as error:
        raise typer.BadParameter(f"--command {given!r}: {error}") from None


def _position(consumer: str | None, file: Path | None) -> KeptPosition:
    if file is not None:
        return FilePosition(file)
    return NoPosition() if consumer is None else TablePosition(consumer)


@contextmanager
def _stopped_by_signals(stop: Stop, runs: Program | None) -> Iterator[None]:
    def ask(_number: int, _frame: object) -> None:
        # Once more, and the program that is running ends too.
        if stop.asked and runs is not None:
            runs.terminate()
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(jsonable(told), ensure_ascii=False, allow_nan=False))
    else:
        version = "" if told["version"] is None else f" (version {told['version']})"
        change = f"{_score(told['former'])} -> " if "former" in told else ""
        say(f"{told['model']} {told['key']}: {change}{_score(told['score'])}{version}")
    sys.stdout.flush()


def _score(score: float | None) -> str:
    return "no score" if score is None else f"{score:g}" if isinstance(score, float) else str(score)
