"""From scores to outputs, as `pgscore_runtime.links` has it for one row.

exp() is the C library's, by way of Python: numpy's own differs from it in the last bit on some processors, and would
then from the database.
"""

from __future__ import annotations

from math import exp, inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pgscore_runtime.links import Link

    FloatArray = npt.NDArray[np.float64]


def link_function(link: Link) -> Callable[[list[FloatArray]], list[FloatArray]]:
    """The function of a link, of a column for each score to a column for each output."""
    return _LINKS[link]


def exp_of(values: FloatArray) -> FloatArray:
    """exp() of each."""
    given = values.tolist()
    try:
        return np.fromiter(map(exp, given), np.float64, len(given))
    except OverflowError:
        return np.fromiter(map(_exp_or_infinity, given), np.float64, len(given))


def _exp_or_infinity(value: float) -> float:
    try:
        return exp(value)
    except OverflowError:
        return inf


def expit(scores: FloatArray) -> FloatArray:
    """1 / (1 + exp(-score)) of each."""
    # 1 / infinity is the 0 that the interpreter gives.
    return 1 / (1 + exp_of(-scores))


def _sum(columns: list[FloatArray]) -> FloatArray:
    total = np.zeros(len(columns[0]))
    for column in columns:
        total += column
    return total


def _identity(scores: list[FloatArray]) -> list[FloatArray]:
    return scores


def _logistic(scores: list[FloatArray]) -> list[FloatArray]:
    probability = expit(scores[0])
    return [1 - probability, probability]


def _softmax(scores: list[FloatArray]) -> list[FloatArray]:
    largest = np.max(scores, axis=0)  # NaN where one of them is
    largest[~np.isfinite(largest)] = np.nan
    powers = [exp_of(score - largest) for score in scores]
    total = _sum(powers)
    return [power / total for power in powers]


def _one_vs_rest(scores: list[FloatArray]) -> list[FloatArray]:
    return _normalize([expit(score) for score in scores])


def _normalize(scores: list[FloatArray]) -> list[FloatArray]:
    total = _sum(scores)
    nothing = total == 0
    return [np.where(nothing, 1 / len(scores), score / total) for score in scores]


def _sign(scores: list[FloatArray]) -> list[FloatArray]:
    positive = (scores[0] > 0).astype(np.float64)
    return [1 - positive, positive]


def _argmax(scores: list[FloatArray]) -> list[FloatArray]:
    best = np.argmax(scores, axis=0)
    return [(best == position).astype(np.float64) for position in range(len(scores))]


_LINKS: dict[Link, Callable[[list[FloatArray]], list[FloatArray]]] = {
    "identity": _identity,
    "logistic": _logistic,
    "softmax": _softmax,
    "one_vs_rest": _one_vs_rest,
    "sign": _sign,
    "argmax": _argmax,
    "exp": lambda scores: [exp_of(scores[0])],
    "expit": lambda scores: [expit(scores[0])],
    "one_vs_all": lambda scores: [expit(score) for score in scores],
    "square_signed": lambda scores: [scores[0] * np.abs(scores[0])],
    "normalize": _normalize,
}
