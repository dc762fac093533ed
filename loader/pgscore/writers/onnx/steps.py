"""The steps of a program as ONNX operators, but trees and formulas, which have modules of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore_runtime.steps import Affine, Clip, Fill, Function, Linear, Lookup, Missing

from pgscore.writers.not_written import NotWrittenError

from .functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .graph import Graph

_OPERATORS = {"subtract": "Sub", "divide": "Div", "multiply": "Mul", "add": "Add"}


@dataclass
class Registers:
    """What stands in the registers that were written so far.

    Attributes:
        graph: where they are written.
        columns: the name of each, rows x 1; of what nothing needs an empty text.
        first_input: an input, which has as many rows as there are.
        missing_texts: the registers that hold texts; whether an empty one stands for a missing one.
        exact: the registers whose last bits have to be those of the program.
    """

    graph: Graph
    columns: list[str]
    first_input: str
    missing_texts: dict[int, bool]
    exact: set[int] = field(default_factory=set)

    def every_row(self, constant: str) -> str:
        """A constant column, once for each row."""
        return self.graph.op("Expand", constant, self.graph.op("Shape", self.first_input))

    def matrix(self, of: Sequence[int]) -> str:
        """Registers beside each other: rows x so many."""
        return self.graph.op("Concat", *(self.columns[register] for register in of), axis=1)

    def is_missing(self, register: int) -> str | None:
        """Whether it is missing, a column of booleans; None where it never is."""
        column = self.columns[register]
        if register not in self.missing_texts:
            return self.graph.op("IsNaN", column)
        if not self.missing_texts[register]:
            return None
        return self.graph.cast(self.graph.encode(column, [""], np.array([1], np.int64), 0), "BOOL")

    def keys(self, register: int, keys: Sequence[Any], place: str) -> None:
        """Holds that texts that are compared with a register are not taken for a missing one.

        Raises:
            NotWrittenError: one of them is empty.
        """
        if self.missing_texts.get(register) and "" in keys:
            raise NotWrittenError(
                place, "knows the empty text, which stands for a missing one in ONNX, as that has no NULL"
            )


def last(graph: Graph, matrix: str, count: int) -> str:
    """The last column of so many."""
    return graph.op("Gather", matrix, graph.constant([count - 1], np.int64), axis=1)


def sums(graph: Graph, matrix: str, count: int) -> str:
    """The sum of each row of so many columns, added from left to right."""
    return last(graph, graph.op("CumSum", matrix, graph.constant(1, np.int64)), count)


def weighted(registers: Registers, of: Sequence[int], weights: Sequence[Sequence[float]], start: float | None) -> str:
    """Weighted sums of registers: rows x as many as there are rows of weights.

    Args:
        registers: the registers.
        of: those that are added.
        weights: for each sum a weight for each of them.
        start: what is added to, where the order of additions is to be that of the program; None: it may be any.
    """
    graph = registers.graph
    matrix = np.array(weights, dtype=np.float64).reshape(len(weights), len(of)).T
    if start is None:
        return graph.op("MatMul", registers.matrix(of), graph.constant(matrix))
    total = graph.number(start)
    for position, register in enumerate(of):
        total = graph.op("Add", total, graph.op("Mul", registers.columns[register], graph.constant(matrix[[position]])))
    return total


def _affine(registers: Registers, step: Affine, _: str) -> list[str]:
    graph, value = registers.graph, registers.columns[step.of]
    for name, operand in step.operations:
        value = graph.op(_OPERATORS[name], value, graph.number(operand))
    return [value]


def _clip(registers: Registers, step: Clip, _: str) -> list[str]:
    bounds = [registers.graph.constant(bound) for bound in (step.minimum, step.maximum)]
    if (step.minimum, step.maximum) == (-inf, inf):
        return [registers.columns[step.of]]
    return [registers.graph.op("Clip", registers.columns[step.of], *bounds)]


def _function(registers: Registers, step: Function, _: str) -> list[str]:
    return [FUNCTIONS[step.name](registers.graph, registers.columns[step.of])]


def _fill(registers: Registers, step: Fill, _: str) -> list[str]:
    graph, value, missing = registers.graph, registers.columns[step.of], registers.is_missing(step.of)
    if missing is None:
        return [value]
    texts = isinstance(step.value, str)
    return [graph.choose(missing, graph.constant([[step.value]], object if texts else np.float64), value)]


def _missing(registers: Registers, step: Missing, _: str) -> list[str]:
    missing = registers.is_missing(step.of)
    if missing is None:
        return [registers.every_row(registers.graph.number(0.0))]
    return [registers.graph.cast(missing, "DOUBLE")]


def _lookup(registers: Registers, step: Lookup, place: str) -> list[str]:
    graph, value = registers.graph, registers.columns[step.of]
    keys, values = list(step.table), list(step.table.values())
    registers.keys(step.of, keys, f"{place}.keys")
    if step.of in registers.missing_texts:
        if registers.missing_texts[step.of]:
            keys, values = [*keys, ""], [*values, step.missing]
        if not keys:
            return [registers.every_row(graph.number(step.unknown))]
        return [graph.encode(value, keys, np.array(values, np.float64), step.unknown)]
    found = registers.every_row(graph.number(step.unknown))
    if keys:
        found = graph.encode(value, keys, np.array(values, np.float64), step.unknown)
    return [graph.choose(graph.op("IsNaN", value), graph.number(step.missing), found)]


def _linear(registers: Registers, step: Linear, _: str, exact: bool = True) -> list[str]:
    graph = registers.graph
    if not step.of:
        return [registers.every_row(graph.number(step.intercept))]
    if not exact:
        found = weighted(registers, step.of, [step.weights], None)
        return [graph.op("Add", found, graph.number(step.intercept)) if step.intercept else found]
    terms = graph.op("Mul", registers.matrix(step.of), graph.constant([step.weights]))
    start = registers.every_row(graph.number(step.intercept))
    return [sums(graph, graph.op("Concat", start, terms, axis=1), len(step.of) + 1)]


def linears(registers: Registers, steps: Sequence[Linear], *, exact: bool) -> list[str]:
    """Several sums of the same registers, as a layer of a neural network has them, at once."""
    graph = registers.graph
    if len(steps) == 1 or not steps[0].of:
        return [_linear(registers, step, "", exact)[0] for step in steps]
    found = weighted(registers, steps[0].of, [step.weights for step in steps], None)
    layer = graph.op("Add", found, graph.constant([[step.intercept for step in steps]]))
    return [graph.op("Gather", layer, graph.constant([n], np.int64), axis=1) for n in range(len(steps))]


STEPS: dict[type, Callable[[Registers, Any, str], list[str]]] = {
    Affine: _affine,
    Clip: _clip,
    Function: _function,
    Fill: _fill,
    Missing: _missing,
    Lookup: _lookup,
    Linear: _linear,
}
