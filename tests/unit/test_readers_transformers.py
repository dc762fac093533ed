"""Transformers of numbers: scalers, selectors, bins, functions, polynomials, splines, distributions, projections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from pgscore.errors import NotAProgramError
from pgscore.publishing.fitted import fitted_categories
from sklearn import feature_selection as selection
from sklearn import preprocessing as pre
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from xgboost import XGBRegressor

from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

_LINEAR = LogisticRegression(max_iter=300, C=0.1)
_TREES = GradientBoostingClassifier(n_estimators=6, random_state=0)
_OPEN = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5)  # takes missing values, and infinity
_FOREST = RandomForestClassifier(n_estimators=3, random_state=0)  # takes missing values
_BOTH = (_LINEAR, _TREES)

_FULL, _GAPS = customers(), customers(missing=True)
_PLAIN = _FULL[NUMBERS]
_POSITIVE = _PLAIN.abs() + 1e-6
_POSITIVE_GAPS = _GAPS[NUMBERS].abs() + 1e-6
# What deserves a place among numbers: one value, and a value that many have.
_TIED = _PLAIN.assign(constant=1.0, tied=np.where(_PLAIN["amount"] > 200, _PLAIN["amount"], 0.0))


def _assert_same(prepared: Any, frame: pd.DataFrame, models: tuple[Any, ...] = _BOTH, classes: int = 2) -> None:  # noqa: ANN401
    for model in models:
        tested = pair(make_pipeline(clone(prepared), clone(model)).fit(frame, labels(_FULL, classes)), frame)
        tested.assert_close(hard_rows(tested, frame))


def _named(case: Any) -> str:  # noqa: ANN401
    return " ".join(str(case).split()) if not isinstance(case, pd.DataFrame | tuple) else ""


@pytest.mark.parametrize(
    ("scaler", "frame", "models"),
    [
        (pre.MaxAbsScaler(), _PLAIN, _BOTH),
        (pre.RobustScaler(), _GAPS[NUMBERS], (_FOREST, _OPEN)),
        (pre.RobustScaler(with_scaling=False), _PLAIN, _BOTH),
        (pre.Normalizer(norm="l1"), _PLAIN, _BOTH),
        (pre.Normalizer(), _PLAIN, _BOTH),
        (pre.Normalizer(norm="max"), _PLAIN, _BOTH),
        (make_pipeline(pre.StandardScaler(), pre.Normalizer(), pre.MaxAbsScaler()), _TIED, _BOTH),
        (pre.Binarizer(threshold=3), _PLAIN, _BOTH),
        (pre.Binarizer(), _FULL[["amount", "flag"]], _BOTH),
    ],
    ids=_named,
)
def test_scalers(scaler: Any, frame: pd.DataFrame, models: tuple[Any, ...]) -> None:  # noqa: ANN401
    _assert_same(scaler, frame, models)


def test_a_norm_next_to_zero_counts_as_one() -> None:
    frame = pd.DataFrame({"a": [1e-15, -3e-15, 0.0, 2.0], "b": [1e-15, 0.0, 0.0, -1.0]})
    for norm in ("l1", "l2", "max"):
        model = make_pipeline(pre.Normalizer(norm=norm), LinearRegression()).fit(frame, [1.0, 2.0, 3.0, 4.0])
        tested = pair(model, frame)
        tested.assert_close([*frame.to_numpy().tolist(), [2.3e-15, 0.0], [2.2e-15, 0.0], [5e-324, -0.0]])


@pytest.mark.filterwarnings("ignore:All-NaN slice", "ignore:Degrees of freedom", "ignore:invalid value encountered")
@pytest.mark.parametrize("scaler", [pre.StandardScaler(), pre.RobustScaler(), pre.MinMaxScaler(), pre.MaxAbsScaler()])
def test_a_column_without_values_is_missing_behind_a_scaler(scaler: Any) -> None:  # noqa: ANN401
    frame = _PLAIN.assign(never=np.nan)
    scaler.fit(frame)
    given = frame.assign(never=[1.0] + [np.nan] * (len(frame) - 1))
    model = clone(_FOREST).fit(scaler.transform(given), labels(_FULL, 2))
    tested = pair(make_pipeline(scaler, model), given)
    tested.assert_close(hard_rows(tested, given))


@pytest.mark.filterwarnings("ignore:Bins whose width are too small", "ignore:Feature 3 is constant")
@pytest.mark.parametrize("encode", ["onehot", "onehot-dense", "ordinal"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
def test_bins(encode: str, strategy: str) -> None:
    options = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    bins = pre.KBinsDiscretizer(n_bins=4, encode=encode, strategy=strategy, random_state=0, **options)
    _assert_same(bins, _TIED)


def test_what_is_computed_is_encoded() -> None:
    bins = pre.KBinsDiscretizer(n_bins=4, encode="ordinal", strategy="uniform")
    _assert_same(make_pipeline(bins, pre.OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist")), _PLAIN)
    whole = make_pipeline(pre.FunctionTransformer(np.floor), pre.OrdinalEncoder())
    frame = _PLAIN[["calls"]]
    model = make_pipeline(whole, clone(_TREES)).fit(frame, labels(_FULL, 2))
    tested = pair(model, frame)
    # What is no category is refused, although no input says so.
    tested.assert_close([[2.0], [2.9], [-1.0], [9.5], [1e300], [None]])


@pytest.mark.parametrize(
    ("selector", "frame", "models"),
    [
        (selection.SelectKBest(k=2), _PLAIN, (*_BOTH, _OPEN)),
        (selection.SelectKBest(k=2), _FULL.drop(columns="plan"), (_LINEAR, _OPEN)),
        (selection.SelectKBest(k=2).set_output(transform="pandas"), _FULL.drop(columns="plan"), (_LINEAR, _OPEN)),
        (selection.SelectPercentile(percentile=50), _PLAIN, _BOTH),
        (selection.SelectFpr(alpha=0.9), _PLAIN, (_TREES,)),
        (selection.SelectFdr(alpha=0.9), _PLAIN, (_TREES,)),
        (selection.SelectFwe(alpha=0.9), _PLAIN, (_TREES,)),
        (selection.GenericUnivariateSelect(mode="k_best", param=2), _PLAIN, (_TREES,)),
        (selection.VarianceThreshold(1e-3), _GAPS[NUMBERS], (_FOREST, _OPEN)),
        (selection.SelectFromModel(_FOREST), _GAPS[NUMBERS], (_FOREST, _OPEN)),
        (selection.SelectFromModel(_LINEAR), _PLAIN, _BOTH),
        (selection.RFE(_LINEAR, n_features_to_select=1), _PLAIN, _BOTH),
        (selection.RFECV(_TREES, cv=2), _PLAIN, (_TREES,)),
        (selection.SequentialFeatureSelector(_LINEAR, n_features_to_select=2, cv=2), _PLAIN, _BOTH),
    ],
    ids=_named,
)
def test_selectors(selector: Any, frame: pd.DataFrame, models: tuple[Any, ...]) -> None:  # noqa: ANN401
    _assert_same(selector, frame, models)


def test_what_eliminates_columns_predicts_with_the_others() -> None:
    for step in (_LINEAR, _TREES):
        model = selection.RFE(clone(step), n_features_to_select=2).fit(_PLAIN, labels(_FULL, 2))
        tested = pair(model, _PLAIN)
        tested.assert_close(hard_rows(tested, _PLAIN))


def test_categories_behind_a_selector_are_those_of_the_inputs_that_it_keeps() -> None:
    frame = pd.DataFrame({"same": [1.0] * 6, "code": [3.0, 4.0, 5.0] * 2, "sort": [0.0, 1.0] * 3})
    model = make_pipeline(selection.VarianceThreshold(), pre.OrdinalEncoder(), LogisticRegression())
    found = fitted_categories(model.fit(frame, [0, 1, 1, 0, 1, 0]), ["same", "code", "sort"])
    assert {name: each.values for name, each in found.items()} == {"code": (3.0, 4.0, 5.0), "sort": (0.0, 1.0)}


@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_target_encoders(classes: int, *, missing: bool) -> None:
    frame = (_GAPS if missing else _FULL)[["plan", "calls", "flag"]]
    encoder = pre.TargetEncoder()
    models = _BOTH if classes else (LinearRegression(),)
    for prepared in (encoder, clone(encoder).set_output(transform="pandas")):
        _assert_same(prepared, frame, models[: 2 if prepared is encoder else 1], classes)
    fitted = clone(encoder).fit(frame, labels(_FULL, classes))
    assert fitted_categories(fitted, ["plan", "calls", "flag"])["plan"].kind == "text"


@pytest.mark.parametrize(
    ("indicator", "models"),
    [
        (make_union(SimpleImputer(), MissingIndicator(error_on_new=False)), _BOTH),
        (MissingIndicator(), (_FOREST, _OPEN)),
        (make_pipeline(pre.FunctionTransformer(np.sqrt), SimpleImputer(add_indicator=True)), _BOTH),
        (make_pipeline(pre.PowerTransformer(), SimpleImputer(add_indicator=True)), _BOTH),
    ],
    ids=_named,
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_marks_of_missing_values(indicator: Any, models: tuple[Any, ...]) -> None:  # noqa: ANN401
    _assert_same(indicator, _GAPS[NUMBERS], models)


def test_new_missing_values_are_refused() -> None:
    frame = _GAPS[NUMBERS].assign(calls=_PLAIN["calls"])
    _assert_same(ColumnTransformer([("marks", MissingIndicator(), NUMBERS)]), frame, (_TREES,))


@pytest.mark.parametrize(
    ("polynomial", "frame"),
    [
        (pre.PolynomialFeatures(2), _PLAIN),
        (make_pipeline(pre.StandardScaler(), pre.PolynomialFeatures((2, 4), include_bias=False)), _PLAIN),
        (make_pipeline(pre.StandardScaler(), pre.PolynomialFeatures(3), pre.StandardScaler()), _PLAIN),
        (pre.PolynomialFeatures(3, interaction_only=True), _PLAIN),
        (make_pipeline(pre.OneHotEncoder(handle_unknown="ignore"), pre.PolynomialFeatures(2)), _FULL[["plan", "flag"]]),
        (
            make_pipeline(
                ColumnTransformer(
                    [("plan", pre.OneHotEncoder(handle_unknown="ignore"), ["plan"])], remainder=pre.StandardScaler()
                ),
                pre.PolynomialFeatures(2, interaction_only=True),
            ),
            _FULL.drop(columns="flag"),
        ),
    ],
)
def test_polynomials(polynomial: Any, frame: pd.DataFrame) -> None:  # noqa: ANN401
    _assert_same(polynomial, frame)


def test_products_of_a_sparse_matrix_leave_out_what_is_zero() -> None:
    """0 times what overflows is 0 there: it is not stored, and not multiplied."""
    columns = ColumnTransformer(
        [("rest", "passthrough", ["amount", "calls"]), ("plan", pre.OneHotEncoder(handle_unknown="ignore"), ["plan"])],
        sparse_threshold=1.0,
    )
    frame = _FULL[["amount", "calls", "plan"]].assign(amount=_FULL["amount"] - 250)
    goes_by_product = frame["amount"] * frame["calls"] * (frame["plan"] == "gold") < -100
    model = CatBoostClassifier(iterations=6, depth=3, logging_level="Silent", allow_writing_files=False)
    prepared = make_pipeline(columns, pre.PolynomialFeatures(3, interaction_only=True), model)
    tested = pair(prepared.fit(frame, goes_by_product), frame)
    tested.assert_close([*hard_rows(tested, frame), *([sign * 1e200, 1e200, "never seen"] for sign in (1, -1))])


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "error"])
@pytest.mark.parametrize(("degree", "knots", "bias"), [(3, "quantile", True), (2, "uniform", False)])
def test_splines(extrapolation: Any, degree: int, knots: Any, *, bias: bool) -> None:  # noqa: ANN401
    splines = pre.SplineTransformer(extrapolation=extrapolation, degree=degree, knots=knots, include_bias=bias)
    _assert_same(splines, _PLAIN if extrapolation == "continue" else _TIED, (_LINEAR, _TREES))


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "error"])
def test_splines_of_missing_values(extrapolation: Any) -> None:  # noqa: ANN401
    splines = pre.SplineTransformer(extrapolation=extrapolation, handle_missing="zeros")
    _assert_same(splines, _GAPS[NUMBERS], (_LINEAR, _FOREST))


def test_splines_that_overflow_are_refused_where_nothing_reads_them_too() -> None:
    """Where a polynomial is infinite the estimator has NaN, which its trees take for a missing value."""
    splines = make_pipeline(pre.SplineTransformer(extrapolation="continue"), pre.MaxAbsScaler())
    columns = ColumnTransformer([("splines", splines, ["shift"]), ("rest", "passthrough", ["amount"])])
    frame = _PLAIN[["amount", "shift"]]
    fitted = make_pipeline(columns, XGBRegressor(n_estimators=1, max_depth=1)).fit(frame, labels(_FULL, 0))
    with pytest.raises(NotAProgramError, match="overflows to NaN"):
        pair(fitted, frame)


@pytest.mark.parametrize(
    ("transformer", "frame", "models"),
    [
        (pre.PowerTransformer(), _TIED, _BOTH),
        (pre.PowerTransformer(standardize=False), _GAPS[NUMBERS], (_FOREST, _OPEN)),
        (pre.PowerTransformer(method="box-cox"), _POSITIVE, _BOTH),
        (make_pipeline(pre.PowerTransformer(method="box-cox"), SimpleImputer()), _POSITIVE_GAPS, _BOTH),
        (pre.QuantileTransformer(n_quantiles=20), _TIED, _BOTH),
        (pre.QuantileTransformer(n_quantiles=100), _GAPS[NUMBERS], (_FOREST, _OPEN)),
        (make_pipeline(pre.QuantileTransformer(n_quantiles=20), pre.StandardScaler()), _TIED, _BOTH),
        (pre.QuantileTransformer(n_quantiles=20, output_distribution="normal"), _TIED, _BOTH),
    ],
    ids=_named,
)
def test_distributions(transformer: Any, frame: pd.DataFrame, models: tuple[Any, ...]) -> None:  # noqa: ANN401
    _assert_same(transformer, frame, models)


def test_normal_quantiles_are_scipys_to_the_last_bit() -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 50)})
    model = make_pipeline(
        pre.QuantileTransformer(n_quantiles=2, output_distribution="normal"), LinearRegression(fit_intercept=False)
    ).fit(frame, frame["x"])
    model[-1].coef_ = np.array([1.0])
    random = np.random.default_rng(0)
    tails = 10 ** random.uniform(-7, 0, 1000)
    values = [*random.random(1000), *tails, *(1 - tails), 0.0, 5e-8, 1e-7, 1 - 1e-7, 1.0, 0.5, 0.13533528323661269189]
    pair(model, frame).assert_identical([[each] for each in values])


@pytest.mark.parametrize(
    ("transformer", "models"),
    [
        (PCA(2), _BOTH),
        (make_pipeline(pre.StandardScaler(), PCA(2, whiten=True), pre.StandardScaler()), _BOTH),
        (TruncatedSVD(2, random_state=0), _BOTH),
        (RBFSampler(n_components=20, random_state=0), (_LINEAR,)),
        (make_pipeline(pre.StandardScaler(), RBFSampler(n_components=20, random_state=0)), (_LINEAR,)),
        *(
            (make_pipeline(pre.StandardScaler(), Nystroem(kernel=kernel, n_components=10, random_state=0)), (_LINEAR,))
            for kernel in ("rbf", "poly", "sigmoid", "linear")
        ),
        (Nystroem(n_components=20, gamma=1e-4, random_state=0), (_LINEAR,)),
    ],
)
def test_projections(transformer: Any, models: tuple[Any, ...]) -> None:  # noqa: ANN401
    _assert_same(transformer, _PLAIN, models)


@pytest.mark.parametrize(
    ("prepared", "model", "reason"),
    [
        (pre.FunctionTransformer(lambda x: x), _LINEAR, "calls the function <lambda>"),
        (pre.SplineTransformer(extrapolation="periodic"), _LINEAR, "has periodic splines"),
        (pre.SplineTransformer(degree=1, extrapolation="linear"), _LINEAR, "goes on linearly"),
        (pre.SplineTransformer(extrapolation="continue"), _FOREST, "overflows to NaN"),
        (pre.SplineTransformer(extrapolation="continue", knots="quantile"), _LINEAR, "between knots that are equal"),
        (make_pipeline(pre.FunctionTransformer(np.exp), pre.FunctionTransformer(np.floor)), _LINEAR, "function floor"),
        (make_pipeline(SimpleImputer(), PCA(2)), _OPEN, "splits at values that are computed otherwise"),
        (make_pipeline(PCA(2), pre.Binarizer()), _LINEAR, "step 'binarizer' jumps"),
        (make_pipeline(RBFSampler(n_components=5), pre.Normalizer(norm="l1")), _TREES, "rounds its sums otherwise"),
        (Nystroem(kernel="laplacian", n_components=5), _LINEAR, "has the kernel 'laplacian'"),
        (pre.PolynomialFeatures(40), _LINEAR, "more than 10,000 steps"),
    ],
)
def test_what_is_no_program_is_named(prepared: Any, model: Any, reason: str) -> None:  # noqa: ANN401
    # Half of its values are one, so that quantiles are equal.
    frame = _PLAIN.assign(calls=np.maximum(_PLAIN["calls"], 5)) / 1000
    fitted = make_pipeline(prepared, clone(model)).fit(frame, labels(_FULL, 2))
    with pytest.raises(NotAProgramError, match=reason):
        pair(fitted, frame)


@pytest.mark.parametrize("function", [np.log, np.exp, pre.PowerTransformer()])
def test_bins_of_a_function_are_bins_of_the_input(function: Any) -> None:  # noqa: ANN401
    """Their edges are values of the data, as numpy's function has them: no last bit decides where these go."""
    frame = pd.DataFrame({"x": np.random.default_rng(0).integers(1, 300, 150).astype(float)})
    step = function if isinstance(function, pre.PowerTransformer) else pre.FunctionTransformer(function)
    bins = pre.KBinsDiscretizer(n_bins=20, encode="ordinal", quantile_method="linear")
    tested = pair(make_pipeline(step, bins, LinearRegression()).fit(frame, frame["x"] ** 2), frame)
    assert [each["step"] for each in tested.document["steps"]] == ["piecewise", "linear"]
    tested.assert_close([[float(x)] for x in range(1, 300)])


def test_bins_of_a_number_that_was_missing() -> None:
    bins = pre.KBinsDiscretizer(n_bins=4, encode="ordinal", strategy="uniform")
    for step in (pre.Binarizer(threshold=3), bins):
        filled = make_pipeline(SimpleImputer(strategy="constant", fill_value=4), pre.StandardScaler(), step)
        _assert_same(filled, _GAPS[NUMBERS])


def test_quantiles_that_are_equal_behind_what_is_inexact() -> None:
    frame = _PLAIN[["calls"]]
    powers = make_pipeline(pre.PowerTransformer(), pre.QuantileTransformer(n_quantiles=20))
    _assert_same(powers, frame, (_TREES,))
    with pytest.raises(NotAProgramError, match="step 'quantiletransformer' jumps at values"):
        _assert_same(powers, frame, (_LINEAR,))
