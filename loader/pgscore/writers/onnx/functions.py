"""Functions of one number as ONNX operators: to the last bits what `pgscore_runtime.functions` says of each."""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .graph import Graph


def expit(graph: Graph, x: str) -> str:
    """1 / (1 + exp(-x)): the operator Sigmoid gives 0 below -37."""
    return graph.op("Reciprocal", graph.op("Add", graph.number(1.0), graph.op("Exp", graph.op("Neg", x))))


def _reciprocal(graph: Graph, x: str) -> str:
    # Of -0 too.
    return graph.choose(graph.op("Equal", x, graph.number(0.0)), graph.number(inf), graph.op("Reciprocal", x))


def _trunc(graph: Graph, x: str) -> str:
    return graph.op("Mul", graph.op("Sign", x), graph.op("Floor", graph.op("Abs", x)))


def _log1p(graph: Graph, x: str) -> str:
    one = graph.number(1.0)
    rounded = graph.op("Add", one, x)
    lost = graph.choose(
        graph.op("LessOrEqual", x, one),
        graph.op("Sub", x, graph.op("Sub", rounded, one)),
        graph.op("Sub", one, graph.op("Sub", rounded, x)),
    )
    found = graph.op("Add", graph.op("Log", rounded), graph.op("Div", lost, rounded))
    # Where it is infinite, the correction is none.
    ends = graph.op("Or", graph.op("Equal", x, graph.number(-1.0)), graph.op("Equal", x, graph.number(inf)))
    return graph.choose(ends, graph.op("Log", rounded), found)


def _expm1(graph: Graph, x: str) -> str:
    one = graph.number(1.0)
    power = graph.op("Exp", x)
    less = graph.op("Sub", power, one)
    near = graph.op("Mul", less, graph.op("Div", x, graph.op("Log", power)))
    far = graph.choose(graph.op("Less", graph.op("Abs", x), one), near, less)
    return graph.choose(graph.op("Equal", power, one), x, far)


def _logit(graph: Graph, x: str) -> str:
    return graph.op("Log", graph.op("Div", x, graph.op("Sub", graph.number(1.0), x)))


def _log10(graph: Graph, x: str) -> str:
    return graph.op("Mul", graph.op("Log", x), graph.number(1 / log(10)))


def _cos(graph: Graph, x: str) -> str:
    # 1 - 2 sin(x / 2)^2: ONNX Runtime has Cos of doubles only since a later release than 1.17.
    half = graph.op("Sin", graph.op("Mul", x, graph.number(0.5)))
    return graph.op("Sub", graph.number(1.0), graph.op("Mul", graph.number(2.0), graph.op("Mul", half, half)))


def _operator(kind: str) -> Callable[[Graph, str], str]:
    return lambda graph, x: graph.op(kind, x)


FUNCTIONS: dict[str, Callable[[Graph, str], str]] = {
    "abs": _operator("Abs"),
    "sqrt": _operator("Sqrt"),
    "square": lambda graph, x: graph.op("Mul", x, x),
    "sign": _operator("Sign"),
    "trunc": _trunc,
    "floor": _operator("Floor"),
    "ceil": _operator("Ceil"),
    "relu": _operator("Relu"),
    "reciprocal": _reciprocal,
    "exp": _operator("Exp"),
    "expm1": _expm1,
    "log": _operator("Log"),
    "log10": _log10,
    "log1p": _log1p,
    "logit": _logit,
    "expit": expit,
    "tanh": _operator("Tanh"),
    "sin": _operator("Sin"),
    "cos": _cos,
}
