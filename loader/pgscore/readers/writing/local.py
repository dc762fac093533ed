"""How far the score of a row may be from an estimator's that adds in single precision somewhere within."""

from __future__ import annotations

import json
from math import isnan
from typing import TYPE_CHECKING, Any

from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from .ranges import Range, of_step, through_link
from .steps import defines, reads
from .terms import given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # A step's first register, the step, and what it reads.
    _Placed = tuple[int, Mapping[str, Any], Sequence[int]]


def single_errors(
    document: Mapping[str, Any], errors: Mapping[int, float], rows: Sequence[Mapping[str, Any]]
) -> list[float]:
    """How far an output may be off at most, for each row.

    Args:
        document: a program.
        errors: how far registers of its may be off.
        rows: input values by name, as in golden rows.
    """
    if not errors:
        return [0.0] * len(rows)
    followed = _followed(document, errors)
    inputs = document["inputs"]
    read = sorted({each for _, _, of in followed for each in of} | set(document["scores"]) | set(errors))
    read = [each for each in read if each >= len(inputs) or inputs[each]["type"] != "text"]
    program = {key: value for key, value in document.items() if key != "decide"}
    interpreter = Interpreter(parse_program(json.dumps({**program, "scores": read, "link": "identity"})))
    found = []
    for numbers, texts in given(document, rows):
        values, _ = interpreter.outputs(numbers, texts)
        known = {} if values is None else dict(zip(read, values, strict=True))
        found.append(_error(document, errors, followed, known) if known else 0.0)
    return found


def _followed(document: Mapping[str, Any], errors: Mapping[int, float]) -> list[_Placed]:
    """The steps that read what may be off."""
    moved, register = set(errors), len(document["inputs"])
    found: list[_Placed] = []
    for step in document["steps"]:
        of, count = reads(step), defines(step)
        if not moved.isdisjoint(of):
            found.append((register, step, of))
            moved.update(range(register, register + count))
        register += count
    return found


def _error(
    document: Mapping[str, Any], errors: Mapping[int, float], followed: Sequence[_Placed], values: Mapping[int, float]
) -> float:
    ranges = {register: _around(values[register], error) for register, error in errors.items()}

    def of(register: int) -> Range:
        return ranges.get(register) or _around(values.get(register, 0.0), 0.0)

    for first, step, read in followed:
        for register, found in enumerate(of_step(step, [of(each) for each in read]), start=first):
            # What is noted of a register that follows from others is as far as it goes.
            if not found.error > errors.get(register, found.error):
                ranges[register] = found
    return max(each.error for each in through_link(document["link"], [of(score) for score in document["scores"]]))


def _around(value: float, error: float) -> Range:
    return Range(value - error, value + error, isnan(value), error, is_single=error > 0)
