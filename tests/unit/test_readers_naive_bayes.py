"""Naive Bayes: all probabilities and the label, for every row that the database can hold, and the same refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore.errors import NotAProgramError
from pgscore.publishing.describe import describe
from pgscore.readers import read_program
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.support.examples import examples
from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    import pandas as pd

_MODELS = [
    GaussianNB(),
    BernoulliNB(),
    BernoulliNB(binarize=0.25, alpha=0.1),
    MultinomialNB(),
    ComplementNB(norm=True),
]


def _prepared(model: Any, encoder: Any = None) -> Any:  # noqa: ANN401
    # Fitted on counts, these take negative ones nevertheless.
    scaler = MinMaxScaler() if isinstance(model, MultinomialNB | ComplementNB) else StandardScaler()
    columns = [("numbers", scaler, NUMBERS), ("plan", encoder or OneHotEncoder(handle_unknown="ignore"), ["plan"])]
    return make_pipeline(ColumnTransformer(columns, remainder="passthrough"), clone(model))


@settings(deadline=None, max_examples=examples(5))
@given(model=st.sampled_from(_MODELS), classes=st.sampled_from([2, 3]), seed=st.integers(0, 10_000))
def test_any_naive_bayes(model: Any, classes: int, seed: int) -> None:  # noqa: ANN401
    frame = customers(seed)
    tested = pair(_prepared(model).fit(frame, labels(frame, classes)), frame)
    tested.assert_predictions(hard_rows(tested, frame, seed))


@pytest.mark.parametrize("model", [*_MODELS[:3], GaussianNB(priors=[0.2, 0.7, 0.1])], ids=str)
def test_naive_bayes_of_plain_numbers(model: Any) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    tested = pair(clone(model).fit(frame.to_numpy(), labels(customers(), 3)), frame)
    tested.assert_predictions(hard_rows(tested, frame))


def test_naive_bayes_fitted_in_single_precision() -> None:
    frame = customers()[NUMBERS].abs().astype(np.float32).astype(np.float64)
    for model in (GaussianNB(), BernoulliNB(binarize=4), MultinomialNB()):
        tested = pair(model.fit(frame.to_numpy(np.float32), labels(customers(), 3)), frame)
        tested.assert_predictions(hard_rows(tested, frame))


@pytest.mark.parametrize("priors", [[0, 0.4, 0.6], [0, 1, 0]])
def test_a_class_that_is_never_there(priors: list[float]) -> None:
    frame = customers()[NUMBERS]
    tested = pair(GaussianNB(priors=priors).fit(frame, labels(customers(), 3)), frame)
    tested.assert_predictions(hard_rows(tested, frame))


def test_one_class_alone() -> None:
    frame = customers()[NUMBERS].abs()
    for model in (GaussianNB(), MultinomialNB(), ComplementNB(), BernoulliNB()):
        fitted = model.fit(frame, np.ones(len(frame), dtype=int))
        contract, _ = describe(fitted, frame, 1)
        tested = Pair(fitted, contract, read_program(fitted, contract).program)
        tested.assert_predictions(hard_rows(tested, frame))


def test_bernoulli_without_a_threshold() -> None:
    frame = customers()[["plan", "flag"]]
    encoded = ColumnTransformer([("plan", OneHotEncoder(), ["plan"])], remainder="passthrough")
    tested = pair(make_pipeline(encoded, BernoulliNB(binarize=None)).fit(frame, labels(customers(), 3)), frame)
    tested.assert_predictions(hard_rows(tested, frame))


def _categories(**options: Any) -> pd.DataFrame:  # noqa: ANN401
    return customers()[["calls", "plan", "flag"]].assign(**options)


def test_categories_by_number_and_by_text() -> None:
    frame = _categories()
    encoded = ColumnTransformer([("plan", OrdinalEncoder(), ["plan"])], remainder="passthrough")
    tested = pair(make_pipeline(encoded, CategoricalNB()).fit(frame, labels(customers(), 3)), frame)
    calls = tested.document["inputs"][0]
    assert (calls["minimum"], calls["maximum"]) == (np.nextafter(-1, 0), np.nextafter(frame["calls"].max() + 1, 0))
    tested.assert_predictions(
        [*hard_rows(tested, frame), *([each, "gold", 1.0] for each in (-0.5, -0.0, 0.9, 2.7, 8.999, 9.0, -1.0, -2.0))]
    )


def test_a_category_that_is_unknown_is_refused() -> None:
    frame = _categories(flag=False)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encoded = ColumnTransformer([("plan", encoder, ["plan"])], remainder="passthrough")
    tested = pair(make_pipeline(encoded, CategoricalNB()).fit(frame, labels(customers(), 2)), frame)
    assert [each.get("known") for each in tested.document["inputs"]] == [None, ["gold", "silver", "tin", "wood"], [0.0]]
    tested.assert_predictions(hard_rows(tested, frame))


def test_categories_of_what_is_scaled() -> None:
    frame = customers()[NUMBERS]
    fitted = make_pipeline(MinMaxScaler((0, 3.5)), CategoricalNB(min_categories=4)).fit(frame, labels(customers(), 2))
    tested = pair(fitted, frame)
    assert len(tested.document["require"]) == len(NUMBERS)
    tested.assert_predictions(hard_rows(tested, frame))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (make_pipeline(OrdinalEncoder(), CategoricalNB(alpha=0)), "alpha"),
        (make_pipeline(MinMaxScaler(clip=True), BernoulliNB(alpha=0, binarize=0.99)), "a probability of 0"),
        (GaussianNB(var_smoothing=0), "in which an input does not vary"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_what_has_no_finite_logarithm_is_named(model: Any, message: str) -> None:  # noqa: ANN401
    wanted = labels(customers(), 3)
    frame = customers()[NUMBERS].assign(calls=(wanted == "class 1").astype(float))
    with pytest.raises(NotAProgramError, match=message):
        pair(model.fit(frame, wanted), frame)


@pytest.mark.filterwarnings("ignore:overflow")
def test_classes_that_no_row_can_have() -> None:
    frame = customers()[NUMBERS] * 1e200
    fitted = GaussianNB().fit(frame, labels(customers(), 2))
    with pytest.raises(NotAProgramError, match="gives no class a probability"):
        pair(fitted, frame)
