"""Reader of SplineTransformer."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Table, constant
from pgscore.readers.algebra.curves import piecewise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.preprocessing import SplineTransformer

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.algebra.doubles import BoolArray
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

Number = NumberColumn | CodeColumn
_LEAST_DEGREE, _MOST_DEGREE = 1, 19


def read_spline_transformer(splines: SplineTransformer, table: Table, writer: Writer, part: str) -> Table:
    """The basis splines of each column: a polynomial between knots, and beyond them what the extrapolation says.

    The polynomials are Taylor's, in powers of what is beyond the knot.
    """
    if not _LEAST_DEGREE <= splines.degree <= _MOST_DEGREE:
        raise NotAProgramError(part, f"has splines of degree {splines.degree}, and a program has 1 to {_MOST_DEGREE}")
    if splines.extrapolation == "periodic":
        raise NotAProgramError(part, "has periodic splines, which take an exact remainder, and a program has none")
    # It came with scikit-learn 1.8.
    zeros = getattr(splines, "handle_missing", "error") == "zeros"
    if zeros and splines.extrapolation == "continue":
        raise NotAProgramError(part, "continues splines and takes missing values, and so infinity")
    columns = table.numbers(part)
    if splines.degree == 1 and splines.extrapolation == "linear" and len(columns) > 1:
        # `SplineTransformer.transform` counts the degree up at the first column, and keeps that for the others.
        raise NotAProgramError(part, "goes on linearly from splines of degree 1 of several columns, wherever they end")
    if not zeros:
        writer.domains.require(part, columns, missing=False)
    found: list[Number] = []
    for column, spline in zip(columns, splines.bsplines_, strict=True):
        pieces = _pieces(spline, splines, part)
        if splines.extrapolation == "error":
            column = _within(column, pieces.ends, writer, part, missing=zeros)  # noqa: PLW2901
        outputs = pieces.coefficients.shape[2] - (not splines.include_bias)
        if not pieces.coefficients.any():
            found += [constant(column, 0.0)] * outputs
            continue
        if isinstance(column, CodeColumn) and column.constant:
            found += [constant(column, float(each)) for each in pieces.of(column.unknown)[:outputs]]
            continue
        register = writer.register(column)
        for number in range(outputs):
            spline_of = piecewise(writer, register, pieces.knots.tolist(), pieces.written(number), missing=0.0)
            if splines.extrapolation == "continue":
                writer.domains.finite[spline_of] = part
            found.append(NumberColumn(spline_of))
    return Table(tuple(found), sparse=splines.sparse_output)


def _within(column: Number, ends: tuple[float, float], writer: Writer, part: str, *, missing: bool) -> Number:
    """The column, which is refused outside of the knots."""
    low, high = ends
    writer.domains.refuse_rough(column.source)
    if isinstance(column, NumberColumn) and column.function_end:
        column = NumberColumn(writer.register(column))

    def passes(values: FloatArray) -> BoolArray:
        found: BoolArray = (low <= values) & (values <= high)
        return found | np.isnan(values) if missing else found

    writer.domains.accept(part, [column], passes, pivot=(low + high) / 2)
    return column


@dataclass(frozen=True)
class _Pieces:
    """Polynomials of all splines of a column.

    Attributes:
        knots: those of the base interval.
        coefficients: power x interval x spline, that of the lowest power first.
        sloping: the splines that go on linearly below all knots, and above.
    """

    knots: FloatArray
    coefficients: FloatArray
    sloping: tuple[Sequence[int], Sequence[int]] = ((), ())

    @property
    def ends(self) -> tuple[float, float]:
        """The first knot and the last."""
        return float(self.knots[0]), float(self.knots[-1])

    def written(self, spline: int) -> list[list[float]]:
        """The coefficients of one spline, as a step has them: without powers that are not there.

        At the ends a slope of 0 stays: there infinity makes NaN of it.
        """
        found, last = [], self.coefficients.shape[1] - 1
        for interval in range(last + 1):
            coefficients = self.coefficients[:, interval, spline]
            is_end = (interval == 0 and spline in self.sloping[0]) or (interval == last and spline in self.sloping[1])
            used = np.flatnonzero(coefficients)
            count = max(used[-1] + 1 if len(used) else 1, 2 if is_end else 1)
            found.append([float(each) for each in coefficients[:count]])
        return found

    def of(self, value: float) -> FloatArray:
        """What the splines are of a number."""
        interval = int(np.searchsorted(self.knots, value, side="right"))
        beyond = value - self.knots[max(interval - 1, 0)]
        powers = beyond ** np.arange(len(self.coefficients))
        found: FloatArray = powers @ self.coefficients[:, interval]
        return found


def _pieces(spline: Any, splines: SplineTransformer, part: str) -> _Pieces:  # noqa: ANN401
    degree, last = spline.k, len(spline.t) - spline.k - 1
    base = spline.t[degree : last + 1]
    # Knots may be equal, where a column has few values.
    knots = base[np.append(np.diff(base) > 0, True)]
    if len(knots) == 1:
        # Of a column of one value: 0 everywhere.
        return _Pieces(knots, np.zeros((1, 2, spline.c.shape[1])))
    inner = np.stack([spline(knots[:-1], nu=power) / factorial(power) for power in range(degree + 1)])
    if splines.extrapolation == "continue":
        if base[0] == base[1] or base[-1] == base[-2]:
            raise NotAProgramError(part, "goes on with the polynomial of an interval between knots that are equal")
        return _Pieces(knots[:-1], np.concatenate([inner[:, :1], inner], axis=1))
    low, high = _ends(spline, base[0], base[-1], linear=splines.extrapolation == "linear")
    edges = [low] + [inner[:, n] for n in range(inner.shape[1])] + [high]
    sloping = _touched(spline, linear=True) if splines.extrapolation == "linear" else ([], [])
    return _Pieces(knots, np.stack(edges, axis=1), sloping)


def _touched(spline: Any, *, linear: bool) -> tuple[list[int], list[int]]:  # noqa: ANN401
    """The splines that are not 0 below and above all knots: as many as the degree says, and of 1 the next one, too."""
    degree, splines = spline.k, list(range(spline.c.shape[1]))
    count = degree + 1 if linear and degree == 1 else degree
    return splines[:count], splines[-count:]


def _ends(spline: Any, low: float, high: float, *, linear: bool) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """What is below and above all knots: the spline's values there, and its slopes where it goes on linearly."""
    ends = []
    for place, touched in zip((low, high), _touched(spline, linear=linear), strict=True):
        found = np.zeros((spline.k + 1, spline.c.shape[1]))
        for power in range(2 if linear else 1):
            found[power, touched] = spline(place, nu=power)[touched]
        ends.append(found)
    return ends[0], ends[1]


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.SplineTransformer": read_spline_transformer,
}
