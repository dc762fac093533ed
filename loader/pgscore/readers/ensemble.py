"""Ensembles as they come out of libraries: flat arrays, before any folding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]
    FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Codes:
    """A test of a category's code: these go left, the other known ones right, and unknown ones as missing ones do."""

    left: frozenset[int]
    known: frozenset[int]


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
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    missing_left: IntArray
    values: FloatArray
    target: int
    codes: dict[int, Codes] = field(default_factory=dict)


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are added to a base, in their order, and divided at the end."""

    trees: list[Tree]
    base: list[float]
    divide: float | None
    single: bool


def from_scikit_learn(tree: Any, values: FloatArray, target: int) -> Tree:  # noqa: ANN401
    """A tree from scikit-learn's own public arrays, with these values (nodes x outputs) of its leaves."""
    leaf = tree.children_left == -1
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    return Tree(
        feature=np.where(leaf, -1, tree.feature).astype(np.int64),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        missing_left=np.asarray(missing).astype(np.int64),
        values=values,
        target=target,
    )


def from_treelite(estimator: Any) -> list[Tree]:  # noqa: ANN401
    """The trees of a scikit-learn ensemble whose leaves hold one number, as treelite reads them.

    treelite takes the input for doubles where scikit-learn rounds it to float32; thresholds and leaves are the same,
    and the rounding is folded in later.
    """
    import treelite

    model = treelite.sklearn.import_model(estimator)
    header: Callable[[str], Any] = model.get_header_accessor().get_field
    trees = []
    for number, output in enumerate(header("class_id").tolist()):
        array: Callable[[str], Any] = model.get_tree_accessor(number).get_field
        left = array("cleft").astype(np.int64)
        trees.append(
            Tree(
                feature=np.where(left == -1, -1, array("split_index")).astype(np.int64),
                threshold=array("threshold").astype(np.float64),
                left=left,
                right=array("cright").astype(np.int64),
                missing_left=array("default_left").astype(np.int64),
                values=array("leaf_value").astype(np.float64).reshape(-1, 1),
                target=max(0, output),
            )
        )
    return trees
