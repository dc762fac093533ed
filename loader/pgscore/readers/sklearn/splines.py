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
    from sklearn.preprocessing import SplineTransformer

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

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
    if not zeros:
        writer.domains.require(part, columns, missing=False)
    found: list[NumberColumn | CodeColumn] = []
    for column, spline in zip(columns, splines.bsplines_, strict=True):
        pieces = _pieces(spline, splines, part)
        if splines.extrapolation == "error":
            low, high = pieces.knots[0], pieces.knots[-1]
            writer.domains.accept(
                part,
                [column],
                lambda values, low=low, high=high: ((low <= values) & (values <= high)) | (zeros & np.isnan(values)),  # type: ignore[misc]
            )
        outputs = pieces.coefficients.shape[2] - (not splines.include_bias)
        if isinstance(column, CodeColumn) and column.constant:
            found += [constant(column, float(each)) for each in pieces.of(column.unknown)[:outputs]]
            continue
        register = writer.register(column)
        for number in range(outputs):
            coefficients = pieces.coefficients[:, :, number]
            written = [_trimmed(coefficients[:, interval]) for interval in range(coefficients.shape[1])]
            found.append(NumberColumn(piecewise(writer, register, pieces.knots.tolist(), written, missing=0.0)))
    return Table(tuple(found), sparse=splines.sparse_output)


@dataclass(frozen=True)
class _Pieces:
    """Polynomials of all splines of a column.

    Attributes:
        knots: those of the base interval.
        coefficients: power x interval x spline, that of the lowest power first.
    """

    knots: FloatArray
    coefficients: FloatArray

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
        raise NotAProgramError(part, "has a column whose knots are all one")
    inner = np.stack([spline(knots[:-1], nu=power) / factorial(power) for power in range(degree + 1)])
    if splines.extrapolation == "continue":
        return _Pieces(knots[:-1], np.concatenate([inner[:, :1], inner], axis=1))
    low, high = _ends(spline, splines, base[0], base[-1])
    edges = [low] + [inner[:, n] for n in range(inner.shape[1])] + [high]
    return _Pieces(knots, np.stack(edges, axis=1))


def _ends(spline: Any, splines: SplineTransformer, low: float, high: float) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """What is below and above all knots: the spline's values there, and its slopes where it goes on linearly."""
    degree, count = spline.k, spline.c.shape[1]
    below, above = np.zeros((degree + 1, count)), np.zeros((degree + 1, count))
    linear = splines.extrapolation == "linear"
    # Of degree 1 the next one has a slope, too.
    touched = degree + 1 if linear and degree == 1 else degree
    first, final = slice(0, touched), slice(count - touched, count)
    below[0, first], above[0, final] = spline(low)[first], spline(high)[final]
    if linear:
        below[1, first], above[1, final] = spline(low, nu=1)[first], spline(high, nu=1)[final]
    return below, above


def _trimmed(coefficients: FloatArray) -> list[float]:
    """Without powers that are not there."""
    used = np.flatnonzero(coefficients)
    return [float(each) for each in coefficients[: used[-1] + 1]] if len(used) else [0.0]


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.SplineTransformer": read_spline_transformer,
}
