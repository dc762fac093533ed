"""`pgscore engines allow`, `list` and `forbid`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pgscore.engines import allow_engine, allowed_engines, forbid_engine

from .app import Dsn, Json, command, engines
from .output import print_json, say, table

Engine = Annotated[str, typer.Argument(metavar="ENGINE", show_default=False, help="The engine: onnx.")]


@command(
    engines,
    "allow",
    "pgscore engines allow onnx",
    "pgscore engines allow onnx --memory 256 --dsn postgresql://postgres@db/shop",
)
def allow(
    engine: Engine,
    memory: Annotated[
        int | None,
        typer.Option(
            metavar="MB",
            min=64,
            max=1048576,
            show_default=False,
            help="What a call may take in a backend; 1024 at first.",
        ),
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Turns an engine on that runs what publishers hand in.

    Only a superuser may. onnx runs graphs that cannot become programs, of all who may publish, by onnxruntime, which is
    native code, in the server's Python.
    """
    stands = allow_engine(dsn, engine, memory)
    if as_json:
        print_json(asdict(stands))
    else:
        say(f"engine {engine} is on: a call may take {stands.megabytes} MB in a backend.")


@command(engines, "list", "pgscore engines list", "pgscore engines list --json")
def list_engines(dsn: Dsn = "", as_json: Json = False) -> None:
    """Lists the engines that have to be turned on, and whether they are."""
    found = allowed_engines(dsn)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    heads = ("engine", "is", "MB", "since", "by", "serves")
    table(
        heads,
        (
            [e.engine, "on" if e.allowed else "off", e.megabytes, e.allowed_at, e.allowed_by, ", ".join(e.models)]
            for e in found
        ),
    )


@command(engines, "forbid", "pgscore engines forbid onnx", "pgscore engines forbid onnx --json")
def forbid(engine: Engine, dsn: Dsn = "", as_json: Json = False) -> None:
    """Turns an engine off.

    Says which models that hits. Only a superuser may. Connections that have loaded such a model stop with their next
    statement; one that runs goes on to its end.
    """
    stands = forbid_engine(dsn, engine)
    if as_json:
        print_json(asdict(stands))
        return
    say(f"engine {engine} is off.")
    if stands.models:
        say(
            f"It served {', '.join(stands.models)}: scoring fails from now on, and bindings list rows as stale.",
            "next: pgscore promote MODEL VERSION --engine sql, or pgscore rollback MODEL",
        )
