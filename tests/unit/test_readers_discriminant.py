"""Discriminant analysis, the nearest centroid, k-means, and dummies: outputs, labels and refusals as scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pgscore.errors import NotAProgramError
from pgscore.publishing.describe import describe
from pgscore.readers import read_program
from sklearn.base import clone
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

_UNEQUAL = [0.2, 0.5, 0.3]


def _prepared(model: Any) -> Any:  # noqa: ANN401
    columns = [("numbers", StandardScaler(), NUMBERS), ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"])]
    return make_pipeline(ColumnTransformer(columns, remainder="passthrough"), clone(model))


def _assert_same(model: Any, classes: int) -> None:  # noqa: ANN401
    frame = customers()
    wanted = labels(frame, classes)
    for fitted, given in (
        (_prepared(model).fit(frame, wanted), frame),
        (clone(model).fit(frame[NUMBERS].to_numpy(), wanted), frame[NUMBERS]),
    ):
        tested = pair(fitted, given)
        tested.assert_predictions(hard_rows(tested, given, count=20))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1),
        QuadraticDiscriminantAnalysis(reg_param=0.1),
    ],
    ids=str,
)
def test_discriminant_analysis(model: Any, classes: int) -> None:  # noqa: ANN401
    _assert_same(model, classes)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_class_with_the_prior_0() -> None:
    _assert_same(QuadraticDiscriminantAnalysis(reg_param=0.1, priors=[0.4, 0, 0.6]), 3)
    with pytest.raises(NotAProgramError, match="has coefficients that are not finite"):
        _assert_same(LinearDiscriminantAnalysis(solver="lsqr", priors=[0.4, 0, 0.6]), 3)


def test_many_inputs_become_a_quadratic_form() -> None:
    random = np.random.default_rng(0)
    frame = customers()[[]].assign(**{f"x{n}": random.normal(n, 1 + n, 150) for n in range(40)})
    tested = pair(QuadraticDiscriminantAnalysis(reg_param=0.3).fit(frame, labels(customers(), 2)), frame)
    assert [step["step"] for step in tested.document["steps"]] == ["quadratic", "linear"] * 2
    tested.assert_predictions(hard_rows(tested, frame, count=20)[:120])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_inputs_that_depend_on_each_other() -> None:
    frame = customers()[["amount", "calls"]]
    frame["calls"] = frame["amount"] + np.random.default_rng(5).normal(0, 1e-2, len(frame))
    with pytest.raises(NotAProgramError, match="inputs depend on each other, so that its sums cancel"):
        pair(QuadraticDiscriminantAnalysis(tol=1e-8).fit(frame, labels(customers(), 2)), frame)


@pytest.mark.parametrize(
    "model",
    [
        NearestCentroid(),
        NearestCentroid(shrink_threshold=0.2),
        NearestCentroid(metric="manhattan"),
        NearestCentroid(metric="manhattan", shrink_threshold=0.2),
        NearestCentroid(metric="manhattan", priors=_UNEQUAL),
        NearestCentroid(priors=_UNEQUAL),
        NearestCentroid(priors=_UNEQUAL, shrink_threshold=0.2),
        NearestCentroid(priors=[0, 0.5, 0.5]),
    ],
    ids=str,
)
def test_nearest_centroid(model: Any) -> None:  # noqa: ANN401
    _assert_same(model, 3)


@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
def test_ties_of_centroids_go_to_the_first(metric: str) -> None:
    frame = customers()[["calls"]].assign(plan=np.arange(150.0) % 5)
    fitted = NearestCentroid(metric=metric).fit(frame, np.where(frame["calls"] > 4, "a", "b"))
    fitted.centroids_ = np.array([[6.0, 2.0], [2.0, 2.0]])
    tested = pair(fitted, frame)
    rows = [[float(n) / 2, float(m) / 2] for n in range(20) for m in range(12)]
    tested.assert_predictions(rows)
    tested.assert_labels(rows)
    first, second = np.abs(np.array(rows)[:, None] - fitted.centroids_).sum(axis=2).T
    assert (first == second).sum() > 5


def test_labels_of_centroids_that_do_not_follow_from_probabilities() -> None:
    """With equal priors probabilities are about deviations, and labels about plain distances."""
    frame = customers()[NUMBERS]
    fitted = NearestCentroid().fit(frame.to_numpy(), labels(customers(), 3))
    tested = pair(fitted, frame)
    rows = frame.to_numpy().tolist()
    apart = fitted.predict(rows) != fitted.classes_[fitted.predict_proba(rows).argmax(axis=1)]
    assert apart.sum() > 5
    tested.assert_labels(rows)
    # Far from all centroids, where a frame of many rows has lost what tells them apart.
    tested.assert_labels([[1e17, 0.0, 0.0]])


def test_centroids_too_large_for_their_distances() -> None:
    frame = customers()[NUMBERS] * 1e80
    with pytest.raises(NotAProgramError, match="has centroids so large that distances from them are infinite"):
        pair(NearestCentroid().fit(frame, labels(customers(), 2)), frame)


@pytest.mark.parametrize("model", [NearestCentroid(priors=[0.3, 0.7]), QuadraticDiscriminantAnalysis(reg_param=0.1)])
def test_a_decision_between_two_is_one_number(model: Any) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    threshold = FixedThresholdClassifier(model, threshold=1.5, response_method="decision_function")
    tested = pair(threshold.fit(frame, labels(customers(), 2)), frame)
    rows = hard_rows(tested, frame, count=20)
    tested.assert_close(rows)
    tested.assert_labels(rows)


@pytest.mark.parametrize("model", [KMeans(4, n_init=1, random_state=0), MiniBatchKMeans(5, n_init=1, random_state=0)])
def test_the_nearest_center(model: Any) -> None:  # noqa: ANN401
    _assert_same(model, 0)
    centers = clone(model).fit(customers()[NUMBERS]).cluster_centers_
    frame = customers()[NUMBERS]
    tested = pair(clone(model).fit(frame), frame)
    tested.assert_predictions([*centers.tolist(), *(0.999 * centers + 0.001 * centers[0]).tolist()])


def test_a_single_center() -> None:
    _assert_same(KMeans(1), 0)


def test_dummies() -> None:
    frame = customers(missing=True)
    wanted = labels(frame, 3)
    for model, target in (
        (DummyClassifier(), wanted),
        (DummyClassifier(strategy="most_frequent"), wanted),
        (DummyClassifier(strategy="constant", constant="class 1"), wanted),
        (DummyRegressor(strategy="quantile", quantile=0.3), labels(frame, 0)),
    ):
        tested = pair(model.fit(frame, target), frame)
        tested.assert_identical(hard_rows(tested, frame))
        tested.assert_predictions(hard_rows(tested, frame))


def test_a_dummy_of_one_class() -> None:
    frame = customers()
    fitted = DummyClassifier().fit(frame, [True] * len(frame))
    contract, _ = describe(fitted, frame, positive=True)
    Pair(fitted, contract, read_program(fitted, contract).program).assert_predictions(frame.to_numpy().tolist()[:3])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (DummyClassifier(strategy="uniform", random_state=0), "has the strategy 'uniform', which draws labels"),
    ],
)
def test_what_cannot_become_a_program_is_named(model: Any, message: str) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    with pytest.raises(NotAProgramError, match=message):
        pair(model.fit(frame, labels(customers(), 2)), frame)
