"""Links as ONNX operators: of a column for each score to a column for each output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .functions import expit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore_runtime.links import Link

    from .graph import Graph


def linked(graph: Graph, link: Link, scores: Sequence[str]) -> list[str]:
    """The outputs of a link, columns."""
    return _LINKS[link](graph, list(scores))


def _logistic(graph: Graph, scores: list[str]) -> list[str]:
    probability = expit(graph, scores[0])
    return [graph.op("Sub", graph.number(1.0), probability), probability]


def columns(graph: Graph, matrix: str, count: int) -> list[str]:
    """The columns of a matrix."""
    return [graph.op("Gather", matrix, graph.constant([n], np.int64), axis=1) for n in range(count)]


def _softmax(graph: Graph, scores: list[str]) -> list[str]:
    # Where one is NaN, or the largest infinite, so is one of the powers NaN, and their sum.
    matrix = graph.op("Concat", *scores, axis=1)
    powers = graph.op("Exp", graph.op("Sub", matrix, graph.op("ReduceMax", matrix, axes=[1])))
    total = graph.op("ReduceSum", powers, graph.constant([1], np.int64))
    return columns(graph, graph.op("Div", powers, total), len(scores))


def _one_vs_rest(graph: Graph, scores: list[str]) -> list[str]:
    return _normalize(graph, [expit(graph, score) for score in scores])


def _normalize(graph: Graph, scores: list[str]) -> list[str]:
    matrix = graph.op("Concat", *scores, axis=1)
    sums = graph.op("CumSum", matrix, graph.constant(1, np.int64))
    total = graph.op("Gather", sums, graph.constant([len(scores) - 1], np.int64), axis=1)
    nothing = graph.op("Equal", total, graph.number(0.0))
    found = graph.choose(nothing, graph.number(1 / len(scores)), graph.op("Div", matrix, total))
    return columns(graph, found, len(scores))


def _sign(graph: Graph, scores: list[str]) -> list[str]:
    positive = graph.cast(graph.op("Greater", scores[0], graph.number(0.0)), "DOUBLE")
    return [graph.op("Sub", graph.number(1.0), positive), positive]


def _argmax(graph: Graph, scores: list[str]) -> list[str]:
    matrix = graph.op("Concat", *scores, axis=1)
    # The first NaN, where there is one.
    missing = graph.cast(graph.op("IsNaN", matrix), "DOUBLE")
    any_missing = graph.op("Greater", graph.op("ReduceMax", missing, axes=[1]), graph.number(0.0))
    best = graph.op("ArgMax", graph.choose(any_missing, missing, matrix), axis=1, keepdims=1)
    return [graph.cast(graph.op("Equal", best, graph.constant([[n]], np.int64)), "DOUBLE") for n in range(len(scores))]


_LINKS: dict[Link, Callable[[Graph, list[str]], list[str]]] = {
    "identity": lambda _, scores: scores,
    "logistic": _logistic,
    "softmax": _softmax,
    "one_vs_rest": _one_vs_rest,
    "normalize": _normalize,
    "sign": _sign,
    "argmax": _argmax,
    "exp": lambda graph, scores: [graph.op("Exp", scores[0])],
    "expit": lambda graph, scores: [expit(graph, scores[0])],
    "one_vs_all": lambda graph, scores: [expit(graph, score) for score in scores],
    "square_signed": lambda graph, scores: [graph.op("Mul", scores[0], graph.op("Abs", scores[0]))],
}
