"""Steps that make numbers of several registers by a formula, as ONNX operators."""

from __future__ import annotations

import sys
from math import inf, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore_runtime.formulas import Kernel, LinkStep, Median, Piecewise, Product, Quadratic, Ratio

from .links import linked
from .steps import last, sums, weighted

if TYPE_CHECKING:
    from collections.abc import Callable

    from .graph import Graph
    from .steps import Registers


def _link(registers: Registers, step: LinkStep, _: str) -> list[str]:
    return linked(registers.graph, step.link, [registers.columns[register] for register in step.of])


def _product(registers: Registers, step: Product, _: str) -> list[str]:
    value, *others = (registers.columns[register] for register in step.of)
    for other in others:
        value = registers.graph.op("Mul", value, other)
    return [value]


def _ratio(registers: Registers, step: Ratio, _: str) -> list[str]:
    graph = registers.graph
    above, below = (registers.columns[register] for register in step.of)
    # 0 has no sign: over it stands infinity of the sign of what is above, and NaN of 0.
    endless = graph.op("Mul", above, graph.number(inf))
    return [graph.choose(graph.op("Equal", below, graph.number(0.0)), endless, graph.op("Div", above, below))]


def _piecewise(registers: Registers, step: Piecewise, _: str) -> list[str]:
    graph, value = registers.graph, registers.columns[step.of]
    knots = graph.constant([step.knots])
    behind = graph.op("LessOrEqual" if step.is_left_closed else "Less", knots, value)
    count = graph.op("ReduceSum", graph.cast(behind, "INT64"), graph.constant([1], np.int64), keepdims=1)
    pieces = [piece or (nan,) for piece in step.pieces]
    most = max(map(len, pieces))

    def of_piece(values: list[Any], dtype: Any = np.float64) -> str:  # noqa: ANN401
        return graph.op("Gather", graph.constant(values, dtype), count, axis=0)

    # From the highest power on; a piece that has less begins later.
    def power(level: int) -> str:
        return of_piece([piece[len(piece) - 1 - level] if level < len(piece) else 0.0 for piece in pieces])

    total = power(most - 1)
    if most > 1:
        beyond = graph.op("Sub", value, of_piece([step.knots[0], *step.knots]))
        for level in range(most - 2, -1, -1):
            onward = graph.op("Add", graph.op("Mul", total, beyond), power(level))
            begun = of_piece([len(piece) > level + 1 for piece in pieces], np.bool_)
            total = graph.choose(begun, onward, power(level))
    return [graph.choose(graph.op("IsNaN", value), graph.number(step.missing), total)]


def _quadratic(registers: Registers, step: Quadratic, _: str) -> list[str]:
    graph = registers.graph
    differences = graph.op("Sub", registers.matrix(step.of), graph.constant([step.center]))
    count = len(step.of)
    if step.matrix is not None:
        count = len(step.matrix)
        rows = np.array(step.matrix, np.float64)
        total = graph.constant(np.zeros((1, count)))
        for position in range(len(step.of)):
            one = graph.op("Gather", differences, graph.constant([position], np.int64), axis=1)
            total = graph.op("Add", total, graph.op("Mul", one, graph.constant(rows[:, position][None, :])))
        differences = total
    return [sums(graph, graph.op("Mul", differences, differences), count)]


def _median(registers: Registers, step: Median, _: str) -> list[str]:
    graph, count = registers.graph, len(step.of)
    matrix = registers.matrix(step.of)
    # NaN is behind all numbers, and TopK places it anywhere.
    below = graph.op("Min", matrix, graph.number(sys.float_info.max))
    ranked = graph.choose(graph.op("IsNaN", matrix), graph.number(inf), below)
    _sorted, order = graph.several(
        "TopK", ranked, graph.constant([count], np.int64), outputs=2, axis=1, largest=0, sorted=1
    )
    weights = graph.op("Gather", graph.constant(step.weights), order, axis=0)
    so_far = graph.op("CumSum", weights, graph.constant(1, np.int64))
    reached = graph.op("GreaterOrEqual", graph.op("Mul", graph.number(2.0), so_far), last(graph, so_far, count))
    first = graph.op("ArgMax", graph.cast(reached, "INT32"), axis=1, keepdims=1)
    position = graph.op("GatherElements", order, first, axis=1)
    return [graph.op("GatherElements", matrix, position, axis=1)]


def _kernel(registers: Registers, step: Kernel, _: str) -> list[str]:
    graph = registers.graph
    vectors = np.array(step.vectors, np.float64)
    if step.kernel == "rbf":
        similar = _radial(registers, step, vectors)
    else:
        dots = weighted(registers, step.of, step.vectors, 0.0)
        base = graph.op("Add", graph.op("Mul", graph.number(step.gamma), dots), graph.number(step.constant))
        similar = graph.op("Tanh", base) if step.kernel == "sigmoid" else _power(graph, base, step.degree)
    terms = graph.op("Mul", graph.constant([step.coefficients]), similar)
    start = registers.every_row(graph.number(step.intercept))
    return [sums(graph, graph.op("Concat", start, terms, axis=1), len(vectors) + 1)]


def _radial(registers: Registers, step: Kernel, vectors: Any) -> str:  # noqa: ANN401
    graph = registers.graph
    total = graph.number(0.0)
    for position, register in enumerate(step.of):
        apart = graph.op("Sub", registers.columns[register], graph.constant(vectors[:, position][None, :]))
        total = graph.op("Add", total, graph.op("Mul", apart, apart))
    return graph.op("Exp", graph.op("Neg", graph.op("Mul", graph.number(step.gamma), total)))


def _power(graph: Graph, base: str, degree: int) -> str:
    power = base
    for _ in range(degree - 1):
        power = graph.op("Mul", power, base)
    return power


FORMULAS: dict[type, Callable[[Registers, Any, str], list[str]]] = {
    LinkStep: _link,
    Product: _product,
    Ratio: _ratio,
    Piecewise: _piecewise,
    Quadratic: _quadratic,
    Median: _median,
    Kernel: _kernel,
}
