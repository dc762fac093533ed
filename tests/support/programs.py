"""A fitted model beside its program: what both say of rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from math import inf, nextafter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pgscore.publishing.describe import describe
from pgscore.readers import absolute_terms, deciding_terms, read_program, single_errors
from pgscore.readers.algebra.singles import Tolerance
from pgscore_runtime.contract import Output
from pgscore_runtime.estimator import ServedEstimator
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract

    Rows = Sequence[Sequence[Any]]

NUMBERS = ["amount", "calls", "shift"]
_EXTREMES = [None, 0.0, np.inf, -np.inf, 5e-324, 1e39, -1e39, 3.4028235677973366e38, 1e308, -1e308]
_MOST_REFUSED = 12
_LARGEST_SINGLE = 1e38
_TEXTS = ["gold", "tin", "gold ", "GOLD", "", "zinc", None]


def customers(seed: int = 0, rows: int = 150, *, missing: bool = False) -> pd.DataFrame:
    """Three numbers of different sizes, a text and a boolean; the first row is complete."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": random.normal(200, 55, rows),
            "calls": random.integers(0, 9, rows).astype(float),
            "shift": random.normal(0, 1e-3, rows),
            "plan": random.choice(["gold", "silver", "tin", "wood"], rows, p=[0.4, 0.3, 0.2, 0.1]).astype(object),
            "flag": random.random(rows) < 0.4,
        }
    )
    if missing:
        frame["flag"] = frame["flag"].astype(object)
        for name in frame:
            frame.loc[(random.random(rows) < 0.15) & (frame.index > 0), name] = np.nan
    return frame


def labels(frame: pd.DataFrame, classes: int) -> np.ndarray:
    """Labels that have to do with the frame: so many classes, or numbers where that is 0."""
    noise = np.random.default_rng(1).normal(0, 20, len(frame))
    value = frame["amount"].fillna(200) + 30 * (frame["plan"] == "gold") + 15 * frame["calls"].fillna(4) + noise
    if classes == 0:
        return value.to_numpy()
    return pd.qcut(value, classes, labels=[f"class {n}" for n in range(classes)]).astype(str).to_numpy()


@dataclass
class Pair:
    """An estimator, its program, and how far they may be apart where the estimator adds in single precision."""

    estimator: Any
    contract: Contract
    document: dict[str, Any]
    tolerance: Tolerance | None = None
    errors: dict[int, float] = field(default_factory=dict)

    def both(self, rows: Rows) -> list[tuple[Sequence[Any], float | None, float | None]]:
        """Rows with what the estimator engine and the interpreter say of them; both refuse the same ones.

        What the interpreter refuses is asked about one by one, and not all of it: each row that is refused in an array
        costs the estimator engine a search.
        """
        interpreter = Interpreter(parse_program(json.dumps(self.document)))
        found, reasons = interpreter.scores(len(rows), *self._arrays(rows), self.contract.output.positive)
        refused = [n for n, reason in enumerate(reasons) if reason is not None]
        asked = [n for n, reason in enumerate(reasons) if reason is None]
        served = ServedEstimator(self.estimator, self.contract)
        for position in refused[:: 1 + len(refused) // _MOST_REFUSED]:
            scores, wanted = served.scores(1, *self._arrays([rows[position]]))
            assert scores == [None], (rows[position], reasons[position], scores)
            assert wanted != [None], (rows[position], reasons[position])
        expected, wanted = served.scores(len(asked), *self._arrays([rows[n] for n in asked]))
        for position, reason in zip(asked, wanted, strict=True):
            assert reason is None, (rows[position], reason)
        plain = [None if score is None or np.isnan(score) else score for score in expected]
        return [(rows[n], score, found[n]) for n, score in zip(asked, plain, strict=True)]

    def _arrays(self, rows: Rows) -> tuple[list[list[Any]], list[list[Any]]]:
        texts = [each.is_text for each in self.contract.inputs]
        return (
            [[value for value, text in zip(row, texts, strict=True) if not text] for row in rows],
            [[value for value, text in zip(row, texts, strict=True) if text] for row in rows],
        )

    def assert_identical(self, rows: Rows) -> None:
        """Both give the same doubles, and refuse the same rows."""
        for row, one, other in self.both(rows):
            assert one == other, (row, one, other)

    def assert_close(self, rows: Rows) -> None:
        """Both agree within 1e-12 of the sum of the absolute terms, and refuse the same rows."""
        answers = self.both(rows)
        names = [each.name for each in self.contract.inputs]
        scales = absolute_terms(self.document, [dict(zip(names, row, strict=True)) for row, _, _ in answers])
        for (row, one, other), scale in zip(answers, scales, strict=True):
            if not np.isfinite(scale):
                continue  # What overflows in one order of additions need not in another.
            assert (one is None) == (other is None), (row, one, other)
            assert one == other or abs(one - other) <= 1e-12 * scale, (row, one, other, scale)  # type: ignore[operator]

    def assert_predictions(self, rows: Rows) -> None:
        """All outputs agree within 1e-12 of the sum of the absolute terms, and the label where it is no tie."""
        kept = [row for row, one, _ in self.both(rows) if one is not None]
        numbers, texts = self._arrays(kept)
        wanted, _ = ServedEstimator(self.estimator, self.contract).outputs(len(kept), numbers, texts)
        names = [each.name for each in self.contract.inputs]
        named = [dict(zip(names, row, strict=True)) for row in kept]
        scales, deciding = absolute_terms(self.document, named), deciding_terms(self.document, named)
        interpreter = Interpreter(parse_program(json.dumps(self.document)))
        for n, given in enumerate(wanted):
            *probabilities, label = given if self.contract.output.kind != "value" else [*given, 0.0]
            found, _ = interpreter.outputs(numbers[n], texts[n])
            if not np.isfinite(scales[n]):
                continue  # What overflows in one order of additions need not in another.
            assert found is not None
            allowed = 1e-12 * max(1, scales[n])
            count = len(probabilities) or len(found)
            for one, other in zip(probabilities, found[:count], strict=bool(probabilities)):
                assert one is not None
                assert abs(one - other) <= allowed, (kept[n], probabilities, found, scales[n])
            decide = found[count:] or found
            behind = max(decide) - decide[int(label or 0)]
            assert behind <= allowed + 1e-12 * deciding[n], (kept[n], label, found, scales[n])

    def assert_tolerable(self, rows: Rows) -> None:
        """Both agree within the tolerance of single precision, and refuse the same rows."""
        tolerance = self.tolerance or Tolerance(1e-12)
        answers = self.both(rows)
        names = [each.name for each in self.contract.inputs]
        scales = absolute_terms(self.document, [dict(zip(names, row, strict=True)) for row, _, _ in answers])
        errors = single_errors(
            self.document, self.errors, [dict(zip(names, row, strict=True)) for row, _, _ in answers]
        )
        for (row, one, other), scale, error in zip(answers, scales, errors, strict=True):
            if scale > _LARGEST_SINGLE:
                continue  # It overflows there, and not here.
            assert (one is None) == (other is None), (row, one, other)
            if one is not None and other is not None and one != other:
                allowed = max(tolerance.relative * max(1, abs(one), scale, tolerance.terms), error)
                assert abs(one - other) <= allowed, (row, one, other, allowed)

    def assert_labels(self, rows: Rows) -> None:
        """Both predict the same labels, but where the numbers that decide are apart by rounding alone."""
        program = parse_program(json.dumps(self.document))
        interpreter, count = Interpreter(program), len(self.contract.output.classes)
        served = ServedEstimator(self.estimator, self.contract)
        wanted, _ = served.outputs(len(rows), *self._arrays(rows))
        names = [each.name for each in self.contract.inputs]
        named = [dict(zip(names, row, strict=True)) for row in rows]
        terms = zip(absolute_terms(self.document, named), deciding_terms(self.document, named), strict=True)
        for row, numbers, texts, every, scales in zip(rows, *self._arrays(rows), wanted, terms, strict=True):
            if not np.isfinite(max(scales)):
                continue  # What overflows in one order of additions need not in another.
            outputs, _ = interpreter.outputs(numbers, texts)
            outputs = None if outputs is None or np.isnan(outputs).any() else outputs
            assert (outputs is None) == (every[-1] is None), row
            if outputs is None:
                continue
            decide = outputs[count:] or outputs
            largest, second = sorted(decide)[:-3:-1]
            rounding = 1e-12 * max(1.0, *scales)
            if largest != second and largest - second <= max(rounding, 2 * (self.tolerance or Tolerance(0)).relative):
                continue
            places = [n for n, each in enumerate(decide) if each == largest]
            assert places[0 if program.tie == "first" else -1] == every[-1], (row, outputs, every)

    def raw(self) -> Pair:
        """The same without the link: what the sums of trees are, before they become probabilities."""
        several = len(self.document["scores"]) > 1
        contract = replace(self.contract, output=Output("value"))
        position = self.contract.output.positive if several else 0
        document = {**self.document, "link": "identity", "scores": [self.document["scores"][position or 0]]}
        return Pair(_Raw(self.estimator, position if several else None), contract, document)


class _Raw:
    def __init__(self, estimator: Any, column: int | None) -> None:  # noqa: ANN401
        self._estimator, self._column = estimator, column

    def predict(self, given: Any) -> Any:  # noqa: ANN401
        scores = self._estimator.decision_function(given)
        return scores if self._column is None else scores[:, self._column]


def pair(estimator: Any, sample: pd.DataFrame) -> Pair:  # noqa: ANN401
    """A fitted estimator with its program; the sample has a complete row. Of several classes the second is positive."""
    positive = str(estimator.classes_[1]) if len(getattr(estimator, "classes_", ())) else None
    contract, _ = describe(estimator, sample, positive)
    texts = {each.name: set(sample[each.name].dropna()) for each in contract.inputs if each.is_text}
    read = read_program(estimator, contract, texts)
    return Pair(estimator, contract, read.program, read.tolerance, read.errors)


def hard_rows(tested: Pair, frame: pd.DataFrame, seed: int = 0, count: int = 60) -> Rows:
    """Rows of the frame, and rows changed in one input or some: to borders, extremes, unknown and missing values."""
    random = np.random.default_rng(seed)
    names = [each.name for each in tested.contract.inputs]
    plain = [[_plain(value) for value in row] for row in frame[names].head(40).to_numpy(dtype=object)]
    near = borders(tested.document)
    choices: list[list[Any]] = []
    for position, each in enumerate(tested.contract.inputs):
        numbers = _EXTREMES + random.permutation(near[position]).tolist()[:15]
        choices.append(_TEXTS if each.is_text else [0.0, 1.0, None] if each.type == "boolean" else numbers)
    rows = list(plain)
    for position, values in enumerate(choices):
        for value in values:
            changed = list(plain[random.integers(len(plain))])
            changed[position] = value
            rows.append(changed)
    for _ in range(count):
        changed = list(plain[random.integers(len(plain))])
        for position in range(len(names)):
            values = near[position] or choices[position]
            if random.random() < 0.5:
                changed[position] = values[random.integers(len(values))]
        rows.append(changed)
    return rows


def borders(document: dict[str, Any]) -> list[list[float]]:
    """For each input the thresholds of its tests, its knots, the ends of what is accepted, and the doubles beside."""
    found: list[set[float]] = [set() for _ in document["inputs"]]
    for step in document["steps"]:
        if step["step"] == "trees":
            for feature, threshold in zip(step["feature"], step["threshold"], strict=True):
                if threshold is not None and step["of"][feature] < len(found):
                    found[step["of"][feature]].add(threshold)
        elif step["step"] == "piecewise" and step["of"] < len(found):
            found[step["of"]].update(step["knots"])
    for each, described in zip(found, document["inputs"], strict=True):
        each.update(described[name] for name in ("minimum", "maximum") if name in described)
        if described["type"] == "boolean":
            each.clear()
    return [
        sorted({beside for value in each for beside in (value, nextafter(value, inf), nextafter(value, -inf))})
        for each in found
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bool | np.bool_):
        return float(value)
    return None if isinstance(value, float) and np.isnan(value) else value
