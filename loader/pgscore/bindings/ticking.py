"""Bringing up profiles that are due: events have left their windows of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import Database, connected, row, transaction
from pgscore.errors import PgscoreError, UnreachableError
from pgscore.progress import Step, no_step

from .transactions import read_committed

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection as Connection  # noqa: N812

_STEP = 200


@dataclass(frozen=True)
class Ticked:
    """What was brought up of a binding.

    Attributes:
        binding: the binding's name.
        ticked: how many profiles were brought up.
        locked: how many are due still, because others had locked them; those may bring them up, or the next call does.
        problem: why it stopped, in a sentence; what was brought up before stays so. None where it has come to the end.
        hint: what to do about it.
    """

    binding: str
    ticked: int
    locked: int
    problem: str | None = None
    hint: str = ""


def tick(
    database: Database, events: str | None = None, profile: str | None = None, *, progress: Step = no_step
) -> list[Ticked]:
    """Brings up profiles that are due, and their scores, some hundred at a time, each in a transaction.

    A profile is due when an event has left one of its windows. It waits for nobody who has locked a profile.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        events: the event table; None: all bindings with windows that are the caller's.
        profile: the profile table; None: the same.
        progress: is told how many of those that were due have been brought up, for a progress display.

    Returns:
        What was done, for each binding that has windows. One that fails does not keep the others from it.

    Raises:
        PgscoreError: the two tables are not attached, have no windows, or the caller may not change them.
    """
    with connected(database) as connection:
        with transaction(connection):
            found = row(
                connection,
                "select pgscore._bindings_to_tick(%s, %s) as numbers, clock_timestamp() as until",
                (events, profile),
            )
        return [_ticked(connection, number, found["until"], progress) for number in found["numbers"]]


def _ticked(connection: Connection, binding: int, until: datetime, progress: Step) -> Ticked:
    name, total = str(binding), 0
    ticked = locked = 0
    after: tuple[datetime | None, list[str] | None] = (None, None)
    finished = False
    try:
        with read_committed(connection):
            name, total = _waiting(connection, binding, until)
        while not finished:
            progress("ticking", min(ticked + locked, total), total)
            with read_committed(connection):
                step = row(
                    connection,
                    "select * from pgscore._tick_step(%s, %s, %s, %s, %s)",
                    (binding, until, *after, _STEP),
                )
            ticked, locked = ticked + step["ticked"], locked + step["locked"]
            after, finished = (step["last_due"], step["last_key"]), step["finished"]
    except UnreachableError:
        raise
    except PgscoreError as error:
        return Ticked(name, ticked, locked, str(error), error.hint)
    return Ticked(name, ticked, locked)


def _waiting(connection: Connection, binding: int, until: datetime) -> tuple[str, int]:
    """The binding's name, and how many of its profiles are due."""
    found = row(
        connection,
        "select b.name, format('%%I.%%I', n.nspname, c.relname) as profile, quote_ident(pgscore._due_column(b)) as due"
        " from pgscore.binding b join pg_catalog.pg_class c on c.oid = b.profile"
        " join pg_catalog.pg_namespace n on n.oid = c.relnamespace where b.number = %s",
        (binding,),
    )
    query = f"select count(*) as many from {found['profile']} where {found['due']} <= %s"  # noqa: S608  quoted there
    return found["name"], int(row(connection, query, (until,))["many"])
