"""Writing a linear score: every affine operation folded into weights, all codes of one input in one lookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import AFFINE, CodeColumn

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import NumberColumn

    from .writer import Writer

# Where mean / scale of a scaled input is below this, the scaling goes into weight and intercept: what cancels costs
# three digits at most. Elsewhere the scaling stays a step, and rounds as scikit-learn's does.
_HARMLESS = 1e3
# Smaller weights begin to lose digits.
_SMALLEST = 1e-290


def write_linear(
    columns: list[NumberColumn | CodeColumn], weights: np.ndarray, intercept: float, writer: Writer, *, finite: bool
) -> int:
    """Writes the steps of a linear score.

    Args:
        columns: what is weighted.
        weights: a weight for each of them.
        intercept: what is added.
        writer: takes the steps.
        finite: whether a column is never infinite or missing, so that a weight of 0 leaves it out.

    Returns:
        The score's register.
    """
    terms: list[tuple[int, float, float]] = []
    by_source: dict[int, list[tuple[CodeColumn, float]]] = {}
    for column, weight in zip(columns, weights.tolist(), strict=True):
        if weight == 0 and finite:  # 0 times infinity is NaN
            continue
        if isinstance(column, CodeColumn):
            by_source.setdefault(column.source, []).append((column, weight))
            continue
        register, factor, offset, center = _folded(column, weight, writer)
        terms.append((register, factor, center))
        intercept += offset
    for codes in by_source.values():
        terms.append((_lookup(codes, writer), 1.0, 0.0))
    step: dict[str, Any] = {
        "step": "linear",
        "of": [register for register, _, _ in terms],
        "weights": [weight for _, weight, _ in terms],
        "intercept": intercept,
    }
    if any(center for _, _, center in terms):
        step["center"] = [center for _, _, center in terms]
    return writer.add(step)


def _folded(column: NumberColumn, weight: float, writer: Writer) -> tuple[int, float, float, float]:
    """A register, the weight and the summand that stand for a weighted column, and the number at which it is 0."""
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
    harmless = abs(offset) < _HARMLESS and np.isfinite(weight * factor) and abs(weight * factor) > _SMALLEST
    if not harmless:
        return writer.number(column.source, operations), weight, 0.0, 0.0
    # Reasons count from where the column that the model was fitted on is 0: the mean, behind a StandardScaler.
    center = -offset / factor + 0.0
    register = writer.number(column.source, operations[:kept])
    return register, weight * factor, weight * offset, center if np.isfinite(center) else 0.0


def _lookup(codes: list[tuple[CodeColumn, float]], writer: Writer) -> int:
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
            "unknown": unknown if writer.unknown_possible(columns[0]) else 0.0,
            "missing": missing if writer.missing_possible(columns[0]) else 0.0,
        }
    )
