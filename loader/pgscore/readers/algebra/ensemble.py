"""Ensembles before any folding: flat arrays, as libraries hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]
    FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Codes:
    """A test of a category's code: these go left, the other known ones right.

    Attributes:
        left: codes that go left.
        known: codes that the test knows.
        others_left: whether the codes that it does not know go left; None: as missing ones do.
    """

    left: frozenset[int]
    known: frozenset[int]
    others_left: bool | None = None


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree; node 0 is its root.

    Attributes:
        feature: for each node the column that it tests; -1 for a leaf.
        threshold: for each node: left where the number is at most this.
        left: for each node its left child.
        right: for each node its right child.
        missing_left: for each node whether NaN goes left.
        values: nodes x outputs of the tree.
        target: the output that the leaves are added to; -1 where they hold a number for each.
        codes: tests of codes, by node, instead of the threshold.
        cover: for each node the weight of the rows that came there in fitting, or None where nobody knows.
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    missing_left: IntArray
    values: FloatArray
    target: int
    codes: dict[int, Codes] = field(default_factory=dict)
    cover: FloatArray | None = None


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are added to a base, in their order, and divided at the end."""

    trees: list[Tree]
    base: list[float]
    divide: float | None
    single: bool
