"""From scores to outputs. None of these raises, whatever the scores are: what numpy makes NaN is NaN."""

from __future__ import annotations

from math import exp, isfinite, nan
from typing import TYPE_CHECKING, Any, Literal, cast

from .checks import choice, integer
from .functions import expit, power_of_e, signed_square

if TYPE_CHECKING:
    from collections.abc import Callable

Link = Literal[
    "identity",
    "logistic",
    "softmax",
    "one_vs_rest",
    "sign",
    "argmax",
    "exp",
    "expit",
    "one_vs_all",
    "square_signed",
    "normalize",
]

# How many outputs there are of one score, where a link takes no more.
_OF_ONE_SCORE = {"logistic": 2, "sign": 2, "exp": 1, "expit": 1, "square_signed": 1}
_OF_CLASSES = ("softmax", "one_vs_rest", "argmax", "normalize")


def read_link(found: Any, place: str) -> Link:  # noqa: ANN401
    """The name of a link."""
    return cast("Link", choice(found, place, tuple(_LINKS)))


def check_scores(link: Link, count: int, place: str, most: int) -> None:
    """Returns where a link takes so many scores.

    Raises:
        Refusal: it takes fewer, or more.
    """
    integer(count, place, 2 if link in _OF_CLASSES else 1, 1 if link in _OF_ONE_SCORE else most)


def link_outputs(link: Link, scores: int) -> int:
    """How many outputs a link makes of so many scores."""
    return _OF_ONE_SCORE.get(link, scores)


def link_function(link: Link) -> Callable[[list[float]], list[float]]:
    """The function of a link."""
    return _LINKS[link]


def _sum(numbers: list[float]) -> float:
    # One after the other, as numpy and the sql engine add a few: sum() does so no more from Python 3.12 on.
    total = 0.0
    for number in numbers:
        total += number
    return total


def _identity(scores: list[float]) -> list[float]:
    return scores


def _logistic(scores: list[float]) -> list[float]:
    probability = expit(scores[0])
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
    return _normalize([expit(score) for score in scores])


def _normalize(scores: list[float]) -> list[float]:
    total = _sum(scores)
    if total == 0:  # scikit-learn's answer where all of them underflow
        return [1 / len(scores)] * len(scores)
    return [score / total for score in scores]


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
    "exp": lambda scores: [power_of_e(scores[0])],
    "expit": lambda scores: [expit(scores[0])],
    "one_vs_all": lambda scores: [expit(score) for score in scores],
    "square_signed": lambda scores: [signed_square(scores[0])],
    "normalize": _normalize,
}
