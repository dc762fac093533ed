"""Functions of one number. None of them raises: a domain error is NaN, an overflow infinite, and 0 has no sign.

`log1p` and `expm1` are made of `log` and `exp`, as PostgreSQL has no others: so they are the same in each engine.
"""

from __future__ import annotations

from math import ceil, cos, exp, floor, inf, isfinite, log, log10, nan, sin, sqrt, tanh, trunc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def expit(z: float) -> float:
    """1 / (1 + exp(-z)): to the last bit what the sql engine computes, and scipy's expit."""
    try:
        return 1 / (1 + exp(-z))
    except OverflowError:
        return 0.0


def power_of_e(x: float) -> float:
    """exp(x)."""
    try:
        return exp(x)
    except OverflowError:
        return inf


def quotient(a: float, b: float) -> float:
    """A / b, where 0 counts as positive."""
    if b == 0:
        return inf if a > 0 else -inf if a < 0 else nan
    return a / b


def signed_square(z: float) -> float:
    """Z |z|."""
    return z * abs(z)


def _log(x: float) -> float:
    return log(x) if x > 0 else -inf if x == 0 else nan


def _log10(x: float) -> float:
    return log10(x) if x > 0 else -inf if x == 0 else nan


def _log1p(x: float) -> float:
    if not -1 < x < inf:
        return -inf if x == -1 else inf if x == inf else nan
    rounded = 1 + x
    lost = x - (rounded - 1) if x <= 1 else 1 - (rounded - x)
    return log(rounded) + lost / rounded


def _expm1(x: float) -> float:
    power = power_of_e(x)
    if power == 1:
        return x
    # What exp() has rounded away shows in its logarithm.
    return (power - 1) * (x / log(power)) if abs(x) < 1 else power - 1


def _logit(x: float) -> float:
    if 0 < x < 1:
        return log(x / (1 - x))
    return -inf if x == 0 else inf if x == 1 else nan


def _sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else x + 0.0  # NaN


def _sqrt(x: float) -> float:
    return nan if x < 0 else sqrt(x)


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "sqrt": _sqrt,
    "square": lambda x: x * x,
    "sign": _sign,
    "trunc": lambda x: float(trunc(x)) if isfinite(x) else x,
    "floor": lambda x: float(floor(x)) if isfinite(x) else x,
    "ceil": lambda x: float(ceil(x)) if isfinite(x) else x,
    "relu": lambda x: 0.0 if x <= 0 else x,
    "reciprocal": lambda x: quotient(1.0, x),
    "exp": power_of_e,
    "expm1": _expm1,
    "log": _log,
    "log10": _log10,
    "log1p": _log1p,
    "logit": _logit,
    "expit": expit,
    "tanh": tanh,
    "sin": lambda x: sin(x) if isfinite(x) else nan,
    "cos": lambda x: cos(x) if isfinite(x) else nan,
}
