"""Writing what several readers of predictors need: constants, distances to a point, probabilities, signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation

from .writer import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .writer import Writer


def constant(value: float, writer: Writer) -> int:
    """The register of a number that is the same for every row, a text among its inputs or not."""
    return writer.add(
        {"step": "lookup", "of": 0, "keys": [], "values": [], "unknown": float(value), "missing": float(value)}
    )


def distance(
    column: NumberColumn | CodeColumn, center: float, function: str, writer: Writer, part: str
) -> NumberColumn | CodeColumn:
    """The column less a number, and the function of that: ``square`` or ``abs``.

    Raises:
        NotAProgramError: of a code it is infinite.
    """
    operations = [*([Operation("subtract", float(center))] if center else []), Operation(function)]
    if isinstance(column, NumberColumn):
        found = column if column.takes(operations) else NumberColumn(writer.register(column))
        return found.then(*operations)
    codes = column.then(*operations)
    if np.isinf([*codes.values, codes.unknown, codes.missing]).any():
        raise NotAProgramError(part, "squares a number that stands for a category, and has no finite result")
    return codes


def probabilities(scores: Sequence[int | None], writer: Writer) -> Result:
    """What exp(score), divided by their sum, gives for classes.

    Args:
        scores: registers; None for a class whose score is minus infinity whatever the row.
        writer: takes the steps.

    Raises:
        NotAProgramError: no class has another score.
    """
    present = [score for score in scores if score is not None]
    if not present:
        raise NotAProgramError("the classifier", "gives no class a probability, whatever the row")
    if len(present) == len(scores) > 1:
        return Result(present, "softmax")
    if len(present) > 1:
        found = writer.outputs(Result(present, "softmax"))
    else:
        # 1, or no number where the score is infinite.
        found = [writer.add({"step": "linear", "of": present, "weights": [0.0], "intercept": 1.0})]
    nothing = writer.add({"step": "linear", "of": found[:1], "weights": [0.0], "intercept": 0.0})
    others = iter(found)
    return Result([nothing if score is None else next(others) for score in scores], "identity")


def inlier(score: int, writer: Writer, *, at_zero: float) -> Result:
    """1 above 0, -1 below and where there is no number, as outlier detectors predict."""
    return Result(
        [
            writer.add(
                {
                    "step": "piecewise",
                    "of": score,
                    "knots": [0.0],
                    "coefficients": [[-1.0], [1.0]],
                    "closed": "left" if at_zero > 0 else "right",
                    "missing": -1.0,
                }
            )
        ],
        "identity",
    )
