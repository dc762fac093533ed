"""Bisection over the doubles in their order, for many targets at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    BoolArray = npt.NDArray[np.bool_]
    OrderArray = npt.NDArray[np.int64]

LARGEST = float(np.finfo(np.float64).max)
_HALVINGS = 65
_MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)


def as_single(values: FloatArray) -> FloatArray:
    """The doubles rounded to float32, as doubles: infinite past its range."""
    with np.errstate(all="ignore"):
        return values.astype(np.float32).astype(np.float64)


def last_true(predicate: Callable[[FloatArray], BoolArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """The last double from `low` towards `high` for which the predicate holds, elementwise.

    Args:
        predicate: holds at `low`, and from some double on towards `high` no longer.
        low: where it holds; may lie above `high`, and infinity counts as a double.
        high: where the search ends; it may hold there too.
    """
    true, false = _order(low), _order(high)
    true = np.where(predicate(high), false, true)
    # Two doubles are less than 2^64 apart: after so many halvings they are neighbours, or one.
    for _ in range(_HALVINGS):
        middle = (true >> 1) + (false >> 1) + (true & false & 1)
        holds = predicate(_double(middle))
        true, false = np.where(holds, middle, true), np.where(holds, false, middle)
    return _double(true)


def _order(values: FloatArray) -> OrderArray:
    """Integers in the order of the doubles; both zeros are 0."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, -(bits & _MAGNITUDE), bits)


def _double(order: OrderArray) -> FloatArray:
    positive = np.abs(order).view(np.float64)
    return np.where(order < 0, -positive, positive)
