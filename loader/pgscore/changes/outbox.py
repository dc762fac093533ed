"""Reading the outbox: changes of scores in order, from a position on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import Database, row, rows, transaction

if TYPE_CHECKING:
    from datetime import datetime

_HORIZON = "select pgscore.score_change_horizon() as position"

_IS_TOLD = """
    select exists (
        select from pgscore.binding b
        where (%(model)s is null or b.model = %(model)s) and case
            when %(outbox)s then b.changes and (
                pg_has_role(current_user, b.owner::oid, 'usage')
                or pg_has_role(current_user, 'pgscore_operator', 'usage')
            )
            else num_nonnulls(b.notify_above, b.notify_below) > 0
        end
    ) as told
"""


@dataclass(frozen=True)
class Change:
    """A score that has changed.

    Attributes:
        position: where it stands in the outbox; reading goes on after it.
        binding: the binding that told it.
        model: the model.
        key: the key of the profile, as text.
        former: the score before; None: there was none.
        score: the score; None: there is none any more, or no such profile.
        version: the version that gave it, where the binding names a column for it.
        at: when.
    """

    position: str
    binding: str
    model: str
    key: str
    former: float | None
    score: float | None
    version: int | None
    at: datetime


@dataclass(frozen=True)
class Batch:
    """Some changes, one after the other.

    Attributes:
        changes: the changes, in order.
        position: from where to read on. It may be behind the last change, where no other one of the model is there yet.
    """

    changes: list[Change]
    position: str


def read_changes(database: Database, since: str | None = None, *, model: str | None = None, limit: int = 1000) -> Batch:
    """Reads changes after a position, of transactions that are over: none comes in later before one that was read.

    Args:
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection.
        since: the position; None: from the first that is there.
        model: only changes of this model's scores.
        limit: how many at most.

    Raises:
        PgscoreError: it is no position, it is one of another database, or what follows it was pruned.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        # The horizon is that of the rows.
        cursor.execute("set transaction isolation level repeatable read read only")
        end = str(row(connection, _HORIZON)["position"])
        found = rows(connection, "select * from pgscore.score_changes(%s, %s, %s)", (since, model, limit))
    changes = [Change(**each) for each in found]
    return Batch(changes, changes[-1].position if len(changes) >= limit else end)


def horizon(database: Database) -> str:
    """The position up to which all changes are there: what is committed from now on comes after it.

    Raises:
        PgscoreError: pgscore is not installed, or the caller may not read it.
    """
    with transaction(database) as connection:
        return str(row(connection, _HORIZON)["position"])


def why_silent(database: Database, model: str | None = None, *, outbox: bool = True) -> str | None:
    """Why nothing is told as bindings are now, as a sentence; None where something may be.

    Args:
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection.
        model: only of this model's scores.
        outbox: whether changes are asked for, and not crossings.

    Raises:
        PgscoreError: pgscore is not installed, or the caller may not read it.
    """
    with transaction(database) as connection:
        if row(connection, _IS_TOLD, {"model": model, "outbox": outbox})["told"]:
            return None
    of = f'of model "{model}" ' if model else ""
    if outbox:
        return f"no binding {of}tells changes that this role may read: owners attach with --changes, operators read all"
    return f"no binding {of}notifies: attach with --notify-above or --notify-below, as the owner of the tables"
