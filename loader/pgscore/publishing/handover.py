"""Values as the database hands them to an estimator: numbers as doubles, texts as objects, booleans as booleans."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pgscore_runtime.contract import InputType

    from .fitted import Categories
    from .profile import Profile

_WORDS = {"text": "texts", "double precision": "numbers", "boolean": "booleans"}
_AS_IT_IS = ("double precision", "text", "boolean")
_CAST_HINT = (
    "Fit the model on the column as a driver reads it (pandas.read_sql), or name a view in --profile that casts it."
)


@dataclass(frozen=True)
class Cast:
    """A column that the model reads as another type than it was declared with.

    Attributes:
        input: the input, and the column.
        column: the column's type as it was declared.
        read_as: what the model reads it as.
    """

    input: str
    column: str
    read_as: InputType


def kind_of(column: pd.Series[Any], source: str) -> InputType | None:
    """What the values of a column are; None where there are none.

    Raises:
        PgscoreError: they are of several kinds, or of one that cannot serve.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if column.notna().all() else object)
    if pd.api.types.is_bool_dtype(column):
        return "boolean" if column.notna().any() else None
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
        return "double precision" if column.notna().any() else None
    values = column.dropna()
    kinds: dict[InputType | None, Any] = {_kind(value): value for value in values}
    if not kinds:
        return None
    if None in kinds:
        raise PgscoreError(
            f"input {column.name!r} holds a {type(kinds[None]).__name__} in {source}, which cannot serve:"
            " numbers, texts and booleans can",
            "Compute a number or a text of it, in the table and in what the model is fitted on.",
        )
    if len(kinds) > 1:
        raise PgscoreError(
            f"input {column.name!r} holds values of several kinds in {source}:"
            f" {', '.join(repr(value) for value in kinds.values())}",
            "A column of a table has one type: fit the model on one.",
        )
    return next(iter(kinds))


def _kind(value: Any) -> InputType | None:  # noqa: ANN401
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    # Decimals come from drivers.
    return "double precision" if isinstance(value, Number) and not isinstance(value, complex) else None


def input_types(
    frame: pd.DataFrame, source: str, categories: Mapping[str, Categories], profile: Profile | None
) -> dict[str, InputType]:
    """What each input travels as: what the table's column is read as; without a table, what the golden rows hold.

    Args:
        frame: golden rows, a column for each input.
        source: where they come from, for messages.
        categories: what the estimator's encoders have learnt.
        profile: the table, if there is one; it has the columns.

    Raises:
        PgscoreError: the golden rows, the table and what the estimator was fitted on do not go together.
    """
    types: dict[str, InputType] = {}
    for name in frame.columns:
        given = kind_of(frame[name], source)
        learnt = categories.get(name)
        column = profile.columns[name] if profile is not None else None
        kind: InputType = column or given or (learnt.kind if learnt else None) or "double precision"
        place = (
            f"column {name} of {profile.name} is {profile.declared[name]}"
            if profile
            else (f"input {name!r} holds {_WORDS[kind]} in {source}")
        )
        if learnt is not None and not _goes(learnt, kind, frame[name]):
            raise PgscoreError(f"{place}, and the model was fitted on {learnt.words()}", _CAST_HINT)
        if given is not None and not _converts(frame[name], given, kind):
            example = frame[name].dropna().iloc[0]
            raise PgscoreError(
                f"{place}, and {source} hold {_WORDS[given]} such as {_plain(example)!r}: the model was fitted on"
                " another type, or these are not its rows",
                _CAST_HINT,
            )
        if learnt is not None and profile is not None and name in profile.padded:
            _check_padded(place, learnt, profile.padded[name], frame[name])
        types[name] = kind
    return types


def _goes(learnt: Categories, kind: InputType, values: pd.Series[Any]) -> bool:
    """Whether encoders find again what they have learnt: true is 1, and 1 is no '1'."""
    if (learnt.kind, kind) == ("double precision", "boolean"):
        return _are_bits(learnt.values)
    if (learnt.kind, kind) == ("boolean", "double precision"):
        return _are_bits(values.dropna())
    return learnt.kind == kind


def _converts(values: pd.Series[Any], given: InputType, kind: InputType) -> bool:
    if (given, kind) == ("double precision", "boolean"):
        return _are_bits(values.dropna())
    return given == kind or (given, kind) == ("boolean", "double precision")


def _are_bits(values: Iterable[Any]) -> bool:
    return all(not isinstance(each, str) and each in (0, 1) for each in values)


def _check_padded(place: str, learnt: Categories, length: int, values: pd.Series[Any]) -> None:
    """Refuses categories without the blanks that the column's values have: none would ever be found."""
    present = {str(each).ljust(length) for each in values.dropna()}
    short = [each for each in learnt.values if len(each) < length]
    lost = [each for each in short if each.ljust(length) in present and each.ljust(length) not in learnt.values]
    if lost or (short and len(short) == len(learnt.values)):
        raise PgscoreError(
            f"{place}, whose values are padded with blanks, and the model was fitted on texts without them such as"
            f" {(lost or short)[0]!r}",
            "Fit it on what the driver reads, or name a view in --profile that casts the column to text.",
        )


def casts(types: Mapping[str, InputType], categories: Mapping[str, Categories], profile: Profile) -> list[Cast]:
    """The columns of other types than the model reads, or was fitted on."""
    return [
        Cast(name, profile.declared[name], read_as)
        for name, kind in types.items()
        if (read_as := (categories[name].kind if name in categories else None) or kind) != profile.declared[name]
    ]


def hand_over(
    frame: pd.DataFrame, types: Mapping[str, InputType], nothing: float | None, padded: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """The frame as the database hands its rows over.

    Args:
        frame: rows x inputs, of any dtypes that pandas has.
        types: what each input travels as.
        nothing: what the estimator knows a missing text or boolean as, NaN or None.
        padded: how many characters the values of a ``char(n)`` have, by input.

    Returns:
        Columns of float64, of bool, and of objects.
    """
    columns = {}
    for name, kind in types.items():
        given = frame[name]
        if kind == "double precision" and pd.api.types.is_numeric_dtype(given):
            columns[name] = pd.Series(given.to_numpy(dtype=np.float64, na_value=np.nan))
            continue
        there = given.notna().tolist()
        values = [_plain(each) if known else None for each, known in zip(given.tolist(), there, strict=True)]
        columns[name] = column(values, kind, nothing, (padded or {}).get(name, 0))
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def column(values: Sequence[Any], kind: InputType, nothing: float | None, padded: int = 0) -> pd.Series[Any]:
    """A column of values, None where one is missing, as the database hands it over."""
    if kind == "double precision":
        return pd.Series([np.nan if each is None else _double(each) for each in values], dtype=np.float64)
    if kind == "boolean":
        booleans = [nothing if each is None else bool(each) for each in values]
        return pd.Series(booleans, dtype=object if any(each is None for each in values) else bool)
    texts = [nothing if each is None else str(each).ljust(padded) for each in values]
    return pd.Series(texts, dtype=object)


def _double(value: Any) -> float:  # noqa: ANN401
    try:
        return float(value)
    except OverflowError:  # an integer beyond what a double holds
        return np.inf if value > 0 else -np.inf


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value.item() if isinstance(value, np.generic) else value


def without_values(frame: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """The columns in which no row has a value."""
    return [name for name in names if frame[name].isna().all()]
