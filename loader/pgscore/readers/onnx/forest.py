"""The trees of a node, as its attributes have them, and what is checked of them before anything is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .graph import Node

_MOST_NODES = 1_000_000
_MOST_DEPTH = 1_000
_INTEGERS = 2.0**31
LEAF, LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = (
    "LEAF", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER",
)  # fmt: skip
_MODES = (LEQ, LT, GTE, GT, EQ, NEQ, MEMBER)


@dataclass
class Forest:
    """The trees of a node, whatever its operator: for each a list of nodes, the root first.

    Attributes:
        roots: the number of each tree's first node.
        mode: of each node.
        feature: of each node.
        value: its threshold.
        members: the numbers that it tests, of those that test several.
        missing_true: whether a missing number counts as true.
        true: the node where that goes.
        false: the other one.
        weights: of each leaf, by target.
        double: whether thresholds and leaves are doubles.
    """

    double: bool
    roots: list[int] = field(default_factory=list)
    mode: list[str] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    members: dict[int, tuple[float, ...]] = field(default_factory=dict)
    missing_true: list[bool] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    weights: dict[int, dict[int, float]] = field(default_factory=dict)


def either(node: Node, name: str, *, double: bool) -> list[float]:
    """An attribute that is a list of floats, or a tensor of doubles."""
    numbers, tensor = node.numbers(name), node.tensor(f"{name}_as_tensor")
    if tensor is None:
        return numbers
    if numbers or not double or tensor.dtype != np.float64 or tensor.ndim != 1:
        raise node.refuse(f"has {name} in two types, or in doubles beside columns of float32")
    found: list[float] = tensor.tolist()
    return found


def read(node: Node, prefix: str, double: bool) -> Forest:
    """The arrays of the operators up to ai.onnx.ml 4."""
    forest = Forest(double)
    place = _nodes(node, forest)
    targets, weights = node.integers(f"{prefix}_ids"), either(node, f"{prefix}_weights", double=double)
    trees, numbers = node.integers(f"{prefix}_treeids"), node.integers(f"{prefix}_nodeids")
    if {len(targets), len(weights), len(trees), len(numbers)} != {len(targets)}:
        raise node.refuse("has arrays of different lengths")
    for tree, number, target, weight in zip(trees, numbers, targets, weights, strict=True):
        leaf = place.get((tree, number))
        if leaf is None:
            raise node.refuse(f"has a weight for node {number} of tree {tree}, which is not there")
        if forest.mode[leaf] == LEAF:
            held = forest.weights.setdefault(leaf, {})
            held[target] = held.get(target, 0.0) + weight
    return forest


def _nodes(node: Node, forest: Forest) -> dict[tuple[int, int], int]:
    """Reads the nodes; gives the place of each, by its tree and its number."""
    modes, trees, ids = node.texts("nodes_modes"), node.integers("nodes_treeids"), node.integers("nodes_nodeids")
    features, values = node.integers("nodes_featureids"), either(node, "nodes_values", double=forest.double)
    trues, falses = node.integers("nodes_truenodeids"), node.integers("nodes_falsenodeids")
    tracks = node.integers("nodes_missing_value_tracks_true") or [0] * len(modes)
    node.ignore("nodes_hitrates", "nodes_hitrates_as_tensor")
    count = len(modes)
    if not 0 < count <= _MOST_NODES:
        raise node.refuse(f"has {count:,} nodes, and 1 to {_MOST_NODES:,} are read")
    if {*map(len, (trees, ids, features, trues, falses, tracks)), len(values)} != {count}:
        raise node.refuse("has arrays of different lengths")
    place = {(tree, number): n for n, (tree, number) in enumerate(zip(trees, ids, strict=True))}
    if len(place) != count:
        raise node.refuse("has two nodes of one number")
    for n, mode in enumerate(modes):
        if n == 0 or trees[n] != trees[n - 1]:
            forest.roots.append(n)
        children = [-1, -1]
        if mode != LEAF:
            children = [place.get((trees[n], each[n]), -1) for each in (trues, falses)]
            if mode not in _MODES[:-1]:
                raise node.refuse(f"has a node of the mode {mode!r}, which is not known")
            if -1 in children:
                raise node.refuse(f"lacks a child of node {ids[n]} in tree {trees[n]}")
        forest.true.append(children[0])
        forest.false.append(children[1])
    forest.mode, forest.feature, forest.value = modes, features, values
    forest.missing_true = [each == 1 for each in tracks]
    _join(forest)
    return place


def _join(forest: Forest) -> None:
    """Makes one node of those that test a column for one number after the other, and lead to one child."""

    def tested(n: int) -> tuple[object, ...]:
        return forest.mode[n], forest.feature[n], forest.true[n], forest.missing_true[n]

    for n in range(len(forest.mode) - 1, -1, -1):
        after = forest.false[n]
        # Children that stand before their parent have not been looked at: whoever numbers them so has no sets.
        if forest.mode[n] == EQ and after > n and tested(after) == tested(n):
            forest.members[n] = (forest.value[n], *forest.members.get(after, (forest.value[after],)))
            forest.false[n] = forest.false[after]


def read_newer(node: Node, double: bool) -> Forest:
    """The arrays of TreeEnsemble of ai.onnx.ml 5: nodes and leaves apart."""
    modes, splits, weights = (node.tensor(name) for name in ("nodes_modes", "nodes_splits", "leaf_weights"))
    sets = node.tensor("membership_values")
    node.ignore("nodes_hitrates")
    features, roots = node.integers("nodes_featureids"), node.integers("tree_roots")
    trues, falses = node.integers("nodes_truenodeids"), node.integers("nodes_falsenodeids")
    true_leaf, false_leaf = node.integers("nodes_trueleafs"), node.integers("nodes_falseleafs")
    tracks, targets = node.integers("nodes_missing_value_tracks_true"), node.integers("leaf_targetids")
    if modes is None or splits is None or weights is None:
        raise node.refuse("lacks nodes_modes, nodes_splits or leaf_weights")
    wanted = np.float64 if double else np.float32
    if splits.dtype != wanted or weights.dtype != wanted:
        raise node.refuse("has thresholds or leaves of another type than its columns")
    count, leaves = modes.size, weights.size
    every = (splits.ravel(), features, trues, falses, true_leaf, false_leaf)
    if any(len(each) != count for each in every) or len(targets) != leaves or (tracks and len(tracks) != count):
        raise node.refuse("has arrays of different lengths")
    if not 0 < count + leaves <= _MOST_NODES:
        raise node.refuse(f"has {count + leaves:,} nodes, and 1 to {_MOST_NODES:,} are read")
    forest = Forest(double, roots=[int(each) for each in roots])
    members = _members(sets)
    for n, mode in enumerate(modes.ravel().tolist()):
        if not 0 <= mode < len(_MODES):
            raise node.refuse(f"has a node of the mode {mode}, which is not known")
        ends = []
        for child, is_leaf in ((trues[n], true_leaf[n]), (falses[n], false_leaf[n])):
            if not 0 <= child < (leaves if is_leaf else count):
                raise node.refuse(f"lacks a child of node {n}")
            ends.append(count + child if is_leaf else child)
        if _MODES[mode] == MEMBER:
            forest.members[n] = next(members, ())
        forest.mode.append(_MODES[mode])
        forest.true.append(ends[0])
        forest.false.append(ends[1])
    forest.feature = [*features, *[-1] * leaves]
    forest.value = [*splits.ravel().astype(np.float64).tolist(), *[0.0] * leaves]
    forest.missing_true = [*(each == 1 for each in tracks or [0] * count), *[False] * leaves]
    forest.mode += [LEAF] * leaves
    forest.true += [-1] * leaves
    forest.false += [-1] * leaves
    for n, (target, weight) in enumerate(zip(targets, weights.ravel().astype(np.float64).tolist(), strict=True)):
        forest.weights[count + n] = {target: weight}
    # A node whose children have one number is a leaf to onnxruntime, where it is a root.
    if any(not 0 <= each < count or trues[each] == falses[each] for each in roots):
        raise node.refuse("has a root that is not there, or whose children have one number")
    return forest


def _members(sets: Any) -> Any:  # noqa: ANN401
    """Sets of numbers, NaN between them."""
    held: list[float] = []
    for number in [] if sets is None else np.ravel(sets).astype(np.float64).tolist():
        if np.isnan(number):
            yield tuple(held)
            held = []
        else:
            held.append(number)
    if held:
        yield tuple(held)


def check(forest: Forest, width: int, targets: int, node: Node) -> None:
    """Refuses trees whose nodes test columns that are not there, or loop, or are too deep; leaves without a weight."""
    seen = [False] * len(forest.mode)
    for root in forest.roots:
        waiting = [(root, 0)]
        while waiting:
            n, depth = waiting.pop()
            if seen[n] or depth > _MOST_DEPTH:
                raise node.refuse(f"has a node with two parents, or a tree deeper than {_MOST_DEPTH:,}")
            seen[n] = True
            if forest.mode[n] != LEAF:
                if not 0 <= forest.feature[n] < width:
                    raise node.refuse(f"tests column {forest.feature[n]}, and has {width}")
                if np.isnan(forest.value[n]) and forest.mode[n] != MEMBER:
                    raise node.refuse("compares with NaN")
                if forest.mode[n] == MEMBER and any(
                    each != int(each) or abs(each) >= _INTEGERS for each in forest.members.get(n, ())
                ):
                    raise node.refuse("tests a set of other numbers than integers, which onnxruntime does not")
                waiting += [(forest.false[n], depth + 1), (forest.true[n], depth + 1)]
                continue
            held = forest.weights.get(n)
            if not held:
                raise node.refuse("has a leaf without a weight")
            if any(not 0 <= target < targets for target in held) or not np.isfinite(list(held.values())).all():
                raise node.refuse(f"has a weight of a target beyond its {targets}, or that is not finite")


def scored(forest: Forest, target: int) -> tuple[bool, bool]:
    """Whether leaves of every way through some tree have a weight of a class; and whether any leaf has."""
    surely, ever = False, False
    for root in forest.roots:
        waiting, always = [root], True
        while waiting:
            n = waiting.pop()
            if forest.mode[n] != LEAF:
                waiting += [forest.true[n], forest.false[n]]
                continue
            has = target in forest.weights[n]
            always, ever = always and has, ever or has
        surely = surely or always
    return surely, ever
