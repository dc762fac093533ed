"""Many rows in one query: rows in a second."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .customers import MANY, MANY_CUSTOMERS
from .figure import Detail, ratio
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .contender import Contender
    from .field import Field
    from .figure import Measured
    from .setting import Session

_TRIED = 30
_MOST_SECONDS = 1.0
_MOST_SECONDS_OF_A_FULL_SCAN = 4.0
_TRIAL_SECONDS = 0.1
_SECONDS_OF_PAIRS = 4.0
_MOST_PAIRS = 40


class Scan:
    """The sum of the scores of all 200,000 rows; of fewer, where a contender would take minutes.

    Attributes:
        rows: how many rows are scored.
        seconds: about how long that takes.
    """

    def __init__(self, session: Session, contender: Contender, table: str = MANY_CUSTOMERS, most: int = MANY) -> None:
        self._session = session
        self._from = f"select sum({contender.score}) from {table} c"  # noqa: S608  our own text
        self._query = self._limited(_TRIED)
        self._seconds()  # the first call of a connection
        each = self._try(most)
        self.rows = most
        if each * most > _MOST_SECONDS_OF_A_FULL_SCAN:
            self.rows = max(_TRIED, min(most, round(_MOST_SECONDS / each)))
        self.seconds = each * self.rows
        self._query = self._from if self.rows == most else self._limited(self.rows)

    def measure(self) -> float:
        """Rows in a second."""
        return self.rows / self._seconds()

    def _try(self, most: int) -> float:
        """Seconds for a row, of enough rows that planning does not count."""
        rows = _TRIED
        while True:
            self._query = self._limited(rows)
            seconds = self._seconds()
            if seconds > _TRIAL_SECONDS or rows * 10 > most:
                return seconds / rows
            rows *= 10

    def _limited(self, rows: int) -> str:
        return f"{self._from} where c.id <= {rows}"

    def _seconds(self) -> float:
        return self._session.seconds(self._query)


def compare(model: str, baseline: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second through pgscore, divided by those of a baseline."""
    return partial(_compare, model, baseline)


def _compare(model: str, baseline: str, field: Field) -> list[Measured]:
    contenders = (field.ours(model), field.baseline(baseline, model))
    with field.server.session() as session:
        scans = [Scan(session, contender) for contender in contenders]
        # Short scans are the ones that the machine's noise moves.
        pairs = min(_MOST_PAIRS, round(_SECONDS_OF_PAIRS / sum(scan.seconds for scan in scans)))
        found = in_turn([scan.measure for scan in scans], max(field.effort.bulk, pairs))
    return ratio(
        [mine / theirs for mine, theirs in found],
        [
            Detail(contender.name, spread([each[side] for each in found]), f"rows/s, of {scans[side].rows:,} rows")
            for side, contender in enumerate(contenders)
        ],
    )
