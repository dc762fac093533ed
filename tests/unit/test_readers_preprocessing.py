"""Transformers: imputers, encoders, and what puts them together, in front of models of both families."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pgscore.errors import NotAProgramError
from pgscore.publishing.describe import describe
from pgscore.readers import read_program
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from tests.support.models import pipeline, predictors
from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

_LINEAR = LogisticRegression(max_iter=500, C=0.1)
_TREES = GradientBoostingClassifier(n_estimators=6, random_state=0)


def _assert_same(prepared: Any, frame: pd.DataFrame, models: tuple[Any, ...] = (_LINEAR, _TREES)) -> None:  # noqa: ANN401
    for model in models:
        tested = pair(make_pipeline(prepared, clone(model)).fit(frame, labels(customers(missing=True), 2)), frame)
        tested.assert_close(hard_rows(tested, frame))


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize("indicator", [True, False])
def test_imputed_numbers(strategy: str, *, indicator: bool) -> None:
    imputer = SimpleImputer(strategy=strategy, add_indicator=indicator)
    _assert_same(make_pipeline(imputer, StandardScaler()), customers(missing=True)[NUMBERS])


def test_imputed_texts_and_booleans() -> None:
    frame = customers(missing=True)
    prepared = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), NUMBERS),
            (
                "plan",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore")
                ),
                ["plan"],
            ),
            ("flag", SimpleImputer(strategy="most_frequent", add_indicator=True), ["flag"]),
        ]
    )
    _assert_same(prepared, frame)


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
@pytest.mark.parametrize("kept", [True, False])
def test_columns_that_are_always_missing(*, kept: bool) -> None:
    frame = customers(missing=True)[NUMBERS].assign(never=np.nan)
    frame.loc[0, "never"] = 1.0
    imputer = SimpleImputer(keep_empty_features=kept).fit(frame.assign(never=np.nan))
    model = clone(_TREES).fit(imputer.transform(frame), labels(customers(missing=True), 2))
    tested = pair(Pipeline([("impute", imputer), ("model", model)]), frame)
    tested.assert_close(hard_rows(tested, frame))


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="error"),
        OneHotEncoder(handle_unknown="ignore", min_frequency=30),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
        OneHotEncoder(handle_unknown="warn", max_categories=3, sparse_output=False),
        OneHotEncoder(handle_unknown="ignore", drop="first"),
        OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
        OneHotEncoder(handle_unknown="ignore", drop=["tin", 1.0, True]),
        OrdinalEncoder(encoded_missing_value=99),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
        OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=99, encoded_missing_value=-2, min_frequency=30
        ),
    ],
    ids=lambda encoder: str(encoder).replace("\n", ""),
)
@pytest.mark.parametrize("missing", [True, False])
def test_encoders(encoder: Any, *, missing: bool) -> None:  # noqa: ANN401
    frame = customers(missing=missing).drop(columns="shift")
    _assert_same(ColumnTransformer([("encode", encoder, ["plan", "calls", "flag"])]), frame)


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
        OrdinalEncoder(encoded_missing_value=-2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    ],
)
def test_an_encoder_is_asked_about_all_its_inputs_at_once(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    random = np.random.default_rng(0)
    names = [f"t{n}" for n in range(24)]
    frame = pd.DataFrame({name: random.choice(list("abcdefgh"[: 2 + n % 7]), 200) for n, name in enumerate(names)})
    frame = frame.astype(object)
    # Some have learnt what a missing text is, and some have not.
    for name in names[::3]:
        frame.loc[random.random(200) < 0.2, name] = np.nan
    model = make_pipeline(encoder, clone(_LINEAR)).fit(frame, random.random(200) < 0.5)
    asked: list[Any] = []
    transform = type(encoder).transform

    def counted(self: Any, given: Any) -> Any:  # noqa: ANN401
        asked.append(self)
        return transform(self, given)

    with monkeypatch.context() as patched:
        patched.setattr(type(encoder), "transform", counted)
        contract, _ = describe(model, frame.head(20))
        asked.clear()
        read_program(model, contract)
    assert len(asked) < 10
    tested = pair(model, frame)
    tested.assert_close(hard_rows(tested, frame))


def test_unknown_codes_that_are_nan_go_where_missing_ones_go() -> None:
    frame = customers(missing=True)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    prepared = ColumnTransformer([("encode", encoder, ["plan", "flag"])], remainder="passthrough")
    _assert_same(prepared, frame, (HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),))


def test_none_as_a_category() -> None:
    frame = customers()
    frame["plan"] = pd.Series([None if plan == "tin" else plan for plan in frame["plan"]], dtype=object)
    prepared = ColumnTransformer([("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"])], remainder="passthrough")
    for model in (_LINEAR, _TREES):
        tested = pair(make_pipeline(prepared, clone(model)).fit(frame, labels(customers(), 2)), frame)
        assert tested.contract.missing_text == "none"
        tested.assert_close(hard_rows(tested, frame))


@pytest.mark.parametrize(
    "columns",
    [
        NUMBERS,
        [0, 1, 2],
        [-5, -4],
        slice(0, 2),
        slice("amount", "calls"),
        [True, False, True, False, False],
        np.array([True, False, True, False, False]),
        make_column_selector(dtype_include=float),
        lambda frame: list(frame)[:2],
    ],
)  # fmt: skip
def test_all_ways_to_name_columns(columns: Any) -> None:  # noqa: ANN401
    _assert_same(ColumnTransformer([("some", StandardScaler(), columns)]), customers(), (_TREES,))


@pytest.mark.parametrize("remainder", ["drop", "passthrough", MinMaxScaler()])
def test_all_remainders(remainder: Any) -> None:  # noqa: ANN401
    prepared = ColumnTransformer(
        [("out", "drop", ["plan"]), ("some", StandardScaler(), ["calls"]), ("as is", "passthrough", ["flag"])],
        remainder=remainder,
        transformer_weights={"some": 2.5},
    )
    _assert_same(prepared, customers())


def test_a_negative_weight_turns_the_order_round() -> None:
    prepared = ColumnTransformer([("some", StandardScaler(), NUMBERS)], transformer_weights={"some": -2.0})
    _assert_same(prepared, customers())


def test_sparse_columns_are_scaled_by_the_reciprocal() -> None:
    prepared = ColumnTransformer(
        [("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"]), ("as is", "passthrough", NUMBERS)],
        sparse_threshold=1.0,
    )
    frame = customers()
    _assert_same(make_pipeline(prepared, StandardScaler(with_mean=False)), frame)
    tested = pair(make_pipeline(prepared, Lasso(alpha=0.1)).fit(frame, labels(frame, 0)), frame)
    tested.assert_close(hard_rows(tested, frame))


def test_nested_pipelines_unions_and_steps_that_do_nothing() -> None:
    inner = Pipeline([("nothing", "passthrough"), ("scale", StandardScaler()), ("none", None)])
    union = FeatureUnion([("inner", inner), ("same", FunctionTransformer()), ("not", "drop")])
    _assert_same(Pipeline([("union", union), ("range", MinMaxScaler())]), customers(missing=False)[NUMBERS])


def test_the_demos_pipeline() -> None:
    tested = pair(pipeline(), predictors().head(50))
    assert [step["step"] for step in tested.document["steps"]] == ["trees"]
    rows = hard_rows(tested, predictors())
    tested.raw().assert_identical(rows)
    tested.assert_close(rows)


def test_a_function_of_a_function() -> None:
    """What is accepted behind it is no interval of the input: the program requires it of what the first one gives."""
    roots = make_pipeline(FunctionTransformer(np.square), StandardScaler(), FunctionTransformer(np.abs), MinMaxScaler())
    frame = customers()[NUMBERS]
    for model in (LogisticRegression(max_iter=500, C=0.1), _TREES):
        tested = pair(make_pipeline(clone(roots), clone(model)).fit(frame, labels(customers(), 2)), frame)
        tested.assert_close(hard_rows(tested, frame))


@pytest.mark.parametrize(
    ("prepared", "message"),
    [
        (KNNImputer(), "step 'prepare' is a KNNImputer"),
        (SimpleImputer(missing_values=4.0), r"step 'prepare' fills where it finds 4\.0"),
        (FunctionTransformer(np.arctan), "step 'prepare' calls the function arctan"),
        (make_pipeline(OrdinalEncoder(), OneHotEncoder()), "step 'onehotencoder' encodes what another"),
    ],
)
def test_what_cannot_become_a_program_is_named(prepared: Any, message: str) -> None:  # noqa: ANN401
    frame = customers()[["calls"]]
    model = Pipeline([("prepare", prepared), ("model", clone(_TREES))]).fit(frame, labels(customers(), 2))
    with pytest.raises(NotAProgramError, match=message):
        pair(model, frame)


def test_texts_that_are_read_as_numbers() -> None:
    frame = customers()[["amount"]].assign(code=customers()["calls"].astype(int).astype(str).astype(object))
    model = GradientBoostingClassifier(n_estimators=2).fit(frame, labels(customers(), 2))
    with pytest.raises(NotAProgramError, match="the GradientBoostingClassifier reads a text as a number"):
        pair(model, frame)


def test_an_encoder_of_which_nothing_is_left() -> None:
    """It knows one category and drops it."""
    frame = customers().assign(plan="gold")
    for drop in ("first", ["gold"]):
        prepared = ColumnTransformer([("plan", OneHotEncoder(drop=drop), ["plan"])], remainder="passthrough")
        fitted = make_pipeline(prepared, LogisticRegression(max_iter=50)).fit(frame, labels(frame, 2))
        pair(fitted, frame).assert_close(hard_rows(pair(fitted, frame), frame))


@pytest.mark.filterwarnings("ignore:Bins whose width")
def test_a_constant_made_of_an_encoder_that_accepts_some_categories_only() -> None:
    """One bin for all: whatever the category is, it counts, and not as 0."""
    frame = customers()[["plan", "amount"]]
    bins = make_pipeline(OneHotEncoder(sparse_output=False), KBinsDiscretizer(2, encode="onehot-dense"))
    columns = ColumnTransformer([("plan", bins, ["plan"]), ("rest", "passthrough", ["amount"])])
    fitted = make_pipeline(columns, LinearRegression()).fit(frame, labels(frame.assign(calls=1.0), 0))
    fitted[-1].coef_ = np.arange(1.0, len(fitted[-1].coef_) + 1)
    tested = pair(fitted, frame)
    tested.assert_close(hard_rows(tested, frame))
