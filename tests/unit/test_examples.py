"""Golden rows asked for in batches are those that come of asking for one row after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pgscore.publishing import describe as describing
from pgscore.publishing.describe import describe
from pgscore.publishing.examples import is_row_by_row
from pgscore.publishing.handover import column, hand_over, input_types
from pgscore.publishing.oracle import Oracle, output_of
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore_runtime.contract import Contract

# Inputs, expected score and outputs of a golden row.
_Row = tuple[dict[str, Any], float | None, list[float] | None]

_ROWS = 60
_NUMBERS = ["a", "b", "c"]
_WIDE = 40


class _FilledFromBatch(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Fills with the median of what it is given: what it makes of a row depends on the rows beside it."""

    def fit(self, given: Any, _labels: Any = None) -> _FilledFromBatch:  # noqa: ANN401
        self.n_features_in_ = given.shape[1]
        return self

    def transform(self, given: Any) -> Any:  # noqa: ANN401
        values = pd.DataFrame(given)
        return (values - values.replace([np.inf, -np.inf], np.nan).median()).fillna(0.0).clip(-1e6, 1e6).to_numpy()


def _log(values: Any) -> Any:  # noqa: ANN401
    return np.log1p(np.abs(values))


def _frame(*, gaps: bool = False, width: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({f"n{n}" if width > 3 else _NUMBERS[n]: random.normal(size=_ROWS) for n in range(width)})
    frame["plan"] = pd.Series(random.choice(["basic", "plus", "extra"], _ROWS), dtype=object)
    frame["active"] = random.random(_ROWS) < 0.5
    if gaps:
        frame.iloc[::7, 0] = np.nan
        frame["plan"] = frame["plan"].where(frame.index % 5 > 0, None)
        frame["active"] = frame["active"].astype(object).where(frame.index % 6 > 0, None)
    return frame


def _labels(frame: pd.DataFrame) -> pd.Series[Any]:
    return (frame.iloc[:, 0].fillna(0) + frame.iloc[:, 1] > 0).map({True: "yes", False: "no"})


def _pipeline(last: Any, numbers: Any, texts: Any, *, gaps: bool = False, width: int = 3) -> Any:  # noqa: ANN401
    frame = _frame(gaps=gaps, width=width)
    named = list(frame.columns[:width])
    prepared = make_column_transformer((numbers, [*named, "active"]), (texts, ["plan"]))
    target = _labels(frame) if hasattr(last, "predict_proba") or hasattr(last, "decision_function") else frame["b"]
    return make_pipeline(prepared, last).fit(frame, target), frame


def _numbers(*steps: Any) -> Any:  # noqa: ANN401
    frame = _frame()[_NUMBERS]
    return make_pipeline(*steps).fit(frame, _labels(frame)), frame


_ENCODER = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
_CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
_IMPUTED = make_pipeline(SimpleImputer(), StandardScaler())

_MODELS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: _pipeline(LogisticRegression(), _IMPUTED, _ENCODER, gaps=True),
    "refuses NULL and what was never seen": lambda: _pipeline(LogisticRegression(), StandardScaler(), OneHotEncoder()),
    "histogram": lambda: _pipeline(HistGradientBoostingClassifier(max_iter=5), "passthrough", _CODES, gaps=True),
    "forest": lambda: _pipeline(RandomForestClassifier(10, random_state=0), _IMPUTED, _ENCODER, gaps=True),
    "neighbours": lambda: _pipeline(KNeighborsClassifier(5, weights="distance"), _IMPUTED, _ENCODER),
    "imputed from neighbours": lambda: _pipeline(LogisticRegression(), KNNImputer(), _ENCODER),
    "labels alone": lambda: _pipeline(LinearSVC(), _IMPUTED, _ENCODER),
    "values": lambda: _pipeline(LinearRegression(), _IMPUTED, _ENCODER),
    "a tree": lambda: _pipeline(DecisionTreeRegressor(max_depth=3), "passthrough", _ENCODER),
    "a net": lambda: _pipeline(MLPRegressor(hidden_layer_sizes=(8,), tol=1, random_state=0), _IMPUTED, _ENCODER),
    "numbers": lambda: _numbers(StandardScaler(), LogisticRegression()),
    "a function of numpy's": lambda: _numbers(FunctionTransformer(np.cbrt), LogisticRegression()),
    "a function": lambda: _numbers(FunctionTransformer(_log), LogisticRegression()),
    "a function of all rows": lambda: _numbers(FunctionTransformer(scale), LogisticRegression()),
    "filled from the batch": lambda: _numbers(_FilledFromBatch(), LogisticRegression()),
}
_BY_OTHER_ROWS = ("a function", "a function of all rows", "filled from the batch")


def _one_by_one(model: Any, sample: pd.DataFrame) -> tuple[list[bool], list[_Row]]:  # noqa: ANN401
    """Which inputs may be missing, and the golden rows, by asking for each edge case alone."""
    oracle = Oracle(model, output_of(model, None))
    types = input_types(sample, "the rows", {}, None)
    handed = hand_over(sample, types, oracle.nothing)
    order = np.argsort(handed.isna().sum(axis=1).to_numpy(), kind="stable")
    rows = (handed.iloc[[position]].reset_index(drop=True) for position in order)
    template = next(row for row in rows if oracle.refusal(row) is None)

    def changed(name: str, value: Any) -> pd.DataFrame:  # noqa: ANN401
        return template.assign(**{name: column([value], types[name], oracle.nothing)})

    without = [changed(name, None) for name in types]
    edges = []
    for name, kind in types.items():
        seen = sorted(handed[name].dropna().unique()) if kind == "text" else []
        texts = [*seen, "", "never seen"]
        values = [np.inf, -1e39, 0.0] if kind == "double precision" else [True, False] if kind == "boolean" else texts
        edges += [changed(name, value) for value in values]
    nullable = [oracle.refusal(row) is None for row in without]
    required = [name for name, accepted in zip(types, nullable, strict=True) if not accepted]
    together = handed[handed[required].notna().all(axis=1)]
    answers = iter(oracle.outputs(together))
    found = [_row(oracle, handed.iloc[[n]], next(answers) if n in together.index else None) for n in handed.index]
    for row in [*without, *edges]:
        refused = row[required].isna().any(axis=None) or oracle.refusal(row) is not None
        found.append(_row(oracle, row, None if refused else oracle.outputs(row)[0]))
    return nullable, found


def _row(oracle: Oracle, row: pd.DataFrame, outputs: Any) -> _Row:  # noqa: ANN401
    infinite: dict[Any, str] = {np.inf: "Infinity", -np.inf: "-Infinity"}
    values = {name: None if pd.isna(row[name].iloc[0]) else row[name].tolist()[0] for name in map(str, row.columns)}
    inputs = {name: infinite.get(value, value) for name, value in values.items()}
    if outputs is None or np.isnan(outputs).any():
        return inputs, None, None
    return inputs, float(oracle.score_of(outputs[np.newaxis])[0]), outputs.tolist()


def _assert_the_same(described: tuple[Contract, Any], wanted: tuple[list[bool], list[_Row]], *, exactly: bool) -> None:
    contract, golden = described
    nullable, rows = wanted
    assert [each.nullable for each in contract.inputs] == nullable
    assert [row.inputs for row in golden] == [inputs for inputs, _, _ in rows]
    for row, (_, expected, outputs) in zip(golden, rows, strict=True):
        if exactly or outputs is None:
            assert (row.expected, row.outputs) == (expected, outputs)
        else:
            # Sums are added in another order where rows are many.
            assert row.outputs == pytest.approx(outputs, rel=1e-12, abs=1e-12)
            assert row.expected == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", _MODELS)
def test_golden_rows_are_those_of_one_row_after_the_other(name: str) -> None:
    model, sample = _MODELS[name]()
    assert is_row_by_row(model) == (name not in _BY_OTHER_ROWS)
    _assert_the_same(describe(model, sample), _one_by_one(model, sample), exactly=name in _BY_OTHER_ROWS)


@pytest.mark.parametrize("name", _BY_OTHER_ROWS[1:])
def test_an_answer_that_depends_on_other_rows_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sample = _MODELS[name]()
    monkeypatch.setattr(describing, "is_row_by_row", lambda _: True)
    _assert_the_same(describe(model, sample), _one_by_one(model, sample), exactly=True)


def test_what_cannot_be_pickled_may_be_anything() -> None:
    model, _ = _numbers(FunctionTransformer(lambda values: values), LogisticRegression())
    assert not is_row_by_row(model)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each call of the estimator is for."""
    asked: list[int] = []
    outputs = Oracle.outputs

    def counting(self: Oracle, frame: pd.DataFrame, *, framed: bool | None = None) -> Any:  # noqa: ANN401
        asked.append(len(frame))
        return outputs(self, frame, framed=framed)

    monkeypatch.setattr(Oracle, "outputs", counting)
    return asked


@pytest.mark.parametrize("width", [4, _WIDE])
@pytest.mark.parametrize(("name", "refuses"), [("histogram", ()), ("scaled", ("Infinity", None))])
def test_the_estimator_is_called_a_few_times_however_wide_it_is(
    name: str, refuses: tuple[Any, ...], width: int, calls: list[int]
) -> None:
    """Few calls, and one for each row that it refuses: so many inputs cannot be asked for one by one again."""
    last = HistGradientBoostingClassifier(max_iter=2) if name == "histogram" else LogisticRegression()
    numbers = "passthrough" if name == "histogram" else StandardScaler()
    # Asked with arrays, which the encoder takes for numbers, it refuses all: what that costs is another matter.
    model, sample = _pipeline(last, numbers, _CODES, width=width)
    calls.clear()
    _, golden = describe(model, sample)
    edges = [row for row in golden[len(sample) :] if row.expected is None]
    assert {row.inputs[name] for row in edges for name in sample if row.inputs[name] in ("Infinity", None)} == {
        *refuses
    }
    assert len(calls) <= 30 + len(edges), sorted(calls)
