"""The steps that make numbers of several registers by a formula, as `pgscore_runtime.formulas` has them for one row."""

from __future__ import annotations

from math import tanh
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pgscore_runtime.formulas import Kernel, LinkStep, Median, Piecewise, Product, Quadratic, Ratio

from .links import exp_of, link_function

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from .texts import Vocabulary

    FloatArray = npt.NDArray[np.float64]
    Registers = list[npt.NDArray[Any]]
    Append = Callable[[Registers, int], None]


def _link_step(step: LinkStep, _: dict[int, Vocabulary]) -> Append:
    of, function = step.of, link_function(step.link)
    return lambda registers, _: registers.extend(function([registers[register] for register in of]))


def _product(step: Product, _: dict[int, Vocabulary]) -> Append:
    first, *others = step.of

    def product(registers: Registers, _: int) -> None:
        value = registers[first]
        for register in others:
            value = value * registers[register]
        registers.append(value)

    return product


def _ratio(step: Ratio, _: dict[int, Vocabulary]) -> Append:
    above, below = step.of
    # 0 has no sign.
    return lambda registers, _: registers.append(registers[above] / (registers[below] + 0.0))


def _piecewise(step: Piecewise, _: dict[int, Vocabulary]) -> Append:
    of, missing = step.of, step.missing
    side: Literal["left", "right"] = "right" if step.is_left_closed else "left"
    knots = np.array(step.knots)
    degrees = np.array([len(piece) - 1 for piece in step.pieces])
    # The coefficients of each power, that of the highest first, for the pieces of one degree.
    tables = {
        int(degree): np.array(
            [piece if len(piece) == degree + 1 else [np.nan] * (degree + 1) for piece in step.pieces]
        ).T
        for degree in np.unique(degrees)
        if degree >= 0
    }

    def piecewise(registers: Registers, rows: int) -> None:
        value = registers[of]
        pieces = np.searchsorted(knots, value, side=side)
        beyond = value - knots[np.maximum(pieces - 1, 0)]
        result = np.full(rows, np.nan)
        for degree, table in tables.items():
            chosen = degrees[pieces] == degree
            here, length = pieces[chosen], beyond[chosen]
            total = table[0][here]
            for coefficients in table[1:]:
                total = total * length + coefficients[here]
            result[chosen] = total
        result[np.isnan(value)] = missing
        registers.append(result)

    return piecewise


def _quadratic(step: Quadratic, _: dict[int, Vocabulary]) -> Append:
    of, center, matrix = step.of, step.center, step.matrix

    def quadratic(registers: Registers, rows: int) -> None:
        differences = [registers[register] - each for register, each in zip(of, center, strict=True)]
        total = np.zeros(rows)
        for each in differences if matrix is None else (_dot(row, differences, rows) for row in matrix):
            total += each * each
        registers.append(total)

    return quadratic


def _median(step: Median, _: dict[int, Vocabulary]) -> Append:
    of, weights = list(step.of), np.array(step.weights)

    def median(registers: Registers, rows: int) -> None:
        values = np.array([registers[register] for register in of]).reshape(len(of), rows)
        ranked = np.argsort(values, axis=0, kind="stable")
        sums = np.cumsum(weights[ranked], axis=0)
        place = np.argmax(2 * sums >= sums[-1], axis=0)
        every = np.arange(rows)
        registers.append(values[ranked[place, every], every])

    return median


def _dot(weights: Sequence[float], columns: Sequence[FloatArray], rows: int) -> FloatArray:
    # One after the other, as the interpreter adds.
    total = np.zeros(rows)
    for weight, column in zip(weights, columns, strict=True):
        total += weight * column
    return total


def _kernel(step: Kernel, _: dict[int, Vocabulary]) -> Append:
    of, similar = step.of, {"rbf": _radial, "poly": _polynomial, "sigmoid": _sigmoid}[step.kernel]

    def kernel(registers: Registers, rows: int) -> None:
        columns = [registers[register] for register in of]
        total = np.full(rows, step.intercept)
        for vector, coefficient in zip(step.vectors, step.coefficients, strict=True):
            total += coefficient * similar(step, vector, columns, rows)
        registers.append(total)

    return kernel


def _radial(step: Kernel, vector: Sequence[float], columns: Sequence[FloatArray], rows: int) -> FloatArray:
    total = np.zeros(rows)
    for column, each in zip(columns, vector, strict=True):
        difference = column - each
        total += difference * difference
    return exp_of(-(step.gamma * total))


def _polynomial(step: Kernel, vector: Sequence[float], columns: Sequence[FloatArray], rows: int) -> FloatArray:
    base = step.gamma * _dot(vector, columns, rows) + step.constant
    power = base
    for _ in range(step.degree - 1):
        power = power * base
    return power


def _sigmoid(step: Kernel, vector: Sequence[float], columns: Sequence[FloatArray], rows: int) -> FloatArray:
    base = step.gamma * _dot(vector, columns, rows) + step.constant
    return np.fromiter(map(tanh, base.tolist()), np.float64, rows)


FORMULA_COMPILERS: dict[type, Callable[[Any, dict[int, Vocabulary]], Append]] = {
    LinkStep: _link_step,
    Product: _product,
    Ratio: _ratio,
    Piecewise: _piecewise,
    Quadratic: _quadratic,
    Median: _median,
    Kernel: _kernel,
}
