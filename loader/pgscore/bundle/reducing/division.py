"""Averages of `numeric`, to the last digit of PostgreSQL's division (`select_div_scale` in its numeric.c)."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal

from .values import EXACT

# PostgreSQL keeps numbers in digits of four decimal ones, and gives a quotient at least sixteen that count.
_DIGIT, _LEAST_DIGITS, _MOST_SCALE = 4, 16, 1000


def is_told(total: Decimal, count: int) -> bool:
    """Whether the average is the same if zeros at the end of the sum are of values that have gone."""
    if not total.is_finite():
        return True
    counted = _behind(EXACT.normalize(total)) if total else 0
    return _scale(total, count, counted) == _scale(total, count, _behind(total))


def average(total: Decimal, count: int) -> Decimal:
    """A sum over how many values it has, rounded half away from zero.

    Args:
        total: the sum, with as many digits behind the point as the value that has most of them.
        count: at least 1.
    """
    if not total.is_finite():
        return total
    behind = _scale(total, count, _behind(total))
    enough = Context(prec=max(total.adjusted(), 0) + behind + 10, rounding=ROUND_DOWN)
    # Two more digits, and whether anything is left behind them: so nothing is rounded twice.
    cut = enough.divide(total, Decimal(count)) if total else total
    return EXACT.quantize(cut, Decimal(1).scaleb(-behind))


def _behind(number: Decimal) -> int:
    return max(0, -int(number.as_tuple().exponent))


def _scale(total: Decimal, count: int, scale: int) -> int:
    """How many digits behind the point the quotient has."""
    weight, first = _leading(total)
    weight_of_count, first_of_count = _leading(Decimal(count))
    quotient = weight - weight_of_count - (1 if first <= first_of_count else 0)
    return min(max(_LEAST_DIGITS - quotient * _DIGIT, scale, 0), _MOST_SCALE)


def _leading(number: Decimal) -> tuple[int, int]:
    """The weight of the first digit of four that is not 0, and that digit."""
    if not number:
        return 0, 0
    weight = number.adjusted() // _DIGIT
    return weight, int(EXACT.scaleb(number.copy_abs(), -weight * _DIGIT))
