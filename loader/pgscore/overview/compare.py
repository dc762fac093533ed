"""What a promotion would change: the scores of two versions beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore.database import Database, row, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

# How many rows are compared unless it is told otherwise, and how many are listed; the database's own defaults.
SAMPLE, TOP = 10_000, 10


@dataclass(frozen=True)
class Bin:
    """Rows whose scores move alike: by `begins` to `ends`.

    Attributes:
        begins: the smallest change.
        ends: the largest.
        rows: how many rows.
    """

    begins: float
    ends: float
    rows: int


@dataclass(frozen=True)
class Moved:
    """A row whose score moves far.

    Attributes:
        key: its key, as text.
        score: what the first version gives.
        other: what the other version gives.
        change: the difference, infinite where that is no number.
    """

    key: str
    score: float
    other: float
    change: float


@dataclass(frozen=True)
class Comparison:
    """How scores would move from one version to another.

    Attributes:
        model: the model.
        version: the one version.
        other: the other one; changes are from the former to this.
        profile: the table whose rows were scored.
        total: how many rows it has; of a large table, about.
        is_sample: whether only some of them were scored.
        rows: how many were scored.
        compared: how many have a score of both versions; what follows is of these.
        moved: of how many it changes, by more than a thousand-millionth of itself.
        lost: how many have a score of the first version only.
        gained: how many have a score of the other version only.
        mean: the mean change, or None.
        quantiles: by the share of rows, from 0 to 1, the change that so many do not exceed.
        histogram: the changes in bins of one width; infinite ones are left out.
        most: the rows that move most, the farthest first.
        threshold: the score from which on a row counts as above, or None where none was given.
        above: how many are above by the first version, or None.
        other_above: how many are above by the other version.
        upward: how many come above it.
        downward: how many fall below.
    """

    model: str
    version: int
    other: int
    profile: str
    total: int
    is_sample: bool
    rows: int
    compared: int
    moved: int
    lost: int
    gained: int
    mean: float | None
    quantiles: dict[float, float]
    histogram: list[Bin]
    most: list[Moved]
    threshold: float | None
    above: int | None
    other_above: int | None
    upward: int | None
    downward: int | None


def compare(
    database: Database,
    model: str,
    version: int,
    other: int,
    *,
    profile: str | None = None,
    sample: int | None = SAMPLE,
    threshold: float | None = None,
    top: int = TOP,
) -> Comparison:
    """Scores rows of a table with two versions, whichever of them serves, and says how the scores differ.

    It reads one snapshot and changes nothing.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        version: a version's number.
        other: another one's: what would be promoted.
        profile: the table; None: the one that the model scores.
        sample: about how many rows are scored; None: all.
        threshold: a score; how many rows cross it is counted.
        top: how many of the rows that move most are listed.

    Raises:
        NotFoundError: there is no such version, or no such table.
        DeniedError: the caller may not read the table; or is a superuser, and it belongs to somebody else.
        PgscoreError: a version was pruned, an input is missing, or there is nothing to compare.
    """
    with transaction(database) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        found = row(
            connection,
            "select * from pgscore.compare(%s, %s, %s, %s::regclass, %s, %s, %s)",
            (model, version, other, profile, sample, threshold, top),
        )
    return _comparison(model, version, other, found)


def _comparison(model: str, version: int, other: int, found: Mapping[str, Any]) -> Comparison:
    same = ("total", "is_sample", "rows", "compared", "moved", "lost", "gained", "mean")
    crossing = ("above", "other_above", "upward", "downward")
    return Comparison(
        model=model,
        version=version,
        other=other,
        profile=found["compared_table"],
        quantiles=dict(sorted((float(share), float(change)) for share, change in (found["quantiles"] or {}).items())),
        histogram=[Bin(float(each["from"]), float(each["to"]), each["rows"]) for each in found["histogram"]],
        # Infinity is a text in JSON.
        most=[
            Moved(each["key"], float(each["score"]), float(each["other"]), float(each["change"]))
            for each in found["most"]
        ],
        threshold=found["border"],
        **{name: found[name] for name in (*same, *crossing)},
    )
