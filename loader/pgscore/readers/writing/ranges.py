"""What is known of registers whatever the row: between which numbers they lie, and how far single precision moves them.

Estimators that add float32 differ from their programs by a bound (`algebra.singles`). What reads their outputs carries
it on by its slope; where that has none, as a test of a tree has, there is no bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, inf, isfinite, log
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.singles import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What a link, a function or an interpolation in float32 adds, in roundings of its result.
_ROUNDINGS = 8
_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class Range:
    """What a register may hold.

    Attributes:
        low: the least number, where it holds one.
        high: the largest.
        may_miss: whether it may hold NaN.
        error: how far the estimator's own number may be from it; infinite where there is no bound.
    """

    low: float = -inf
    high: float = inf
    may_miss: bool = True
    error: float = 0.0

    @property
    def most(self) -> float:
        """The largest magnitude."""
        return max(abs(self.low), abs(self.high))

    @property
    def is_bounded(self) -> bool:
        """Whether it is finite and there."""
        return not self.may_miss and isfinite(self.low) and isfinite(self.high)


def of_step(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    """The ranges of what a step defines.

    Args:
        step: as `docs/program.md` says.
        ranges: those of the registers that it reads, in the order of its `of`.
    """
    found = _KINDS.get(step["step"], _unknown)(step, ranges)
    if all(each.error == 0 for each in ranges):
        return found
    if not all(each.error > 0 for each in ranges):
        return found
    # Behind float32 alone, numpy computes in float32 too.
    single = _ROUNDINGS * ROUNDING
    return [replace(each, error=each.error + single * each.most) if each.error else each for each in found]


def through_link(link: str, ranges: Sequence[Range]) -> list[Range]:
    """The ranges of a link's outputs."""
    if link == "identity":
        return list(ranges)
    return of_step({"step": "link", "link": link}, ranges)


def _unknown(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    return [Range(error=inf if any(each.error for each in ranges) else 0.0)]


def _trees(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    outputs = len(step["base"])
    feature, left = np.array(step["feature"]), np.array(step["left"])
    values, ends = np.array(step["values"], dtype=np.float64), [*step["roots"], len(feature)]
    low, high = np.array(step["base"], dtype=np.float64), np.array(step["base"], dtype=np.float64)
    for target, start, end in zip(step["target"], ends, ends[1:], strict=False):
        leaves = left[start:end][feature[start:end] < 0]
        if target == -1:
            every = values[leaves[:, np.newaxis] + np.arange(outputs)]
            low, high = low + every.min(axis=0), high + every.max(axis=0)
        else:
            low[target] += values[leaves].min()
            high[target] += values[leaves].max()
    divide = step.get("divide", 1.0)
    error = inf if any(each.error for each in ranges) else 0.0
    return [Range(*sorted((one, other)), False, error) for one, other in zip(low / divide, high / divide, strict=True)]


def _lookup(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    found = [*step["values"], step["unknown"], step["missing"]]
    numbers = [each for each in found if each is not None]
    error = inf if ranges[0].error else 0.0
    return [Range(min(numbers, default=0.0), max(numbers, default=0.0), None in found, error)]


def _affine(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    factor = step.get("multiply", 1.0) / step.get("divide", 1.0)

    def applied(value: float) -> float:
        return float(((value - step.get("subtract", 0.0)) * factor if factor else 0.0) + step.get("add", 0.0))

    (of,) = ranges
    low, high = sorted((applied(of.low), applied(of.high)))
    # Infinity times 0.
    may_miss = of.may_miss or (factor == 0 and not of.is_bounded)
    return [Range(low, high, may_miss, abs(factor) * of.error)]


def _linear(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    low = high = step["intercept"]
    error, terms = 0.0, abs(step["intercept"])
    for weight, each in zip(step["weights"], ranges, strict=True):
        ends = sorted((weight * each.low, weight * each.high)) if weight else (0.0, 0.0)
        low, high = low + ends[0], high + ends[1]
        error, terms = error + (abs(weight) * each.error if weight else 0.0), terms + max(map(abs, ends))
    if error and all(each.error for each in ranges):
        error += 2 * (len(ranges) + 1) * ROUNDING * terms
    return [Range(low, high, not all(each.is_bounded for each in ranges), error)]


def _link(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    link = step["link"]
    error = max(each.error for each in ranges)
    may_miss = any(each.may_miss for each in ranges)
    if link in ("exp", "square_signed"):
        return _function({"name": link}, ranges)
    if link in ("sign", "argmax"):
        return [Range(0.0, 1.0, False, inf if error else 0.0)] * max(2, len(ranges))
    if link == "normalize":
        # x over a sum: ((1 - y) dx - y (other dx)) / sum.
        least = sum(each.low for each in ranges)
        slope = (len(ranges) - 1) / least if least > 0 else inf
        ends = (0.0, 1.0) if all(each.low >= 0 for each in ranges) else (-inf, inf)
        return [Range(*ends, not all(each.is_bounded for each in ranges), slope * error if error else 0.0)] * len(ranges)
    # How far an output moves at most where each score moves by one: z(1 - z); and y(1 - y) twice where both what is
    # above the line of a fraction and what is below move.
    slope = 0.25 if link in ("logistic", "expit", "one_vs_all") else 0.5
    may_miss = may_miss or (link == "softmax" and not all(each.is_bounded for each in ranges))
    count = 2 if link == "logistic" else len(ranges)
    return [Range(0.0, 1.0, may_miss, slope * error)] * count


def _function(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    (of,) = ranges
    name = step["name"]
    if name in _BOUNDED:
        low, high, slope = _BOUNDED[name]
        return [Range(low, high, of.may_miss, slope * of.error)]
    if name in _MONOTONE:
        function, slope_at = _MONOTONE[name]
        low, high = function(of.low), function(of.high)
        slope = max(slope_at(of.low), slope_at(of.high)) if of.error else 0.0
        may_miss = of.may_miss or of.low < _LEAST.get(name, -inf)
        return [Range(low, high, may_miss, slope * of.error if of.error else 0.0)]
    if name in ("abs", "square", "square_signed") and isfinite(of.most):
        highest = of.most if name == "abs" else of.most**2
        slope = 1.0 if name == "abs" else 2 * of.most
        return [Range(-highest if name == "square_signed" else 0.0, highest, of.may_miss, slope * of.error)]
    return _unknown(step, ranges)


def _piecewise(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    (of,) = ranges
    pieces, knots = step["coefficients"], step["knots"]
    if any(each is None or len(each) > 2 for each in pieces) or len(pieces[0]) > 1 or len(pieces[-1]) > 1:  # noqa: PLR2004
        return _unknown(step, ranges)
    starts = [pieces[0][0], *(each[0] for each in pieces[1:])]
    slopes = [each[1] if len(each) > 1 else 0.0 for each in pieces]
    # What a piece comes to at the knot where the next one begins.
    ends = [pieces[0][0]] + [
        start + slope * (after - knot)
        for start, slope, knot, after in zip(starts[1:-1], slopes[1:-1], knots, knots[1:], strict=False)
    ]
    every = [*starts, *ends]
    missing = step["missing"]
    steepest = max(map(abs, slopes))
    jump = max((abs(end - start) for end, start in zip(ends, starts[1:], strict=True)), default=0.0)
    if of.error and jump > _ROUNDINGS * ROUNDING * max(map(abs, every)):
        steepest = inf
    error = steepest * of.error if of.error else 0.0
    if of.may_miss and missing is not None:
        every.append(missing)
    return [Range(min(every), max(every), of.may_miss and missing is None, error)]


def _clip(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    (of,) = ranges
    least, most = step.get("minimum", -inf), step.get("maximum", inf)
    return [replace(of, low=min(max(of.low, least), most), high=max(min(of.high, most), least))]


def _fill(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    (of,) = ranges
    filling = step["with"]
    if isinstance(filling, str):
        return [Range()]
    return [Range(min(of.low, filling), max(of.high, filling), False, of.error)]


def _product(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    if not all(each.is_bounded for each in ranges):
        return _unknown(step, ranges)
    low, high, error = 1.0, 1.0, 0.0
    for each in ranges:
        error = max(abs(low), abs(high)) * each.error + each.most * error
        ends = [one * other for one in (low, high) for other in (each.low, each.high)]
        low, high = min(ends), max(ends)
    return [Range(low, high, False, error)]


def _power(value: float) -> float:
    return exp(value) if value < _LARGEST_EXPONENT else inf


def _logarithm(value: float) -> float:
    return log(value) if 0 < value < inf else value if value == inf else -inf


# Least, largest, and how steep at most.
_BOUNDED = {"expit": (0.0, 1.0, 0.25), "tanh": (-1.0, 1.0, 1.0)}
# What it gives, and how steep it is.
_MONOTONE: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "exp": (_power, _power),
    "expm1": (lambda value: _power(value) - 1, _power),
    "log": (_logarithm, lambda value: 1 / value if value > 0 else inf),
    "log1p": (lambda value: _logarithm(1 + value), lambda value: 1 / (1 + value) if value > -1 else inf),
}
# Below these they are NaN.
_LEAST = {"log": 0.0, "log1p": -1.0}
_KINDS: dict[str, Callable[[Mapping[str, Any], Sequence[Range]], list[Range]]] = {
    "trees": _trees,
    "lookup": _lookup,
    "affine": _affine,
    "linear": _linear,
    "link": _link,
    "function": _function,
    "piecewise": _piecewise,
    "clip": _clip,
    "fill": _fill,
    "product": _product,
    "missing": lambda _step, _ranges: [Range(0.0, 1.0, False)],
}
