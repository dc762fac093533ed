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

_TRIED = 100
_MOST_SECONDS = 2.0


class Scan:
    """The sum of the scores of all 200,000 rows; of fewer, where a contender would take minutes."""

    def __init__(self, session: Session, contender: Contender, table: str = MANY_CUSTOMERS, most: int = MANY) -> None:
        self._session = session
        self._from = f"select sum({contender.score}) from {table} c"  # noqa: S608  our own text
        self._query = self._limited(_TRIED)
        self._seconds()  # the first call of a connection
        each = self._seconds() / _TRIED
        self.rows = most
        if each * most > 2 * _MOST_SECONDS:
            self.rows = max(_TRIED, min(most, round(_MOST_SECONDS / each)))
        self._query = self._from if self.rows == most else self._limited(self.rows)

    def measure(self) -> float:
        """Rows in a second."""
        return self.rows / self._seconds()

    def _limited(self, rows: int) -> str:
        return f"{self._from} where c.id <= {rows}"

    def _seconds(self) -> float:
        return self._session.seconds(self._query)


def compare(model: str, baseline: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second through pgscore, divided by those of a baseline."""
    return partial(_compare, model, baseline)


def _compare(model: str, baseline: str, field: Field) -> list[Measured]:
    contenders = (field.ours(model), field.contender(baseline, model))
    with field.server.session() as session:
        scans = [Scan(session, contender) for contender in contenders]
        found = in_turn([scan.measure for scan in scans], field.effort.bulk, field.effort.seconds)
    return ratio(
        [mine / theirs for mine, theirs in found],
        [
            Detail(contender.name, spread([each[side] for each in found]), f"rows/s, of {scans[side].rows:,} rows")
            for side, contender in enumerate(contenders)
        ],
    )
