"""What counts as a difference, and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pgscore.publishing.describe import describe
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import RidgeClassifier

from .engines import Answer
from .expected import expect
from .judge import judge


def test_a_label_that_is_drawn_at_random_is_no_difference_and_another_is_one() -> None:
    """It is drawn anew for each place among the rows of a call: an engine asks about them in another order."""
    frame = pd.DataFrame({"x": np.arange(12.0)})
    rows = [[value] for value in frame["x"]]
    for strategy, differs in (("uniform", False), ("stratified", False), ("most_frequent", True)):
        members = [("guess", DummyClassifier(strategy=strategy, random_state=1)), ("ridge", RidgeClassifier())]
        model = VotingClassifier(members).fit(frame, np.tile(["a", "b", "c"], 4))
        contract, _ = describe(model, frame, "b")
        expected = expect(model, contract, None, rows)
        scores: list[float | None] = [1.0 - float(each.outputs == [1.0]) for each in expected]
        verdict = judge(contract, rows, expected, [Answer("estimator", "outputs", scores)])
        assert bool(verdict.problems) == differs, strategy
