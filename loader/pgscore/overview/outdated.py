"""How many rows of bound tables another version has scored than the one that serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pgscore.database import Database, rows, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

_WAITING = ("outdated", "unscored")
# As the database says it.
_GONE = "the table was dropped"


@dataclass(frozen=True)
class OutdatedRows:
    """Rows of a profile table that one version has scored; what the view ``pgscore.outdated`` shows.

    Attributes:
        model: the model.
        profile: the table; of one that was dropped, the name that it had.
        bindings: the bindings that store the model's scores there.
        version: the version recorded beside the scores, or None.
        serving: the version that serves, or None.
        state: ``current``; ``outdated``: another version scored them; ``unscored``: they have no score; ``unknown``: it
            cannot be told, for the reason.
        rows: how many that are, or None where they could not be counted.
        method: ``count``, ``index``, ``sample``: an estimate; ``statistics``: what ANALYZE once found; or None.
        rows_read: how many rows, or entries of an index, were read.
        cost: what the query cost by the planner's reckoning.
        reason: why the table was not read, or the version is not known, or None.
        remedy: the SQL that brings them up to the serving version, which the tables' owner runs; or None.
    """

    model: str
    profile: str
    bindings: list[str]
    version: int | None
    serving: int | None
    state: Literal["current", "outdated", "unscored", "unknown"]
    rows: int | None
    method: Literal["count", "index", "sample", "statistics"] | None
    rows_read: int | None
    cost: float | None
    reason: str | None
    remedy: str | None


def outdated_rows(database: Database, model: str | None = None) -> list[OutdatedRows]:
    """How many rows each version has scored, of the tables that are attached for a model, or for any.

    Large tables are read in part: each row of the result says how it was counted.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name; None: all.

    Raises:
        PgscoreError: the caller may not read the bindings. A table that may not be read is a row that says so.
    """
    columns = "model, profile, bindings, version, serving, state, rows, method, rows_read, cost, reason, remedy"
    with transaction(database) as connection:
        found = rows(connection, f"select {columns} from pgscore._outdated_rows(%s)", (model,))  # noqa: S608
    return [OutdatedRows(**each) for each in found]


def sentences(found: Sequence[OutdatedRows]) -> list[str]:
    """What there is to say of the tables of a model: how many rows wait, and what to run."""
    said = []
    for table in dict.fromkeys((each.model, each.profile) for each in found):
        parts = [each for each in found if (each.model, each.profile) == table]
        said += _of_table(*table, parts)
    return said


def _of_table(model: str, profile: str, parts: Sequence[OutdatedRows]) -> list[str]:
    waiting = sum(each.rows or 0 for each in parts if each.state in _WAITING)
    total = sum(each.rows or 0 for each in parts)
    said = []
    if waiting:
        about = "" if parts[0].method in ("count", "index") else "about "
        by = ", ".join(_by(parts))
        said.append(
            f"{profile}: {about}{waiting:,} of {total:,} rows are outdated ({by});"
            f" next: pgscore rescore {model} {profile}"
        )
    reason = next((each.reason for each in parts if each.reason), None)
    if reason:
        known = "were not read" if any(each.method for each in parts) else "cannot be counted"
        ending = "" if waiting or reason == _GONE else f"; its owner runs pgscore rescore {model} {profile}"
        said.append(f"{profile}: its rows {known}: {reason}{ending}")
    return said


def _by(parts: Sequence[OutdatedRows]) -> list[str]:
    listed = [f"{each.rows:,} by version {each.version}" for each in parts if each.state == "outdated" and each.rows]
    unscored = sum(each.rows or 0 for each in parts if each.state == "unscored")
    return [*listed, f"{unscored:,} without a score"] if unscored else listed
