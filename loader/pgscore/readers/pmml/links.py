"""Inverse links and normalizations of regression models, as `DoubleValue` of jpmml-evaluator has them."""

from __future__ import annotations

from math import erfc, exp, inf, nextafter, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import Operation
from pgscore.readers.algebra.curves import piecewise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers.writing.writer import Writer

# Polynomials of this degree around knots this far apart are as exact as doubles.
_DEGREE = 18
_APART = 0.25
# Below it the normal distribution is 0, and above 9 it is 1.
_LOWEST, _HIGHEST = -38.5, 9.0
_LEAST = 5e-324


def normalized(registers: Sequence[int], writer: Writer) -> list[int]:
    """Registers, divided by their sum (`ValueUtil.normalizeSimpleMax`): there is none where that is 0."""
    total = writer.linear(registers, [1.0] * len(registers))
    # 0 is refused, and so no row is given equal shares of it.
    there = piecewise(writer, total, [0.0, _LEAST], [[1.0], [0.0], [1.0]], closed="left")
    domain = writer.domains.of[there]
    domain.minimum = max(domain.minimum, 1.0)
    return writer.link("normalize", registers)


def identity(register: int, _writer: Writer) -> int:
    """The number."""
    return register


def logit(register: int, writer: Writer) -> int:
    """1 / (1 + exp(-x))."""
    return writer.function("expit", register)


def exponential(register: int, writer: Writer) -> int:
    """exp(x)."""
    return writer.function("exp", register)


def cloglog(register: int, writer: Writer) -> int:
    """1 - exp(-exp(x))."""
    return writer.number(register, _after([Operation("exp"), Operation("multiply", -1.0), Operation("exp")]))


def loglog(register: int, writer: Writer) -> int:
    """exp(-exp(-x))."""
    flipped = [Operation("multiply", -1.0), Operation("exp"), Operation("multiply", -1.0), Operation("exp")]
    return writer.number(register, flipped)


def logc(register: int, writer: Writer) -> int:
    """1 - exp(x)."""
    return writer.number(register, _after([Operation("exp")]))


def _after(operations: list[Operation]) -> list[Operation]:
    return [*operations, Operation("multiply", -1.0), Operation("add", 1.0)]


def probit(register: int, writer: Writer) -> int:
    """The normal distribution, 0.5 erfc(-x / sqrt(2)), by its Taylor series around many knots."""
    count = round((_HIGHEST - _LOWEST) / _APART)
    knots = [_LOWEST + _APART * n for n in range(count + 1)]
    pieces = [[0.0], *(_normal_series(knot) for knot in knots[:-1]), [1.0]]
    return piecewise(writer, register, knots, pieces, closed="left")


def _normal_series(knot: float) -> list[float]:
    """The n-th derivative is the density times a Hermite polynomial: h(n + 1) = -x h(n) - n h(n - 1)."""
    density = exp(-knot * knot / 2) / sqrt(2 * pi)
    coefficients, before, here, factorial = [0.5 * erfc(-knot / sqrt(2))], 0.0, 1.0, 1.0
    for n in range(1, _DEGREE + 1):
        factorial *= n
        coefficients.append(density * here / factorial)
        before, here = here, -knot * here - (n - 1) * before
    return coefficients


def cauchit(register: int, writer: Writer) -> int:
    """0.5 + atan(x) / pi."""
    return writer.number(arctan(register, writer), [Operation("divide", pi), Operation("add", 0.5)])


def arctan(register: int, writer: Writer) -> int:
    """atan(x): by its series around knots up to 1, and beyond them as that of 1 / x, from a right angle."""
    knots = [-1.0 + _APART / 2 * n for n in range(round(4 / _APART) + 1)]
    series = [_arctan_series(knot) for knot in knots[:-1]]
    inside = piecewise(writer, register, [*knots[:-1], nextafter(1.0, inf)], [[0.0], *series, [0.0]], closed="left")
    angle = piecewise(writer, register, [-1.0, nextafter(1.0, inf)], [[-pi / 2], [0.0], [pi / 2]], closed="left")
    turned = writer.function("reciprocal", register)
    first = nextafter(-1.0, 0)
    beyond = [[0.0], _arctan_series(first), *series[1:], [0.0]]
    outside = piecewise(writer, turned, [first, *knots[1:-1], 1.0], beyond, closed="left")
    return writer.linear([inside, angle, outside], [1.0, 1.0, -1.0])


def _arctan_series(knot: float) -> list[float]:
    """Of 1 / (1 + x^2) around a knot, integrated: with q = 1 + k^2, c(n) = -(2 k c(n-1) + c(n-2)) / q."""
    quotient = 1 + knot * knot
    found, before, here = [float(np.arctan(knot))], 0.0, 1 / quotient
    for n in range(1, _DEGREE + 1):
        found.append(here / n)
        before, here = here, -(2 * knot * here + before) / quotient
    return found


INVERSE: dict[str, Callable[[int, Writer], int]] = {
    "none": identity,
    "logit": logit,
    "exp": exponential,
    "probit": probit,
    "cloglog": cloglog,
    "loglog": loglog,
    "cauchit": cauchit,
}
