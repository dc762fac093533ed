"""`pgscore export-model`: a version as a file of another tool's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pgscore.writers import export_model as write_model

from .app import Dsn, Json, Model, app, command
from .output import print_json, say, steps


@command(
    app,
    "export-model",
    "pgscore export-model churn --to churn.onnx",
    "pgscore export-model churn 3 --to churn.pmml --force --json",
    "pgscore export-model churn --to churn.json --golden",
)
def export_model(
    model: Model,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FILE", show_default=False, help="The file; it ends in .onnx, .pmml or .json."),
    ],
    version: Annotated[
        int | None,
        typer.Argument(metavar="VERSION", show_default=False, help="The version; without it, the one that answers."),
    ] = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option("--format", metavar="onnx|pmml|json", help="The format, whatever the file ends in."),
    ] = None,
    golden: Annotated[bool, typer.Option("--golden", help="JSON: with the version's golden rows.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Writes a version to a file: ONNX, PMML or JSON.

    The version has to be a program. Before the file is put in its place ONNX Runtime, or JPMML-Evaluator, evaluates it
    on the version's golden rows, and on rows made of them: missing, infinite and unknown values. Where it says
    something else than the program, or the format cannot say what the program does, nothing is written. Nothing is
    changed in the database.
    """
    with steps(f"exporting {model}") as step:
        done = write_model(dsn, model, to, version=version, format=format, golden=golden, force=force, progress=step)
    if as_json:
        print_json(asdict(done))
        return
    say(f"Version {done.version} of {done.model} is in {done.path}, {done.bytes:,} bytes.")
    if done.format == "json":
        say(f"Its sha256 is {done.sha256}.")
    else:
        say(f"{done.checked_by} gives what the program gives on {done.rows:,} rows.")
    say(*done.notes)
