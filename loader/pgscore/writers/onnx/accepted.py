"""Which rows a program gives a score, as ONNX operators."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.program import Program

    from .steps import Registers


def accepted(registers: Registers, program: Program) -> str | None:
    """Whether a row is accepted, a column of booleans; None where each is."""
    tests = [*_inputs(registers, program), *_bounded(registers, program)]
    found = None
    for test in tests:
        found = test if found is None else registers.graph.op("And", found, test)
    return found


def _inputs(registers: Registers, program: Program) -> list[str]:
    """What is asked of texts, and of numbers of which only some are known."""
    graph, tests = registers.graph, []
    for position, each in enumerate(program.inputs):
        if each.known is None:
            continue
        known = sorted(each.known, key=lambda value: (str(type(value)), value))
        registers.keys(position, known, f"inputs[{position}].known")
        value = registers.columns[position]
        if not known:
            test = graph.op("Expand", graph.constant([[False]], np.bool_), graph.op("Shape", value))
        else:
            test = graph.cast(graph.encode(value, known, np.ones(len(known), np.int64), 0), "BOOL")
        missing = registers.is_missing(position) if each.nullable else None
        tests.append(test if missing is None else graph.op("Or", test, missing))
    return tests


def _bounded(registers: Registers, program: Program) -> list[str]:
    """What is asked of numbers, of inputs and of what steps compute; all at once for those that may be missing."""
    asked = [
        (position, each.nullable, each.minimum, each.maximum)
        for position, each in enumerate(program.inputs)
        if not each.is_text
    ]
    asked += [(each.of, each.nullable, each.minimum, each.maximum) for each in program.require]
    tests = []
    for nullable in (False, True):
        those = [each for each in asked if each[1] == nullable and (not nullable or each[2:] != (-inf, inf))]
        if those:
            tests.append(_within(registers, those, nullable=nullable))
    return tests


def _within(registers: Registers, asked: Sequence[tuple[int, bool, float, float]], *, nullable: bool) -> str:
    graph = registers.graph
    matrix = registers.matrix([each[0] for each in asked])
    # NaN is within nothing, not even from minus infinity to infinity.
    inside = graph.op(
        "And",
        graph.op("LessOrEqual", graph.constant([[each[2] for each in asked]]), matrix),
        graph.op("LessOrEqual", matrix, graph.constant([[each[3] for each in asked]])),
    )
    if nullable:
        inside = graph.op("Or", inside, graph.op("IsNaN", matrix))
    if len(asked) == 1:
        return inside
    return graph.cast(graph.op("ReduceMin", graph.cast(inside, "INT32"), axes=[1]), "BOOL")
