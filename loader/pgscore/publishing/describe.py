"""What a fitted estimator is, learnt by asking it: its contract, and what it gives for example rows."""

from __future__ import annotations

import platform
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pgscore_runtime.artifact import installed_version
from pgscore_runtime.contract import Contract, Input, InputType, Output
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgscore_runtime.contract import Label

_LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib", "pandas")
_MOST_CLASSES = 1000
_MOST_TEXTS = 60
# Of a wide model the first inputs': the estimator is asked for each, and each that it refuses costs several calls.
_MOST_EDGES = 300


@dataclass(frozen=True)
class GoldenRow:
    """An example.

    Attributes:
        inputs: values by name, None for NULL.
        expected: the score that the fitted estimator gave; None where it refuses.
        outputs: all that it gave: the classes' probabilities and the label's position, or the value; None likewise.
        scale: the sum of the absolute terms of the score, where it is a sum, by which a difference is measured.
    """

    inputs: dict[str, Any]
    expected: float | None
    outputs: list[float] | None
    scale: float = 0.0


def feature_names(estimator: Any, columns: list[str]) -> list[str]:  # noqa: ANN401
    """The inputs' names: those that the estimator was fitted with, else the columns of the example rows.

    Raises:
        PgscoreError: the estimator is not fitted, or the number of columns is not that of its features.
    """
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise PgscoreError(f"the {type(estimator).__name__} is not fitted: {_first_line(error)}") from None
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    wanted = getattr(estimator, "n_features_in_", len(columns))
    if wanted != len(columns):
        raise PgscoreError(
            f"the estimator was fitted on {wanted} columns without names, and the golden rows have {len(columns)}",
            "Fit it on a DataFrame, or give golden rows with exactly its columns, in its order.",
        )
    return columns


def describe(
    estimator: Any,  # noqa: ANN401
    sample: pd.DataFrame,
    positive: str | None = None,
    kind: str = "joblib",
    types: tuple[str, ...] = (),
) -> tuple[Contract, list[GoldenRow]]:
    """The contract of an estimator, and golden rows: the sample's, and edge cases.

    The edge cases vary the first complete row, one input at a time: missing, infinite, larger than float32 holds, a
    text that was never seen, and each of the texts that the sample holds.

    Args:
        estimator: fitted; anything with ``predict``.
        sample: rows x inputs, in the order of `feature_names`; at least one row without missing values.
        positive: the label of the positive class; without it, the second of two classes.
        kind: the format that its artifact is stored in.
        types: what a skops artifact asks for.

    Raises:
        PgscoreError: the sample has no complete row or a column that cannot be an input, the estimator refuses all of
            it, or there are more than two classes and none is named.
    """
    oracle = _Oracle(estimator, _output(estimator, positive))
    complete = sample.dropna()
    if complete.empty:
        raise PgscoreError("the golden rows have no row without missing values", "Add at least one.")
    template = complete.iloc[[0]]
    reason = oracle.refusal(template)
    if reason is not None:
        raise PgscoreError(f"the estimator refuses a golden row without missing values: {reason}")

    without = {name: oracle.without(template, name) for name in sample.columns}
    inputs = tuple(
        Input(str(name), _input_type(sample[name]), nullable=oracle.refusal(without[name]) is None)
        for name in sample.columns
    )
    contract = Contract(
        format=kind,
        inputs=inputs,
        frame=oracle.needs_frame(complete),
        missing_text=oracle.missing_text,
        output=oracle.output,
        libraries=_libraries(),
        types=types,
    )
    edges = [_changed(template, each.name, value) for each in inputs for value in _edges(each, sample)][:_MOST_EDGES]
    return contract, list(oracle.golden_rows(inputs, [sample, *without.values(), *edges]))


def _edges(described: Input, sample: pd.DataFrame) -> list[Any]:
    if described.type == "double precision":
        return [np.inf, -1e39, 0.0]
    if described.type == "boolean":
        return [True, False]
    texts = sorted(sample[described.name].dropna().unique())
    return [*texts[:_MOST_TEXTS], "", "never seen"]


def _changed(template: pd.DataFrame, name: str, value: object) -> pd.DataFrame:
    changed = template.copy()
    dtype = float if isinstance(value, float) else object if isinstance(value, str) else None
    changed[name] = pd.Series([value], index=changed.index, dtype=dtype)
    return changed


class _Oracle:
    """Asks the fitted estimator in the way that its owner would, without the runtime that is to be checked."""

    def __init__(self, estimator: Any, output: Output) -> None:  # noqa: ANN401
        self._estimator = estimator
        self._named = hasattr(estimator, "feature_names_in_")
        self.output = output
        self._positions = {_label(label): position for position, label in enumerate(getattr(estimator, "classes_", ()))}
        self.missing_text: Literal["nan", "none"] = "none" if _knows_none(estimator) else "nan"

    def outputs(self, frame: pd.DataFrame, *, named: bool | None = None) -> np.ndarray:
        """Rows x (classes + 1), the label's position last; rows x 1 for a label alone and for a value."""
        given = frame if (self._named if named is None else named) else frame.to_numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = np.asarray(self._estimator.predict(given)).reshape(len(frame), -1)
            if self.output.kind != "value":
                answer = np.array([[self._positions[label]] for label in answer[:, 0].tolist()])
            if self.output.kind == "probability":
                answer = np.column_stack([self._estimator.predict_proba(given), answer])
        result: np.ndarray = np.asarray(answer, dtype=float)
        return result

    def scores(self, frame: pd.DataFrame, *, named: bool | None = None) -> np.ndarray:
        return self.score_of(self.outputs(frame, named=named))

    def score_of(self, outputs: np.ndarray) -> np.ndarray:
        """The scores among the outputs."""
        if self.output.kind == "indicator":
            return np.asarray(outputs[:, 0] == self.output.positive, dtype=float)
        scores: np.ndarray = outputs[:, self.output.positive or 0]
        return scores

    def refusal(self, frame: pd.DataFrame) -> str | None:
        try:
            self.scores(frame)
        except Exception as error:
            return _first_line(error)
        return None

    def without(self, template: pd.DataFrame, name: str) -> pd.DataFrame:
        changed = template.copy()
        if pd.api.types.is_numeric_dtype(changed[name]) and not pd.api.types.is_bool_dtype(changed[name]):
            changed[name] = np.array([np.nan])
        else:
            nothing = None if self.missing_text == "none" else np.nan
            changed[name] = pd.Series([nothing], index=changed.index, dtype=object)
        return changed

    def needs_frame(self, complete: pd.DataFrame) -> bool:
        """Whether an array without names, which costs far less for one row, does not give the same."""
        if not self._named:
            return False
        try:
            unnamed = self.scores(complete, named=False)
        except Exception:
            return True
        return not np.array_equal(unnamed, self.scores(complete))

    def golden_rows(self, inputs: tuple[Input, ...], frames: list[pd.DataFrame]) -> Iterator[GoldenRow]:
        for frame in frames:
            required = [each.name for each in inputs if not each.nullable]
            askable = frame[required].notna().all(axis=1).to_numpy()
            for position, outputs in enumerate(self._one_by_one(frame, askable)):
                values = {each.name: _json_value(frame.iloc[position][each.name]) for each in inputs}
                if outputs is None or np.isnan(outputs).any():
                    yield GoldenRow(values, None, None)
                else:
                    yield GoldenRow(values, float(self.score_of(outputs[np.newaxis])[0]), outputs.tolist())

    def _one_by_one(self, frame: pd.DataFrame, askable: np.ndarray) -> list[np.ndarray | None]:
        try:
            together = iter(self.outputs(frame[askable]) if askable.any() else [])
        except Exception:
            return [
                self.outputs(frame.iloc[[position]])[0]
                if asked and self.refusal(frame.iloc[[position]]) is None
                else None
                for position, asked in enumerate(askable)
            ]
        return [next(together) if asked else None for asked in askable]


def _output(estimator: Any, positive: str | None) -> Output:  # noqa: ANN401
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        if positive is not None:
            raise PgscoreError(f"a positive class is named, and a {type(estimator).__name__} has no classes")
        return Output("value")
    if isinstance(classes, list) or len(classes) > _MOST_CLASSES:
        raise PgscoreError(f"a {type(estimator).__name__} with several outputs cannot be scored as one number")
    labels = tuple(_label(each) for each in classes)
    kind: Literal["probability", "indicator"] = "probability" if hasattr(estimator, "predict_proba") else "indicator"
    return Output(kind, labels, _positive(labels, positive))


def _positive(labels: tuple[Label, ...], positive: str | None) -> int:
    named = [str(label) for label in labels]
    if positive is None and len(labels) == 2:  # noqa: PLR2004
        return 1
    if positive is None:
        raise PgscoreError(
            f"the estimator has {len(labels)} classes: {', '.join(named)}",
            "Name the one whose probability is the score: --positive CLASS.",
        )
    if positive not in named:
        raise PgscoreError(f"class {positive!r} is not among the estimator's: {', '.join(named)}")
    return named.index(positive)


def _label(value: Any) -> Label:  # noqa: ANN401
    plain: Label = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def _input_type(column: pd.Series[Any]) -> InputType:
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "double precision"
    values = column.dropna()
    if not values.empty and all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(value, str) for value in values):
        return "text"
    strange = next(type(value).__name__ for value in values if not isinstance(value, str))
    raise PgscoreError(
        f"input {str(column.name)!r} holds a {strange}, which cannot serve: numbers, texts and booleans can"
    )


def _json_value(value: Any) -> Any:  # noqa: ANN401
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and np.isinf(plain):
        return "Infinity" if plain > 0 else "-Infinity"
    return plain


def _knows_none(estimator: Any) -> bool:  # noqa: ANN401
    """Whether an encoder in it has learnt None as a category: then a missing text is None, not NaN."""
    found = [estimator]
    for each in found:
        if isinstance(each, list | tuple):
            found.extend(each)
        elif hasattr(each, "get_params") and hasattr(each, "__dict__"):
            for name, value in vars(each).items():
                if name == "categories_" and any(entry is None for category in value for entry in category):
                    return True
                if name in (
                    "steps",
                    "transformers_",
                    "transformer_list",
                    "estimator",
                    "estimators_",
                    "estimators",
                ):
                    found.append(value)
    return False


def _libraries() -> dict[str, str]:
    versions = {name: installed_version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **{name: v for name, v in versions.items() if v is not None}}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
