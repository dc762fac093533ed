"""Functions of one number, as expressions of PMML."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from .expressions import apply, number, when

if TYPE_CHECKING:
    from collections.abc import Callable

    from .xml import Element


def expit(x: Element) -> Element:
    """1 / (1 + exp(-x))."""
    return apply("/", number(1), apply("+", number(1), apply("exp", apply("*", number(-1), x))))


def _plain(name: str) -> Callable[[Element, bool], Element]:
    return lambda x, nan: apply(name, x, may_be_nan=nan)


# JPMML-Evaluator's floor and ceil are of 32 bits: rint is of doubles.
def _floor(x: Element, _: bool) -> Element:
    near = apply("rint", x)
    return when(apply("greaterThan", near, x), apply("-", near, number(1)), near)


def _ceil(x: Element, _: bool) -> Element:
    near = apply("rint", x)
    return when(apply("lessThan", near, x), apply("+", near, number(1)), near)


def _trunc(x: Element, nan: bool) -> Element:
    return when(apply("lessThan", x, number(0)), _ceil(x, nan), _floor(x, nan))


def _sign(x: Element, _: bool) -> Element:
    below = when(apply("lessThan", x, number(0)), number(-1), number(0))
    return when(apply("greaterThan", x, number(0)), number(1), below)


def _reciprocal(x: Element, _: bool) -> Element:
    return when(apply("equal", x, number(0)), number(inf), apply("/", number(1), x))


def _logit(x: Element, nan: bool) -> Element:
    # At 1, and beyond, where it would be infinite with the sign of what is below, or NaN.
    odds = apply("/", x, apply("-", number(1), x), may_be_nan=nan)
    within = apply("ln", odds, may_be_nan=nan)
    inside = apply("and", apply("greaterOrEqual", x, number(0)), apply("lessThan", x, number(1)))
    return when(apply("equal", x, number(1)), number(inf), when(inside, within))


FUNCTIONS: dict[str, Callable[[Element, bool], Element]] = {
    "abs": _plain("abs"),
    "sqrt": _plain("sqrt"),
    "square": lambda x, _: apply("*", x, x),
    "sign": _sign,
    "trunc": _trunc,
    "floor": _floor,
    "ceil": _ceil,
    "relu": lambda x, _: when(apply("lessOrEqual", x, number(0)), number(0), x),
    "reciprocal": _reciprocal,
    "exp": _plain("exp"),
    "expm1": _plain("expm1"),
    "log": _plain("ln"),
    "log10": _plain("log10"),
    "log1p": _plain("ln1p"),
    "logit": _logit,
    "expit": lambda x, _: expit(x),
    "tanh": _plain("tanh"),
    "sin": _plain("sin"),
    "cos": _plain("cos"),
}
