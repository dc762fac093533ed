"""What the fitted estimator says of rows, asked on the client as its owner would, and how exact that can be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pgscore.publishing.fitted import native_categories
from pgscore.publishing.oracle import Oracle
from pgscore.readers import absolute_terms, deciding_terms
from pgscore.vector.evaluator import Evaluator
from pgscore_runtime.program import parse_program
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.svm._base import BaseLibSVM
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers import Reading
    from pgscore_runtime.contract import Contract

    from .rows import Row

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

EXACT = 1e-12
# Of rows that the program refuses so many are asked about: one by one, which takes long.
_MOST_REFUSED = 8
_LARGEST = 1e300
# A number that is read as a float32 sum overflows there.
_LARGEST_SINGLE = 1e38
_VARIATIONS = 4
_MARGIN = 3.0


@dataclass
class Expected:
    """What is expected of a row.

    Attributes:
        outputs: of the estimator, the label's position last; None where it refuses the row or gives no number.
        allowed: how far an output may be from that.
        decided: whether rounding decides nothing: neither overflows, nor which class, nor which way in a tree.
        asked: whether the estimator was asked.
        lead: where the label does not go by outputs, how much larger the number that decides is than the next one,
            less what rounding may make of that.
    """

    outputs: list[float] | None
    allowed: float
    decided: bool = True
    asked: bool = True
    lead: float | None = None


def frame_of(contract: Contract, rows: Sequence[Row], nothing: float | None) -> pd.DataFrame:
    """Rows as the database hands them over: numbers as doubles, texts as objects, booleans as booleans."""
    columns: dict[str, Any] = {}
    for position, each in enumerate(contract.inputs):
        values = [row[position] for row in rows]
        if each.type == "double precision":
            columns[each.name] = np.array([np.nan if value is None else value for value in values], dtype=float)
        elif each.type == "text":
            columns[each.name] = pd.Series([nothing if value is None else value for value in values], dtype=object)
        elif None in values:
            found = [nothing if value is None else bool(value) for value in values]
            columns[each.name] = pd.Series(found, dtype=object)
        else:
            columns[each.name] = np.array(values, dtype=bool)
    return pd.DataFrame(columns)


def ask(
    estimator: Any,  # noqa: ANN401
    contract: Contract,
    rows: Sequence[Row],
    likely: Sequence[bool],
) -> list[FloatArray | bool | None]:
    """What an estimator says of each row: outputs, None where it refuses, False where it was not asked.

    Args:
        estimator: fitted.
        contract: how it wants rows.
        rows: the rows.
        likely: which of them it probably answers: they are asked about together.
    """
    known = native_categories(estimator, [each.name for each in contract.inputs])
    # An owner asks with frames; arrays of truths and numbers take what frames do not.
    framed = contract.frame or any(each.type == "boolean" for each in contract.inputs)
    oracle = Oracle(estimator, contract.output, framed=framed, known=known)
    oracle.categorical = contract.categorical
    found: list[FloatArray | bool | None] = [False] * len(rows)
    gaps = [any(each.type == "boolean" and row[n] is None for n, each in enumerate(contract.inputs)) for row in rows]

    def some(chosen: list[int]) -> None:
        """Halves what is refused until the rows are found that are to blame."""
        if not chosen:
            return
        try:
            answers = oracle.outputs(frame_of(contract, [rows[n] for n in chosen], oracle.nothing))
        except Exception:  # whatever a library refuses with
            if len(chosen) == 1:
                found[chosen[0]] = None
                return
            some(chosen[: len(chosen) // 2])
            some(chosen[len(chosen) // 2 :])
            return
        for n, answer in zip(chosen, answers, strict=True):
            found[n] = None if np.isnan(answer).any() else answer

    with threadpool_limits(1):
        # A missing truth makes objects of its column for all rows.
        for gap in (False, True):
            some([n for n in range(len(rows)) if likely[n] and gaps[n] == gap])
        unlikely = [n for n in range(len(rows)) if not likely[n]]
        for n in unlikely[:: 1 + len(unlikely) // _MOST_REFUSED]:
            some([n])
    return found


def expect(
    estimator: Any,  # noqa: ANN401
    contract: Contract,
    reading: Reading | None,
    rows: Sequence[Row],
) -> list[Expected]:
    """What is expected of each row."""
    if reading is None:
        answers = ask(estimator, contract, rows, [_complete(contract, row) for row in rows])
        found = [_plainly(answer, np.inf) for answer in answers]
        if contract.output.kind == "indicator" and _holds(estimator, _guesses):
            # The label is another one in another place among the rows that it is asked about.
            for each in found:
                each.decided = each.outputs is None
        return found
    outputs = evaluate(reading.program, contract, rows)
    width = outputs.shape[1] - len(reading.program.get("decide", ()))
    deciding, outputs = outputs[:, width:], outputs[:, :width]
    likely = [not any(row) for row in np.isnan(outputs).tolist()]
    answers = ask(estimator, contract, rows, likely)
    names = [each.name for each in contract.inputs]
    named = [dict(zip(names, row, strict=True)) for row in rows]
    terms = absolute_terms(reading.program, named)
    spread, steady = _spread(reading.program, contract, rows, outputs)
    # LIBSVM's products with large numbers overflow, and the weights that are folded of them do not.
    overflows = _holds(estimator, lambda part: isinstance(part, BaseLibSVM))
    found = []
    for n, answer in enumerate(answers):
        expected = _plainly(answer, 0.0)
        scale = max(1.0, terms[n])
        if expected.outputs is not None:
            largest = max(map(abs, expected.outputs[:-1] if contract.output.classes else expected.outputs), default=0.0)
            if reading.tolerance is not None:
                scale = max(scale, largest, reading.tolerance.terms)
                expected.allowed = max(reading.tolerance.relative, EXACT) * scale
                expected.decided = scale < _LARGEST_SINGLE
            else:
                expected.allowed = max(EXACT * max(scale, largest), spread[n])
                expected.decided = bool(steady[n]) and scale < _LARGEST
        elif not scale < _LARGEST or (reading.tolerance is not None and _wild(rows[n])):
            # It overflows there, and not here.
            expected.decided = False
        if overflows and any(isinstance(each, float) and _LARGEST <= abs(each) < np.inf for each in rows[n]):
            expected.decided = False
        found.append(expected)
    if deciding.size:
        _lead(estimator, contract, rows, found, deciding, deciding_terms(reading.program, named))
    return found


def _lead(
    estimator: Any,  # noqa: ANN401
    contract: Contract,
    rows: Sequence[Row],
    expected: Sequence[Expected],
    deciding: FloatArray,
    terms: Sequence[float],
) -> None:
    """Notes by how much labels are decided: where the estimator gives a row another one in company, by nothing."""
    first, second = np.sort(deciding, axis=1)[:, :-3:-1].T
    for n, each in enumerate(expected):
        if each.outputs is None:
            continue
        each.lead = float(first[n] - second[n] - 2 * max(EXACT * terms[n], each.allowed))
        if each.lead > 0 and deciding[n, int(each.outputs[-1])] != first[n]:
            (alone,) = ask(estimator, contract, [rows[n]], [True])
            if isinstance(alone, np.ndarray) and alone[-1] != each.outputs[-1]:
                each.lead = 0.0


def _guesses(part: BaseEstimator) -> bool:
    """Whether it draws labels at random, one for each row that it is given."""
    return isinstance(part, DummyClassifier) and part.strategy in ("stratified", "uniform")


def _holds(estimator: Any, asked: Callable[[BaseEstimator], bool]) -> bool:  # noqa: ANN401
    """Whether an estimator has such a part."""
    waiting, seen = [estimator], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, BaseEstimator) and id(each) not in seen:
            seen.add(id(each))
            if asked(each):
                return True
            waiting += vars(each).values()
    return False


def _wild(row: Row) -> bool:
    return any(isinstance(value, float) and abs(value) > _LARGEST_SINGLE for value in row)


def _complete(contract: Contract, row: Row) -> bool:
    return all(each.nullable or value is not None for each, value in zip(contract.inputs, row, strict=True))


def _plainly(answer: FloatArray | bool | None, allowed: float) -> Expected:
    if answer is False:
        return Expected(None, allowed, asked=False)
    return Expected(None if answer is None or answer is True else answer.tolist(), allowed)


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


def _spread(
    document: dict[str, Any], contract: Contract, rows: Sequence[Row], outputs: FloatArray
) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
    """How far outputs move where all constants of a program are off by 1e-12 of themselves, and where it is not far.

    That is how well a score is defined: no order of additions can be expected to be nearer to another one.
    """
    spread, steady = np.zeros(len(rows)), np.ones(len(rows), dtype=bool)
    random = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for _ in range(_VARIATIONS if any(step["step"] != "trees" for step in document["steps"]) else 0):
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
