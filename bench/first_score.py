"""The first score of a new connection: connect, then time the first query."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .contender import Contender
from .customers import CUSTOMERS
from .figure import Detail, ratio
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .figure import Measured
    from .setting import Server

# What a new connection needs to read one customer: it is part of the other figures.
_NOTHING = Contender("the same query without scoring", "c.total_day_minutes", "")


def compare(model: str, baseline: str) -> Callable[[Field], list[Measured]]:
    """How many times faster pgscore is than a baseline."""
    return partial(_compare, model, baseline)


def first_seconds(server: Server, contender: Contender, table: str = CUSTOMERS) -> float:
    """Seconds for the first score of a new connection; connecting is not counted."""
    with server.session() as session:
        return session.seconds(f"select {contender.score} from {table} c where c.id = 1")  # noqa: S608


def _compare(model: str, baseline: str, field: Field) -> list[Measured]:
    contenders = (field.ours(model), field.baseline(baseline, model))
    sides = [partial(first_seconds, field.server, contender) for contender in contenders]
    sides.append(partial(first_seconds, field.server, _NOTHING))
    found = in_turn(sides, field.effort.first, field.effort.seconds)
    return ratio(
        [theirs / mine for mine, theirs, _ in found],
        [
            Detail(contender.name, spread([each[side] for each in found]).times(1e3), "ms for the first score")
            for side, contender in enumerate((*contenders, _NOTHING))
        ],
    )
