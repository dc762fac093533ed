"""The probabilities that libsvm gives two classes: a logistic function of its sum, coupled as those of many classes.

`svm_predict_probability` in sklearn/svm/src/libsvm/svm.cpp has them of `multiclass_probability`, of two as well,
whose one pair has the answer already. With r the probability of the first class by the logistic function, p the one
that is looked for, and s = p - r, a round of its loop makes of s

    u = (1 - r) s^2 / ((1 - r)^2 - (1 - r) s + s^2)    and of that    -r u^2 / (r^2 + r u + u^2)

It begins at p = 1/2, and ends where the larger of abs(s) p and abs(s) (1 - p) is below 0.0025: after no round, one or
two. So p is a smooth function of r with a jump where their number changes, and up to 0.005 away from r.
"""

from __future__ import annotations

from functools import cache
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pgscore.readers.writing.writer import Writer

_LEAST = 1e-7
# Where the number of rounds changes, as the loop itself has it, and how many there are from there on.
_ROUNDS = (
    (0.0, 1),
    (0.002519231343923212, 2),
    (0.3554879098744653, 1),
    (0.49500000000000005, 0),
    (0.505, 1),
    (0.6763655764455506, 2),
    (0.9406302364213602, 1),
)
# Polynomials of this degree, in intervals of this width, are 2e-15 away at most.
_DEGREE, _WIDTH = 12, 0.5


def write_coupled(exponent: int, writer: Writer) -> list[int]:
    """The registers of both probabilities.

    Args:
        exponent: the register of t, where 1 / (1 + exp(t)) is the first class's by the logistic function.
        writer: takes the steps.
    """
    knots, pieces = _pieces()
    # A sum of infinities that is no number counts as the least probability, as comparisons have it.
    step: dict[str, Any] = {"step": "piecewise", "of": exponent, "closed": "left", "missing": pieces[-1][0]}
    first = writer.add({**step, "knots": list(knots), "coefficients": [list(each) for each in pieces]})
    return [first, writer.add({"step": "affine", "of": first, "multiply": -1.0, "add": 1.0})]


def coupled(likely: float, rounds: int) -> float:
    """The first class's probability after so many rounds, given the one by the logistic function."""
    other, apart = 1 - likely, 0.5 - likely
    for _ in range(rounds):
        half = other * apart**2 / (other**2 - other * apart + apart**2)
        apart = -likely * half**2 / (likely**2 + likely * half + half**2)
    return likely + apart


@cache
def _pieces() -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Knots of the exponent, and the polynomials below, between and above them."""
    end = _exponent(_LEAST)
    starts = [-end, *(_exponent(knot) for knot, _ in reversed(_ROUNDS[1:])), end]
    knots: list[float] = []
    pieces: list[tuple[float, ...]] = [(coupled(1 - _LEAST, 1),)]
    for start, after, (_, rounds) in zip(starts, starts[1:], reversed(_ROUNDS), strict=False):
        every = np.linspace(start, after, 2 + int((after - start) / _WIDTH))
        for low, high in zip(every.tolist(), every[1:].tolist(), strict=False):
            knots.append(low)
            pieces.append((0.5,) if rounds == 0 else _fitted(low, high, rounds))
    return (*knots, end), (*pieces, (coupled(_LEAST, 1),))


def _fitted(low: float, high: float, rounds: int) -> tuple[float, ...]:
    """A polynomial of what is beyond the lower end."""

    def values(beyond: Any) -> Any:  # noqa: ANN401
        return np.array([coupled(1 / (1 + exp(low + each)), rounds) for each in beyond.tolist()])

    found = np.polynomial.Chebyshev.interpolate(values, _DEGREE, domain=[0.0, high - low])
    power = found.convert(kind=np.polynomial.Polynomial)
    return tuple(power.coef.tolist())


def _exponent(likely: float) -> float:
    return log((1 - likely) / likely)
