"""What the fitted estimator says of rows, asked on the client as its owner would, and how exact that can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pgscore.publishing.fitted import native_categories
from pgscore.publishing.oracle import Oracle
from pgscore.readers import absolute_terms, deciding_terms
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.svm._base import BaseLibSVM
from threadpoolctl import threadpool_limits

from .rounding import EXACT, evaluate, is_hazard, spread_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgscore.readers import Reading
    from pgscore_runtime.contract import Contract

    from .rows import Row

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

# Of rows that the program refuses so many are asked about: one by one, which takes long.
_MOST_REFUSED = 8
_LARGEST = 1e300
# A number that is read as a float32 sum overflows there.
_LARGEST_SINGLE = 1e38


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
    gaps = [_lacks_truth(contract, row) for row in rows]

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
        return _expect_without_program(estimator, contract, rows)
    outputs = evaluate(reading.program, contract, rows)
    width = outputs.shape[1] - len(reading.program.get("decide", ()))
    deciding, outputs = outputs[:, width:], outputs[:, :width]
    likely = [not any(row) for row in np.isnan(outputs).tolist()]
    answers = ask(estimator, contract, rows, likely)
    names = [each.name for each in contract.inputs]
    named = [dict(zip(names, row, strict=True)) for row in rows]
    terms = absolute_terms(reading.program, named)
    spread, steady = spread_of(reading.program, contract, rows, outputs)
    hazard = is_hazard(reading.program, contract, rows)
    overflows = _multiplies_vectors(estimator)
    found = []
    for n, answer in enumerate(answers):
        expected = _plainly(answer, 0.0)
        scale = max(1.0, terms[n])
        if expected.outputs is not None:
            largest = max(map(abs, expected.outputs[:-1] if contract.output.classes else expected.outputs), default=0.0)
            if reading.tolerance is not None:
                scale = max(scale, largest, reading.tolerance.terms)
                expected.allowed = max(max(reading.tolerance.relative, EXACT) * scale, spread[n])
                expected.decided = bool(steady[n]) and scale < _LARGEST_SINGLE
            else:
                expected.allowed = max(EXACT * max(scale, largest), spread[n])
                expected.decided = bool(steady[n]) and scale < _LARGEST
        elif not scale < _LARGEST or (reading.tolerance is not None and _wild(rows[n])):
            # It overflows there, and not here.
            expected.decided = False
        if hazard[n] or (overflows and any(isinstance(value, float) and abs(value) > _LARGEST for value in rows[n])):
            expected.decided = False
        found.append(expected)
    if deciding.size:
        _lead(estimator, contract, rows, found, deciding, deciding_terms(reading.program, named))
    return found


def _expect_without_program(
    estimator: Any,  # noqa: ANN401
    contract: Contract,
    rows: Sequence[Row],
) -> list[Expected]:
    complete = [_complete(contract, row) for row in rows]
    answers = ask(estimator, contract, rows, complete)
    found = [_plainly(answer, np.inf) for answer in answers]
    for each, row, whole in zip(found, rows, complete, strict=True):
        if not whole and _lacks_truth(contract, row):
            # Among objects an estimator may take what it refuses elsewhere, and such a row has no score.
            each.outputs, each.asked = None, False
    if any(isinstance(each, Nystroem) for each in _parts(estimator)):
        # Its sums end otherwise among other rows, and what is behind may refuse a number by its last digits.
        for each in found:
            each.decided = False
    if contract.output.kind == "indicator" and _guesses(estimator):
        # The label is another one in another place among the rows that it is asked about.
        for each in found:
            each.decided = each.outputs is None
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


def _guesses(estimator: Any) -> bool:  # noqa: ANN401
    """Whether a part of an estimator draws labels at random, one for each row that it is given."""
    return any(
        isinstance(each, DummyClassifier) and each.strategy in ("stratified", "uniform") for each in _parts(estimator)
    )


def _multiplies_vectors(estimator: Any) -> bool:  # noqa: ANN401
    """Whether a part of an estimator has products of vectors that overflow where a sum of weights does not."""
    return any(isinstance(each, Nystroem | BaseLibSVM) for each in _parts(estimator))


def _parts(estimator: Any) -> Iterator[BaseEstimator]:  # noqa: ANN401
    """An estimator, and those that it is made of."""
    waiting, seen = [estimator], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting += each
        elif (isinstance(each, BaseEstimator) or type(each).__module__ == "sklearn.calibration") and id(
            each
        ) not in seen:
            seen.add(id(each))
            if isinstance(each, BaseEstimator):
                yield each
            waiting += vars(each).values()


def _wild(row: Row) -> bool:
    return any(isinstance(value, float) and abs(value) > _LARGEST_SINGLE for value in row)


def _lacks_truth(contract: Contract, row: Row) -> bool:
    """Whether a boolean is missing, which makes objects of its column."""
    return any(each.type == "boolean" and value is None for each, value in zip(contract.inputs, row, strict=True))


def _complete(contract: Contract, row: Row) -> bool:
    return all(each.nullable or value is not None for each, value in zip(contract.inputs, row, strict=True))


def _plainly(answer: FloatArray | bool | None, allowed: float) -> Expected:
    if answer is False:
        return Expected(None, allowed, asked=False)
    return Expected(None if answer is None or answer is True else answer.tolist(), allowed)
