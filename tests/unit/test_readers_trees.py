"""Trees: the same doubles as the fitted ensembles, at every border."""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn, Operation, applied
from pgscore.readers.algebra.doubles import as_single, last_true
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.support.examples import examples
from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

_CLASSIFIERS = [
    DecisionTreeClassifier(max_depth=5, random_state=0),
    RandomForestClassifier(n_estimators=6, max_depth=6, random_state=0),
    ExtraTreesClassifier(n_estimators=5, max_depth=5, random_state=0),
    GradientBoostingClassifier(n_estimators=8, random_state=0),
    HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=5, random_state=0),
]
_REGRESSORS = [
    DecisionTreeRegressor(max_depth=5, random_state=0),
    RandomForestRegressor(n_estimators=6, max_depth=6, random_state=0),
    ExtraTreesRegressor(n_estimators=5, max_depth=5, random_state=0),
    GradientBoostingRegressor(n_estimators=8, random_state=0),
    HistGradientBoostingRegressor(max_iter=6, min_samples_leaf=5, random_state=0),
]
_SCALERS: dict[str, Callable[[], Any]] = {
    "passthrough": lambda: "passthrough",
    "standard": StandardScaler,
    "range": MinMaxScaler,
    "clip": lambda: MinMaxScaler(clip=True, feature_range=(-0.5, 2)),
    "square": lambda: make_pipeline(StandardScaler(), FunctionTransformer(np.square), StandardScaler()),
    "abs": lambda: make_pipeline(FunctionTransformer(np.abs), MinMaxScaler()),
}


def _prepared(scaler: str) -> ColumnTransformer:
    return ColumnTransformer(
        [("numbers", _SCALERS[scaler](), NUMBERS), ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"])],
        remainder="passthrough",
    )


def _assert_same(model: Any, frame: pd.DataFrame, seed: int = 0) -> None:  # noqa: ANN401
    tested = pair(model, frame)
    rows = hard_rows(tested, frame, seed)
    if tested.document["link"] == "identity":
        tested.assert_identical(rows)
    else:
        tested.raw().assert_identical(rows)
        tested.assert_close(rows)


@settings(deadline=None, max_examples=examples(12), suppress_health_check=[HealthCheck.too_slow])
@given(
    model=st.sampled_from([*_CLASSIFIERS, *_REGRESSORS]),
    scaler=st.sampled_from(list(_SCALERS)),
    classes=st.sampled_from([2, 3]),
    seed=st.integers(0, 10_000),
)
def test_ensembles_behind_any_scaler(model: Any, scaler: str, classes: int, seed: int) -> None:  # noqa: ANN401
    frame = customers(seed)
    wanted = labels(frame, classes if model in _CLASSIFIERS else 0)
    _assert_same(make_pipeline(_prepared(scaler), clone(model)).fit(frame, wanted), frame, seed)


@pytest.mark.parametrize("model", [*_CLASSIFIERS, *_REGRESSORS], ids=lambda model: type(model).__name__)
def test_every_ensemble_on_arrays(model: Any) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    wanted = labels(customers(), 3 if model in _CLASSIFIERS else 0)
    _assert_same(clone(model).fit(frame.to_numpy(), wanted), frame)


@pytest.mark.parametrize("model", [_CLASSIFIERS[0], _CLASSIFIERS[1], _CLASSIFIERS[4], _REGRESSORS[1], _REGRESSORS[4]])
def test_missing_numbers_take_the_side_that_was_learnt(model: Any) -> None:  # noqa: ANN401
    frame = customers(missing=True)
    wanted = labels(frame, 2 if model in _CLASSIFIERS else 0)
    fitted = make_pipeline(StandardScaler(), clone(model)).fit(frame[NUMBERS], wanted)
    tested = pair(fitted, frame[NUMBERS])
    assert all(each["nullable"] for each in tested.document["inputs"])
    _assert_same(fitted, frame[NUMBERS])


def test_a_square_root_of_what_is_below_0_is_missing() -> None:
    frame = customers()[NUMBERS]
    model = make_pipeline(FunctionTransformer(np.sqrt), clone(_CLASSIFIERS[4]))
    with np.errstate(invalid="ignore"):
        _assert_same(model.fit(frame, labels(customers(), 2)), frame)


@pytest.mark.parametrize("model", [_CLASSIFIERS[3], _CLASSIFIERS[4], _REGRESSORS[1]])
def test_ordinal_codes_are_tests_for_sets(model: Any) -> None:  # noqa: ANN401
    frame = customers()
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=99)
    prepared = ColumnTransformer([("plan", encoder, ["plan", "flag"])], remainder="passthrough")
    _assert_same(
        make_pipeline(prepared, clone(model)).fit(frame, labels(frame, 2 if model in _CLASSIFIERS else 0)), frame
    )


def test_scaled_numbers_and_categories_need_no_step() -> None:
    frame = customers()
    model = make_pipeline(_prepared("standard"), clone(_CLASSIFIERS[3])).fit(frame, labels(frame, 2))
    document = pair(model, frame).document
    assert [step["step"] for step in document["steps"]] == ["trees"]
    # What the scaled number may be as float32, brought back to the input.
    assert 1e40 < document["inputs"][0]["maximum"] < 1e41


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("dtype", ["category", "object", "missing"])
def test_categories_of_histogram_gradient_boosting(classes: int, dtype: str) -> None:
    frame = customers(missing=dtype == "missing").drop(columns="flag")
    if dtype == "category":
        frame["plan"] = frame["plan"].astype("category")
    options: dict[str, Any] = {"max_iter": 6, "min_samples_leaf": 5, "random_state": 0}
    options["categorical_features"] = "from_dtype" if dtype == "category" else ["plan"]
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = kind(**options).fit(frame, labels(frame.astype({"plan": object}), classes))
    _assert_same(model, frame.astype({"plan": object}))


def test_categories_that_are_numbers() -> None:
    frame = customers(missing=True)[NUMBERS]
    model = HistGradientBoostingClassifier(
        categorical_features=["calls"], max_iter=6, min_samples_leaf=5, random_state=0
    )
    _assert_same(model.fit(frame, labels(customers(missing=True), 2)), frame)


@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingClassifier(init="zero", n_estimators=5),
        GradientBoostingClassifier(init=DummyClassifier(), n_estimators=5),
        GradientBoostingRegressor(loss="quantile", n_estimators=5),
        GradientBoostingRegressor(loss="huber", n_estimators=5),
    ],
)
def test_gradient_boosting_that_starts_elsewhere(model: Any) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    wanted = labels(customers(), 2 if isinstance(model, GradientBoostingClassifier) else 0)
    _assert_same(clone(model).fit(frame, wanted), frame)


def test_exponential_loss() -> None:
    frame = customers()[NUMBERS]
    tested = pair(
        GradientBoostingClassifier(loss="exponential", n_estimators=5).fit(frame, labels(customers(), 2)), frame
    )
    tested.assert_close(hard_rows(tested, frame))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GradientBoostingRegressor(init=LinearRegression(), n_estimators=2), "starts from a LinearRegression"),
    ],
)
def test_what_cannot_become_a_program(model: Any, message: str) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    model.fit(frame, labels(customers(), 0))
    with pytest.raises(NotAProgramError, match=message):
        pair(model, frame)


_SCALES = st.floats(1e-3, 1e6)


@given(
    mean=st.floats(-1e6, 1e6),
    scale=_SCALES,
    factor=_SCALES,
    thresholds=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5),
    single=st.booleans(),
)
def test_a_folded_threshold_is_the_last_double_that_goes_left(
    mean: float, scale: float, factor: float, thresholds: list[float], *, single: bool
) -> None:
    column = NumberColumn(0, (Operation("subtract", mean), Operation("divide", scale), Operation("multiply", factor)))

    def left(values: np.ndarray) -> np.ndarray:
        results = applied(column.operations, values)
        return np.asarray((as_single(results) if single else results) <= thresholds)

    size = len(thresholds)
    last = last_true(left, np.full(size, -np.inf), np.full(size, np.inf))
    assert left(last).all()
    assert not left(np.array([nextafter(value, inf) for value in last.tolist()])).any()


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_histograms_of_counts_and_amounts(loss: str) -> None:
    frame = customers(missing=True)
    model = HistGradientBoostingRegressor(loss=loss, max_iter=6, min_samples_leaf=5, random_state=0)
    tested = pair(model.fit(frame[NUMBERS], labels(frame, 0)), frame[NUMBERS])
    assert tested.document["link"] == "exp"
    tested.assert_close(hard_rows(tested, frame[NUMBERS]))
