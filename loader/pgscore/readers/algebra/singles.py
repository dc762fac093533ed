"""How far sums in single precision may be from the same sums of doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ensemble import Tree

# Half a unit in the last place of a float32, relative to the number.
ROUNDING = 2.0**-24
# How much a probability moves at most where each margin moves by one: z(1 - z), and its sum over all classes.
_SLOPES = {"logistic": 0.25, "softmax": 0.5, "identity": 1.0}
# What exp, a quotient and the complement of a probability add.
_LINK_ROUNDINGS = 8


def single_tolerance(trees: Sequence[Tree], base: Sequence[float], link: str) -> float:
    """How far a score, added in float32, may be from the same score added in doubles; relative to scores above 1.

    Each addition rounds a partial sum, which is at most the sum of the absolute terms, by 2^-24 of it:
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, section 4.2.

    Args:
        trees: as they are added, each to the output that is its target.
        base: what each output starts from.
        link: what makes probabilities of the sums.
    """
    largest = 0.0
    for output, start in enumerate(base):
        ours = [tree for tree in trees if tree.target == output]
        terms = abs(start) + sum(float(np.abs(tree.values[tree.feature < 0]).max(initial=0)) for tree in ours)
        largest = max(largest, (len(ours) + 1) * ROUNDING * terms)
    return largest * _SLOPES[link] + _LINK_ROUNDINGS * ROUNDING
