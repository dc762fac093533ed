"""Trees as ONNX operators: a tree ensemble that says at which leaf a row arrives, and the leaves' numbers in double.

ONNX Runtime's TreeEnsembleRegressor takes doubles and compares them with doubles, but its result is of four bytes
(onnx/defs/traditionalml: Y is a tensor(float)), and so are sums in it. So each tree is a target of its own, which
gives the number of a leaf: an integer, exact up to 2^24. Its value is looked up, and the trees are added in their
order. TreeEnsemble of ai.onnx.ml 5 would give doubles, and be read by ONNX Runtime 1.20 and newer only.

A node that tests a set tests a column of 0 and 1 instead, made of a table: of each text, or number, that any set has,
and of what is none of them, and of a missing value, on which side of which test it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import numpy_helper

from pgscore.writers.not_written import NotWrittenError

from .steps import sums

if TYPE_CHECKING:
    from pgscore_runtime.tree_arrays import Trees

    from .steps import Registers

_MOST_CELLS = 50_000_000


def write_trees(registers: Registers, trees: Trees, place: str) -> list[str]:
    """The outputs of an ensemble."""
    graph = registers.graph
    leaves = _Leaves(trees)
    arrived = _arrived(registers, trees, leaves, place) if trees.roots else ""
    found = [_summed(registers, trees, leaves, arrived, output) for output in range(len(trees.base))]
    return found if trees.divide is None else [graph.op("Div", each, graph.number(trees.divide)) for each in found]


class _Leaves:
    """The nodes of each tree, and its leaves in their order.

    Attributes:
        nodes: for each tree its nodes, the root first.
        numbers: for each leaf its number within its tree.
        of: for each tree its leaves.
    """

    def __init__(self, trees: Trees) -> None:
        self.nodes: list[list[int]] = []
        self.numbers: dict[int, int] = {}
        self.of: list[list[int]] = []
        for root in trees.roots:
            nodes, at = [root], 0
            leaves: list[int] = []
            while at < len(nodes):
                node = nodes[at]
                at += 1
                if trees.feature[node] == -1:
                    self.numbers[node] = len(leaves)
                    leaves.append(node)
                else:
                    nodes += [trees.left[node], trees.right[node]]
            self.nodes.append(nodes)
            self.of.append(leaves)


def _summed(registers: Registers, trees: Trees, leaves: _Leaves, arrived: str, output: int) -> str:
    graph = registers.graph
    which = [n for n, target in enumerate(trees.target) if target in (-1, output)]
    if not which:
        return registers.every_row(graph.number(trees.base[output]))
    values: list[float] = []
    offsets: list[int] = []
    for n in which:
        offsets.append(len(values))
        beside = output if trees.target[n] == -1 else 0
        # The first addition is that to the base.
        base = 0.0 if values else trees.base[output]
        values += [base + trees.values[trees.left[leaf] + beside] for leaf in leaves.of[n]]
    chosen = arrived
    if len(which) < len(trees.roots):
        chosen = graph.op("Gather", arrived, graph.constant(which, np.int64), axis=1)
    position = graph.op("Add", chosen, graph.constant([offsets], np.int64))
    added = graph.op("Gather", graph.constant(values), position, axis=0)
    return sums(graph, added, len(which))


def _arrived(registers: Registers, trees: Trees, leaves: _Leaves, place: str) -> str:
    """For each tree the number of the leaf at which a row arrives: rows x trees."""
    graph = registers.graph
    columns = _Columns(registers, trees, place)
    nodes: dict[str, list[Any]] = {
        name: [] for name in ("tree", "node", "feature", "value", "mode", "yes", "no", "missing")
    }
    targets: dict[str, list[Any]] = {name: [] for name in ("tree", "node", "target", "weight")}
    for tree, listed in enumerate(leaves.nodes):
        number = {node: n for n, node in enumerate(listed)}
        for n, node in enumerate(listed):
            is_leaf = trees.feature[node] == -1
            column, threshold, missing = (0, 0.0, 0) if is_leaf else columns.test(node)
            yes, no = (0, 0) if is_leaf else (number[trees.left[node]], number[trees.right[node]])
            mode = "LEAF" if is_leaf else "BRANCH_LEQ"
            for name, value in zip(nodes, (tree, n, column, threshold, mode, yes, no, missing), strict=True):
                nodes[name].append(value)
            if is_leaf:
                for name, value in zip(targets, (tree, n, tree, float(leaves.numbers[node])), strict=True):
                    targets[name].append(value)
    found = graph.ml(
        "TreeEnsembleRegressor",
        columns.matrix(),
        n_targets=len(trees.roots),
        nodes_treeids=nodes["tree"],
        nodes_nodeids=nodes["node"],
        nodes_featureids=nodes["feature"],
        nodes_values_as_tensor=numpy_helper.from_array(np.array(nodes["value"], np.float64)),
        nodes_modes=nodes["mode"],
        nodes_truenodeids=nodes["yes"],
        nodes_falsenodeids=nodes["no"],
        nodes_missing_value_tracks_true=nodes["missing"],
        target_treeids=targets["tree"],
        target_nodeids=targets["node"],
        target_ids=targets["target"],
        target_weights_as_tensor=numpy_helper.from_array(np.array(targets["weight"], np.float64)),
        post_transform="NONE",
        aggregate_function="SUM",
    )
    return graph.cast(found, "INT64")


class _Columns:
    """What nodes test: numbers, and columns of 0 and 1 for sets."""

    def __init__(self, registers: Registers, trees: Trees, place: str) -> None:
        self._registers = registers
        self._trees = trees
        self._place = place
        self._columns: dict[tuple[int, tuple[int, int] | None], int] = {}
        inner = [n for n, feature in enumerate(trees.feature) if feature != -1]
        plain = sorted({trees.feature[n] for n in inner if trees.set[n] == -1})
        self._numbers = [trees.of[feature] for feature in plain]
        for feature in plain:
            self._columns[feature, None] = len(self._columns)
        by_set = sorted({self._key(n) for n in inner if trees.set[n] != -1})
        # By register: one look at it serves all of its sets.
        self._tests: dict[int, list[tuple[int, int]]] = {}
        for feature, test in by_set:
            self._columns[feature, test] = len(self._columns)
            self._tests.setdefault(feature, []).append(test)

    def _key(self, node: int) -> tuple[int, tuple[int, int]]:
        trees = self._trees
        return trees.feature[node], (trees.set[node], trees.missing_left[node])

    def test(self, node: int) -> tuple[int, float, int]:
        """The column that a node tests, its threshold, and whether a missing value goes left."""
        trees = self._trees
        threshold = trees.threshold[node]
        if threshold is not None:
            return self._columns[trees.feature[node], None], threshold, trees.missing_left[node]
        return self._columns[self._key(node)], 0.5, 0

    def matrix(self) -> str:
        """All columns, rows x so many; one without meaning where there are none."""
        graph = self._registers.graph
        parts = [self._registers.columns[register] for register in self._numbers]
        parts += [self._sides(feature, tests) for feature, tests in self._tests.items()]
        if not parts:
            return self._registers.every_row(graph.number(0.0))
        return parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=1)

    def _sides(self, feature: int, tests: list[tuple[int, int]]) -> str:
        """For each test of sets 0 where the register goes left, else 1: rows x tests."""
        registers, graph = self._registers, self._registers.graph
        register = self._trees.of[feature]
        sets = [self._trees.sets[chosen] for chosen, _ in tests]
        keys: list[Any] = sorted({key for each in sets for key in each})
        registers.keys(register, keys, f"{self._place}.sets")
        if (len(keys) + 2) * len(tests) > _MOST_CELLS:
            raise NotWrittenError(
                f"{self._place}.sets",
                f"has {len(tests):,} tests of {len(keys):,} members, and {_MOST_CELLS:,} cells of a table are the most",
            )
        row = {key: n for n, key in enumerate(keys)}
        table = np.ones((len(keys) + 2, len(tests)), dtype=np.uint8)
        for column, (each, (_, missing_left)) in enumerate(zip(sets, tests, strict=True)):
            table[[row[key] for key in each], column] = 0
            table[-1, column] = 1 - missing_left
        sides = graph.op("Gather", graph.constant(table, np.uint8), self._row(register, keys), axis=0)
        flat = graph.op("Squeeze", sides, graph.constant([1], np.int64))
        return graph.cast(flat, "DOUBLE")

    def _row(self, register: int, keys: list[Any]) -> str:
        """The row of the table that a register stands for; the last but one for what is no key, the last for NULL."""
        registers, graph = self._registers, self._registers.graph
        rows = np.arange(len(keys), dtype=np.int64)
        value = registers.columns[register]
        unknown = graph.constant([[len(keys)]], np.int64)
        found = graph.encode(value, keys, rows, len(keys)) if keys else unknown
        missing = registers.is_missing(register)
        if missing is not None:
            return graph.choose(missing, graph.constant([[len(keys) + 1]], np.int64), found)
        if keys:
            return found
        return graph.op("Expand", unknown, graph.op("Shape", value))
