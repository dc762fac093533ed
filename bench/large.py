"""Models that are too large for one way or another: stated, not judged."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from . import ours
from .bulk import Scan
from .customers import CODED_CUSTOMERS, CUSTOMERS, predictors
from .figure import Measured
from .first_score import first_seconds
from .models import ONE_HOT, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field

_FIRST = 2
_SCANS = 3


def state(model: str) -> Callable[[Field], list[Measured]]:
    """Publishing, the first call and a row of a model."""
    return partial(_state, model)


def _state(model: str, field: Field) -> list[Measured]:
    fitted(model)
    start = time.perf_counter()
    contender = field.ours(model)
    published = time.perf_counter() - start
    table = CODED_CUSTOMERS if model == ONE_HOT else CUSTOMERS
    first = in_turn([partial(first_seconds, field.server, contender, table)], _FIRST)
    with field.server.session() as session:
        scan = Scan(session, contender, table, most=len(predictors()))
        alone = f"select {contender.score} from {table} c where c.id = $1"  # noqa: S608  our own text
        session.run(f"prepare alone (integer) as {alone}")
        singles = in_turn([lambda: session.seconds("execute alone(7)")], field.effort.single, field.effort.seconds)
        speeds = in_turn([scan.measure], _SCANS)
    return [
        Measured(spread([published]).times(1e3), "ms", "publish", ours.engine(field.server, model)),
        Measured(spread([each for (each,) in first]).times(1e3), "ms", "first-score"),
        Measured(spread([each for (each,) in singles]).times(1e6), "µs", "one-row-query"),
        Measured(spread([1e6 / each for (each,) in speeds]), "µs", "row-in-bulk", f"of {scan.rows:,} rows"),
    ]
