"""Between which numbers registers lie, and how far single precision moves them.

Estimators that add float32 differ from their programs by a bound (`algebra.singles`). What reads their outputs carries
it on by its slope between the ends of the range; where it jumps, as a test of a tree does, there is none. Asked for
whole domains this says whether a model can be a program, and asked for a row's own numbers how far its score is off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from math import exp, inf, isfinite, log, sqrt, tanh
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore_runtime.formulas import weighted_median

from pgscore.readers.algebra.singles import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What a link, a function or an interpolation in float32 adds, in roundings of its result.
_ROUNDINGS = 8
_LARGEST_EXPONENT = 700.0
# z(1 - z), of a logistic function.
_STEEPEST = 0.25


@dataclass(frozen=True)
class Range:
    """What a register may hold.

    Attributes:
        low: the least number, where it holds one.
        high: the largest.
        may_miss: whether it may hold NaN.
        error: how far the estimator's own number may be from it; infinite where there is no bound.
        is_single: whether the estimator's own is a float32.
        is_torn: whether it jumps where the estimator's own number need not.
    """

    low: float = -inf
    high: float = inf
    may_miss: bool = True
    error: float = 0.0
    is_single: bool = False
    is_torn: bool = False

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
    if not any(each.error for each in ranges):
        return found
    torn = any(each.is_torn for each in ranges)
    # Behind float32 alone, numpy computes in float32 too.
    single = all(each.is_single for each in ranges)
    rounding = _ROUNDINGS * ROUNDING if single else 0.0
    return [
        replace(
            each,
            error=each.error + (rounding * each.most if rounding else 0.0),
            is_single=single,
            is_torn=each.is_torn or torn,
        )
        for each in found
    ]


def noted(found: Range, error: float | None) -> Range:
    """A range with what is noted of how far single precision moves it: by that, or by no more where it follows."""
    if error is None:
        return found
    return replace(found, error=min(error, found.error) if found.error else error, is_single=True)


def through_link(link: str, ranges: Sequence[Range]) -> list[Range]:
    """The ranges of a link's outputs."""
    if link == "identity":
        return list(ranges)
    return of_step({"step": "link", "link": link}, ranges)


def _unknown(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    moved = any(each.error for each in ranges)
    return [Range(error=inf if moved else 0.0, is_torn=moved)]


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
    torn = any(each.error for each in ranges)
    ends = [sorted((float(one), float(other))) for one, other in zip(low / divide, high / divide, strict=True)]
    return [Range(least, most, False, inf if torn else 0.0, is_torn=torn) for least, most in ends]


def _lookup(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    found = [*step["values"], step["unknown"], step["missing"]]
    numbers = [each for each in found if each is not None]
    torn = ranges[0].error > 0
    ends = (min(numbers, default=0.0), max(numbers, default=0.0))
    return [Range(*ends, None in found, inf if torn else 0.0, is_torn=torn)]


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
    if error and all(each.is_single for each in ranges):
        error += 2 * (len(ranges) + 1) * ROUNDING * terms
    return [Range(low, high, not all(each.is_bounded for each in ranges), error)]


def _link(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    link = step["link"]
    error = max(each.error for each in ranges)
    may_miss = any(each.may_miss for each in ranges)
    if link in ("exp", "square_signed"):
        return _function({"name": link}, ranges)
    if link in ("sign", "argmax"):
        return [Range(0.0, 1.0, False, inf if error else 0.0, is_torn=error > 0)] * max(2, len(ranges))
    if link == "normalize":
        # x over a sum: ((1 - y) dx - y (other dx)) / sum.
        least = sum(each.low for each in ranges)
        slope = (len(ranges) - 1) / least if least > 0 else inf
        ends = (0.0, 1.0) if all(each.low >= 0 for each in ranges) else (-inf, inf)
        return [Range(*ends, not all(each.is_bounded for each in ranges), slope * error if error else 0.0)] * len(
            ranges
        )
    if link in ("logistic", "expit", "one_vs_all"):
        found = [_function({"name": "expit"}, [each])[0] for each in ranges]
        return (
            [replace(found[0], low=1 - found[0].high, high=1 - found[0].low), *found] if link == "logistic" else found
        )
    # y(1 - y), twice: what is above the line of the fraction and what is below move.
    may_miss = may_miss or (link == "softmax" and not all(each.is_bounded for each in ranges))
    return [Range(0.0, 1.0, may_miss, 2 * _STEEPEST * error)] * len(ranges)


def _function(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    (of,) = ranges
    name = step["name"]
    if name in _MONOTONE:
        function, slope_at = _MONOTONE[name]
        low, high = function(of.low), function(of.high)
        error = max(slope_at(of.low), slope_at(of.high)) * of.error if of.error else 0.0
        if name == "sqrt":
            error = min(error, sqrt(of.error))
        beyond = of.low < _LEAST.get(name, -inf)
        return [Range(low, high, of.may_miss or beyond, error, is_torn=beyond and error > 0)]
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
    # The pieces on which it may lie.
    first, last = bisect_left(knots, of.low - of.error), bisect_right(knots, of.high + of.error)
    starts = [pieces[0][0], *(each[0] for each in pieces[1:])]
    slopes = [each[1] if len(each) > 1 else 0.0 for each in pieces]
    # What a piece comes to at the knot where the next one begins.
    ends = [pieces[0][0]] + [
        start + slope * (after - knot)
        for start, slope, knot, after in zip(starts[1:-1], slopes[1:-1], knots, knots[1:], strict=False)
    ]
    every = [*starts, *ends]
    missing = step["missing"]
    jump = max((abs(end - start) for end, start in zip(ends, starts[1:], strict=True)), default=0.0)
    torn = of.error > 0 and jump > _ROUNDINGS * ROUNDING * max(map(abs, every))
    # It moves no farther than between all that it comes to there.
    reached = [*starts[first : last + 1], *ends[first:last]]
    error = inf if torn else min(max(map(abs, slopes[first : last + 1])) * of.error, max(every) - min(every))
    low, high = min(reached), max(reached)
    if of.may_miss and missing is not None:
        low, high = min(low, missing), max(high, missing)
    return [Range(low, high, of.may_miss and missing is None, error if of.error else 0.0, is_torn=torn)]


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


def _median(step: Mapping[str, Any], ranges: Sequence[Range]) -> list[Range]:
    # It rises with each number, and moves with all of them: by no more than the one that moves most.
    low = weighted_median([each.low for each in ranges], step["weights"])
    high = weighted_median([each.high for each in ranges], step["weights"])
    may_miss = any(each.may_miss for each in ranges)
    return [Range(low, inf if may_miss else high, may_miss, max(each.error for each in ranges))]


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


def _logistic(value: float) -> float:
    return 1 / (1 + _power(-value))


def _logarithm(value: float) -> float:
    return log(value) if 0 < value < inf else value if value == inf else -inf


# What it gives, and how steep it is.
_MONOTONE: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "exp": (_power, _power),
    "expit": (_logistic, lambda _: _STEEPEST),
    "tanh": (tanh, lambda _: 1.0),
    "expm1": (lambda value: _power(value) - 1, _power),
    "log": (_logarithm, lambda value: 1 / value if value > 0 else inf),
    "sqrt": (lambda value: sqrt(max(value, 0.0)), lambda value: 0.5 / sqrt(value) if value > 0 else inf),
    "log1p": (lambda value: _logarithm(1 + value), lambda value: 1 / (1 + value) if value > -1 else inf),
}
# Below these they are NaN.
_LEAST = {"log": 0.0, "log1p": -1.0, "sqrt": 0.0}
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
    "median": _median,
    "missing": lambda _step, _ranges: [Range(0.0, 1.0, False)],
}
