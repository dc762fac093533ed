"""Readers of transformers that compute: scalers, and functions without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import Operation

if TYPE_CHECKING:
    from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

_FUNCTIONS: dict[Any, str | None] = {None: None, np.abs: "abs", np.sqrt: "sqrt", np.square: "square"}


def read_standard_scaler(scaler: StandardScaler, table: Table, writer: Writer, part: str) -> Table:
    """(x - mean) / scale; a sparse matrix is multiplied by 1 / scale instead, which rounds otherwise."""
    writer.domains.require(part, table.columns, missing=True)
    scale = scaler.scale_ if scaler.with_std else None
    mean = scaler.mean_ if scaler.with_mean else None
    operations: list[list[Operation]] = []
    for position in range(len(table.columns)):
        found = [] if mean is None else [Operation("subtract", float(mean[position]))]
        if scale is not None and table.sparse:
            found.append(Operation("multiply", float(1 / scale[position])))
        elif scale is not None:
            found.append(Operation("divide", float(scale[position])))
        operations.append(found)
    return writer.then(table, part, operations)


def read_min_max_scaler(scaler: MinMaxScaler, table: Table, writer: Writer, part: str) -> Table:
    """X * scale + min, and within the range where it clips."""
    writer.domains.require(part, table.columns, missing=True)
    low, high = scaler.feature_range
    clip = [Operation("minimum", float(low)), Operation("maximum", float(high))] if scaler.clip else []
    numbers = zip(scaler.scale_.tolist(), scaler.min_.tolist(), strict=True)
    return writer.then(
        table, part, [[Operation("multiply", scale), Operation("add", add), *clip] for scale, add in numbers]
    )


def read_function(transformer: FunctionTransformer, table: Table, writer: Writer, part: str) -> Table:
    """One of the functions that programs know, or none."""
    function = transformer.func
    if not (function is None or isinstance(function, np.ufunc)) or function not in _FUNCTIONS:
        name = getattr(function, "__name__", type(function).__name__)
        raise NotAProgramError(part, f"calls the function {name}, and a program knows abs, sqrt and square")
    if function is not None and transformer.kw_args:
        raise NotAProgramError(part, "calls its function with arguments")
    if transformer.validate:
        writer.domains.require(part, table.columns, missing=False)
    name = _FUNCTIONS[function]
    if name is None:
        return table
    return writer.then(table, part, [[Operation(name)]] * len(table.columns))


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.StandardScaler": read_standard_scaler,
    "sklearn.preprocessing.MinMaxScaler": read_min_max_scaler,
    "sklearn.preprocessing.FunctionTransformer": read_function,
}
