"""What rounding decides of a program's scores: how far they move, and where their sums cancel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore.readers.writing.steps import defines
from pgscore.vector.evaluator import Evaluator
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract

    from .rows import Row

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]
    BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

EXACT = 1e-12
_VARIATIONS = 4
# Where a label is all that moves, too few of them all fall on one side.
_VARIATIONS_OF_LABELS = 16
_MARGIN = 3.0
_LARGEST_ANGLE = 1e9


def evaluate(document: dict[str, Any], contract: Contract, rows: Sequence[Row]) -> FloatArray:
    """The outputs of a program, evaluated for all rows; NaN where there are none."""
    program = parse_program(json.dumps(document))
    columns = [
        np.array([row[n] for row in rows], dtype=object)
        if each.is_text
        else np.array([np.nan if row[n] is None else row[n] for row in rows], dtype=float)
        for n, each in enumerate(contract.inputs)
    ]
    outputs: FloatArray = Evaluator(program).answers(columns, len(rows)).outputs
    return outputs


def is_hazard(document: dict[str, Any], contract: Contract, rows: Sequence[Row]) -> BoolArray:
    """Whether the processor decides of a row.

    Infinite terms of a sum cancel each other, where one that rounds term and sum at once has none; or a sine is taken
    of something computed that is so large that its last digit counts.
    """
    inputs, register = len(document["inputs"]), len(document["inputs"])
    sums: list[tuple[int, list[int]]] = []
    waves: list[int] = []
    for step in document["steps"]:
        if step["step"] == "linear":
            sums.append((register, [each for each in step["of"] if each >= inputs]))
        elif step.get("name") in ("sin", "cos") and step["of"] >= inputs:
            waves.append(step["of"])
        register += defines(step)
    hazard = np.zeros(len(rows), dtype=bool)
    read = sorted({each for one, of in sums for each in (one, *of)} | set(waves))
    if not read:
        return hazard
    plain = {name: value for name, value in document.items() if name not in ("decide", "require")}
    with np.errstate(all="ignore"):
        values = evaluate({**plain, "scores": read, "link": "identity"}, contract, rows)
    columns = dict(zip(read, values.T, strict=True))
    complete = np.array([None not in row for row in rows])
    for one, of in sums:
        missing = [np.isnan(columns[each]) for each in of]
        cancels = np.isnan(columns[one]) & ~np.logical_or.reduce([np.zeros_like(hazard), *missing])
        hazard |= cancels & complete
    for wave in waves:
        hazard |= np.abs(columns[wave]) > _LARGEST_ANGLE
    return hazard


def spread_of(
    document: dict[str, Any], contract: Contract, rows: Sequence[Row], outputs: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """How far outputs move where all constants of a program are off by 1e-12 of themselves, and where it is not far.

    That is how well a score is defined: no order of additions can be expected to be nearer to another one.
    """
    spread, steady = np.zeros(len(rows)), np.ones(len(rows), dtype=bool)
    random = np.random.default_rng(0)
    times = _VARIATIONS_OF_LABELS if contract.output.kind == "indicator" else _VARIATIONS
    with np.errstate(all="ignore"):
        for _ in range(times if any(step["step"] != "trees" for step in document["steps"]) else 0):
            other = evaluate({**document, "steps": _varied(document, random)}, contract, rows)[:, : outputs.shape[1]]
            moved = np.abs(other - outputs).max(axis=1)
            steady &= np.isfinite(other).all(axis=1) == np.isfinite(outputs).all(axis=1)
            spread = np.maximum(spread, np.where(np.isfinite(moved), moved, 0.0))
    largest = np.where(np.isfinite(outputs), np.abs(outputs), 1.0).max(axis=1)
    # What moves by a tenth of a thousandth has gone another way in a tree, or lost its digits.
    steady &= spread <= 1e-4 * np.maximum(largest, 1.0)
    return _MARGIN * spread, steady


# What is compared, and so exact, and what has an order that must stay.
_KEPT = (
    "keys", "sets", "feature", "left", "right", "degree", "target", "roots", "set", "missing_left", "of", "known",
    "knots", "minimum", "maximum",
)  # fmt: skip


def _varied(document: dict[str, Any], random: np.random.Generator) -> list[dict[str, Any]]:
    """The steps with all constants off by as much as 1e-12; tests of inputs, which are exact, stay."""
    inputs = len(document["inputs"])

    def vary(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, list):
            return [vary(each) for each in value]
        if isinstance(value, float):
            return value * (1 + EXACT * random.choice((-1.0, 1.0)))
        return value

    steps = []
    for step in document["steps"]:
        exact = step["step"] == "fill" or (step["step"] == "trees" and all(each < inputs for each in step["of"]))
        steps.append(
            dict(step) if exact else {name: each if name in _KEPT else vary(each) for name, each in step.items()}
        )
    return steps
