"""`pgscore bundle`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pgscore.bundle.make import make_bundle
from pgscore.bundle.writing import write_bundle

from .app import Dsn, Json, Model, app, command
from .output import print_json, say


@command(
    app,
    "bundle",
    "pgscore bundle churn > churn.json",
    "pgscore bundle churn 3 --binding shop.complaints:shop.customer --key key.pem --to churn.json",
    "pgscore bundle churn --binding shop.complaints:shop.customer --to browser/ --json",
)
def bundle(
    model: Model,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", show_default=False, help="Without it, the one that answers.")
    ] = None,
    binding: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENTS:PROFILE", help="A binding of the model, by its tables; may be given again."),
    ] = None,
    golden: Annotated[
        int | None,
        typer.Option(metavar="COUNT", min=1, help="How many golden rows it holds at most; without it, all."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FILE|DIR/", help="Where to; a folder gets the JavaScript module beside it."),
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The private key that signs it.")] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Writes a version as one document for use elsewhere.

    It holds program, contract, golden rows and, for the bindings that are named, how events move profiles, and is
    evaluated without the database, in Python and JavaScript. Golden rows may be rows of real people, and whoever gets
    the document gets them: members of pgscore_publisher and pgscore_operator make it. Without --to it goes to standard
    output.
    """
    tables = [_tables(each) for each in binding or []]
    text = make_bundle(dsn, model, version, bindings=tables, golden=golden, key=key)
    if to is None:
        sys.stdout.write(text + "\n")
        return
    files = write_bundle(text, model, to)
    made = json.loads(text)
    said = {
        "model": made["model"],
        "version": made["version"],
        "bindings": [each["name"] for each in made["bindings"]],
        "golden": len(made["golden"]),
        "sha256": made["sha256"],
        "key_id": made.get("signature", {}).get("key_id"),
        "bytes": len(text.encode()),
        "files": [str(each) for each in files],
    }
    if as_json:
        print_json(said)
        return
    signed = f", signed with key {said['key_id']}" if said["key_id"] else ""
    say(f"Version {made['version']} of {model} is in {files[0]}, {said['bytes']:,} bytes{signed}.")
    if len(files) > 1:
        say(f"Beside it: {', '.join(each.name for each in files[1:])}.")


def _tables(given: str) -> tuple[str, str]:
    """Two tables, named as in SQL: a colon in a quoted name does not divide."""
    quoted = False
    for position, character in enumerate(given):
        quoted ^= character == '"'
        if character == ":" and not quoted and 0 < position < len(given) - 1:
            return given[:position], given[position + 1 :]
    raise typer.BadParameter(f"{given!r} is no EVENTS:PROFILE, such as shop.complaints:shop.customer")
