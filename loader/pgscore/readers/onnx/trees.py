"""Operators of trees: TreeEnsembleClassifier, TreeEnsembleRegressor, TreeEnsemble.

onnxruntime's tree_ensemble_common.h: a node's test is true where the number compares so with its threshold, or where
it is missing and the node tracks that as true; NaN compares as false, and as unequal. Numbers and thresholds are
float32, but of a double input doubles. Leaves are added in the type of the thresholds, and scores are float32.
What becomes of the sums stands in tree_ensemble_aggregator.h and `write_scores` of ml_common.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation
from pgscore.readers.algebra.ensemble import Codes, Ensemble, Tree
from pgscore.readers.algebra.singles import ROUNDING
from pgscore.readers.writing.tree_writer import write_ensemble

from .forest import EQ, GT, GTE, LEAF, LEQ, LT, MEMBER, NEQ, Forest, check, either, read, read_newer, scored
from .products import labels_of, transformed
from .single import ROUNDED, looked_up
from .values import DOUBLE, SINGLE, TEXT, Label, Linked, Value, error_of_trees, shaped

if TYPE_CHECKING:
    from .graph import Node
    from .values import Context, Operator

_MOST_EXTREMES = 100
_TWO = 2
# Sets of integers up to this are bits of one number to onnxruntime; of others it takes the integers by cutting.
_LARGEST_BIT = 30


class _Folding:
    """Trees of a forest, with tests of at most."""

    def __init__(self, forest: Forest, columns: list[Any], targets: int, context: Context) -> None:
        self.forest, self.context, self.targets = forest, context, targets
        self.columns = list(columns)
        # For each column that is tested for single numbers, cut to integers or not: that of their places, and these.
        self._sets: dict[tuple[int, bool], tuple[int, dict[float, int]]] = {}
        wanted: dict[tuple[int, bool], set[float]] = {}
        for n, mode in enumerate(forest.mode):
            if mode in (EQ, NEQ, MEMBER):
                wanted.setdefault((forest.feature[n], self._is_cut(n)), set()).update(self._tested(n))
        for key, numbers in sorted(wanted.items()):
            self._sets[key] = self._numbered(self.columns[key[0]], key[1], numbers)

    def _tested(self, n: int) -> tuple[float, ...]:
        return self.forest.members.get(n, () if self.forest.mode[n] == MEMBER else (self.forest.value[n],))

    def _is_cut(self, n: int) -> bool:
        """Whether a number is cut to an integer before it is looked up in a set: in one that is no set of bits."""
        return self.forest.mode[n] == MEMBER and not all(0 <= each <= _LARGEST_BIT for each in self._tested(n))

    def _numbered(self, column: Any, cut: bool, numbers: set[float]) -> tuple[int, dict[float, int]]:  # noqa: ANN401
        order = sorted(each + 0.0 for each in numbers)
        places = {number: place for place, number in enumerate(dict.fromkeys(order))}
        tested = column.then(Operation("trunc")) if cut else column
        code = looked_up(tested, {each: float(n) for each, n in places.items()}, -1.0, np.nan, self.context.writer)
        self.columns.append(
            code if isinstance(column, CodeColumn) else NumberColumn(self.context.writer.register(code))
        )
        return len(self.columns) - 1, places

    def trees(self) -> list[Tree]:
        """The trees, one after the other."""
        return [self._tree(root) for root in self.forest.roots]

    def _tree(self, root: int) -> Tree:
        forest = self.forest
        order, waiting = [], [root]
        while waiting:
            n = waiting.pop()
            order.append(n)
            if forest.mode[n] != LEAF:
                waiting += [forest.false[n], forest.true[n]]
        place = {n: number for number, n in enumerate(order)}
        used = {target for n in order for target in forest.weights.get(n, ()) if forest.mode[n] == LEAF}
        target = next(iter(used)) if len(used) == 1 else -1
        tests = [self._test(n) for n in order]
        values = np.zeros((len(order), 1 if target >= 0 else self.targets))
        for number, n in enumerate(order):
            if forest.mode[n] == LEAF:
                for each, weight in forest.weights[n].items():
                    values[number, 0 if target >= 0 else each] = weight
        return Tree(
            feature=np.array([test[0] for test in tests], dtype=np.int64),
            threshold=np.array([test[1] for test in tests], dtype=np.float64),
            left=np.array([-1 if test[2] < 0 else place[test[2]] for test in tests], dtype=np.int64),
            right=np.array([-1 if test[3] < 0 else place[test[3]] for test in tests], dtype=np.int64),
            missing_left=np.array([test[4] for test in tests], dtype=np.int64),
            values=values,
            target=target,
            codes={number: test[5] for number, test in enumerate(tests) if test[5] is not None},
        )

    def _test(self, n: int) -> tuple[int, float, int, int, bool, Codes | None]:
        """A node as a test of at most: column, threshold, left, right, whether a missing number goes left, codes."""
        forest = self.forest
        mode, number, missing = forest.mode[n], forest.value[n], forest.missing_true[n]
        true, false = forest.true[n], forest.false[n]
        if mode == LEAF:
            return -1, 0.0, -1, -1, False, None
        before = float(
            np.nextafter(number, -np.inf) if forest.double else np.nextafter(np.float32(number), np.float32(-np.inf))
        )
        if mode in (LEQ, LT):
            return forest.feature[n], number if mode == LEQ else before, true, false, missing, None
        if mode in (GTE, GT):
            return forest.feature[n], number if mode == GT else before, false, true, not missing, None
        column, places = self._sets[forest.feature[n], self._is_cut(n)]
        chosen = frozenset(places[each + 0.0] for each in self._tested(n))
        codes = Codes(chosen, frozenset(places.values()), others_left=False)
        if mode == NEQ:
            # NaN is unequal to anything.
            return column, 0.0, false, true, False, codes
        return column, 0.0, true, false, missing, codes


def _input(context: Context) -> Value:
    value = context.numbers(0)
    if value.cells.ndim != 1 or value.kind == TEXT or " " in value.kind or value.kind == "bool":
        raise context.node.refuse("tests what is no row of numbers")
    context.exact(value)
    if value.kind in (SINGLE, DOUBLE):
        return value
    # An integer is compared with a float as a float.
    return Value(shaped([each.then(ROUNDED) for each in value.columns], value.cells.shape), value.kind)


@dataclass
class _Sums:
    """What trees come to.

    Attributes:
        first: the register of the first target.
        count: of targets.
        absolute: how far a sum may be off.
        trees: all of them.
    """

    first: int
    count: int
    absolute: float
    trees: list[Tree]

    def value(self) -> Value:
        """As a tensor."""
        columns = [NumberColumn(self.first + n) for n in range(self.count)]
        return Value(shaped(columns, (self.count,)), SINGLE, 0.0, self.absolute)


def _summed(
    context: Context, forest: Forest, value: Value, targets: int, base: list[float], divide: float | None
) -> _Sums:
    folding = _Folding(forest, value.columns, targets, context)
    trees = folding.trees()
    start = [each * (divide or 1.0) for each in base]
    first = write_ensemble(Ensemble(trees, start, divide, single=False), folding.columns, context.writer)
    most = 0.0
    for target in range(targets):
        leaves = [
            np.abs(tree.values[tree.feature < 0][:, 0 if tree.target >= 0 else target]).max(initial=0.0)
            for tree in trees
            if tree.target in (-1, target)
        ]
        most = max(most, abs(start[target]) + float(sum(leaves)))
    # Of doubles the output alone is rounded.
    absolute = (ROUNDING * most * 4 if forest.double else error_of_trees(len(trees) + 1, most)) / (divide or 1.0)
    return _Sums(first, targets, absolute, trees)


def _base(node: Node, targets: int, *, double: bool, allowed: tuple[int, ...]) -> list[float]:
    found = either(node, "base_values", double=double)
    if len(found) not in allowed or not np.isfinite(found).all():
        raise node.refuse(f"has {len(found)} base values for {targets} targets")
    return found


def tree_regressor(context: Context) -> Any:  # noqa: ANN401
    """TreeEnsembleRegressor: the sum, mean, least or largest of leaves, for each target."""
    node, value = context.node, _input(context)
    double = value.kind == DOUBLE
    targets = node.integer("n_targets", 0)
    forest = read(node, "target", double)
    transform, aggregate = node.text("post_transform", "NONE"), node.text("aggregate_function", "SUM")
    base = _base(node, targets, double=double, allowed=(0, 1, targets) if targets == 1 else (0, targets))
    return _regressed(context, forest, value, targets, base or [0.0] * targets, transform, aggregate)


def tree_ensemble(context: Context) -> Any:  # noqa: ANN401
    """TreeEnsemble: the same in the operator of ai.onnx.ml 5, with sets."""
    node, value = context.node, _input(context)
    if value.kind not in (SINGLE, DOUBLE):
        raise node.refuse("tests what is no float32 or double")
    targets = node.integer("n_targets", 0)
    forest = read_newer(node, value.kind == DOUBLE)
    names = ("AVERAGE", "SUM", "MIN", "MAX")
    aggregate, transform = node.integer("aggregate_function", 1), node.integer("post_transform", 0)
    if not 0 <= aggregate < len(names):
        raise node.refuse(f"has the aggregate function {aggregate}, which is not known")
    if transform:
        # ONNX numbers them otherwise than onnxruntime does.
        raise node.refuse(f"has the transform {transform}, which onnxruntime does not take as ONNX says")
    found = _regressed(context, forest, value, targets, [0.0] * targets, "NONE", names[aggregate])
    if value.kind == DOUBLE:
        found = Value(found.cells, DOUBLE, found.roundings, found.absolute)
    return found


def _regressed(
    context: Context, forest: Forest, value: Value, targets: int, base: list[float], transform: str, aggregate: str
) -> Any:  # noqa: ANN401
    node = context.node
    if targets < 1:
        raise node.refuse("has no target")
    check(forest, value.cells.size, targets, node)
    if transform == "PROBIT" or (targets > 1 and transform not in ("NONE", "LOGISTIC", "SOFTMAX")):
        raise node.refuse(f"has the transform {transform!r}, and a program knows LOGISTIC and SOFTMAX")
    if aggregate in ("MIN", "MAX"):
        if targets > 1 or transform != "NONE":
            raise node.refuse(f"takes the {aggregate} of several targets")
        return _extreme(context, forest, value, base[0], aggregate)
    if aggregate not in ("SUM", "AVERAGE"):
        raise node.refuse(f"has the aggregate function {aggregate!r}, which is not known")
    divide = float(len(forest.roots)) if aggregate == "AVERAGE" else None
    found = _summed(context, forest, value, targets, base, divide).value()
    # Of one target onnxruntime gives the sum, whatever the transform.
    return found if targets == 1 else transformed(context, found, transform)


def _extreme(context: Context, forest: Forest, value: Value, base: float, aggregate: str) -> Value:
    """The largest of leaves, or the least: each times 1 where it is the first such, else 0."""
    count = len(forest.roots)
    if count > _MOST_EXTREMES:
        raise context.node.refuse(f"takes the {aggregate} of {count} trees, and a program takes up to {_MOST_EXTREMES}")
    sign = 1.0 if aggregate == "MAX" else -1.0
    for held in forest.weights.values():
        held.update({target: sign * weight for target, weight in held.items()})
    folding = _Folding(forest, value.columns, 1, context)
    trees = [
        Tree(tree.feature, tree.threshold, tree.left, tree.right, tree.missing_left, tree.values, number, tree.codes)
        for number, tree in enumerate(folding.trees())
    ]
    first = write_ensemble(Ensemble(trees, [0.0] * count, None, single=False), folding.columns, context.writer)
    registers = list(range(first, first + count))
    if count > 1:
        marks = context.writer.link("argmax", registers)
        registers = [
            context.writer.add({"step": "product", "of": [each, mark]})
            for each, mark in zip(registers, marks, strict=True)
        ]
    found = context.writer.linear(registers, [sign] * count, base)
    most = max((abs(weight) for held in forest.weights.values() for weight in held.values()), default=0.0)
    return Value(shaped([NumberColumn(found)], (1,)), SINGLE, 0.0, 4 * ROUNDING * (abs(base) + most))


def tree_classifier(context: Context) -> list[Any]:
    """TreeEnsembleClassifier: the class with the largest sum, or of two, whether one sum is large enough."""
    node, value = context.node, _input(context)
    double = value.kind == DOUBLE
    labels, transform = labels_of(context), node.text("post_transform", "NONE")
    forest = read(node, "class", double)
    if node.text("aggregate_function", "SUM") != "SUM":
        raise node.refuse("aggregates otherwise than by a sum")
    count = len(labels)
    if count < _TWO:
        raise node.refuse("has labels of fewer than two classes")
    check(forest, value.cells.size, count, node)
    if transform not in ("NONE", "LOGISTIC", "SOFTMAX"):
        raise node.refuse(f"has the transform {transform!r}, and a program knows LOGISTIC and SOFTMAX")
    base = _base(node, count, double=double, allowed=(0, 1, _TWO) if count == _TWO else (0, count))
    if count == _TWO:
        return _of_two(context, forest, value, labels, base, transform)
    if not base and any(weight < 0 for held in forest.weights.values() for weight in held.values()):
        _check_scored(forest, count, node)
    found = _summed(context, forest, value, count, base or [0.0] * count, None).value()
    return [Label(found, labels), transformed(context, found, transform)]


def _check_scored(forest: Forest, count: int, node: Node) -> None:
    for target in range(count):
        if not scored(forest, target)[0]:
            raise node.refuse(f"may give class {target + 1} no score beside negative ones")


def _of_two(
    context: Context, forest: Forest, value: Value, labels: tuple[Any, ...], base: list[float], transform: str
) -> list[Any]:
    """Two classes: one sum where the leaves have weights of the first alone, else two.

    `FinalizeScores` and `_set_score_binary`: with weights of one class, none of them negative, the second is predicted
    above 1/2, else above 0, whatever the transform; without LOGISTIC the scores are 1 - s and s, or else -s and s. With
    weights of both classes, the second is predicted where its sum is above 0, and called 1.
    """
    node, writer = context.node, context.writer
    surely, ever = scored(forest, 1)
    first_ever = scored(forest, 0)[1]
    if ever and (first_ever or base):
        return _both(context, forest, value, labels, base, transform, surely=surely)
    if len(base) == _TWO:
        raise node.refuse("has two base values for one sum")
    if ever:
        raise node.refuse("has weights of its second class alone")
    positive = all(weight >= 0 for held in forest.weights.values() for weight in held.values())
    found = _summed(context, forest, value, 1, base or [0.0], None)
    register, errors = found.first, (2.0, found.absolute)
    against = writer.linear([register], [-1.0], 1.0 if positive else 0.0)
    pair = Value(shaped([NumberColumn(against), NumberColumn(register)], (2,)), SINGLE, *errors)
    if transform != "LOGISTIC":
        return [Label(pair, labels), pair]
    link = Linked("logistic", (register,), None, SINGLE, 16.0, found.absolute, (2,))
    return [Label(pair if positive else link, labels), link]


def _both(
    context: Context, forest: Forest, value: Value, labels: tuple[Any, ...], base: list[float], transform: str,
    *, surely: bool,
) -> list[Any]:  # fmt: skip
    node, writer = context.node, context.writer
    if base or not surely:
        raise node.refuse("has weights of both classes, and base values or leaves without one of the second")
    if isinstance(labels[0], int) and tuple(labels) != (0, 1):
        raise node.refuse("has weights of both classes, whose labels onnxruntime takes for 0 and 1")
    found = _summed(context, forest, value, _TWO, [0.0, 0.0], None)
    second = found.first + 1
    minus = writer.linear([second], [-1.0], 0.0)
    deciding = Value(shaped([NumberColumn(minus), NumberColumn(second)], (2,)), SINGLE, 0.0, found.absolute)
    return [Label(deciding, labels), transformed(context, found.value(), transform)]


ML_OPERATORS: dict[str, Operator] = {
    "TreeEnsembleClassifier": tree_classifier,
    "TreeEnsembleRegressor": tree_regressor,
    "TreeEnsemble": tree_ensemble,
}
