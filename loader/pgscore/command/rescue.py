"""`pgscore rescue`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pgscore.rescuing import rescue as take_away

from .app import Dsn, Json, app, command
from .output import print_json, say, table


@command(app, "rescue", "pgscore rescue --dry-run", "pgscore rescue --json --dsn postgresql://shop_owner@db/shop")
def rescue(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, list what would be removed.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Removes what a dropped schema pgscore left.

    Triggers, functions and tables of pgscore's beside users' tables, which fail every insert without that schema. Data
    stays as it is. Owners do it for their own tables, a superuser for all. Where pgscore is there, what its bindings
    need stays. Exits with 1 where something could not be removed.
    """
    found = take_away(dsn, dry_run=dry_run)
    stuck = [each for each in found if each.state in ("in use", "locked")]
    if as_json:
        print_json({"dry_run": dry_run, "found": [asdict(each) for each in found]})
    elif not found:
        say("Nothing is left over.")
    else:
        columns = ("kind", "object", "of table", "owner", "state")
        table(columns, ((each.kind, each.object, each.on_table, each.owner, each.state) for each in found))
        others = sorted({each.owner for each in found if each.state == "not yours"})
        if others:
            say(f"Not yours: connect as {', '.join(others)}, or as a superuser.")
        if stuck:
            say("In use or locked: drop what needs it, or wait for who is at it, and run this again.")
    if stuck and not dry_run:
        raise typer.Exit(1)
