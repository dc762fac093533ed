"""Trees out of scikit-learn's own arrays, and out of treelite's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.ensemble import Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.readers.algebra.columns import FloatArray


def from_scikit_learn(
    tree: Any,  # noqa: ANN401
    values: FloatArray,
    target: int,
    features: Any = None,  # noqa: ANN401
) -> Tree:
    """A tree from scikit-learn's own public arrays.

    Args:
        tree: its arrays.
        values: nodes x outputs, of which those of leaves count.
        target: the output that they are added to, -1 for one of each.
        features: the columns that it sees, by position; None for all.
    """
    leaf = tree.children_left == -1
    tested = tree.feature if features is None else np.asarray(features)[np.maximum(tree.feature, 0)]
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    return Tree(
        feature=np.where(leaf, -1, tested).astype(np.int64),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        missing_left=np.asarray(missing).astype(np.int64),
        values=values,
        target=target,
        cover=np.asarray(tree.weighted_n_node_samples, dtype=np.float64),
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
        # Histogram gradient boosting counts rows, whatever their weights; the others hand over sums of weights.
        cover = array("sum_hess") if len(array("sum_hess")) else array("data_count")
        trees.append(
            Tree(
                feature=np.where(left == -1, -1, array("split_index")).astype(np.int64),
                threshold=array("threshold").astype(np.float64),
                left=left,
                right=array("cright").astype(np.int64),
                missing_left=array("default_left").astype(np.int64),
                values=array("leaf_value").astype(np.float64).reshape(-1, 1),
                target=max(0, output),
                cover=cover.astype(np.float64),
            )
        )
    return trees
