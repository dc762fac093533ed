"""Curves that several transformers share, and the steps that they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .columns import applied
from .doubles import last_true

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.writing.writer import Writer

    from .columns import FloatArray, Operation
    from .doubles import BoolArray


def piecewise(
    writer: Writer,
    register: int,
    knots: Sequence[float],
    coefficients: Sequence[Sequence[float] | None],
    *,
    closed: Literal["left", "right"] = "left",
    missing: float | None = None,
) -> int:
    """The register of a polynomial in each interval between knots, as `docs/program.md` says."""
    step: dict[str, Any] = {
        "step": "piecewise",
        "of": register,
        "knots": [float(each) for each in knots],
        "coefficients": [None if each is None else [float(number) for number in each] for each in coefficients],
        "closed": closed,
        "missing": missing,
    }
    return writer.add(step)


@dataclass(frozen=True, eq=False)
class Bins:
    """The number of the interval that a number lies in.

    Attributes:
        edges: between the intervals, ascending; several may be equal.
        closed: whether an edge belongs to the interval that begins at it, or to the one that ends at it.
        first: the number of the first interval.
        jumps: the part that made it, where edges are values that data have.
        missing: what a missing value is given; NaN, but behind what fills it.
    """

    edges: FloatArray
    closed: Literal["left", "right"]
    first: int = 0
    jumps: str | None = None
    missing: float = np.nan

    def values(self, values: FloatArray) -> FloatArray:
        """As numpy.searchsorted numbers them."""
        side: Literal["left", "right"] = "right" if self.closed == "left" else "left"
        found = self.first + np.searchsorted(self.edges, values, side=side).astype(np.float64)
        return np.where(np.isnan(values), self.missing, found)

    def write(self, writer: Writer, register: int) -> int:
        """A constant in each interval."""
        knots = np.unique(self.edges)
        numbers = [0, *np.searchsorted(self.edges, knots, side="right").tolist()]
        pieces = [[self.first + each] for each in numbers]
        missing = None if np.isnan(self.missing) else self.missing
        if not len(knots):
            return piecewise(writer, register, [0.0], pieces * 2, missing=missing)
        return piecewise(writer, register, knots.tolist(), pieces, closed=self.closed, missing=missing)

    def behind(self, operations: Sequence[Operation], low: float, high: float) -> Bins:
        """The same intervals of a number that rising operations are applied to before, within these ends."""

        def before(values: FloatArray) -> BoolArray:
            computed = applied(operations, values)
            found: BoolArray = computed < self.edges if self.closed == "left" else computed <= self.edges
            return found

        lows, highs = np.full(len(self.edges), low), np.full(len(self.edges), high)
        is_above, is_below = before(highs), ~before(lows)
        edges = last_true(before, np.where(is_below, highs, lows), highs)
        first = self.first + int(np.count_nonzero(is_below))
        missing = float(self.values(applied(operations, np.array([np.nan])))[0])
        return Bins(edges[~is_above & ~is_below], "right", first, self.jumps, missing)
