"""The axes of a discriminant analysis."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

_FRAME = customers()[NUMBERS]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "axes",
    [
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(n_components=1),
        LinearDiscriminantAnalysis(solver="eigen"),
        LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=1),
    ],
    ids=str,
)
def test_axes_of_a_discriminant_analysis(axes: Any, classes: int) -> None:  # noqa: ANN401
    wanted = labels(customers(), classes)
    for model in (LogisticRegression(max_iter=1000), DecisionTreeClassifier(max_depth=3, random_state=0)):
        tested = pair(make_pipeline(axes, model).fit(_FRAME, wanted), _FRAME)
        tested.assert_close(_FRAME.to_numpy().tolist())
        if not isinstance(model, DecisionTreeClassifier):
            tested.assert_close(hard_rows(tested, _FRAME))


def test_axes_of_columns_far_from_0() -> None:
    frame = _FRAME + 1e7
    tested = pair(
        make_pipeline(LinearDiscriminantAnalysis(), LogisticRegression()).fit(frame, labels(customers(), 3)), frame
    )
    tested.assert_close(hard_rows(tested, frame))
