"""The command's frame: what all its parts share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Function = TypeVar("Function", bound=Callable[..., Any])

Dsn = Annotated[
    str,
    typer.Option(
        "--dsn",
        envvar="PGSCORE_DSN",
        metavar="DSN",
        show_default=False,
        help="Connection string or URI. Without one, PGHOST, PGDATABASE, PGPASSWORD and so on say where.",
    ),
]
Dsns = Annotated[
    list[str] | None,
    typer.Option(
        "--dsn",
        metavar="DSN",
        show_default=False,
        help="Connection string or URI, or PGSCORE_DSN, or PGHOST and so on; again for more databases: all or none.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; an error is a JSON line on stderr.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", show_default=False, help="The model's name.")]


def one_dsn(given: Sequence[str] | None) -> str:
    """The only connection string, or what the environment says."""
    return given[0] if given else os.environ.get("PGSCORE_DSN", "")


def group(text: str) -> typer.Typer:
    """A group of commands."""
    # Plain help reads the same in a terminal, a pipe and a pager; tracebacks are for `run` to withhold.
    return typer.Typer(help=text, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


app = group(
    "Publishes models to PostgreSQL, which then scores with them in its own transactions.\n\n"
    "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 database unreachable, 70 a fault of pgscore, 130 interrupted."
)
keys = group("Whose artifacts a database unpickles.")
app.add_typer(keys, name="keys")
engines = group("Engines that run what publishers hand in: off until a superuser turns them on.")
app.add_typer(engines, name="engines")


def command(group: typer.Typer, name: str, *examples: str) -> Callable[[Function], Function]:
    """Adds a function to a group as a command, with examples at the end of its help."""
    lines = "\n".join(f"  {example}" for example in examples)
    # \b keeps the line breaks.
    return group.command(name, epilog=f"\b\nExamples:\n{lines}")
