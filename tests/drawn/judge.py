"""Comparing what engines say with what the estimator says: a sentence for each difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract

    from .engines import Answer
    from .expected import Expected
    from .rows import Row


@dataclass
class Verdict:
    """What came of a comparison.

    Attributes:
        problems: a sentence for each engine that is wrong, with the first row where it is; the number of that row.
        compared: how many scores were compared.
        undecided: how many were not, as rounding decides them.
        largest: the largest difference, in parts of what is allowed, and by itself.
    """

    problems: list[tuple[str, int]] = field(default_factory=list)
    compared: int = 0
    undecided: int = 0
    largest: float = 0.0
    difference: float = 0.0


def judge(contract: Contract, rows: Sequence[Row], expected: Sequence[Expected], answers: Sequence[Answer]) -> Verdict:
    """Compares the answers of all engines."""
    verdict = Verdict()
    for answer in answers:
        places = answer.places if answer.places is not None else range(len(rows))
        for place, n in enumerate(places):
            problem = _problem(contract, expected[n], answer, place, verdict)
            if problem is not None:
                what = f"{answer.engine} ({answer.form}) {problem} for {_shown(contract, rows[n])}"
                verdict.problems.append((what, n))
                break
    return verdict


def _problem(contract: Contract, wanted: Expected, answer: Answer, place: int, verdict: Verdict) -> str | None:
    """What is wrong with an answer about a row."""
    score = answer.scores[place]
    if not wanted.decided:
        verdict.undecided += 1
        return None
    if wanted.outputs is None:
        # The program refuses some rows, as the estimator does those of them that it was asked about.
        whose = "estimator" if wanted.asked else "program"
        return None if score is None else f"gives {score!r}, where the {whose} gives nothing"
    given = _score(contract, wanted.outputs)
    if score is None:
        # `brief` leaves rare rows to the careful function.
        return None if answer.form == "brief" else f"gives nothing, where the estimator gives {given!r}"
    if contract.output.kind == "indicator":
        verdict.compared += 1
        return None if score == given else f"gives {score!r}, where the estimator gives {given!r}"
    outputs = answer.outputs[place] if answer.outputs is not None else None
    return _apart(contract, wanted, score, outputs, verdict)


def _apart(
    contract: Contract, wanted: Expected, score: float, outputs: Sequence[float] | None, verdict: Verdict
) -> str | None:
    """Where numbers are farther apart than is allowed, or labels differ that are no tie."""
    assert wanted.outputs is not None
    pairs = [(score, _score(contract, wanted.outputs))]
    if outputs is not None:
        last = -1 if contract.output.classes else None
        pairs += list(zip(outputs[:last], wanted.outputs[:last], strict=True))
    for one, other in pairs:
        verdict.compared += 1
        if one == other:
            continue
        difference = abs(one - other)
        if not difference <= wanted.allowed:
            apart = f"{difference:.2g} apart; {wanted.allowed:.2g} allowed"
            return f"gives {one!r}, where the estimator gives {other!r} ({apart})"
        if np.isfinite(wanted.allowed):
            verdict.difference = max(verdict.difference, difference / max(1.0, abs(other)))
            verdict.largest = max(verdict.largest, difference / wanted.allowed)
    if outputs is not None and contract.output.classes and outputs[-1] != wanted.outputs[-1]:
        likely = sorted(wanted.outputs[:-1])
        lead = likely[-1] - likely[-2] - 2 * wanted.allowed if wanted.lead is None else wanted.lead
        if lead > 0:
            return f"gives label {outputs[-1]:g}, where the estimator gives {wanted.outputs[-1]:g}"
    return None


def _score(contract: Contract, outputs: Sequence[float]) -> float:
    if contract.output.kind == "indicator":
        return float(outputs[0] == contract.output.positive)
    return float(outputs[contract.output.positive or 0])


def _shown(contract: Contract, row: Row) -> dict[str, Any]:
    return {each.name: value for each, value in zip(contract.inputs, row, strict=True)}
