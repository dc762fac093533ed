"""From a fitted estimator to a program, where it can become one; else what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

from pgscore.errors import NotAProgramError
from pgscore.readers import (
    Reading,
    absolute_terms,
    decided_by,
    deciding_terms,
    read_program,
    scores_of,
    single_errors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract

    from .describe import GoldenRow

_LARGEST = 1e300
# What is tolerated of sums of doubles.
_ROUNDINGS = 1e-12
# Of probabilities.
_LAST_BITS = 4e-16
# Two probabilities, and the label's position.
_TWO_CLASSES = 3


def compile_program(
    estimator: Any,  # noqa: ANN401
    contract: Contract,
    golden_rows: Sequence[GoldenRow] = (),
) -> tuple[Reading | None, str | None]:
    """The program of a fitted estimator and None; or None and which part cannot be part of one."""
    examples = {
        each.name: {row.inputs[each.name] for row in golden_rows} - {None} for each in contract.inputs if each.is_text
    }
    try:
        return read_program(estimator, contract, examples), None
    except NotAProgramError as obstacle:
        return None, str(obstacle)


def completed(contract: Contract, reading: Reading | None) -> Contract:
    """The contract with what reading has told: a tolerance, by how it adds, texts of categories, and reason codes."""
    if reading is None:
        return contract
    tolerance = None if reading.tolerance is None else reading.tolerance.relative
    return replace(contract, tolerance=tolerance, hashed=reading.hashed, reason_codes=reading.reason_codes)


def labelled(golden_rows: Sequence[GoldenRow], contract: Contract, reading: Reading) -> list[GoldenRow]:
    """Golden rows with a label where their tool told probabilities alone: the likeliest, or what the program decides.

    So that the engines are compared with each other.
    """
    if contract.output.kind != "probability":
        return list(golden_rows)
    decided = decided_by(reading.program, [row.inputs for row in golden_rows])
    found = []
    for row, numbers in zip(golden_rows, decided, strict=True):
        outputs = row.outputs
        if outputs is not None and isnan(outputs[-1]):
            deciding = list(numbers or outputs[:-1])
            place = deciding.index(max(deciding))
            if reading.program["tie"] == "last":
                place = len(deciding) - 1 - deciding[::-1].index(max(deciding))
            outputs = [*outputs[:-1], float(place)]
        found.append(replace(row, outputs=outputs))
    return found


def scaled(golden_rows: Sequence[GoldenRow], contract: Contract, reading: Reading | None) -> list[GoldenRow]:
    """Golden rows with the scales by which differences of scores are measured, where these are sums.

    Where rounding decides which of two classes is the likelier, only the score counts.
    """
    if reading is None:
        return list(golden_rows)
    rows = [row.inputs for row in golden_rows]
    scales = [min(term, _LARGEST) for term in absolute_terms(reading.program, rows)]
    compared = decided_by(reading.program, rows)
    if (
        contract.tolerance is None
        and any(compared)
        and any(step["step"] in ("linear", "kernel") for step in reading.program["steps"])
    ):
        # What is decided by the last digits of a sum of doubles.
        tolerance, terms = _ROUNDINGS, 0.0
    elif reading.tolerance is None or contract.tolerance is None:
        # Scores that differ in the last bit may have equal probabilities, and estimators tell classes by their scores.
        hides_ties = reading.program["link"] in ("logistic", "softmax", "one_vs_rest", "one_vs_all")
        sums = scores_of(reading.program, rows) if hides_ties and not any(compared) else [None] * len(rows)
        found = []
        for row, scale, numbers, before in zip(golden_rows, scales, compared, sums, strict=True):
            is_tie = _is_close(row, numbers, _LAST_BITS) or (
                # Before the link, sums of large terms are off by more.
                before is not None and _is_close(row, before, 2 * _ROUNDINGS * scale)
            )
            found.append(replace(row, scale=scale, outputs=None if hides_ties and is_tie else row.outputs))
        return found
    else:
        tolerance, terms = contract.tolerance, reading.tolerance.terms
    found = []
    errors = single_errors(reading.program, reading.errors, rows)
    deciding = deciding_terms(reading.program, rows)
    for row, scale, numbers, error, most in zip(golden_rows, scales, compared, errors, deciding, strict=True):
        larger = min(max(scale, terms, error / tolerance), _LARGEST)
        undecided = _is_close(row, numbers, 2 * tolerance * max(1, larger, most))
        found.append(replace(row, scale=larger, outputs=None if undecided else row.outputs))
    return found


def _is_close(row: GoldenRow, compared: Sequence[float] | None, distance: float) -> bool:
    """Whether the two largest of the numbers that decide, or else of the probabilities, are no farther apart."""
    if row.outputs is None or len(row.outputs) < _TWO_CLASSES:
        return False
    largest, second = sorted(compared or row.outputs[:-1])[:-3:-1]
    return largest - second <= distance
