"""The fitted estimator, asked in the way that its owner would, without the runtime that is to be checked."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pgscore_runtime.contract import Output
from pgscore_runtime.fitted_form import as_categories
from sklearn.base import BaseEstimator

from pgscore.errors import PgscoreError

from .fitted import fitted_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore_runtime.contract import Label

_MOST_CLASSES = 1000
# How far scores may be apart where single precision is in play, and elsewhere, relative to scores or to 1.
_SINGLE, _DOUBLE = 1e-3, 1e-9


class Oracle:
    """What a fitted estimator says of frames whose values stand as the database hands them over.

    Attributes:
        output: what its score is.
        missing_text: what it knows a missing text as.
        framed: whether it is asked with frames; with arrays without names otherwise.
        categorical: whether texts in frames are pandas' categories, as boosters want them, and not objects.
    """

    def __init__(
        self,
        estimator: Any,  # noqa: ANN401
        output: Output,
        *,
        framed: bool = True,
        known: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._estimator = estimator
        self._known = known or {}
        self._named = fitted_names(estimator) is not None
        self.framed = framed or self._named
        self.categorical = False
        self.output = output
        self._positions = {_label(label): position for position, label in enumerate(getattr(estimator, "classes_", ()))}
        self.missing_text: Literal["nan", "none"] = "none" if _knows_none(estimator) else "nan"

    @property
    def nothing(self) -> float | None:
        """What it is handed for a missing text."""
        return None if self.missing_text == "none" else np.nan

    def outputs(self, frame: pd.DataFrame, *, framed: bool | None = None) -> np.ndarray:
        """Rows x (classes + 1), the label's position last; rows x 1 for a label alone and for a value."""
        given: pd.DataFrame | np.ndarray = frame
        if not (self.framed if framed is None else framed):
            given = frame.to_numpy()
        elif self.categorical:
            texts = [name for name in frame.columns if frame[name].dtype == object]
            given = frame.assign(**{str(name): as_categories(frame[name], self._known.get(name)) for name in texts})
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answer = np.asarray(self._estimator.predict(given)).reshape(len(frame), -1)
            if self.output.kind != "value":
                answer = np.array([[self._positions[_label(label)]] for label in answer[:, 0].tolist()])
            if self.output.kind == "probability":
                # Boosters that were fitted on one class have two probabilities.
                probabilities = np.asarray(self._estimator.predict_proba(given))[:, : len(self.output.classes)]
                answer = np.column_stack([probabilities, answer])
        result: np.ndarray = np.asarray(answer, dtype=float)
        return result

    def scores(self, frame: pd.DataFrame, *, framed: bool | None = None) -> np.ndarray:
        """A score for each row."""
        return self.score_of(self.outputs(frame, framed=framed))

    def score_of(self, outputs: np.ndarray) -> np.ndarray:
        """The scores among the outputs."""
        if self.output.kind == "indicator":
            return np.asarray(outputs[:, 0] == self.output.positive, dtype=float)
        scores: np.ndarray = outputs[:, self.output.positive or 0]
        return scores

    def refusal(self, frame: pd.DataFrame, *, framed: bool | None = None) -> str | None:
        """Why it refuses a frame; None where it does not."""
        try:
            self.scores(frame, framed=framed)
        except Exception as error:
            return first_line(error)
        return None

    def choose_form(self, row: pd.DataFrame) -> None:
        """Settles whether an estimator is asked with frames or arrays, and with categories: as it accepts this row."""
        if self.refusal(row) is None:
            return
        if not self._named and self.refusal(row, framed=not self.framed) is None:
            self.framed = not self.framed
        elif any(pd.api.types.is_object_dtype(dtype) for dtype in row.dtypes):
            self.categorical = True
            self.categorical = self.refusal(row, framed=True) is None
            self.framed |= self.categorical

    def alike(self, rows: pd.DataFrame, plain: pd.DataFrame) -> bool:
        """Whether frames, and arrays of the same rows, get the same scores."""
        return np.array_equal(self.scores(plain, framed=False), self.scores(rows, framed=True), equal_nan=True)

    def check_as_given(self, given: pd.DataFrame, handed: pd.DataFrame, source: str) -> None:
        """Refuses where rows, as they were given, get other scores than as the database hands them over.

        Args:
            given: rows x inputs, of any dtypes.
            handed: the same rows.
            source: where they come from, for messages.

        Raises:
            PgscoreError: the estimator sees another thing in them.
        """
        try:
            wanted = self.scores(given)
        except Exception:
            # Such as pandas' NA, which few estimators take.
            return
        try:
            found = self.scores(handed)
        except Exception as error:
            raise PgscoreError(
                f"the estimator takes {source} as they were given, and refuses them as the database hands them over,"
                f" with numbers as doubles and texts as objects: {first_line(error)}",
                "Have its first step convert what it is given.",
            ) from None
        single = any(dtype in (np.float32, np.float16) for dtype in given.dtypes)
        allowed = (_SINGLE if single else _DOUBLE) * np.maximum(1, np.abs(wanted))
        with np.errstate(all="ignore"):
            differ = ~((np.abs(wanted - found) <= allowed) | (wanted == found) | np.isnan(wanted))
        if differ.any():
            row = int(np.flatnonzero(differ)[0])
            raise PgscoreError(
                f"row {row + 1} of {source} gets the score {wanted[row]:g} as it was given, and {found[row]:g} as the"
                " database hands it over, with numbers as doubles and texts as objects",
                "Fit the model on columns of such types, or have its first step convert what it is given.",
            )


def output_of(estimator: Any, positive: object | None) -> Output:  # noqa: ANN401
    """What the score of an estimator is.

    Args:
        estimator: fitted; anything with ``predict``.
        positive: the label of the positive class, or that label as a text; without it, the second of two classes.

    Raises:
        PgscoreError: there are more than two classes and none is named, or the one that is named is none.
    """
    classes = getattr(estimator, "classes_", None)
    # CatBoost's regressors have an empty list of them.
    if classes is None or len(classes) == 0:
        if positive is not None:
            raise PgscoreError(f"a positive class is named, and a {type(estimator).__name__} has no classes")
        return Output("value")
    if isinstance(classes, list) or len(classes) > _MOST_CLASSES:
        raise PgscoreError(f"a {type(estimator).__name__} with several outputs cannot be scored as one number")
    labels = tuple(_label(each) for each in classes)
    kind: Literal["probability", "indicator"] = "probability" if hasattr(estimator, "predict_proba") else "indicator"
    return Output(kind, labels, positive_class(labels, positive))


def meaning(output: Output) -> str:
    """What a score means, in words that continue "the score is"."""
    if output.positive is None:
        return "the prediction"
    label = output.classes[output.positive]
    if output.kind == "probability":
        return f"the probability of class {label!r}"
    return f"1 where class {label!r} is predicted, else 0"


def positive_class(labels: tuple[Label, ...], positive: object | None) -> int:
    """The place of the positive class among the labels: the one that is named, else the second of two.

    Raises:
        PgscoreError: there are more than two and none is named, or the one that is named is none.
    """
    named = [str(label) for label in labels]
    if positive is None and len(labels) == 2:  # noqa: PLR2004
        return 1
    if positive is None:
        raise PgscoreError(
            f"the model has {len(labels)} classes: {', '.join(named)}",
            "Name the one whose probability is the score: --positive CLASS.",
        )
    if str(positive) not in named:
        raise PgscoreError(f"class {str(positive)!r} is not among the model's: {', '.join(named)}")
    return named.index(str(positive))


def _label(value: Any) -> Label:  # noqa: ANN401
    plain: Label = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def _knows_none(estimator: Any) -> bool:  # noqa: ANN401
    """Whether an encoder in it has learnt None as a category: then a missing text is None, not NaN."""
    waiting, seen = [estimator], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting.extend(each)
        elif hasattr(each, "__dict__") and not isinstance(each, type) and id(each) not in seen:
            seen.add(id(each))
            held = vars(each)
            if any(entry is None for categories in _learnt(held) for entry in categories):
                return True
            waiting.extend(value for value in held.values() if isinstance(value, list | tuple | BaseEstimator))
    return False


def _learnt(held: dict[str, Any]) -> list[Any]:
    categories = held.get("categories_")
    return categories if isinstance(categories, list) else []


def first_line(error: Exception) -> str:
    """What an exception says, without what follows."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
