"""Whether profiles that time alone has changed are brought up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg2

from .counters import DEAREST, cost
from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .binding import Binding
    from .comparison import DueSql
    from .look import Look

_SECONDS = 5
# Who ticks once an hour is not told.
_LONG = "1 hour"


class _Due(NamedTuple):
    """Which rows are due."""

    rows: int
    first: datetime | None
    is_long: bool


def check_due(look: Look, binding: Binding, due: DueSql | None) -> Iterator[Finding]:
    """Says how many profiles are due where one has been for long; nothing where that is too dear to know."""
    if due is None:
        return
    is_long = f"coalesce(min({due.due_sql}) < clock_timestamp() - interval '{_LONG}', false)"
    query = (
        f"select count(*), min({due.due_sql}), {is_long}"  # noqa: S608  the database has quoted the names
        f" from {binding.profile} where {due.due_sql} <= clock_timestamp()"
    )
    if not look.full and cost(look, query) > DEAREST:
        return
    look.limit(0 if look.full else _SECONDS)
    try:
        with look.trying():
            (found,) = look.rows(_Due, query)
    except psycopg2.errors.QueryCanceled:
        return
    finally:
        look.unlimit()
    if found.is_long:
        are = "profile is due, and has been" if found.rows == 1 else "profiles are due, the first of them"
        sentence = (
            f"{found.rows:,} {are} since {found.first:%Y-%m-%d %H:%M}: events have left their windows, and nobody ticks"
        )
        yield Finding("due", binding.name, sentence, binding.tick, binding.owner)
