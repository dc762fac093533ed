"""What reasons cost: beside the score of the same row, in transactions of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .contender import scoring_update
from .figure import Detail, ratio
from .pairs import spread
from .single_row import added

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .figure import Measured


def beside_score(model: str) -> Callable[[Field], list[Measured]]:
    """What explaining a row adds to a transaction, divided by what its score adds."""
    return partial(_beside_score, model)


def _beside_score(model: str, field: Field) -> list[Measured]:
    ours = field.ours(model)
    explained = scoring_update(f"(select sum(e.contribution) from pgscore.explain('{model}', c) e)")  # noqa: S608  our own text
    found = added(field, (explained, ours.update), field.effort.single)
    return ratio(
        [mine / score for mine, score in found],
        [
            Detail(name, spread([each[side] for each in found]).times(1e6), "µs added to a transaction")
            for side, name in enumerate(("reasons", "score"))
        ],
    )
