"""From scores to outputs. None of these raises, whatever the scores are: what numpy makes NaN is NaN."""

from __future__ import annotations

from math import exp, isfinite, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .program import Link


def link_function(link: Link) -> Callable[[list[float]], list[float]]:
    """The function of a link."""
    return _LINKS[link]


def _expit(z: float) -> float:
    # To the last bit what the sql engine computes, and scipy's expit.
    try:
        return 1 / (1 + exp(-z))
    except OverflowError:
        return 0.0


def _sum(numbers: list[float]) -> float:
    # One after the other, as numpy and the sql engine add a few: sum() does so no more from Python 3.12 on.
    total = 0.0
    for number in numbers:
        total += number
    return total


def _identity(scores: list[float]) -> list[float]:
    return scores


def _logistic(scores: list[float]) -> list[float]:
    probability = _expit(scores[0])
    return [1 - probability, probability]


def _softmax(scores: list[float]) -> list[float]:
    largest = max(scores)
    # max() passes over a NaN that is not the first; infinity minus infinity is NaN too.
    if not isfinite(largest) or any(score != score for score in scores):  # noqa: PLR0124  NaN
        return [nan] * len(scores)
    powers = [exp(score - largest) for score in scores]
    total = _sum(powers)
    return [power / total for power in powers]


def _one_vs_rest(scores: list[float]) -> list[float]:
    probabilities = [_expit(score) for score in scores]
    total = _sum(probabilities)
    if total == 0:  # scikit-learn's answer where all of them underflow
        return [1 / len(scores)] * len(scores)
    return [probability / total for probability in probabilities]


def _sign(scores: list[float]) -> list[float]:
    return [0.0, 1.0] if scores[0] > 0 else [1.0, 0.0]


def _argmax(scores: list[float]) -> list[float]:
    # numpy's argmax takes NaN for the largest.
    best = next((n for n, score in enumerate(scores) if score != score), None)  # noqa: PLR0124
    if best is None:
        best = scores.index(max(scores))
    return [1.0 if n == best else 0.0 for n in range(len(scores))]


_LINKS: dict[Link, Callable[[list[float]], list[float]]] = {
    "identity": _identity,
    "logistic": _logistic,
    "softmax": _softmax,
    "one_vs_rest": _one_vs_rest,
    "sign": _sign,
    "argmax": _argmax,
}
