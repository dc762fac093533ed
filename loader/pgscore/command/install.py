"""`pgscore install`, `upgrade`, `uninstall` and `sql`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from pgscore import installation
from pgscore.errors import PgscoreError

from .app import Dsn, Json, app, command
from .output import print_json, say, steps, table

_WITHOUT = "drop role pgscore_operator, pgscore_publisher, pgscore_reader, pgscore_owner"


@command(app, "install", "pgscore install", "pgscore install --plpython --dsn postgresql://postgres@db/shop --json")
def install(
    plpython: Annotated[
        bool, typer.Option("--plpython", help="Also what needs PL/Python; only a superuser can.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Again, where somebody dropped its schema; what is left of it goes.")
    ] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Installs pgscore in a database.

    It takes a role with CREATEROLE that may create in the database. `alembic upgrade core@head` in a checkout does the
    same. What is installed already stays as it is.
    """
    with steps("installing"):
        done = installation.install(dsn, plpython=plpython, anew=anew)
    if as_json:
        print_json(asdict(done))
    elif done.revisions:
        say(f"Installed: {', '.join(done.revisions)}.", "next: grant pgscore_publisher to …, then pgscore publish")
    else:
        say("It is installed already.")


@command(app, "upgrade", "pgscore upgrade", "pgscore upgrade --json --dsn postgresql://shop_owner@db/shop")
def upgrade(dsn: Dsn = "", as_json: Json = False) -> None:
    """Brings a database up to this release.

    First the migrations, with all that promotions have generated; then the functions and triggers of your own bindings
    (`pgscore.reattach`), for which their tables are locked for a moment. Bindings of other owners keep working, and are
    listed with what those run. Exits with 1 where one of yours could not be reattached.
    """
    with steps("upgrading"):
        done = installation.upgrade(dsn)
    failed = [each for each in done.left if each.problem is not None]
    if as_json:
        print_json({"ok": not failed, **asdict(done)})
    else:
        if not done.migrated:
            say("You may not migrate this database: whoever installed pgscore does, before the owners of tables.")
        else:
            say(f"Upgraded: {', '.join(done.revisions)}." if done.revisions else "It is of this release already.")
        if done.reattached:
            say(f"Reattached: {', '.join(done.reattached)}.")
        if done.left:
            say("These bindings keep working as they are; their owners bring them up to this release:")
            table(
                ("binding", "owner", "runs", "problem"),
                ((each.binding, each.owner, each.statement, each.problem) for each in done.left),
            )
    if failed:
        raise typer.Exit(1)


@command(app, "uninstall", "pgscore uninstall", "pgscore uninstall --yes --json")
def uninstall(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Removes pgscore from a database, with all models.

    Refused while tables are attached. Tables, counters and scores of users stay. Roles stay, because they are those of
    all databases of the cluster.
    """
    if not yes:
        _ask(dsn, as_json=as_json)
    with steps("uninstalling"):
        done = installation.uninstall(dsn)
    if as_json:
        print_json(asdict(done))
    else:
        say(f"Removed: {', '.join(done.revisions)}.", f"The roles stay. Where no other database needs them: {_WITHOUT}")


@command(app, "sql", "pgscore sql core > core.sql", "pgscore sql plpython --from 0001_core --json")
def sql(
    branch: Annotated[
        str, typer.Argument(metavar="BRANCH", show_default=False, help="core or plpython; churn, the example.")
    ],
    former: Annotated[
        str | None, typer.Option("--from", metavar="REVISION", help="What the database has, such as 0001_core.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Prints the SQL that install and upgrade run.

    For review, and for psql: it is exactly what `alembic upgrade BRANCH@head --sql` prints.
    """
    script = installation.script(branch, former)
    if as_json:
        print_json({"branch": branch, "from": former, "sql": script})
    else:
        sys.stdout.write(script)


def _ask(dsn: str, *, as_json: bool) -> None:
    held = installation.held(dsn)
    lost = [f"{len(held.models)} model{'s' if len(held.models) != 1 else ''} ({', '.join(held.models)})"] * bool(
        held.models
    )
    lost += [f"{held.keys} trusted key{'s' if held.keys != 1 else ''}"] * bool(held.keys)
    what = f"pgscore is removed, with {' and '.join(lost)}" if lost else "pgscore is removed"
    if as_json or not sys.stdin.isatty():
        raise PgscoreError(f"{what}: nothing was done, because nobody can be asked", "--yes does not ask.")
    typer.confirm(f"{what}. Go on?", abort=True)
