"""Curves that several transformers share, and the steps that they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.writing.writer import Writer

    from .columns import FloatArray


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
    """

    edges: FloatArray
    closed: Literal["left", "right"]

    def values(self, values: FloatArray) -> FloatArray:
        """As numpy.searchsorted numbers them."""
        side: Literal["left", "right"] = "right" if self.closed == "left" else "left"
        found = np.searchsorted(self.edges, values, side=side).astype(np.float64)
        return np.where(np.isnan(values), np.nan, found)

    def write(self, writer: Writer, register: int) -> int:
        """A constant in each interval."""
        knots = np.unique(self.edges)
        numbers = [0, *np.searchsorted(self.edges, knots, side="right").tolist()]
        return piecewise(writer, register, knots.tolist(), [[each] for each in numbers], closed=self.closed)
