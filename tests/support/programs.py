"""A fitted model beside its program: what both say of rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore.artifact import Artifact
from pgscore.describe import describe
from pgscore.readers import absolute_terms, read_program
from pgscore_runtime.estimator import ServedEstimator
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from pgscore_runtime.contract import Contract

EXTREMES = [None, 0.0, -0.0, np.inf, -np.inf, 5e-324, -5e-324, 1e39, -1e39, 3.4028235677973366e38, 1e308, -1e308, 1e-50]


@dataclass
class Pair:
    """An estimator as the estimator engine serves it, and its program as the interpreter does."""

    contract: Contract
    document: dict[str, Any]
    served: ServedEstimator
    interpreter: Interpreter

    def both(self, rows: Sequence[Sequence[Any]]) -> tuple[list[float | None], list[float | None]]:
        """What both say of rows that hold a value for each input of the contract; refusals have a reason in both."""
        texts = [each.is_text for each in self.contract.inputs]
        of_numbers = [[value for value, text in zip(row, texts, strict=True) if not text] for row in rows]
        of_texts = [[value for value, text in zip(row, texts, strict=True) if text] for row in rows]
        expected, wanted = self.served.scores(len(rows), of_numbers, of_texts)
        found, reasons = self.interpreter.scores(len(rows), of_numbers, of_texts, self.contract.output.positive)
        expected = [None if score is None or np.isnan(score) else score for score in expected]
        for row, reason, other in zip(rows, reasons, wanted, strict=True):
            assert (reason is None) == (other is None), (row, reason, other)
        return expected, found

    def assert_identical(self, rows: Sequence[Sequence[Any]]) -> None:
        """Both give the same doubles, and refuse the same rows."""
        expected, found = self.both(rows)
        for row, one, other in zip(rows, expected, found, strict=True):
            assert one == other, (row, one, other)

    def assert_close(self, rows: Sequence[Sequence[Any]]) -> None:
        """Both agree within 1e-12 of the sum of the absolute terms, and refuse the same rows."""
        expected, found = self.both(rows)
        names = [each.name for each in self.contract.inputs]
        scales = absolute_terms(self.document, [dict(zip(names, row, strict=True)) for row in rows])
        for row, one, other, scale in zip(rows, expected, found, scales, strict=True):
            if one is None or other is None or not np.isfinite(one) or not np.isfinite(scale):
                # What overflows in one order of additions need not in another.
                assert (one is None) == (other is None) or not np.isfinite(scale), (row, one, other)
                continue
            assert abs(one - other) <= 1e-12 * max(scale, 1e-3), (row, one, other, scale)


def pair(estimator: Any, sample: pd.DataFrame, positive: str | None = None) -> Pair:  # noqa: ANN401
    """A fitted estimator with its program; the sample has a complete row."""
    contract, _ = describe(Artifact(estimator, b"", "joblib"), sample, positive)
    document = read_program(estimator, contract)
    return Pair(
        contract, document, ServedEstimator(estimator, contract), Interpreter(parse_program(json.dumps(document)))
    )


def borders(document: dict[str, Any]) -> dict[int, list[float]]:
    """For each input the thresholds of its tests, and the doubles beside them."""
    found: dict[int, set[float]] = {}
    for step in document["steps"]:
        if step["step"] == "trees":
            for feature, threshold in zip(step["feature"], step["threshold"], strict=True):
                if threshold is not None:
                    near = {threshold, float(np.nextafter(threshold, np.inf)), float(np.nextafter(threshold, -np.inf))}
                    found.setdefault(step["of"][feature], set()).update(near)
    for position, described in enumerate(document["inputs"]):
        ends = [described[name] for name in ("minimum", "maximum") if name in described]
        found.setdefault(position, set()).update(
            value
            for end in ends
            for value in (end, float(np.nextafter(end, np.inf)), float(np.nextafter(end, -np.inf)))
        )
    return {register: sorted(values) for register, values in found.items() if register < len(document["inputs"])}
