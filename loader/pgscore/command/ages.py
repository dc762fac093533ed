"""Ages as options give them: 36h, 30d, 8w."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_AGE = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def age(option: str, given: str) -> timedelta:
    """The age that an option was given.

    Raises:
        typer.BadParameter: it is none, or longer than a timedelta holds.
    """
    found = _AGE.fullmatch(given.strip())
    if found is None:
        raise typer.BadParameter(f"{option} {given!r} is no age such as 36h, 30d or 8w")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise typer.BadParameter(f"{option} {given!r} is longer than any age") from None
