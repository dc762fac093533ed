"""Columns in the form that an estimator was fitted with: a frame, or a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy
    import numpy.typing

    from .contract import Contract, Input

# Frames of more columns are made in a piece for each dtype.
_WIDE = 64


def as_fitted(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    """What the estimator is called with: the contract's inputs, a column each, None or NaN where a value is missing."""
    if not contract.frame:
        return _matrix(contract, columns)
    frame = _frame(contract, columns)
    if not contract.categorical:
        return frame
    known = contract.known
    return frame.assign(**{each.name: as_categories(frame[each.name], known.get(each.name)) for each in contract.texts})


def _frame(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    import pandas as pd

    inputs = contract.inputs
    if len(inputs) > _WIDE:
        return _wide_frame(contract, columns)
    frame = {}
    for each, column in zip(inputs, columns, strict=True):
        # Left to itself, pandas turns None among texts into NaN, which is another category, and newer releases
        # make another type of texts.
        values = _column(contract, each, column)
        frame[each.name] = pd.Series(values, dtype=object) if each.is_text else values
    return pd.DataFrame(frame)


def _wide_frame(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    """The same in one piece for each dtype: of a thousand columns made one by one a row costs 50 ms."""
    import numpy as np
    import pandas as pd

    alike: dict[Any, list[tuple[str, Any]]] = {}
    for each, column in zip(contract.inputs, columns, strict=True):
        values = _column(contract, each, column)
        alike.setdefault(values.dtype, []).append((each.name, values))
    parts = []
    for dtype, part in alike.items():
        names, values = zip(*part, strict=True)
        parts.append(pd.DataFrame(np.column_stack(values), columns=list(names), dtype=dtype))
    return pd.concat(parts, axis=1)[[each.name for each in contract.inputs]]


def _matrix(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    import numpy as np

    if not contract.texts:
        return np.column_stack(columns)
    matrix = np.empty((len(columns[0]), len(columns)), dtype=object)
    for position, (each, column) in enumerate(zip(contract.inputs, columns, strict=True)):
        matrix[:, position] = _column(contract, each, column)
    return matrix


def _column(contract: Contract, described: Input, column: Any) -> Any:  # noqa: ANN401
    import numpy as np

    if described.type == "double precision":
        return column
    gaps = missing(column)
    if described.type == "boolean" and not gaps.any():
        return column.astype(bool)
    values = column.astype(object)
    if described.type == "boolean":
        values[~gaps] = column[~gaps].astype(bool)
    values[gaps] = None if contract.missing_text == "none" else np.nan
    return values


def as_categories(texts: Any, known: Sequence[str] | None) -> Any:  # noqa: ANN401
    """A series of texts as pandas' categories: boosters find their own among them by name.

    Raises:
        ValueError: one is not among those that are known, and these are all.
    """
    import pandas as pd

    found = sorted(texts.dropna().unique())
    strange = [] if known is None else [each for each in found if each not in known]
    if strange:
        raise ValueError(f"category {strange[0]!r} was not there when the model was fitted")
    # Without any category they would be numbers.
    return texts.astype(pd.CategoricalDtype(list(known or found) or [""]))


def missing(column: Any) -> numpy.typing.NDArray[numpy.bool_]:  # noqa: ANN401
    """For each row whether its value is missing."""
    import numpy as np

    nothing: Any = None
    # A comparison that numpy makes takes a third of the time of a loop.
    found: numpy.typing.NDArray[numpy.bool_] = np.equal(column, nothing) if column.dtype == object else np.isnan(column)
    return found
