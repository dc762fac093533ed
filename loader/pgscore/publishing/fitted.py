"""What an estimator was fitted on: the names of its inputs, and the categories that its encoders have learnt."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from pgscore.errors import NotAProgramError, PgscoreError
from pgscore.libraries import BOOSTERS, LIGHTGBM
from pgscore.readers.dispatch import class_name
from pgscore.readers.sklearn.compose import positions
from pgscore.readers.sklearn.selection import SELECTORS
from pgscore.readers.xgboost import category_names, knows_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgscore_runtime.contract import InputType

# Which input stands in each column, None where it is something computed; None where nothing is known of the columns.
Sources = list["int | None"]

_KIND_WORDS = {"text": "texts", "double precision": "numbers", "boolean": "booleans", None: "values"}
# Of estimators that hand their columns on to others.
_INNER = ("best_estimator_", "estimator_", "regressor_", "classifier_", "_preprocessor")
_INNERS = ("estimators_", "calibrated_classifiers_")
_LONGEST_NAME = 63
# Older releases of scikit-learn have none.
_FROZEN = "sklearn.frozen.FrozenEstimator"


@dataclass(frozen=True)
class Categories:
    """What an encoder has learnt of an input.

    Attributes:
        kind: what the categories are; None where they are of several kinds, or of one that cannot serve.
        values: the categories but for missing ones.
    """

    kind: InputType | None
    values: tuple[Any, ...]

    def words(self) -> str:
        """How messages call them: ``texts such as 'a' and 'b'``."""
        return f"{_KIND_WORDS[self.kind]} such as {' and '.join(repr(each) for each in self.values[:2])}"


def check_fitted(estimator: Any) -> None:  # noqa: ANN401
    """Refuses an estimator that is not fitted.

    Raises:
        PgscoreError: saying so.
    """
    if not hasattr(estimator, "fit") and getattr(estimator, "__sklearn_is_fitted__", bool)():
        # A booster's own file: there is nothing to fit it with.
        return
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PgscoreError(f"the {type(estimator).__name__} is not fitted: {reason}") from None


def fitted_names(estimator: Any) -> list[str] | None:  # noqa: ANN401
    """The names of the inputs that the estimator was fitted with; None where it knows none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and hasattr(estimator, "feature_names_"):
        # CatBoost's; without a frame it numbers them.
        names = estimator.feature_names_
        names = None if names == [str(number) for number in range(len(names))] else names
    return None if names is None else [str(name) for name in names]


def input_names(estimator: Any, asked: Sequence[str] | None, given: Sequence[str] | None) -> tuple[list[str], str]:  # noqa: ANN401
    """The inputs' names in the estimator's order, and who named them: the estimator, ``inputs``, or the golden rows.

    Args:
        estimator: fitted.
        asked: names that the publisher gave.
        given: the columns of golden rows that have names; None where there are no such.

    Raises:
        PgscoreError: nobody named them, not as many as the estimator has, or otherwise than it was fitted.
    """
    check_fitted(estimator)
    fitted = fitted_names(estimator)
    count = getattr(estimator, "n_features_in_", None)
    if fitted is not None:
        if asked is not None and list(asked) != fitted:
            raise PgscoreError(
                f"the estimator was fitted with the inputs {_listed(fitted)}, and others are named: {_listed(asked)}",
                "Leave --inputs out: they are matched to columns by their names.",
            )
        return _checked(fitted), "the estimator"
    if asked is not None:
        if count is not None and count != len(asked):
            raise PgscoreError(f"the estimator was fitted on {count} inputs, and {len(asked)} are named")
        return _checked(asked), "inputs"
    of_how_many = "columns" if count is None else f"{count} columns"
    if given is None:
        raise PgscoreError(
            f"the estimator was fitted on {of_how_many} without names, and nothing names them",
            "Name them in the order in which it was fitted: --inputs a,b,c. Or fit it on a DataFrame.",
        )
    if count is not None and count != len(given):
        raise PgscoreError(
            f"the estimator was fitted on {count} columns without names, and the golden rows have {len(given)}",
            "Name them in the order in which it was fitted: --inputs a,b,c. Or fit it on a DataFrame, or give golden"
            " rows with exactly its columns, in its order.",
        )
    return _checked(given), "the golden rows"


def _checked(names: Sequence[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PgscoreError(f"inputs have the same name: {_listed(twice)}", "Rename them, and fit the model again.")
    strange = [name for name in names if not 1 <= len(name.encode()) <= _LONGEST_NAME]
    if strange:
        raise PgscoreError(
            f"input {strange[0]!r} has {len(strange[0].encode())} bytes, and a column's name has 1 to {_LONGEST_NAME}",
            "Rename it, and fit the model again.",
        )
    return list(names)


def _listed(names: Sequence[str]) -> str:
    most = 12
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def fitted_categories(estimator: Any, names: Sequence[str]) -> dict[str, Categories]:  # noqa: ANN401
    """What encoders have learnt of inputs that reach them as they are, by input.

    Only what is certain: behind a transformer that computes something nothing is known.

    Raises:
        PgscoreError: a booster has cut the names of its categories.
    """
    found: dict[int, list[Any]] = {}
    _walk(estimator, list(range(len(names))), found)
    return {names[source]: _categories(values) for source, values in found.items() if values}


def _walk(part: Any, columns: Sources | None, found: dict[int, list[Any]]) -> Sources | None:  # noqa: ANN401, PLR0911
    """Notes the categories that a part has learnt of the inputs; the columns that come out of it."""
    if columns is None or part is None or (isinstance(part, str) and part == "passthrough"):
        return columns
    if isinstance(part, str):  # dropped
        return []
    if isinstance(part, Pipeline):
        for _, step in part.steps:
            columns = _walk(step, columns, found)
        return columns
    if isinstance(part, ColumnTransformer | FeatureUnion):
        return _side_by_side(part, columns, found)
    if isinstance(part, SimpleImputer):
        kept = part.keep_empty_features or not any(_is_missing(each) for each in part.statistics_)
        return columns if kept and not part.add_indicator else None
    if isinstance(part, SELECTORS):
        return _selected(part, columns, found)
    categories = _native_categories(part) or getattr(part, "categories_", None)
    if isinstance(categories, list) and len(categories) == len(columns):
        for source, learnt in zip(columns, categories, strict=True):
            if source is not None:
                values = found.setdefault(source, [])
                values += [each for each in np.asarray(learnt, dtype=object).tolist() if not _is_missing(each)]
        return None
    for each, chosen in _handed_on(part, columns):
        _walk(each, chosen, found)
    return None


def _handed_on(part: Any, columns: Sources) -> Iterator[tuple[Any, Sources]]:  # noqa: ANN401
    """The estimators that one hands its columns on to, each with those that it gets."""
    features = getattr(part, "estimators_features_", None)
    if features is not None:  # bagging gives each a part of the columns
        for each, chosen in zip(part.estimators_, features, strict=True):
            yield each, [columns[int(n)] for n in chosen]
        return
    yield from ((each, columns) for each in _inner(part))
    if getattr(part, "passthrough", False) and hasattr(part, "final_estimator_"):
        last = part.final_estimator_
        computed: Sources = [None] * (getattr(last, "n_features_in_", len(columns)) - len(columns))
        yield last, [*computed, *columns]


def _selected(part: Any, columns: Sources, found: dict[int, list[Any]]) -> Sources | None:  # noqa: ANN401
    support = part.get_support()
    if len(support) != len(columns):
        return None
    chosen = [source for source, kept in zip(columns, support, strict=True) if kept]
    if isinstance(part, RFE):  # it predicts, too, with what it has left
        _walk(part.estimator_, chosen, found)
    return chosen


def _inner(part: Any) -> list[Any]:  # noqa: ANN401
    """The estimators that one hands all of its columns on to."""
    inner = [getattr(part, name, None) for name in _INNER]
    # Arrays of them are trees, which encode nothing.
    inner += [each for name in _INNERS if isinstance(several := getattr(part, name, None), list) for each in several]
    found = [each for each in inner if hasattr(each, "get_params") or hasattr(each, "estimator")]
    # Where there is nothing else, what it was made of is what was fitted: it is frozen.
    return found or [part.estimator] if hasattr(part, "estimator") else found


def _native_categories(part: Any) -> list[Any] | None:  # noqa: ANN401
    """The categories that a booster knows by name, for each of its columns; None where it knows none.

    Raises:
        PgscoreError: it has cut their names. A frame's are cut likewise, by where they stand among others: 'zinc'
            behind 'größe' is 'ezin', and alone 'zinc'. So what a row gives depends on the rows beside it.
    """
    if not hasattr(part, "get_booster"):
        return None
    try:
        found = category_names(part)
    except NotFittedError:
        return None
    except NotAProgramError as error:
        raise PgscoreError(
            f"{error.part} {error.why}: what it gives for a row depends on the rows beside it",
            "Give the categories ASCII names, or have an OrdinalEncoder make numbers of them, and fit the model again.",
        ) from None
    return [each or [] for each in found] if any(found) else None


def native_categories(estimator: Any, names: Sequence[str]) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """By input, the categories beside which a booster would take any other for one of them: XGBoost takes the next.

    Raises:
        PgscoreError: it has cut their names.
    """
    found: dict[str, tuple[str, ...]] = {}
    waiting = [estimator]
    while waiting:
        part = _unwrapped(waiting.pop())
        known = _native_categories(part)
        if known is not None and len(known) == len(names):
            found |= {name: tuple(each) for name, each in zip(names, known, strict=True) if each}
        elif not isinstance(part, Pipeline | ColumnTransformer):
            waiting += _inner(part)
    return found


def numbers_of_a_booster(estimator: Any, names: Sequence[str]) -> list[str]:  # noqa: ANN401
    """The inputs that reach a booster as they are and that it knows no categories of: a text would be a mistake.

    XGBoost takes one for the number of its place among those that it is asked with.
    """
    booster = _unwrapped(estimator)
    if hasattr(booster, "get_booster"):
        return [name for name, named in zip(names, knows_names(booster), strict=False) if not named]
    if hasattr(booster, "get_cat_feature_indices"):
        texts = {*booster.get_cat_feature_indices(), *booster.get_text_feature_indices()}
        return [name for place, name in enumerate(names) if place not in texts]
    if hasattr(booster, "booster_"):
        return [] if booster.booster_.pandas_categorical else list(names)
    return []


def categories_of_a_booster(estimator: Any, names: Sequence[str]) -> list[str]:  # noqa: ANN401
    """The inputs that reach a CatBoost as they are, and are categories to it: texts, booleans or integers."""
    booster = _unwrapped(estimator)
    found = booster.get_cat_feature_indices() if hasattr(booster, "get_cat_feature_indices") else ()
    return [names[place] for place in found if place < len(names)]


def _unwrapped(estimator: Any) -> Any:  # noqa: ANN401
    """What a search has found, or a pipeline ends with that hands it the inputs as they are."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif class_name(estimator) == _FROZEN:
            estimator = estimator.estimator
        elif isinstance(estimator, Pipeline) and all(step in (None, "passthrough") for _, step in estimator.steps[:-1]):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


def booster_versions(estimator: Any) -> dict[str, str]:  # noqa: ANN401
    """The versions of the boosters' libraries that a fitted estimator is made of, by their names."""
    found: dict[str, str] = {}
    waiting, seen = [estimator], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, list | tuple):
            waiting += each
            continue
        module = type(each).__module__.partition(".")[0]
        module = LIGHTGBM.module if hasattr(each, "booster_") else module
        library = next((library for library in BOOSTERS if library.module == module), None)
        if library is not None:
            found[library.name] = str(sys.modules[module].__version__)
        elif isinstance(each, BaseEstimator):
            waiting += vars(each).values()
    return found


def _side_by_side(
    part: ColumnTransformer | FeatureUnion, columns: Sources, found: dict[int, list[Any]]
) -> Sources | None:
    if isinstance(part, ColumnTransformer):
        names = [str(name) for name in getattr(part, "feature_names_in_", range(len(columns)))]
        if len(names) != len(columns):
            return None
        steps = [(step, [columns[n] for n in positions(wanted, names)]) for _, step, wanted in part.transformers_]
    else:
        steps = [(step, columns) for _, step in part.transformer_list]
    outputs = [_walk(step, chosen, found) if chosen else [] for step, chosen in steps]
    together: Sources = []
    for each in outputs:
        if each is None:
            return None
        together += each
    return together


def _categories(values: list[Any]) -> Categories:
    kinds: set[InputType | None] = {
        "text"
        if isinstance(each, str)
        else "boolean"
        if isinstance(each, bool)
        else "double precision"
        if isinstance(each, Number)
        else None
        for each in values
    }
    return Categories(kinds.pop() if len(kinds) == 1 else None, tuple(values))


def _is_missing(value: Any) -> bool:  # noqa: ANN401
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124  NaN
