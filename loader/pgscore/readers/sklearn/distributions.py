"""Readers of transformers that give columns another distribution: PowerTransformer, QuantileTransformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats  # type: ignore[import-untyped]

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import Operation, Table, along, constant
from pgscore.readers.algebra.curves import piecewise
from pgscore.readers.algebra.doubles import LARGEST, last_true
from pgscore.readers.algebra.normal import LEAST, write_normal_quantile

from .scaling import read_standard_scaler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.preprocessing import PowerTransformer, QuantileTransformer

    from pgscore.readers.algebra.columns import CodeColumn, Curve, FloatArray, NumberColumn
    from pgscore.readers.algebra.doubles import BoolArray
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

_EPS = float(np.finfo(np.float64).eps)
# BOUNDS_THRESHOLD of `sklearn.preprocessing._data`.
_BOUNDS = 1e-7


def read_power_transformer(transformer: PowerTransformer, table: Table, writer: Writer, part: str) -> Table:
    """The power of each column, and then, where it standardizes, what a StandardScaler makes of it."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=True)
    box_cox = transformer.method == "box-cox"
    if box_cox:
        writer.domains.accept(part, columns, _positive)
    found: list[NumberColumn | CodeColumn] = []
    for column, power in zip(columns, transformer.lambdas_.tolist(), strict=True):
        if np.isnan(power):
            found.append(constant(column, np.nan))
            continue
        curve: Curve = _BoxCox(power) if box_cox else _YeoJohnson(power, transformer)
        found.append(column.then(along(curve)))
    powers = Table(tuple(found), table.sparse)
    return read_standard_scaler(transformer._scaler, powers, writer, part) if transformer.standardize else powers


def _positive(values: FloatArray) -> BoolArray:
    found: BoolArray = (values > 0) | np.isnan(values)
    return found


@dataclass(frozen=True, eq=False)
class _BoxCox:
    """(x ** power - 1) / power, and log(x) of a power of 0; x is positive."""

    power: float
    jumps: None = None

    def values(self, values: FloatArray) -> FloatArray:
        """As scikit-learn computes it."""
        found: FloatArray = special.boxcox(values, self.power)
        return found

    def write(self, writer: Writer, register: int) -> int:
        """With e = expm1(power * log(x) / 2): e * (e + 2) / power.

        That is expm1(power * log(x)) / power as in scipy's `_boxcox.pxd`, and like what that has for large numbers it
        is infinite no earlier than the result.
        """
        logarithm = writer.function("log", register)
        if abs(self.power) < 1e-19:  # noqa: PLR2004  as there
            return logarithm
        half = writer.number(logarithm, [Operation("multiply", self.power / 2), Operation("expm1")])
        more = writer.number(half, [Operation("add", 2.0), Operation("divide", self.power)])
        return writer.add({"step": "product", "of": [half, more]})


@dataclass(frozen=True, eq=False)
class _YeoJohnson:
    """expm1(power * log1p(x)) / power from 0 on, and -expm1((2 - power) * log1p(-x)) / (2 - power) below.

    `scipy.stats._morestats._yeojohnson_transform`, or a method of the transformer's that says the same: log1p where
    the power, or 2 - power, is 0.
    """

    power: float
    transformer: Any
    jumps: None = None

    def values(self, values: FloatArray) -> FloatArray:
        """As scikit-learn computes it."""
        own = getattr(self.transformer, "_yeo_johnson_transform", stats.yeojohnson)
        found: FloatArray = own(np.ascontiguousarray(values), self.power)
        return found

    def write(self, writer: Writer, register: int) -> int:
        """The sum of both: each is 0 of 0, and gets 0 on the other's side."""
        above = self._side(writer, writer.function("relu", register), self.power, log=abs(self.power) < _EPS)
        negated = writer.number(register, [Operation("multiply", -1.0)])
        other = 2 - self.power
        below = self._side(writer, writer.function("relu", negated), other, log=abs(self.power - 2) <= _EPS)
        return writer.linear([above, below], [1.0, -1.0])

    @staticmethod
    def _side(writer: Writer, register: int, power: float, *, log: bool) -> int:
        logarithm = writer.function("log1p", register)
        if log:
            return logarithm
        return writer.number(logarithm, [Operation("multiply", power), Operation("expm1"), Operation("divide", power)])


def read_quantile_transformer(transformer: QuantileTransformer, table: Table, writer: Writer, part: str) -> Table:
    """The place of a number among the quantiles."""
    if table.sparse:
        raise NotAProgramError(part, "takes the zeros of a sparse matrix for themselves")
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=True)
    references = np.asarray(transformer.references_, dtype=np.float64)
    found: list[NumberColumn | CodeColumn] = []
    for column, quantiles in zip(columns, np.asarray(transformer.quantiles_, dtype=np.float64).T, strict=True):
        if np.isnan(quantiles).any():
            raise NotAProgramError(part, "has a column whose quantiles are missing")
        is_normal = transformer.output_distribution == "normal"
        curve = (_NormalQuantiles if is_normal else _Quantiles)(quantiles, references, part)
        found.append(column.then(along(curve)))
    return Table(tuple(found))


@dataclass(frozen=True, eq=False)
class _Quantiles:
    """The mean of two interpolations, which differ where quantiles are equal; 0 at the first one, 1 at the last.

    `QuantileTransformer._transform_col`.
    """

    quantiles: FloatArray
    references: FloatArray
    part: str

    @property
    def jumps(self) -> str | None:
        """The part, where quantiles are equal."""
        return None if (np.diff(self.quantiles) > 0).all() else self.part

    def values(self, values: FloatArray) -> FloatArray:
        """As scikit-learn computes it."""
        found = self._mean(values)
        found[values == self.quantiles[-1]] = 1
        found[values == self.quantiles[0]] = 0
        found[np.isnan(values)] = np.nan
        return found

    def _mean(self, values: FloatArray) -> FloatArray:
        quantiles, references = self.quantiles, self.references
        found: FloatArray = 0.5 * (
            np.interp(values, quantiles, references) - np.interp(-values, -quantiles[::-1], -references[::-1])
        )
        return found

    def write(self, writer: Writer, register: int) -> int:
        """Both interpolations, and half their difference."""
        quantiles, references = self.quantiles, self.references
        forward = _interpolated(writer, register, quantiles, references, 0.0)
        negated = writer.number(register, [Operation("multiply", -1.0)])
        is_constant = quantiles[0] == quantiles[-1]
        first = 0.0 if is_constant else -1.0
        backward = _interpolated(writer, negated, -quantiles[::-1], -references[::-1], first)
        return writer.linear([forward, backward], [0.5, -0.5])


@dataclass(frozen=True, eq=False)
class _NormalQuantiles(_Quantiles):
    """The normal quantile of the mean, within what 1e-7 and 1 - 1e-7 have.

    So near to the first of the quantiles it is that of 0, and to the last that of 1; at the first, if they are one.
    """

    def values(self, values: FloatArray) -> FloatArray:
        """As scikit-learn computes it."""
        found = self._mean(values)
        found[values + _BOUNDS > self.quantiles[-1]] = 1
        found[values - _BOUNDS < self.quantiles[0]] = 0
        found[np.isnan(values)] = np.nan
        clipped: FloatArray = np.clip(stats.norm.ppf(found), *_normal_ends())
        return clipped

    def write(self, writer: Writer, register: int) -> int:
        """The mean, or 0 or 1, and its normal quantile."""
        ends = np.array([-LARGEST]), np.array([LARGEST])
        low = float(last_true(lambda values: values - _BOUNDS < self.quantiles[0], *ends)[0])
        high = float(last_true(lambda values: values + _BOUNDS <= self.quantiles[-1], *ends)[0])
        knots = [low, high] if low < high else [low]
        is_between = piecewise(
            writer, register, knots, [[0.0], [1.0], [0.0]] if low < high else [[0.0]] * 2, closed="right"
        )
        is_above = piecewise(writer, register, knots, [[0.0]] * len(knots) + [[1.0]], closed="right")
        mean = writer.add({"step": "product", "of": [is_between, super().write(writer, register)]})
        place = writer.linear([mean, is_above], [1.0, 1.0])
        within = writer.number(place, [Operation("minimum", LEAST), Operation("maximum", 1 - LEAST)])
        least, most = _normal_ends()
        ends_of = [Operation("minimum", least), Operation("maximum", most)]
        return writer.number(write_normal_quantile(writer, within), ends_of)


def _normal_ends() -> tuple[float, float]:
    """The least and the largest normal quantile that scikit-learn gives."""
    near = _BOUNDS - np.spacing(1)
    return float(stats.norm.ppf(near)), float(stats.norm.ppf(1 - near))


def _interpolated(writer: Writer, register: int, places: FloatArray, values: FloatArray, first: float) -> int:
    """What `numpy.interp` gives, but `first` at the first of the places.

    Of equal places the last one counts; between two it is slope * (x - place) + value.
    """
    knots: list[float] = []
    pieces: list[Sequence[float]] = [[float(values[0])]]
    lasts = np.flatnonzero(np.append(np.diff(places) > 0, True))
    for last in lasts.tolist():
        place, value = float(places[last]), float(values[last])
        piece = [value]
        if last + 1 < len(places):
            piece.append(float((values[last + 1] - values[last]) / (places[last + 1] - places[last])))
        if not knots and value != first:
            knots.append(place)
            pieces.append([first])
            place = float(np.nextafter(place, np.inf))
            if last + 1 < len(places) and place == places[last + 1]:
                continue
        knots.append(place)
        pieces.append(piece)
    return piecewise(writer, register, knots, pieces)


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.PowerTransformer": read_power_transformer,
    "sklearn.preprocessing.QuantileTransformer": read_quantile_transformer,
}
