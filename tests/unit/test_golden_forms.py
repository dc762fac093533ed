"""Golden rows in whatever form they are given: what the estimator is asked about is what the database hands over."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore.errors import PgscoreError
from pgscore.publishing.compile import compile_program
from pgscore.publishing.describe import describe
from pgscore.publishing.fitted import fitted_categories
from pgscore.publishing.golden import read_golden
from pgscore.publishing.handover import hand_over, kind_of
from pgscore.publishing.oracle import meaning, output_of
from pgscore_runtime.estimator import ServedEstimator
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

if TYPE_CHECKING:
    from pathlib import Path

    from pgscore.publishing.describe import GoldenRow
    from pgscore_runtime.contract import Contract

_RANDOM = np.random.default_rng(5)
_NUMBERS = pd.DataFrame({"a": _RANDOM.normal(size=40), "b": _RANDOM.normal(size=40)})
_LABELS = (_NUMBERS["a"] > _NUMBERS["b"]).astype(int)
_MODEL = LogisticRegression().fit(_NUMBERS, _LABELS)


def _described(model: Any, golden: Any, **more: Any) -> tuple[Contract, list[GoldenRow]]:  # noqa: ANN401
    rows = read_golden(golden)
    names = [str(name) for name in getattr(model, "feature_names_in_", rows.frame.columns)]
    return describe(model, rows.select(names), framed=rows.named, **more)


def _assert_served(model: Any, contract: Contract, golden: list[GoldenRow]) -> None:  # noqa: ANN401
    """What runs inside PostgreSQL gives what the golden rows say, from what they hold and no more."""
    flat = [[row.inputs[each.name] for each in contract.numbers] for row in golden]
    numbers = [None if value is None else float(value) for row in flat for value in row]
    texts = [row.inputs[each.name] for row in golden for each in contract.texts]
    scores, _ = ServedEstimator(model, contract).scores(len(golden), numbers, texts)
    for score, row in zip(scores, golden, strict=True):
        assert (score is None) == (row.expected is None), row
        assert score is None or score == pytest.approx(row.expected, rel=1e-12, abs=1e-12), row


@pytest.mark.parametrize(
    "form",
    [
        lambda frame: frame.to_dict("records"),
        lambda frame: frame.to_dict("list"),
        lambda frame: frame.to_numpy(),
        lambda frame: frame.to_numpy().tolist(),
        lambda frame: frame.to_records(index=False),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.astype(object),
        lambda frame: frame.map(Decimal),
        lambda frame: frame.astype(pd.SparseDtype("float")),
        lambda frame: frame[["b", "a"]].assign(more="unread"),
        lambda frame: pl.DataFrame(frame.to_dict("list")),
        lambda frame: pl.DataFrame(frame.to_dict("list")).lazy(),
    ],
)
def test_forms_of_the_same_rows(form: Any) -> None:  # noqa: ANN401
    assert _described(_MODEL, form(_NUMBERS)) == _described(_MODEL, _NUMBERS)


@pytest.mark.parametrize("golden", [5, [1.0, 2.0], np.array([1.0]), {1}, _NUMBERS["a"], {}, b"text"])
def test_what_holds_no_rows(golden: Any) -> None:  # noqa: ANN401
    with pytest.raises(PgscoreError, match="which holds no rows and columns"):
        read_golden(golden)


@pytest.mark.parametrize(
    "model",
    [make_pipeline(StandardScaler(), LogisticRegression()), RandomForestClassifier(3), MLPClassifier(max_iter=20),
     HistGradientBoostingClassifier(max_iter=3)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("width", [np.float32, np.float16])
def test_frames_of_single_precision(model: Any, width: Any) -> None:  # noqa: ANN401
    frame = _NUMBERS.astype(np.float32)
    model = clone(model).fit(frame, _LABELS)
    contract, golden = _described(model, frame.astype(width))
    _assert_served(model, contract, golden)
    assert golden[3].inputs["a"] == float(frame.astype(width)["a"][3])
    assert [row.expected for row in golden[:40]] == list(model.predict_proba(frame.astype(width).astype(float))[:, 1])


class _Ratio(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A first step of somebody's own, which takes columns by name and notes nothing of them."""

    def fit(self, given: pd.DataFrame, _: Any = None) -> _Ratio:  # noqa: ANN401
        return self

    def transform(self, given: pd.DataFrame) -> np.ndarray:
        return np.column_stack([given["a"] / (1 + given["b"].abs()), given["a"]])


@pytest.mark.parametrize("framed", [True, False])
def test_a_first_step_that_takes_a_frame(*, framed: bool) -> None:
    model = make_pipeline(_Ratio(), LogisticRegression()).fit(_NUMBERS, _LABELS)
    assert not hasattr(model, "feature_names_in_")
    contract, golden = describe(model, _NUMBERS, framed=framed)
    assert contract.frame
    assert [row.expected for row in golden[:40]] == list(model.predict_proba(_NUMBERS)[:, 1])
    _assert_served(model, contract, golden)


class _Whole(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Tells whole numbers from others by their dtype, which no table hands over."""

    def fit(self, given: pd.DataFrame, _: Any = None) -> _Whole:  # noqa: ANN401
        return self

    def transform(self, given: pd.DataFrame) -> np.ndarray:
        whole = [1.0 if pd.api.types.is_integer_dtype(given[name]) else 0.0 for name in given]
        return np.column_stack([given.to_numpy(dtype=float), np.tile(whole, (len(given), 1))])


def test_an_estimator_that_sees_more_in_a_frame_than_the_database_hands_over() -> None:
    frame = pd.DataFrame({"a": range(20), "b": range(20)})
    model = make_pipeline(_Whole(), LinearRegression()).fit(
        pd.DataFrame({"a": range(20), "b": np.linspace(0, 1, 20)}), range(20)
    )
    model.steps[1][1].coef_ = np.array([0.0, 0.0, 1.0, 1.0])
    with pytest.raises(PgscoreError, match=r"row \d+ of the golden rows gets the score .* as it was given, and"):
        describe(model, frame)


_COLUMNS: dict[str, Any] = {
    "float": (st.floats(allow_infinity=False, allow_nan=True, width=32), lambda values: pd.Series(values, dtype=float)),
    "Int64": (st.none() | st.integers(-9, 9), lambda values: pd.array(values, dtype="Int64")),
    "objects of numbers": (st.none() | st.integers(-9, 9), lambda values: pd.Series(values, dtype=object)),
    "decimal": (st.none() | st.decimals(-9, 9, places=2), lambda values: pd.Series(values, dtype=object)),
    "category of numbers": (st.none() | st.integers(-3, 3), lambda values: pd.Series(values, dtype="category")),
    "boolean": (st.none() | st.booleans(), lambda values: pd.array(values, dtype="boolean")),
    "objects of booleans": (st.none() | st.booleans(), lambda values: pd.Series(values, dtype=object)),
    "string": (st.none() | st.sampled_from(["x", "y", "", " x"]), lambda values: pd.array(values, dtype="string")),
    "objects of texts": (st.none() | st.sampled_from(["1", "01"]), lambda values: pd.Series(values, dtype=object)),
    "category of texts": (st.none() | st.sampled_from("xyz"), lambda values: pd.Series(values, dtype="category")),
    "float32": (st.floats(-9, 9, width=32), lambda values: pd.Series(values, dtype=np.float32)),
}


@given(st.data(), st.lists(st.sampled_from(sorted(_COLUMNS)), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_frames_of_any_dtypes(data: st.DataObject, kinds: list[str]) -> None:
    columns: dict[str, Any] = {}
    values: dict[str, list[Any]] = {}
    for number, kind in enumerate(kinds):
        name = f"x{number}"
        values[name] = data.draw(st.lists(_COLUMNS[kind][0], min_size=12, max_size=12), label=kind)
        columns[name] = _COLUMNS[kind][1](values[name])
    frame = pd.DataFrame(columns)
    types: Any = {name: kind_of(frame[name], "here") or "double precision" for name in columns}
    handed = hand_over(frame, types, np.nan)
    for name in columns:
        plain = [None if pd.isna(value) else value for value in values[name]]
        assert [None if pd.isna(value) else value for value in handed[name]] == [
            None if value is None else float(value) if types[name] == "double precision" else value for value in plain
        ]
    texts = [name for name in columns if types[name] != "double precision"]
    steps = [
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
        ("numbers", SimpleImputer(keep_empty_features=True), [name for name in columns if name not in texts]),
    ]
    model = make_pipeline(ColumnTransformer(steps), LinearRegression()).fit(handed, range(12))
    contract, golden = describe(model, frame)
    assert [row.expected for row in golden[:12]] == pytest.approx(list(model.predict(handed)), rel=1e-9, abs=1e-9)
    _assert_served(model, contract, golden)
    compile_program(model, contract)


@pytest.mark.parametrize("values", [[1, None, 3], [True, False, True], ["1", "2", "3"]])
def test_category_dtype(values: list[Any]) -> None:
    frame = pd.DataFrame({"code": pd.Series(values * 10).astype("category"), "x": np.arange(30.0)})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype")
    model.fit(frame, np.tile([0, 1, 1], 10))
    contract, golden = describe(model, frame)
    assert [row.expected for row in golden[:30]] == list(model.predict_proba(frame)[:, 1])
    _assert_served(model, contract, golden)


def test_none_that_an_inner_encoder_has_learnt() -> None:
    frame = pd.DataFrame({"plan": pd.Series(["x", None, "y", "x"] * 10, dtype=object), "a": np.arange(40.0)})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=["plan"]).fit(frame, [0, 1, 1, 0] * 10)
    contract, golden = describe(model, frame)
    assert contract.missing_text == "none"
    assert [row.expected for row in golden[:40]] == list(model.predict_proba(frame)[:, 1])
    _assert_served(model, contract, golden)


def test_categories_that_encoders_have_learnt() -> None:
    frame = pd.DataFrame({"code": [1, 2, 3] * 5, "plan": ["x", None, "y"] * 5, "flag": [True, False, True] * 5})
    encode = ColumnTransformer(
        [("plan", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["plan"]),
         ("both", FeatureUnion([("one", OneHotEncoder()), ("two", OrdinalEncoder())]), slice("code", "code"))],
        remainder="passthrough",
    )  # fmt: skip
    model = make_pipeline(encode, LogisticRegression()).fit(
        frame.assign(plan=frame["plan"].fillna(np.nan)), [0, 1, 1] * 5
    )
    searched = GridSearchCV(model, {"logisticregression__C": [1.0]}, cv=2).fit(
        frame.assign(plan=frame["plan"].fillna(np.nan)), [0, 1, 1] * 5
    )
    for each in (model, searched):
        found = fitted_categories(each, ["code", "plan", "flag"])
        assert {name: (learnt.kind, set(learnt.values)) for name, learnt in found.items()} == {
            "code": ("double precision", {1, 2, 3}),
            "plan": ("text", {"x", "y"}),
        }
    assert found["plan"].words() == "texts such as 'x' and 'y'"


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        ([1, 2], ["1", "2"], "input 'code' holds texts in the golden rows, and the model was fitted on numbers"),
        (["1", "2"], [1, 2], "input 'code' holds numbers in the golden rows, and the model was fitted on texts"),
        ([False, True], ["f", "t"], "holds texts in the golden rows, and the model was fitted on booleans"),
        ([1, 2], [True, False], "holds booleans in the golden rows, and the model was fitted on numbers such as 1"),
        ([False, True], [1, 2], "holds numbers in the golden rows, and the model was fitted on booleans"),
        ([1, 2], ["1", 2], "holds values of several kinds in the golden rows: '1', 2"),
    ],
)  # fmt: skip
def test_categories_that_golden_rows_do_not_have(fitted: list[Any], given: list[Any], message: str) -> None:
    encoder = ColumnTransformer([("code", OneHotEncoder(handle_unknown="ignore"), ["code"])])
    model = make_pipeline(encoder, LinearRegression()).fit(pd.DataFrame({"code": fitted}), [1, 2])
    with pytest.raises(PgscoreError, match=message):
        describe(model, pd.DataFrame({"code": given}))


def test_codes_of_csv_files_are_what_was_fitted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"code": ["01", "1", "1.0"] * 4, "flag": [True, False, True] * 4, "x": np.linspace(0, 1, 12)})
    encoder = ColumnTransformer([("code", OneHotEncoder(), ["code"])], remainder="passthrough")
    model = make_pipeline(encoder, LinearRegression()).fit(frame, range(12))
    frame.assign(x=[repr(value) for value in frame["x"]]).to_csv(tmp_path / "golden.csv", index=False)
    read = read_golden(tmp_path / "golden.csv")
    names = ["code", "flag", "x"]
    typed = read.typed({name: each.kind for name, each in fitted_categories(model, names).items()})
    assert describe(model, typed.select(names)) == describe(model, frame)
    with pytest.raises(
        PgscoreError, match=r"column code is read as numbers, and the rows of .*strange.csv hold 'x' there"
    ):
        read_golden(_written(tmp_path / "strange.csv", "code\n1\nx\n")).typed({"code": "double precision"})
    flags = read_golden(_written(tmp_path / "flags.csv", "flag\nt\nf\n\n")).typed({"flag": "boolean"})
    assert flags.frame["flag"].tolist() == [True, False]


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_rows_with_gaps() -> None:
    model = make_pipeline(SimpleImputer(keep_empty_features=True), LinearRegression()).fit(_NUMBERS, _LABELS)
    gaps = _NUMBERS.assign(b=None)
    contract, golden = describe(model, gaps)
    assert [each.type for each in contract.inputs] == ["double precision"] * 2
    assert all(each.nullable for each in contract.inputs)
    _assert_served(model, contract, golden)
    with pytest.raises(PgscoreError, match="b has no value in any of the sample of t ") as refusal:
        describe(_MODEL, gaps, source="the sample of t")
    assert "--golden" in refusal.value.hint
    gaps = _NUMBERS.mask(np.indices(_NUMBERS.shape).sum(axis=0) % 2 == 0)
    with pytest.raises(PgscoreError, match="is complete: a is missing in 20, b is missing in 20"):
        describe(_MODEL, gaps)


def test_what_the_score_means() -> None:
    words = _LABELS.map({0: "no", 1: "yes"})
    assert meaning(output_of(_MODEL, None)) == "the probability of class 1"
    assert meaning(output_of(LogisticRegression().fit(_NUMBERS, words), "no")) == "the probability of class 'no'"
    assert meaning(output_of(_MODEL, np.int64(0))) == "the probability of class 0"
    assert meaning(output_of(LinearSVC().fit(_NUMBERS, words), None)) == "1 where class 'yes' is predicted, else 0"
    assert meaning(output_of(LinearRegression().fit(_NUMBERS, _LABELS), None)) == "the prediction"
