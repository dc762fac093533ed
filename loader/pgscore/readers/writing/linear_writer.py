"""Writing a linear score: every affine operation folded into weights, all codes of one input in one lookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pgscore.readers.algebra.columns import AFFINE, CodeColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.algebra.columns import NumberColumn, Operation

    from .writer import Writer

    # A column, and its weight.
    _Code = tuple[CodeColumn, float]

# Where mean / scale of a scaled input is below this, the scaling goes into weight and intercept: what cancels costs
# three digits at most. Elsewhere the scaling stays a step, and rounds as scikit-learn's does.
_HARMLESS = 1e3
# Where all that goes into the intercept is more than so many times what is left of it, it stays out: columns that say
# the same get weights that cancel each other, and the sum's terms are to show that.
_CANCELLING = 1e6
# Smaller weights begin to lose digits.
_SMALLEST = 1e-290


def write_linear(
    columns: list[NumberColumn | CodeColumn],
    weights: np.ndarray,
    intercept: float,
    writer: Writer,
    *,
    finite: bool,
    again: int = 0,
    folded: bool = False,
) -> int:
    """Writes the steps of a linear score.

    Args:
        columns: what is weighted.
        weights: a weight for each of them.
        intercept: what is added.
        writer: takes the steps.
        finite: whether a column is never infinite or missing, so that a weight of 0 leaves it out.
        again: how many columns, the last, stand before them as well, with weights that nearly cancel these: what is
            looked up for them stays apart, so that the sum's terms show that.
        folded: whether all affine operations go into weights and intercept, as these tell how far a sum in single
            precision may be off.

    Returns:
        The score's register.
    """
    numbers = [
        (column, weight)
        for column, weight in zip(columns, weights.tolist(), strict=True)
        if not isinstance(column, CodeColumn) and not (weight == 0 and finite)  # 0 times infinity is NaN
    ]
    found = [_folded(column, weight, writer, np.inf if folded else _HARMLESS) for column, weight in numbers]
    total = sum((offset for _, _, offset, _ in found), start=intercept)
    if not folded and sum(abs(offset) for _, _, offset, _ in found) > _CANCELLING * max(1.0, abs(total)):
        total = intercept
        found = [_Term(column.operations, weight, 0.0, 0.0) for column, weight in numbers]
    terms = [
        (writer.number(column.source, kept), factor, center)
        for (column, _), (kept, factor, _, center) in zip(numbers, found, strict=True)
    ]
    by_source: dict[tuple[int, bool], list[_Code]] = {}
    for number, (column, weight) in enumerate(zip(columns, weights.tolist(), strict=True)):
        if isinstance(column, CodeColumn) and not (weight == 0 and finite):
            by_source.setdefault((column.source, number >= len(columns) - again), []).append((column, weight))
    for codes in by_source.values():
        terms += [(_lookup(part, writer), 1.0, 0.0) for part in _apart(codes, writer)]
    step: dict[str, Any] = {
        "step": "linear",
        "of": [register for register, _, _ in terms],
        "weights": [weight for _, weight, _ in terms],
        "intercept": total,
    }
    if any(center for _, _, center in terms):
        step["center"] = [center for _, _, center in terms]
    return writer.add(step)


class _Term(NamedTuple):
    """What stands for a weighted column.

    Attributes:
        kept: operations before it is weighted.
        factor: its weight.
        offset: what the intercept gets.
        center: the number at which it is 0, from which reasons count: the mean, behind a StandardScaler.
    """

    kept: Sequence[Operation]
    factor: float
    offset: float
    center: float


def _folded(column: NumberColumn, weight: float, writer: Writer, most: float) -> _Term:
    operations = list(column.operations)
    if operations and operations[0].name == "fill" and not writer.missing_possible(column):
        del operations[0]
    kept = max((n + 1 for n, each in enumerate(operations) if each.name not in AFFINE), default=0)
    factor, offset = 1.0, 0.0
    for each in operations[kept:]:
        if each.name == "subtract":
            offset -= each.operand
        elif each.name == "add":
            offset += each.operand
        elif each.name == "divide":
            factor, offset = factor / each.operand, offset / each.operand
        else:
            factor, offset = factor * each.operand, offset * each.operand
    harmless = abs(offset) < most and np.isfinite(weight * factor) and abs(weight * factor) > _SMALLEST
    if not harmless:
        return _Term(operations, weight, 0.0, 0.0)
    center = -offset / factor + 0.0
    return _Term(operations[:kept], weight * factor, weight * offset, center if np.isfinite(center) else 0.0)


def _apart(codes: list[_Code], writer: Writer) -> list[list[_Code]]:
    """Codes of one input in one list; in two, by the signs of their weights, where their sums would cancel."""
    weights = np.array([weight for _, weight in codes])
    keys = writer.keys([column for column, _ in codes])
    values = np.nan_to_num(np.array([column.values_of(keys) for column, _ in codes]), posinf=0.0, neginf=0.0)
    if (np.abs(weights) @ np.abs(values) <= _CANCELLING * np.maximum(1.0, np.abs(weights @ values))).all():
        return [codes]
    return [
        part for part in ([each for each in codes if (each[1] > 0) == positive] for positive in (True, False)) if part
    ]


def _lookup(codes: list[_Code], writer: Writer) -> int:
    """One register for all indicators and codes of one input: the sum of their weighted numbers."""
    columns = [column for column, _ in codes]
    weights = np.array([weight for _, weight in codes])
    keys = writer.keys(columns)
    values = weights @ np.array([column.values_of(keys) for column in columns])
    # What is not finite is refused before it comes here.
    unknown, missing = (
        float(weights @ np.nan_to_num(np.array(numbers), nan=0.0, posinf=0.0, neginf=0.0))
        for numbers in ([column.unknown for column in columns], [column.missing for column in columns])
    )
    return writer.add(
        {
            "step": "lookup",
            "of": columns[0].source,
            "keys": keys,
            "values": values.tolist(),
            "unknown": unknown if writer.unknown_possible(columns[0], keys) else 0.0,
            "missing": missing if writer.missing_possible(columns[0]) else 0.0,
        }
    )
