"""Readers of scalers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn, Operation, Table, constant
from pgscore.readers.algebra.curves import piecewise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

_CLIPPED = 10 * float(np.finfo(np.float64).eps)


def scaled(table: Table, writer: Writer, part: str, operations: Sequence[Sequence[Operation]]) -> Table:
    """Columns after affine operations; where one has a number of NaN, as of a column without values, all is NaN."""
    gaps = [any(np.isnan(each.operand) for each in column) for column in operations]
    kept = [[] if gap else column for gap, column in zip(gaps, operations, strict=True)]
    found = writer.then(table, part, kept)
    columns = [constant(column, np.nan) if gap else column for gap, column in zip(gaps, found.columns, strict=True)]
    return Table(tuple(columns), found.sparse)


def read_standard_scaler(scaler: StandardScaler, table: Table, writer: Writer, part: str) -> Table:
    """(x - mean) / scale; a sparse matrix is multiplied by 1 / scale instead, which rounds otherwise."""
    scale = scaler.scale_ if scaler.with_std else None
    return _centered(table, writer, part, scaler.mean_ if scaler.with_mean else None, scale)


def read_robust_scaler(scaler: RobustScaler, table: Table, writer: Writer, part: str) -> Table:
    """(x - center) / scale, or times 1 / scale, as with a StandardScaler."""
    scale = scaler.scale_ if scaler.with_scaling else None
    return _centered(table, writer, part, scaler.center_ if scaler.with_centering else None, scale)


def read_max_abs_scaler(scaler: MaxAbsScaler, table: Table, writer: Writer, part: str) -> Table:
    """X / scale, and within -1 and 1 where it clips, as it can since scikit-learn 1.8."""
    clip = [Operation("minimum", -1.0), Operation("maximum", 1.0)] if getattr(scaler, "clip", False) else []
    return _centered(table, writer, part, None, scaler.scale_, clip)


def _centered(
    table: Table,
    writer: Writer,
    part: str,
    center: Any,  # noqa: ANN401
    scale: Any,  # noqa: ANN401
    clip: Sequence[Operation] = (),
) -> Table:
    writer.domains.require(part, table.columns, missing=True)
    operations: list[list[Operation]] = []
    for position in range(len(table.columns)):
        found = [] if center is None else [Operation("subtract", float(center[position]))]
        if scale is not None and table.sparse:
            found.append(Operation("multiply", float(1 / scale[position])))
        elif scale is not None:
            found.append(Operation("divide", float(scale[position])))
        operations.append([*found, *clip])
    return scaled(table, writer, part, operations)


def read_min_max_scaler(scaler: MinMaxScaler, table: Table, writer: Writer, part: str) -> Table:
    """X * scale + min, and within the range where it clips."""
    writer.domains.require(part, table.columns, missing=True)
    low, high = scaler.feature_range
    clip = [Operation("minimum", float(low)), Operation("maximum", float(high))] if scaler.clip else []
    numbers = zip(scaler.scale_.tolist(), scaler.min_.tolist(), strict=True)
    return scaled(
        table, writer, part, [[Operation("multiply", scale), Operation("add", add), *clip] for scale, add in numbers]
    )


def read_normalizer(normalizer: Normalizer, table: Table, writer: Writer, part: str) -> Table:
    """All columns over their norm: sum |x|, the root of sum x^2, or the largest |x|; 1 stands for a norm of 0.

    `sklearn.preprocessing.normalize`: of an array a norm below 10 eps counts as 0 (`_handle_zeros_in_scale`), of a
    sparse matrix 0 alone.
    """
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    registers = [writer.register(column) for column in columns]
    writer.domains.refuse_rough(*registers)
    absolute = [writer.function("abs", register) for register in registers]
    if normalizer.norm == "l1":
        norm = writer.linear(absolute, [1.0] * len(absolute))
    elif normalizer.norm == "l2":
        squares = writer.add({"step": "quadratic", "of": registers, "center": [0.0] * len(registers)})
        norm = writer.function("sqrt", squares)
    elif normalizer.norm == "max":
        norm = _largest(absolute, writer)
    else:
        raise NotAProgramError(part, f"has the norm {normalizer.norm!r}, which a program does not know")
    least = float(np.nextafter(0, 1)) if table.sparse else _CLIPPED
    is_norm = piecewise(writer, norm, [least], [[0.0], [1.0]])
    is_none = piecewise(writer, norm, [least], [[1.0], [0.0]])
    norm = writer.linear([writer.add({"step": "product", "of": [norm, is_norm]}), is_none], [1.0, 1.0])
    ratios = [writer.add({"step": "ratio", "of": [register, norm]}) for register in registers]
    return Table(tuple(NumberColumn(register) for register in ratios), table.sparse)


def _largest(registers: list[int], writer: Writer) -> int:
    """The register of the largest of finite numbers: each times 1 where it is the first such, and else 0."""
    if len(registers) == 1:
        return registers[0]
    first = writer.add({"step": "link", "of": registers, "link": "argmax"}, len(registers))
    marked = [writer.add({"step": "product", "of": [each, first + n]}) for n, each in enumerate(registers)]
    return writer.linear(marked, [1.0] * len(marked))


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.StandardScaler": read_standard_scaler,
    "sklearn.preprocessing.MinMaxScaler": read_min_max_scaler,
    "sklearn.preprocessing.MaxAbsScaler": read_max_abs_scaler,
    "sklearn.preprocessing.RobustScaler": read_robust_scaler,
    "sklearn.preprocessing.Normalizer": read_normalizer,
}
