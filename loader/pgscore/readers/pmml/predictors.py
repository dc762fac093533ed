"""The terms of a sum: powers and products of numbers, and a number for each of a field's values."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn

from .choices import summable
from .tables import code_column, refined
from .types import Scalar, UnfitError, parse
from .values import MISSING, SAME, Number, Outcome, Tabulated, Value, as_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .fields import Scope
    from .xml import Element

_MOST_FACTORS = 100


def power(number: Number, exponent: int, scope: Scope) -> NumberColumn | CodeColumn:
    """The column of an integer power of a number: a product, which Math.pow is but for its last bits."""
    if exponent == 1:
        return summable(number.column, scope.writer)
    writer, register = scope.writer, scope.register(number)
    if exponent == 0:
        # 1, but missing where the number is.
        missing = writer.add({"step": "missing", "of": register})
        return summable(CodeColumn(missing, (0.0,), np.ones(1), nan, nan), writer)
    if abs(exponent) > _MOST_FACTORS:
        raise scope.model.refused(
            f"has the exponent {exponent}, and a program multiplies up to {_MOST_FACTORS} factors"
        )
    if abs(exponent) > 1:
        register = writer.add({"step": "product", "of": [register] * abs(exponent)})
    return NumberColumn(register if exponent > 0 else writer.function("reciprocal", register))


def product(numbers: Sequence[Number], place: Element, scope: Scope) -> NumberColumn | CodeColumn:
    """The column of a product."""
    if not numbers:
        raise place.refused("multiplies nothing")
    if len(numbers) == 1:
        return summable(numbers[0].column, scope.writer)
    if len(numbers) > _MOST_FACTORS:
        raise place.refused(f"multiplies more than {_MOST_FACTORS} numbers")
    return NumberColumn(scope.writer.add({"step": "product", "of": [scope.register(each) for each in numbers]}))


def parsed(text: str, kind: str, place: Element) -> Scalar:
    """A text that a field's value is compared with.

    Raises:
        NotAProgramError: it is no value of the field's type, so that comparing fails.
    """
    try:
        return parse(kind, text)
    except UnfitError:
        raise place.refused(f"compares a {kind} with {text[:60]!r}, which is none") from None


def listed(value: Value, keys: Sequence[Scalar], scope: Scope, place: Element) -> Tabulated:
    """A value as a table that has these keys, by which it is compared for equality.

    Raises:
        NotAProgramError: it is a float, which the evaluator rounds before it compares.
    """
    if isinstance(value, Tabulated):
        return refined(value, [as_key(each) for each in keys]) if _is_own(value) else value
    if value.type == "float":
        raise place.refused("compares a float for equality, which is not supported")
    register = scope.register(value)
    missing = MISSING if value.may_miss or value.fails else Outcome("never")
    found = Tabulated(value.type, value.optype, register, is_text=False, table={}, other=SAME, missing=missing)
    return refined(found, [as_key(each) for each in keys])


def _is_own(value: Tabulated) -> bool:
    return value.other.kind == "same"


def value_terms(value: Value, predictors: Sequence[Element], scope: Scope) -> CodeColumn:
    """The column of the coefficient of the first predictor that a field equals; 0 where there is none."""
    table = listed(value, [parsed(each.need("value"), value.type, each) for each in predictors], scope, predictors[0])
    coefficients: dict[object, float] = {}
    for each in predictors:
        coefficients.setdefault(parsed(each.need("value"), value.type, each), each.number("coefficient"))

    def number(outcome: Outcome) -> float:
        return coefficients.get(outcome.value, 0.0) if outcome.kind == "value" else 0.0

    return code_column(table, number, scope.writer)
