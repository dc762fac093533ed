"""Walking tree ensembles for many rows at once.

As in `pgscore_runtime.walk` a node asks one question: whether a column's value is at most a threshold. NaN is at most
nothing, so what is missing goes right. Where it has to go left the node asks the negated column, with its children
exchanged: x > t is -x <= -u, where u is the next double above t. A test for a set asks a column that is 0 for what goes
left and 1 for what goes right.
"""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pgscore_runtime.tree_arrays import Trees

    from .texts import Vocabulary

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.intp]
    Registers = list[npt.NDArray[Any]]
    Derive = Callable[[npt.NDArray[Any]], FloatArray]


def ensemble(trees: Trees, vocabularies: dict[int, Vocabulary]) -> tuple[Callable[[Registers, int], None], int]:
    """A function that appends the outputs of an ensemble to the registers; how many columns its nodes ask."""
    columns = _Columns(trees, vocabularies)
    walk = _Walk(trees, columns)
    return walk, len(columns)


class _Columns:
    """The columns that nodes ask: registers, negated ones, and those of tests for sets."""

    def __init__(self, trees: Trees, vocabularies: dict[int, Vocabulary]) -> None:
        self._trees, self._vocabularies = trees, vocabularies
        self._numbers: dict[Any, int] = {}
        self._derived: list[tuple[int, Derive | None]] = []

    def __len__(self) -> int:
        return len(self._derived)

    def ask(self, node: int) -> tuple[int, float, bool]:
        """The column that an inner node asks, its threshold, and whether its children are exchanged."""
        trees = self._trees
        register = trees.of[trees.feature[node]]
        threshold, missing_left = trees.threshold[node], bool(trees.missing_left[node])
        if threshold is None:
            chosen = trees.set[node]
            key = (register, chosen, missing_left)
            return self._number(key, lambda: self._membership(register, trees.sets[chosen], missing_left)), 0.5, False
        if missing_left:
            return self._number((register, "negated"), lambda: np.negative), -nextafter(threshold, inf), True
        return self._number((register,), lambda: None), threshold, False

    def _number(self, key: tuple[Any, ...], derive: Callable[[], Derive | None]) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._derived)
            self._derived.append((key[0], derive()))
        return self._numbers[key]

    def _membership(self, register: int, chosen: list[Any], missing_left: bool) -> Derive:
        if register in self._vocabularies:
            return self._vocabularies[register].membership(chosen, missing=missing_left)
        members = np.array(chosen, dtype=np.float64)

        def outside(values: FloatArray) -> FloatArray:
            inside = np.isin(values, members)  # NaN is equal to nothing
            return np.where(inside | np.isnan(values) if missing_left else inside, 0.0, 1.0)

        return outside

    def of(self, registers: Registers) -> list[FloatArray]:
        """The columns, for the rows of these registers."""
        return [
            registers[register] if derive is None else derive(registers[register]) for register, derive in self._derived
        ]


class _Walk:
    """An ensemble whose nodes are arrays."""

    def __init__(self, trees: Trees, columns: _Columns) -> None:
        size = len(trees.feature)
        self._columns = columns
        self._base, self._divide = trees.base, trees.divide
        column, threshold = np.zeros(size, dtype=np.intp), np.full(size, np.nan)
        # For each node where its right child stands, and where its left one does; a leaf leads to itself.
        child = np.repeat(np.arange(size, dtype=np.intp), 2)
        for node in range(size):
            if trees.feature[node] != -1:
                column[node], threshold[node], exchanged = columns.ask(node)
                pair = (trees.left[node], trees.right[node]) if exchanged else (trees.right[node], trees.left[node])
                child[2 * node : 2 * node + 2] = pair
        self._column, self._threshold, self._child = column, threshold, child
        self._leaf = np.array(trees.left, dtype=np.intp)
        self._values = np.array(trees.values, dtype=np.float64)
        ends = _ends(trees)
        self._trees = [
            (root, target, depth) for root, target, depth in zip(trees.roots, trees.target, ends, strict=True)
        ]

    def __call__(self, registers: Registers, rows: int) -> None:
        """Appends a column for each output."""
        columns = self._columns.of(registers)
        matrix = np.column_stack(columns).ravel() if columns else np.zeros(rows)
        starts = np.arange(rows, dtype=np.intp) * max(len(columns), 1)
        totals = [np.full(rows, base) for base in self._base]
        for root, target, depth in self._trees:
            leaves = self._leaf.take(self._arrive(matrix, starts, root, depth))
            for output in range(len(totals)) if target == -1 else (target,):
                totals[output] += self._values.take(leaves + output if target == -1 else leaves)
        registers.extend(totals if self._divide is None else [total / self._divide for total in totals])

    def _arrive(self, matrix: FloatArray, starts: IntArray, root: int, depth: int) -> IntArray:
        """The leaf at which each row arrives."""
        nodes = np.full(len(starts), root, dtype=np.intp)
        for _ in range(depth):
            left = matrix.take(self._column.take(nodes) + starts) <= self._threshold.take(nodes)
            nodes *= 2
            nodes += left
            nodes = self._child.take(nodes)
        return nodes


def _ends(trees: Trees) -> list[int]:
    """For each tree how deep its deepest leaf is."""
    root_of = {root: n for n, root in enumerate(trees.roots)}
    tree = [root_of.get(node, -1) for node in range(len(trees.feature))]
    deepest = [0] * len(trees.roots)
    for node, feature in enumerate(trees.feature):
        deepest[tree[node]] = max(deepest[tree[node]], trees.depth[node])
        if feature != -1:
            tree[trees.left[node]] = tree[trees.right[node]] = tree[node]
    return deepest
