"""How far sums in single precision may be from the same sums of doubles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ensemble import Tree

# Half a unit in the last place of a float32, relative to the number.
ROUNDING = 2.0**-24
# How much a probability moves at most where each margin moves by one: z(1 - z), and its sum over all classes.
_SLOPES = {"logistic": 0.25, "expit": 0.25, "softmax": 0.5, "identity": 1.0, "exp": 1.0}
# What exp, a quotient and the complement of a probability add.
_LINK_ROUNDINGS = 8


@dataclass(frozen=True)
class Tolerance:
    """How far a score may be from the same score added in float32.

    Attributes:
        relative: a part of the largest of 1, the score, and the sum of its absolute terms.
        terms: the largest sum of the absolute terms of any row; 0 where the program's own terms tell it for each row.
        is_by_row: whether they do, and nothing is known of all rows.
    """

    relative: float
    terms: float = 0.0
    is_by_row: bool = False


def of_trees(trees: Sequence[Tree], base: Sequence[float], link: str) -> Tolerance:
    """The tolerance of leaves that are added in float32.

    Each addition rounds a partial sum, which is at most the sum of the absolute terms, by 2^-24 of it:
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, section 4.2.

    Args:
        trees: as they are added, each to the output that is its target.
        base: what each output starts from.
        link: what makes outputs of the sums.
    """
    most, terms = 0, 0.0
    for output, start in enumerate(base):
        leaves = [np.abs(tree.values[tree.feature < 0]).max(initial=0) for tree in trees if tree.target == output]
        most, terms = max(most, len(leaves)), max(terms, abs(start) + float(sum(leaves)))
    if link == "exp":
        # What the sum is off by is a part of the score.
        return Tolerance(_of_link((most + 1) * max(1.0, terms), link))
    return Tolerance(_of_link(most + 1, link), terms)


def of_terms(count: int, link: str) -> Tolerance:
    """The tolerance of a sum of so many products."""
    return Tolerance(_of_link(2 * count + 1, link), is_by_row=True)


def _of_link(roundings: float, link: str) -> float:
    return (roundings * _SLOPES[link] + _LINK_ROUNDINGS) * ROUNDING
