"""Periodic splines, and the axes of a discriminant analysis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pgscore.errors import NotAProgramError
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

_FRAME = customers()[NUMBERS]


def _hours() -> pd.DataFrame:
    return pd.DataFrame({"hour": np.random.default_rng(0).uniform(0, 24, 200).round(1)})


def _borders(start: float, end: float) -> list[list[float]]:
    """Numbers at, and one double beside, what lies a number of periods away from the first knot."""
    period = end - start
    found = [start + times * period for times in (-1e6, -1000.0, -7.0, -1.0, 0.0, 1.0, 2.0, 3.0, 999.0, 1e6)]
    beside = [float(np.nextafter(each, way)) for each in found for way in (-np.inf, np.inf)]
    return [[float(each)] for each in [*found, *beside, -0.0, 5e-324, -5e-324, -1e-17, 1e-17]]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("ends", [(0.0, 24.0), (-0.1, 0.7), (1e-3, 1e3 / 3)])
def test_periodic_splines(ends: tuple[float, float], degree: int, *, sparse: bool) -> None:
    frame = _hours()
    given = np.linspace(*ends, 8).reshape(-1, 1)
    splines = SplineTransformer(knots=given, degree=degree, extrapolation="periodic", sparse_output=sparse)
    model = make_pipeline(splines, LinearRegression()).fit(frame, np.sin(frame["hour"] / 24 * 2 * np.pi))
    tested = pair(model, frame)
    rows = [*_borders(*ends), *hard_rows(tested, frame), *given.tolist(), *(given + 24).tolist()]
    tested.assert_close(rows)
    # Of numbers that are not so large, that is much nearer than the splines are large.
    for row, one, other in tested.both(_borders(*ends)):
        assert one == pytest.approx(other, abs=max(1e-8, 1e-15 * abs(row[0]))), row


@pytest.mark.parametrize("knots", ["uniform", "quantile"])
def test_periodic_splines_of_several_columns(knots: Any) -> None:  # noqa: ANN401
    frame = _FRAME.assign(constant=3.0)
    splines = SplineTransformer(6, knots=knots, extrapolation="periodic", include_bias=False)
    model = make_pipeline(StandardScaler(), splines, LogisticRegression()).fit(frame, labels(customers(), 2))
    tested = pair(model, frame)
    tested.assert_close(hard_rows(tested, frame))


def test_periodic_splines_of_codes() -> None:
    frame = customers()[["plan"]]
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    splines = SplineTransformer(5, extrapolation="periodic")
    tested = pair(make_pipeline(encoder, splines, LinearRegression()).fit(frame, labels(customers(), 0)), frame)
    tested.assert_close(hard_rows(tested, frame))


def test_periodic_splines_that_are_no_program() -> None:
    frame = _hours()
    wanted = frame["hour"]
    splines = SplineTransformer(extrapolation="periodic", handle_missing="zeros")
    with pytest.raises(NotAProgramError, match="continues or repeats splines and takes missing values"):
        pair(make_pipeline(splines, LinearRegression()).fit(frame, wanted), frame)
    frame["hour"] = np.clip(frame["hour"].round(), 9, 12)
    equal = SplineTransformer(5, degree=1, knots="quantile", extrapolation="periodic")
    with pytest.raises(NotAProgramError, match="has periodic splines that jump, where knots are equal"):
        pair(make_pipeline(equal, LinearRegression()).fit(frame, wanted), frame)


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
