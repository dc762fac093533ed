"""Columns of a pandas DataFrame as the inputs of a model, with the types that columns of a profile table may have."""

from __future__ import annotations

from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from pgscore_runtime.contract import Input, InputType

    Column = npt.NDArray[Any]
    FloatArray = npt.NDArray[np.float64]

# Integers up to here are shown with all their digits when they are floats of four bytes.
_EXACT = 2.0**24
_HINT = "Cast it to the type of the profile table's column: numbers, texts and booleans serve, each as what it is."


def columns_of(frame: pd.DataFrame, inputs: Sequence[Input]) -> list[Column]:
    """The inputs of a model, out of a DataFrame that may have other columns too.

    Args:
        frame: rows x at least the inputs.
        inputs: as the contract has them.

    Returns:
        For each input an array of its rows: float64, booleans as 0 and 1, NaN where missing; objects for texts, None
        where missing.

    Raises:
        PgscoreError: a column is missing, is there twice, or holds what cannot serve; the message names it.
    """
    if not isinstance(frame, pd.DataFrame):
        raise PgscoreError(f"a {type(frame).__name__} is given, and a pandas DataFrame is wanted")
    check_names([str(name) for name in frame.columns], [each.name for each in inputs])
    return [_column(frame[each.name], each) for each in inputs]


def check_names(columns: Sequence[str], wanted: Sequence[str], what: str = "which the model reads") -> None:
    """Holds that each name is that of exactly one column.

    Args:
        columns: those of a DataFrame.
        wanted: the names.
        what: what they are wanted for, a clause.

    Raises:
        PgscoreError: naming all that are not.
    """
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise PgscoreError(
            f"the DataFrame has no column {', '.join(missing)}, {what}",
            "Columns are found by their names, upper and lower case told apart.",
        )
    twice = [name for name in wanted if columns.count(name) > 1]
    if twice:
        raise PgscoreError(f"the DataFrame has more than one column {', '.join(twice)}", "Drop or rename one.")


def misfit(name: str, found: str, wanted: InputType) -> PgscoreError:
    """The refusal of a column of a type that cannot serve."""
    return PgscoreError(f'column "{name}" of the DataFrame is of type {found}, which cannot serve as {wanted}', _HINT)


def as_shown(values: npt.NDArray[np.float32]) -> FloatArray:
    """Floats of four bytes as PostgreSQL and drivers show a `real`: 1.1 is 1.1, not 1.10000002384186."""
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float64)
        differ = np.isfinite(wide) & ((np.abs(wide) >= _EXACT) | (wide != np.trunc(wide)))
    if differ.any():
        found, position = np.unique(values[differ], return_inverse=True)
        wide[differ] = found.astype(str).astype(np.float64)[position]
    return wide


def _column(given: pd.Series[Any], wanted: Input) -> Column:
    if isinstance(given.dtype, pd.CategoricalDtype):
        given = given.astype(given.cat.categories.dtype if given.notna().all() else object)
    column = _READERS[wanted.type](given)
    if column is not None:
        return column
    # What has no value has no type: pandas gives such columns any.
    if given.isna().all():
        return np.full(len(given), None, dtype=object) if wanted.is_text else np.full(len(given), np.nan)
    raise misfit(wanted.name, _type_of(given), wanted.type)


def _numbers(given: pd.Series[Any]) -> FloatArray | None:
    if pd.api.types.is_bool_dtype(given) or pd.api.types.is_complex_dtype(given):
        return None
    if pd.api.types.is_numeric_dtype(given):
        if str(given.dtype).lower().startswith(("float32", "float[", "float16", "halffloat")):
            return as_shown(given.to_numpy(dtype=np.float32, na_value=np.nan))
        return given.to_numpy(dtype=np.float64, na_value=np.nan)
    values = given.tolist() if given.dtype == object else [""]
    there = [not missing for missing in given.isna().tolist()]
    if any(known and not _is_number(value) for value, known in zip(values, there, strict=False)):
        return None
    return np.array(
        [_double(value) if known else np.nan for value, known in zip(values, there, strict=True)], dtype=np.float64
    )


def _is_number(value: object) -> bool:
    # Decimals come from drivers.
    return isinstance(value, Number) and not isinstance(value, bool | np.bool_ | complex)


def _double(value: Any) -> float:  # noqa: ANN401
    if isinstance(value, np.float32 | np.float16):
        return float(str(value))
    try:
        return float(value)
    except OverflowError:  # an integer beyond what a double holds
        return np.inf if value > 0 else -np.inf


def _booleans(given: pd.Series[Any]) -> FloatArray | None:
    is_plain = given.dtype == object and pd.api.types.infer_dtype(given, skipna=True) in ("boolean", "empty")
    if not is_plain and not pd.api.types.is_bool_dtype(given):
        return None
    missing = given.isna().to_numpy(dtype=bool)
    column = np.full(len(given), np.nan)
    column[~missing] = given[~missing].to_numpy(dtype=bool)
    return column


def _texts(given: pd.Series[Any]) -> Column | None:
    if not pd.api.types.is_object_dtype(given) and not isinstance(given.dtype, pd.StringDtype):
        return None
    if pd.api.types.infer_dtype(given, skipna=True) not in ("string", "empty"):
        return None
    column = given.to_numpy(dtype=object).copy()
    column[given.isna().to_numpy(dtype=bool)] = None
    return column


def _type_of(given: pd.Series[Any]) -> str:
    """A dtype; of objects, the type of the first one."""
    return type(given.dropna().iloc[0]).__name__ if given.dtype == object else str(given.dtype)


_READERS = {"double precision": _numbers, "boolean": _booleans, "text": _texts}
