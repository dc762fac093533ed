"""From a fitted estimator to a program, where it can become one; else what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgscore.errors import NotAProgramError
from pgscore.readers import Reading, absolute_terms, read_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract

    from .describe import GoldenRow

_LARGEST = 1e300
# Of probabilities.
_LAST_BITS = 4e-16
# Two probabilities, and the label's position.
_TWO_CLASSES = 3


def compile_program(estimator: Any, contract: Contract) -> tuple[Reading | None, str | None]:  # noqa: ANN401
    """The program of a fitted estimator and None; or None and which part cannot be part of one."""
    try:
        return read_program(estimator, contract), None
    except NotAProgramError as obstacle:
        return None, str(obstacle)


def tolerant(contract: Contract, reading: Reading | None) -> Contract:
    """The contract with the tolerance that follows from how the estimator adds."""
    if reading is None or reading.tolerance is None:
        return contract
    return replace(contract, tolerance=reading.tolerance.relative)


def scaled(golden_rows: Sequence[GoldenRow], contract: Contract, reading: Reading | None) -> list[GoldenRow]:
    """Golden rows with the scales by which differences of scores are measured, where these are sums.

    Where rounding decides which of two classes is the likelier, only the score counts.
    """
    if reading is None:
        return list(golden_rows)
    terms = absolute_terms(reading.program, [row.inputs for row in golden_rows])
    scales = [min(term, _LARGEST) for term in terms]
    if reading.tolerance is None or contract.tolerance is None:
        # Scores that differ in the last bit may have equal probabilities, and estimators tell classes by their scores.
        hides_ties = reading.program["link"] in ("logistic", "softmax", "one_vs_rest", "one_vs_all")
        return [
            replace(row, scale=scale, outputs=None if hides_ties and _is_close(row, _LAST_BITS) else row.outputs)
            for row, scale in zip(golden_rows, scales, strict=True)
        ]
    found = []
    for row, scale in zip(golden_rows, scales, strict=True):
        larger = max(scale, reading.tolerance.terms)
        undecided = _is_close(row, 2 * contract.tolerance * max(1, larger))
        found.append(replace(row, scale=larger, outputs=None if undecided else row.outputs))
    return found


def _is_close(row: GoldenRow, distance: float) -> bool:
    """Whether the probabilities of the two likeliest classes are no farther apart than this."""
    if row.outputs is None or len(row.outputs) < _TWO_CLASSES:
        return False
    largest, second = sorted(row.outputs[:-1])[:-3:-1]
    return largest - second <= distance
