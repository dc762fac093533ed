"""Calibration, thresholds and targets: what comes behind an estimator's own answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from pgscore.errors import NotAProgramError
from pgscore.publishing.compile import compile_program, completed, scaled
from pgscore.publishing.describe import describe
from pgscore.publishing.fitted import fitted_categories
from pgscore.readers import single_errors
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingClassifier, GradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier, XGBRegressor

from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAME = customers(rows=240)
_NUMBERS = _FRAME[NUMBERS]
_XGB: dict[str, Any] = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1}

_BASES: dict[str, Callable[[], Any]] = {
    "line": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "vectors": lambda: make_pipeline(StandardScaler(), LinearSVC()),
    "forest": lambda: RandomForestClassifier(4, max_depth=4, random_state=0),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=4, loss="exponential"),
    "xgboost": lambda: XGBClassifier(**_XGB),
    "lightgbm": lambda: LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1),
    "catboost": lambda: CatBoostClassifier(iterations=4, depth=3, verbose=0, allow_writing_files=False, thread_count=1),
}


def _target(classes: int) -> np.ndarray:
    found = labels(_FRAME, classes)
    return found if classes == 0 else np.unique(found, return_inverse=True)[1]


def _assert_alike(model: Any, classes: int) -> Pair:  # noqa: ANN401
    tested = pair(model.fit(_NUMBERS, _target(classes)), _NUMBERS)
    rows = hard_rows(tested, _NUMBERS, count=30)
    tested.assert_tolerable(rows)
    if classes:
        tested.assert_labels(rows)
    return tested


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("base", _BASES)
def test_calibration_of_two_classes(base: str, method: str) -> None:
    _assert_alike(CalibratedClassifierCV(_BASES[base](), method=method, cv=2), 2)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("base", [base for base in _BASES if base != "boosted"])
def test_calibration_of_three_classes_with_one_estimator(base: str, method: str) -> None:
    _assert_alike(CalibratedClassifierCV(_BASES[base](), method=method, cv=2, ensemble=False), 3)


def test_a_frozen_estimator_calibrated_by_a_sigmoid_is_one_logistic_function() -> None:
    frozen = FrozenEstimator(_BASES["line"]().fit(_NUMBERS, _target(2)))
    tested = _assert_alike(CalibratedClassifierCV(frozen), 2)
    assert (tested.document["link"], len(tested.document["steps"])) == ("logistic", 2)


@pytest.mark.parametrize("beyond", ["clip", "nan", "raise"])
@pytest.mark.parametrize("increasing", [True, False])
def test_isotonic_regression_at_its_knots_and_beside_them(beyond: str, increasing: bool) -> None:
    frame = _FRAME[["amount"]]
    model = IsotonicRegression(out_of_bounds=beyond, increasing=increasing).fit(frame, _target(0))
    tested = pair(model, frame)
    knots = model.X_thresholds_.tolist()
    rows = [[each] for knot in knots for each in (knot, np.nextafter(knot, np.inf), np.nextafter(knot, -np.inf))]
    tested.assert_identical([*rows, [None], [np.inf], [-np.inf], [-0.0], [1e300]])


def test_isotonic_regression_of_float32_rounds_its_input() -> None:
    frame = _FRAME[["amount"]]
    with pytest.raises(NotAProgramError, match="was fitted on float32"):
        pair(IsotonicRegression(out_of_bounds="clip").fit(frame.astype(np.float32), _target(0)), frame)


def test_how_far_single_precision_moves_a_score_is_told_for_each_row() -> None:
    """Between two steep knots of an isotonic regression it may be much, and nothing on a plateau."""
    model = CalibratedClassifierCV(XGBClassifier(**_XGB), method="isotonic", cv=2).fit(_NUMBERS, _target(2))
    contract, golden = describe(model, _NUMBERS)
    reading, obstacle = compile_program(model, contract)
    assert obstacle is None
    assert reading is not None
    contract = completed(contract, reading)
    assert contract.tolerance is not None
    assert contract.tolerance < 1e-5
    errors = single_errors(reading.program, reading.errors, [row.inputs for row in golden])
    assert min(errors) < contract.tolerance
    assert max(errors) > 3 * contract.tolerance
    for row, error in zip(scaled(golden, contract, reading), errors, strict=True):
        assert row.scale >= error / contract.tolerance


@pytest.mark.parametrize("base", ["line", "forest", "boosted", "xgboost", "vectors"])
def test_thresholds(base: str) -> None:
    _assert_alike(FixedThresholdClassifier(_BASES[base](), threshold=0.3), 2)
    _assert_alike(FixedThresholdClassifier(_BASES[base](), threshold=0.3, pos_label=0), 2)


@pytest.mark.parametrize("response", ["predict_proba", "decision_function"])
def test_thresholds_that_were_found(response: str) -> None:
    tuned = TunedThresholdClassifierCV(_BASES["boosted"](), cv=2, response_method=response, thresholds=20)
    tested = _assert_alike(tuned, 2)
    assert tested.document["decide"]


def test_a_row_at_the_threshold_has_the_label_of_the_positive_class() -> None:
    inner = _BASES["forest"]().fit(_NUMBERS, _target(2))
    for position in (0, 1):
        threshold = float(inner.predict_proba(_NUMBERS)[5, position])
        model = FixedThresholdClassifier(FrozenEstimator(inner), threshold=threshold, pos_label=position)
        tested = pair(model.fit(_NUMBERS, _target(2)), _NUMBERS)
        assert model.predict(_NUMBERS)[5] == position
        tested.assert_labels(_NUMBERS.to_numpy().tolist())


def test_a_threshold_within_other_estimators_counts_as_a_label() -> None:
    thresholds = [
        (name, FixedThresholdClassifier(_BASES[name](), threshold=threshold))
        for name, threshold in (("line", 0.2), ("forest", 0.7), ("boosted", 0.4))
    ]
    _assert_alike(VotingClassifier(thresholds), 2)


@pytest.mark.parametrize(
    ("function", "inverse"), [(np.log1p, np.expm1), (np.log, np.exp), (np.sqrt, np.square), (np.square, np.sqrt)]
)
@pytest.mark.parametrize("base", [Ridge(), XGBRegressor(**_XGB)], ids=["line", "xgboost"])
def test_targets_behind_a_function(base: Any, function: Any, inverse: Any) -> None:  # noqa: ANN401
    _assert_alike(TransformedTargetRegressor(base, func=function, inverse_func=inverse, check_inverse=False), 0)


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        MinMaxScaler(),
        RobustScaler(),
        make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
    ],
    ids=["standard", "within a range", "robust", "pipeline"],
)
def test_targets_behind_a_transformer(transformer: Any) -> None:  # noqa: ANN401
    _assert_alike(TransformedTargetRegressor(Ridge(), transformer=transformer), 0)


def test_what_cannot_be_undone_is_named() -> None:
    for model, why in (
        (TransformedTargetRegressor(Ridge(), transformer=PowerTransformer()), "by a PowerTransformer"),
        (TransformedTargetRegressor(Ridge(), func=np.log2, inverse_func=np.exp2), "transformation by exp2"),
    ):
        with pytest.raises(NotAProgramError, match=why):
            pair(model.fit(_NUMBERS, _target(0)), _NUMBERS)


def _encoding(model: Any) -> Any:  # noqa: ANN401
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["plan"]), remainder="passthrough")
    return make_pipeline(columns, model)


_AROUND: dict[str, Callable[[Any], Any]] = {
    "calibrated": lambda inner: CalibratedClassifierCV(inner, cv=2),
    "frozen": lambda inner: CalibratedClassifierCV(FrozenEstimator(inner.fit(_FRAME, _target(2))), cv=2),
    "voting": lambda inner: VotingClassifier([("a", inner)], voting="soft"),
    "threshold": lambda inner: FixedThresholdClassifier(inner, threshold=0.4),
}


@pytest.mark.parametrize("around", _AROUND)
def test_categories_are_found_through_what_wraps_an_encoder(around: str) -> None:
    model = _AROUND[around](_encoding(LogisticRegression(max_iter=5000, C=0.01)))
    model.fit(_FRAME, _target(2))
    found = fitted_categories(model, list(_FRAME.columns))
    assert set(found["plan"].values) == {"gold", "silver", "tin", "wood"}


def test_categories_of_a_part_of_the_columns() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = BaggingClassifier(make_pipeline(encoder, LogisticRegression()), 3, max_features=1, random_state=0)
    texts = _FRAME[["plan"]].assign(other="x")
    model.fit(texts, _target(2))
    found = fitted_categories(model, ["plan", "other"])
    assert set(found["plan"].values) == {"gold", "silver", "tin", "wood"}
    assert found["other"].values == ("x",)


def test_a_boosters_own_categories_through_calibration() -> None:
    """What XGBoost would take for another category is refused there too."""
    frame = _FRAME[[*NUMBERS, "plan"]]
    model = CalibratedClassifierCV(XGBClassifier(enable_categorical=True, **_XGB), cv=2)
    model.fit(frame.assign(plan=frame["plan"].astype("category")), _target(2))
    tested = pair(model, frame)
    assert tested.contract.known == {"plan": ("gold", "silver", "tin", "wood")}
    tested.assert_tolerable(hard_rows(tested, frame))
    interpreter = Interpreter(parse_program(json.dumps(tested.document)))
    assert interpreter.outputs([200.0, 3.0, 0.0], ["never seen"])[0] is None


def test_what_pandas_is_asked_for_changes_nothing() -> None:
    scaler = StandardScaler().set_output(transform="pandas")
    inner = make_pipeline(scaler, LogisticRegression())
    _assert_alike(CalibratedClassifierCV(inner, cv=2), 2)
    assert isinstance(scaler.fit_transform(_NUMBERS), pd.DataFrame)
