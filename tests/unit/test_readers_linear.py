"""Linear models: agreement within 1e-12 of the sum of the absolute terms, and the same refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore.errors import NotAProgramError
from pgscore.readers import absolute_terms
from sklearn import linear_model
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from tests.support.examples import examples
from tests.support.models import LIGHT_INPUTS, light_pipeline, predictors
from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

_CLASSIFIERS = [
    LogisticRegression(max_iter=2000),
    RidgeClassifier(),
    LinearSVC(),
    Perceptron(),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(random_state=0),
]
_REGRESSORS = [
    LinearRegression(),
    Ridge(),
    Lasso(alpha=0.01),
    ElasticNet(alpha=0.01),
    HuberRegressor(max_iter=1000),
    SGDRegressor(random_state=0),
    PoissonRegressor(max_iter=1000),
    GammaRegressor(max_iter=1000),
    TweedieRegressor(power=1.5, max_iter=1000),
    TweedieRegressor(power=0, max_iter=1000),
    TweedieRegressor(power=1.5, link="identity"),
]


def _prepared(scaler: Any, encoder: Any) -> ColumnTransformer:  # noqa: ANN401
    return ColumnTransformer([("numbers", scaler, NUMBERS), ("plan", encoder, ["plan"])], remainder="passthrough")


_ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(drop="first"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@settings(deadline=None, max_examples=examples(20))
@given(
    model=st.sampled_from([*_CLASSIFIERS, *_REGRESSORS]),
    scaler=st.sampled_from([StandardScaler(), MinMaxScaler(clip=True)]),
    encoder=st.sampled_from(_ENCODERS),
    classes=st.sampled_from([2, 3]),
    seed=st.integers(0, 10_000),
)
def test_any_linear_model(model: Any, scaler: Any, encoder: Any, classes: int, seed: int) -> None:  # noqa: ANN401
    frame = customers(seed)
    prepared = _prepared(clone(scaler), clone(encoder))
    fitted = make_pipeline(prepared, clone(model)).fit(frame, labels(frame, classes if model in _CLASSIFIERS else 0))
    tested = pair(fitted, frame)
    tested.assert_close(hard_rows(tested, frame, seed))


@pytest.mark.parametrize("model", _CLASSIFIERS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("classes", [2, 3])
def test_every_classifier_on_arrays(model: Any, classes: int) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    scaled = StandardScaler().fit_transform(frame)
    tested = pair(clone(model).fit(scaled, labels(customers(), classes)), frame)
    tested.assert_close(hard_rows(tested, frame))


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_that_stop_at_a_margin(classes: int) -> None:
    frame = customers()
    for model in (RidgeClassifierCV(), SGDClassifier(loss="modified_huber", random_state=0)):
        fitted = make_pipeline(_prepared(StandardScaler(), _ENCODERS[0]), model).fit(frame, labels(frame, classes))
        tested = pair(fitted, frame)
        rows = hard_rows(tested, frame)
        tested.assert_close(rows)
        tested.assert_predictions(rows)
        tested.assert_labels(rows)


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_that_are_cut_off(classes: int) -> None:
    """All that are cut off at 0 are alike; scores say which class it is, however little they differ from 0."""
    frame = customers()[["amount", "calls"]]
    fitted = SGDClassifier(loss="modified_huber", random_state=0).fit(frame.to_numpy(), labels(customers(), classes))
    count = len(fitted.coef_)
    fitted.coef_ = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])[:count]
    fitted.intercept_ = np.zeros(count)
    tested = pair(fitted, frame)
    beside = [1e-17, -1e-17, np.nextafter(-1.0, 0), np.nextafter(-1.0, -2)]
    numbers = [0.0, -0.0, 1.0, -1.0, -0.5, -2.0, -3.0, 5.0, *beside]
    rows = [[one, other] for one in numbers for other in numbers]
    tested.assert_close(rows)
    tested.assert_labels(rows)
    given = fitted.predict_proba([[-3.0, -2.0]])
    if classes == 3:
        assert given.tolist() == [[1 / 3] * 3]
        assert fitted.predict([[-3.0, -2.0]]) == ["class 1"]
    # As far as scores tell: near -1, where all are next to nothing, they are worth less.
    names = [each.name for each in tested.contract.inputs]
    (scale,) = absolute_terms(tested.document, [dict(zip(names, [-1 + 1e-6, -1.5], strict=True))])
    assert scale < 1e3 if classes == 2 else 1e6 < scale < 1e8


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "model",
    [
        RANSACRegressor(random_state=0),
        RANSACRegressor(HuberRegressor(), min_samples=10, random_state=0),
        TheilSenRegressor(max_subpopulation=200, random_state=0),
        BayesianRidge(),
        QuantileRegressor(alpha=0.01),
        TweedieRegressor(power=1.5, max_iter=1000),
        SGDOneClassSVM(random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_other_linear_models(model: Any) -> None:  # noqa: ANN401
    frame = customers()
    tested = pair(make_pipeline(_prepared(StandardScaler(), _ENCODERS[0]), model).fit(frame, labels(frame, 0)), frame)
    tested.assert_close(hard_rows(tested, frame))


@pytest.mark.skipif(not hasattr(linear_model, "PassiveAggressiveClassifier"), reason="gone from scikit-learn 1.10 on")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_passive_aggressive_models() -> None:
    frame = customers()[NUMBERS]
    for name, classes in ("PassiveAggressiveClassifier", 2), ("PassiveAggressiveRegressor", 0):
        model = getattr(linear_model, name)(random_state=0)
        tested = pair(make_pipeline(StandardScaler(), model).fit(frame, labels(customers(), classes)), frame)
        tested.assert_close(hard_rows(tested, frame))


def test_liblinear_and_cross_validation() -> None:
    frame = customers()[NUMBERS]
    for model in (
        LogisticRegression(solver="liblinear"),
        LogisticRegressionCV(Cs=2, max_iter=2000, use_legacy_attributes=False, scoring="accuracy", l1_ratios=(0,)),
    ):
        tested = pair(make_pipeline(StandardScaler(), model).fit(frame, labels(customers(), 2)), frame)
        tested.assert_close(hard_rows(tested, frame))


def test_scaling_and_categories_fold_into_few_steps() -> None:
    document = pair(light_pipeline(), predictors()[LIGHT_INPUTS].head(20)).document
    assert [step["step"] for step in document["steps"]] == ["linear"]
    frame = customers()
    fitted = make_pipeline(_prepared(StandardScaler(), OneHotEncoder()), LogisticRegression()).fit(
        frame, labels(frame, 2)
    )
    document = pair(fitted, frame).document
    assert [step["step"] for step in document["steps"]] == ["lookup", "linear"]
    assert document["inputs"][3]["known"] == ["gold", "silver", "tin", "wood"]
    assert document["inputs"][3]["nullable"] is False


def test_scaling_that_would_cancel_stays_a_step() -> None:
    frame = customers()[NUMBERS] + np.array([1e9, 0, 0])
    fitted = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, labels(customers(), 0))
    tested = pair(fitted, frame)
    assert [step["step"] for step in tested.document["steps"]] == ["affine", "linear"]
    tested.assert_close(hard_rows(tested, frame))


def test_the_scale_is_the_sum_of_absolute_terms() -> None:
    frame = customers()[NUMBERS]
    model = LinearRegression().fit(frame, labels(customers(), 0))
    document = pair(model, frame).document
    row = {"amount": -3.0, "calls": 2.0, "shift": 0.5}
    expected = abs(model.coef_) @ [3.0, 2.0, 0.5] + abs(model.intercept_)
    assert absolute_terms(document, [row, {**row, "calls": None}, {**row, "calls": "Infinity"}]) == [
        pytest.approx(expected, rel=1e-14), 0.0, 0.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (KNeighborsClassifier(), "step 'classify' is a KNeighborsClassifier, which cannot become a program"),
        (
            RANSACRegressor(KNeighborsRegressor(), min_samples=9),
            "the KNeighborsRegressor is a KNeighborsRegressor, which cannot",
        ),
    ],
)
def test_what_cannot_become_a_program_is_named(model: Any, message: str) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    fitted = Pipeline([("scale", StandardScaler()), ("classify", model)]).fit(
        frame, labels(customers(), 0 if isinstance(model, RANSACRegressor) else 3)
    )
    with pytest.raises(NotAProgramError, match=message) as raised:
        pair(fitted, frame)
    assert raised.value.part == message.partition(" is a ")[0].partition(" has ")[0]


def test_weights_that_cancel_each_other_show_in_the_terms() -> None:
    """Two columns that say the same: what of them goes into the intercept is not to vanish there."""
    frame = customers()[["amount", "calls"]]
    scaled = FeatureUnion([("one", StandardScaler()), ("other", StandardScaler())])
    fitted = make_pipeline(scaled, LinearRegression()).fit(frame, frame["calls"])
    fitted[-1].coef_ = np.array([3e13, 1.0, -3e13, 2.0])
    tested = pair(fitted, frame)
    (scale,) = absolute_terms(tested.document, [{"amount": 0.0, "calls": 1.0}])
    assert scale > 1e13
    tested.assert_close(hard_rows(tested, frame))


def test_codes_of_a_column_that_cancel_each_other_show_in_the_terms() -> None:
    frame = customers()[["plan", "calls"]]
    twice = FeatureUnion([("one", OrdinalEncoder()), ("other", OrdinalEncoder())])
    columns = ColumnTransformer([("codes", twice, ["plan"]), ("calls", "passthrough", ["calls"])])
    fitted = make_pipeline(columns, LinearRegression()).fit(frame.dropna(), frame.dropna()["calls"])
    fitted[-1].coef_ = np.array([3e13, -3e13, 1.0])
    tested = pair(fitted, frame.dropna())
    row = {"plan": str(sorted(frame.dropna()["plan"])[-1]), "calls": 1.0}
    assert absolute_terms(tested.document, [row])[0] > 1e13
    assert [step["step"] for step in tested.document["steps"]] == ["lookup", "lookup", "linear"]
