"""Distances from the centers of k-means: exact, and how far from scikit-learn's they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pgscore.errors import NotAProgramError
from pgscore.publishing.compile import compile_program, scaled
from pgscore.publishing.describe import describe
from pgscore.readers import absolute_terms
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor, VotingClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
)

from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

_CLUSTERS = KMeans(40, n_init=1, random_state=0)


def _near_centers(model: Any) -> list[list[float]]:  # noqa: ANN401
    centers = model[0].cluster_centers_
    return [*centers.tolist(), *(centers * (1 + 1e-9)).tolist(), *(centers + 1e-7).tolist()]


def _terms(tested: Pair, rows: list[list[float]]) -> np.ndarray:
    return np.array(absolute_terms(tested.document, [dict(zip(NUMBERS, row, strict=True)) for row in rows]))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("clusters", [_CLUSTERS, MiniBatchKMeans(40, random_state=0), KMeans(1)], ids=str)
def test_distances_before_a_linear_model(clusters: Any, scale: float) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS] * scale
    model = make_pipeline(clusters, LinearRegression()).fit(frame, labels(customers(), 0))
    tested = pair(model, frame)
    far = (frame.head(20) * 1e12).to_numpy().tolist()
    tested.assert_close([*_near_centers(model), *hard_rows(tested, frame), *far])


def test_no_row_is_off_by_more_than_its_terms_say_and_some_by_a_good_part() -> None:
    random = np.random.default_rng(3)
    centers = random.normal(size=(60, 3)) * 10.0 ** random.integers(-3, 6, (60, 1)) + 100
    frame = pd.DataFrame(centers, columns=NUMBERS)
    model = make_pipeline(KMeans(60, n_init=1, random_state=0), LinearRegression()).fit(frame, random.normal(size=60))
    tested = pair(model, frame)
    rows = [row for row in _near_centers(model) if np.isfinite(row).all()]
    apart = np.array([abs(one - other) for _, one, other in tested.both(rows)])  # type: ignore[operator]
    plain = 1e-12 * (np.abs(model[:-1].transform(pd.DataFrame(rows, columns=NUMBERS))) @ np.abs(model[-1].coef_))
    assert (apart <= 1e-12 * _terms(tested, rows)).all()
    # The terms of the sum alone would not do; and what is allowed is not much more than what is needed.
    assert (apart > 10 * plain).any()
    assert (apart / (1e-12 * _terms(tested, rows))).max() > 1e-2


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler(), _CLUSTERS, StandardScaler()],
        [PCA(2), _CLUSTERS],
        [_CLUSTERS, KMeans(3, n_init=1, random_state=0)],
        [KMeans(3, n_init=1, random_state=0), PolynomialFeatures(2)],
        [StandardScaler(), _CLUSTERS, FunctionTransformer(np.square)],
    ],
    ids=lambda steps: " ".join(type(each).__name__ for each in steps),
)
def test_behind_and_before_others(steps: list[Any]) -> None:
    frame = customers()[NUMBERS]
    model = make_pipeline(*steps, LinearRegression()).fit(frame, labels(customers(), 0))
    tested = pair(model, frame)
    tested.assert_close([*frame.to_numpy().tolist(), *hard_rows(tested, frame)])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("model", "classes"),
    [
        (LogisticRegression(), 2),
        (LogisticRegression(), 3),
        (PoissonRegressor(), 0),
        (MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0), 0),
    ],
    ids=str,
)
def test_other_models_behind_them(model: Any, classes: int) -> None:  # noqa: ANN401
    frame = customers()
    fitted = make_pipeline(StandardScaler(), _CLUSTERS, model).fit(frame[NUMBERS], labels(frame, classes))
    tested = pair(fitted, frame[NUMBERS])
    centers = fitted[0].inverse_transform(fitted[1].cluster_centers_)
    tested.assert_predictions([*centers.tolist(), *hard_rows(tested, frame)])


def test_many_centers_become_quadratic_steps() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(100, 1, (150, 10)), columns=[f"x{n}" for n in range(10)])
    model = make_pipeline(KMeans(90, n_init=1, random_state=0), LinearRegression()).fit(frame, random.normal(size=150))
    tested = pair(model, frame)
    assert {step["step"] for step in tested.document["steps"]} == {"quadratic", "function", "linear"}
    tested.assert_close([*model[0].cluster_centers_.tolist(), *hard_rows(tested, frame, count=20)])


def test_golden_rows_at_centers_get_their_scale() -> None:
    frame = pd.DataFrame(
        np.repeat([[100.1, 3.3, 7.7], [250.7, -1.1, 0.3], [-9.9, 55.5, 1e4 / 3]], 20, axis=0), columns=NUMBERS
    )
    model = make_pipeline(KMeans(3, n_init=1, random_state=0), LogisticRegression(C=1e6))
    model.fit(frame, np.arange(60) % 7 < 3)
    contract, golden = describe(model, frame.iloc[::20], positive=True)
    reading, obstacle = compile_program(model, contract)
    assert obstacle is None
    scales = [row.scale for row in scaled(golden, contract, reading)[:3]]
    assert contract.tolerance is None
    assert min(scales) > 100
    assert max(scales) < 1e9


def test_a_label_that_the_lost_digits_decide_is_not_compared() -> None:
    frame = pd.DataFrame({"x": [1e5 / 3, 1e5 / 3, 7e5, 7e5], "y": [1e5 / 7, 1e5 / 7, 0.1, 0.1]})
    model = make_pipeline(KMeans(2, n_init=1, random_state=0), LogisticRegression()).fit(frame, [0, 1, 1, 1])
    # At the first center it is a tie, but for what scikit-learn's distance from it is.
    distances = np.sort(np.linalg.norm(model[0].cluster_centers_ - frame.to_numpy()[0], axis=1))
    model[-1].coef_[:] = (
        [[1.0, 0.0]] if np.linalg.norm(model[0].cluster_centers_[0] - frame.iloc[0]) < 1 else [[0.0, 1.0]]
    )
    model[-1].intercept_[:] = 0.0
    assert distances[0] < 1e-6
    contract, golden = describe(model, frame, positive=1)
    reading, _ = compile_program(model, contract)
    kept = [row.outputs is not None for row in scaled(golden, contract, reading)[:4]]
    assert kept == [False, False, True, True]


@pytest.mark.parametrize(
    ("steps", "classes"),
    [
        ([RandomForestRegressor(2, max_depth=2)], 0),
        ([KBinsDiscretizer(3), LinearRegression()], 0),
        ([PowerTransformer(), LinearRegression()], 0),
        ([FunctionTransformer(np.log), LinearRegression()], 0),
        ([FunctionTransformer(np.sqrt), LinearRegression()], 0),
        ([FunctionTransformer(np.reciprocal), LinearRegression()], 0),
        ([Normalizer(), LinearRegression()], 0),
        ([SplineTransformer(extrapolation="error"), LinearRegression()], 0),
        ([OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), LinearRegression()], 0),
        ([VotingClassifier([("a", LogisticRegression())])], 2),
        ([KMeans(2)], 0),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_tests_a_distance_is_no_program(steps: list[Any], classes: int) -> None:
    frame = customers()[NUMBERS]
    model = make_pipeline(KMeans(3, n_init=1, random_state=0), *steps).fit(frame, labels(customers(), classes))
    with pytest.raises(NotAProgramError, match=r"rounds its sums otherwise|jumps at values that"):
        pair(model, frame)


def test_infinite_distances_are_refused_or_there_is_no_program() -> None:
    frame = customers()[NUMBERS]
    model = make_pipeline(KMeans(3, n_init=1, random_state=0), FunctionTransformer(np.tanh), LinearRegression())
    with pytest.raises(NotAProgramError, match="overflows to NaN, and what follows takes infinity"):
        pair(model.fit(frame, labels(customers(), 0)), frame)
    clusters = KMeans(3, n_init=1, random_state=0)
    indicated = make_pipeline(clusters, MissingIndicator(error_on_new=False))
    for first in (
        make_pipeline(clusters, SimpleImputer()),
        ColumnTransformer([("distances", indicated, NUMBERS), ("calls", "passthrough", ["calls"])]),
    ):
        model = make_pipeline(first, LinearRegression())
        with pytest.raises(NotAProgramError, match="overflows to NaN, which what follows takes for a missing value"):
            pair(model.fit(frame, labels(customers(), 0)), frame)


def test_a_center_whose_square_overflows() -> None:
    frame = pd.DataFrame({"x": [1e140, 1.0, 2.0]})
    with pytest.raises(NotAProgramError, match="has a center so far away"):
        pair(make_pipeline(KMeans(2, n_init=1, random_state=0), LinearRegression()).fit(frame, [1, 2, 3]), frame)
