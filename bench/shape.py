"""How a time grows with a size: the exponent on logarithmic axes, and what that is called."""

from __future__ import annotations

import math
from statistics import linear_regression
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_POINTS = 3
_WORDS = (
    (0.15, "flat"),
    (0.75, "less than linear"),
    (1.25, "linear"),
    (1.75, "between linear and quadratic"),
    (2.25, "quadratic"),
)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of log(value) over log(size) of the larger sizes: in small ones what is constant hides it.

    Args:
        sizes: at least two, growing, above 0.
        values: one for each, above 0.

    Returns:
        0 where the value does not change, 1 where it grows with the size, 2 with its square.
    """
    first = min(len(sizes) // 2, max(0, len(sizes) - _LEAST_POINTS))
    points = [(math.log(size), math.log(value)) for size, value in zip(sizes, values, strict=True)][first:]
    return linear_regression(*zip(*points, strict=True)).slope


def word(slope: float) -> str:
    """What growth with this exponent is called."""
    return next((name for most, name in _WORDS if slope < most), "worse than quadratic")
