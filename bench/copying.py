"""COPY of many events: rows in a second."""

from __future__ import annotations

import io
import random
import time
from typing import TYPE_CHECKING

from . import pickled
from .attached import attached, check, count_all, make, score_each, sweep
from .figure import Detail, ratio
from .models import LINEAR
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from .attached import Pair
    from .field import Field
    from .figure import Measured
    from .setting import Session

_FEW = 200
"""Rows for the trigger that takes milliseconds for each."""


class Copy:
    """COPY of events of customers in random order, in a transaction of its own, as the client sees it.

    Args:
        session: the connection.
        pair: the tables.
        rows: of one COPY.
        customers: that they are spread over.
    """

    def __init__(self, session: Session, pair: Pair, rows: int, customers: int) -> None:
        self._session = session
        self._pair = pair
        self._rows = rows
        draw = random.Random(0)  # noqa: S311  the same events for all sides
        self._text = "".join(f"{draw.randint(1, customers)}\n" for _ in range(rows))

    def measure(self) -> float:
        """Rows in a second; what an earlier COPY left dead is removed first."""
        sweep(self._session, self._pair)
        start = time.perf_counter()
        self._session.copy(f"copy {self._pair.events} (customer) from stdin", io.StringIO(self._text))
        return self._rows / (time.perf_counter() - start)


def against_set_based(field: Field) -> list[Measured]:
    """Rows in a second with a table attached with `commit`, divided by those with one counting UPDATE for each COPY."""
    field.ours(LINEAR)
    rows, customers = field.effort.events, field.effort.customers
    with field.server.session() as session:
        ours, counting = (make(session, f"copy_{side}", customers) for side in ("attached", "counting"))
        count_all(session, counting)
        with attached(session, ours, LINEAR, "commit"):
            sides = [Copy(session, pair, rows, customers).measure for pair in (ours, counting)]
            in_turn(sides, 1)
            found = in_turn(sides, field.effort.bulk)
            check(session, ours, LINEAR)
    return _rates(found, ("pgscore", "set-based counting trigger"), rows, customers)


def against_pickled(field: Field) -> list[Measured]:
    """The same, divided by those with a trigger for each row that scores with a pickled pipeline, of fewer rows."""
    field.ours(LINEAR)
    field.baseline(pickled.NAME, LINEAR)
    rows, customers = field.effort.events, field.effort.customers
    with field.server.session() as session:
        ours, slow = (make(session, f"copy_{side}_again", customers) for side in ("attached", "pickled"))
        score_each(session, slow, LINEAR)
        with attached(session, ours, LINEAR, "commit"):
            sides = [Copy(session, ours, rows, customers).measure, Copy(session, slow, _FEW, customers).measure]
            in_turn(sides, 1)
            found = in_turn(sides, field.effort.bulk)
            check(session, ours, LINEAR)
    return _rates(found, ("pgscore", f"pickled pipeline for each row, of {_FEW} rows"), rows, customers)


def _rates(found: list[tuple[float, ...]], names: tuple[str, str], rows: int, customers: int) -> list[Measured]:
    return ratio(
        [mine / theirs for mine, theirs in found],
        [Detail(name, spread([each[side] for each in found]), "rows/s") for side, name in enumerate(names)],
        f"{rows:,} events over {customers:,} customers",
    )
