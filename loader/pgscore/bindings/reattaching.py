"""Generating anew what belongs to bindings that were left by another release, or by tables as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pgscore.database import Database, connected, rows
from pgscore.errors import PgscoreError, UnreachableError
from pgscore.progress import Step, no_step

from .transactions import read_committed

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True)
class Outdated:
    """A binding of which something stands otherwise than this release would generate it.

    Attributes:
        binding: its name.
        number: its number in ``pgscore.binding``.
        owner: the role that owns its tables.
        events: the event table.
        profile: the profile table.
        mine: whether the caller may reattach it.
        state: ``outdated``: as another release generated it, or for tables as they were; ``edited``: somebody has
            changed it; ``unfit``: the tables are to be mended first.
        reasons: what differs, a sentence for each.
    """

    binding: str
    number: int
    owner: str
    events: str
    profile: str
    mine: bool
    state: Literal["outdated", "edited", "unfit"]
    reasons: list[str]


@dataclass(frozen=True)
class Reattached:
    """What came of reattaching a binding.

    Attributes:
        binding: its name.
        problem: why it was left as it is, in a sentence; None: it was reattached.
        hint: what to do about that, or an empty string.
    """

    binding: str
    problem: str | None = None
    hint: str = ""


def reattach(database: Database, events: str, profile: str) -> None:
    """Generates anew what belongs to the bindings of two tables, and follows columns that were renamed.

    Raises:
        PgscoreError: they are not attached, the caller may not mend them, or the tables do not fit any more.
    """
    with read_committed(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore.reattach(%s, %s)", (events, profile))


def outdated(database: Database) -> list[Outdated]:
    """The bindings of which something stands otherwise than this release would generate it; reads the catalog only.

    Raises:
        PgscoreError: the caller may not read the bindings.
    """
    with read_committed(database) as connection:
        found = rows(
            connection,
            "select name as binding, number, owner, events, profile, mine, state, reasons"
            " from pgscore._outdated_bindings()",
        )
        return [Outdated(**each) for each in found]


def reattach_outdated(database: Database, *, progress: Step = no_step) -> list[Reattached]:
    """Reattaches the outdated bindings that are the caller's, the tables of each in a transaction of their own.

    Applications go on inserting: each transaction holds their tables for a fraction of a second.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        progress: is told which binding it is at, for a progress display.

    Returns:
        What came of each: one that cannot be reattached does not keep the others from it.

    Raises:
        PgscoreError: the caller may not read the bindings, or the connection was lost.
    """
    done: list[Reattached] = []
    tables: dict[tuple[str, str], Reattached] = {}
    with connected(database) as connection:
        mine = [each for each in outdated(connection) if each.mine]
        for number, each in enumerate(mine):
            progress(f"reattaching {each.binding}", number, len(mine))
            pair = (each.events, each.profile)
            if each.state == "unfit":
                done.append(Reattached(each.binding, each.reasons[0]))
                continue
            if pair not in tables:
                tables[pair] = _reattached(connection, *pair)
            done.append(Reattached(each.binding, tables[pair].problem, tables[pair].hint))
    return done


def _reattached(connection: Connection, events: str, profile: str) -> Reattached:
    try:
        reattach(connection, events, profile)
    except UnreachableError:
        raise
    except PgscoreError as error:
        return Reattached("", str(error), error.hint)
    return Reattached("")
