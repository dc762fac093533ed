"""Comparing counters with the events that they count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import Database, connected, row, transaction
from pgscore.progress import Step, no_step

from .transactions import read_committed

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .attaching import Attached

_EXAMPLES = 20
_STEP = 500


@dataclass(frozen=True)
class Reconciled:
    """How the counters of a binding compare with its events.

    Attributes:
        binding: the binding's name.
        checked: how many profiles were compared.
        differing: how many of them held other counters than their events give.
        examples: the first of these, each as its key and its differences; what an interrupted call had found before is
            not among them.
        repaired: whether they were mended.
        resumed: whether this went on where an earlier call was interrupted; profiles that it had compared were not
            compared again.
    """

    binding: str
    checked: int
    differing: int
    examples: list[str]
    repaired: bool
    resumed: bool = False


def reconcile(
    database: Database, events: str, profile: str, *, repair: bool = True, progress: Step = no_step
) -> list[Reconciled]:
    """Compares the counters of all profiles with their events, some hundred at a time, each in a transaction.

    After an interruption it goes on where it was.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        events: the event table.
        profile: the profile table.
        repair: whether to mend counters that differ, and the scores with them.
        progress: is told how many profiles were compared, for a progress display.

    Returns:
        What was found, for each binding of the two tables.

    Raises:
        PgscoreError: they are not attached, or the caller may not change them.
    """
    with connected(database) as connection:
        with transaction(connection):
            found = row(connection, "select pgscore._bindings_to_reconcile(%s, %s) as numbers", (events, profile))
        return [_reconciled(connection, number, progress, repair=repair) for number in found["numbers"]]


def count_events(database: Database, attached: Attached, *, progress: Step = no_step) -> Reconciled:
    """Counts, for tables that were just attached, the events from before, as `reconcile` does for one binding.

    Raises:
        PgscoreError: the tables were detached meanwhile.
    """
    with connected(database) as connection:
        return _reconciled(connection, attached.number, progress, repair=True)


def _reconciled(connection: Connection, binding: int, progress: Step, *, repair: bool) -> Reconciled:
    with read_committed(connection):
        name, profile = _named(connection, binding)
        total = int(row(connection, f"select count(*) as many from {profile}")["many"])  # noqa: S608  quoted there
    found = Reconciled(name, 0, 0, [], repair)
    finished = False
    while not finished:
        progress("comparing", min(found.checked, total), total)
        with read_committed(connection):
            step = row(connection, "select * from pgscore._reconcile_step(%s, %s, %s)", (binding, repair, _STEP))
        examples = (found.examples + (step["examples"] or []))[:_EXAMPLES]
        resumed = found.resumed or step["checked"] > found.checked + _STEP
        found = Reconciled(name, step["checked"], step["differing"], examples, repair, resumed)
        finished = step["finished"]
    return found


def _named(connection: Connection, binding: int) -> tuple[str, str]:
    """The binding's name, and its profile table, qualified and quoted: none that a session made."""
    found = row(
        connection,
        "select b.name, format('%%I.%%I', n.nspname, c.relname) as profile from pgscore.binding b"
        " join pg_catalog.pg_class c on c.oid = b.profile join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where b.number = %s",
        (binding,),
    )
    return found["name"], found["profile"]
