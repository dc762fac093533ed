"""Walking tree ensembles, as fast as pure Python does.

A node is the tuple (column, threshold, left, right): left where the column's value is at most the threshold. All else
is brought into that form beforehand. NaN is at most nothing, so a missing value goes right. Where it has to go left,
the node tests the negated value with its children exchanged: x > t is -x <= -u, where u is the next double above t. A
test for a set tests a column that is 0 for what goes left and 1 for what goes right.
"""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, Any

from . import masks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tree_arrays import Trees

# Three levels are taken between two looks at whether a leaf was reached: leaves in between are repeated below.
_STRIDE = 3
# How many numbers a table of set tests keeps in memory, for the values it met.
_MOST_KEPT = 1_000_000


class _SetTests:
    """The columns of all tests of one register for sets."""

    def __init__(self, register: int) -> None:
        self.register = register
        self.tests: dict[tuple[int, int], int] = {}
        self._sets: list[frozenset[Any]] = []
        self._members: set[Any] = set()
        self._missing: list[float] = []
        self._others: list[float] = []
        self._kept: dict[Any, list[float]] = {}

    def add(self, number: int, chosen: list[Any], missing_left: int) -> None:
        """Adds a test for a set, named by its number, unless it is there."""
        key = (number, missing_left)
        if key not in self.tests:
            self.tests[key] = len(self.tests)
            self._sets.append(frozenset(chosen))
            self._members.update(chosen)
            self._missing.append(0.0 if missing_left else 1.0)
            self._others.append(1.0)

    def columns(self, value: Any) -> list[float]:  # noqa: ANN401
        """For each test 0 where the value goes left, and 1 where it goes right."""
        if value is None or value != value:  # noqa: PLR0124  NaN
            return self._missing
        kept = self._kept.get(value)
        if kept is None:
            if value not in self._members:
                return self._others
            kept = [0.0 if value in each else 1.0 for each in self._sets]
            if (len(self._kept) + 1) * len(kept) > _MOST_KEPT:
                self._kept.clear()
            self._kept[value] = kept
        return kept


class _Columns:
    """The numbers that nodes test: the registers themselves, and behind them what is derived from them."""

    def __init__(self, trees: Trees, registers: int) -> None:
        self._trees = trees
        tests: dict[int, _SetTests] = {}
        negated: set[int] = set()
        for feature, chosen, missing_left in zip(trees.feature, trees.set, trees.missing_left, strict=True):
            if chosen != -1:
                register = trees.of[feature]
                tests.setdefault(register, _SetTests(register)).add(chosen, trees.sets[chosen], missing_left)
            elif feature != -1 and missing_left:
                negated.add(trees.of[feature])
        self._negated = {register: registers + n for n, register in enumerate(sorted(negated))}
        self._tests: dict[int, tuple[int, _SetTests]] = {}
        start = registers + len(negated)
        for register, each in tests.items():
            self._tests[register] = (start, each)
            start += len(each.tests)

    def node(self, node: int, left: Any, right: Any) -> tuple[int, float, Any, Any]:  # noqa: ANN401
        """A node whose children are built."""
        trees = self._trees
        register = trees.of[trees.feature[node]]
        threshold = trees.threshold[node]
        if threshold is None:
            start, tests = self._tests[register]
            return (start + tests.tests[trees.set[node], trees.missing_left[node]], 0.5, left, right)
        if trees.missing_left[node]:
            return (self._negated[register], -nextafter(threshold, inf), right, left)
        return (register, threshold, left, right)

    def derive(self) -> Callable[[list[Any]], list[Any]]:
        """A function that puts the derived columns behind the registers."""
        negated = tuple(self._negated)
        tests = tuple((register, each.columns) for register, (_, each) in self._tests.items())
        if not negated and not tests:
            return lambda registers: registers

        def derived(registers: list[Any]) -> list[Any]:
            columns = [*registers, *[-registers[register] for register in negated]]
            for register, of in tests:
                columns += of(registers[register])
            return columns

        return derived


def _built(trees: Trees, columns: _Columns) -> list[Any]:
    """The trees as nested tuples; leaves are numbers, or lists of one number for each output."""
    outputs = len(trees.base)
    built: list[Any] = [None] * len(trees.feature)
    # Children stand behind their parents, so that from the end each node's children are there before it.
    for node in range(len(built) - 1, -1, -1):
        left, right = trees.left[node], trees.right[node]
        if trees.feature[node] == -1:
            built[node] = (
                trees.values[left : left + outputs] if trees.wide[node] and outputs > 1 else trees.values[left]
            )
        else:
            made = columns.node(node, built[left], built[right])
            if (trees.depth[node] + 1) % _STRIDE:
                made = (*made[:2], *[_lengthened(each, made, trees.depth[node] + 1) for each in made[2:]])
            built[node] = made
    return [built[root] for root in trees.roots]


def _lengthened(child: Any, parent: tuple[Any, ...], depth: int) -> Any:  # noqa: ANN401
    """A leaf at this depth with nodes above it that lead nowhere else, down to the next whole stride."""
    if type(child) is tuple:
        return child
    for _ in range(-depth % _STRIDE):
        child = (parent[0], parent[1], child, child)
    return child


def prepared(trees: Trees, registers: int) -> Callable[[list[Any]], None]:
    """A function that walks an ensemble.

    Args:
        trees: the ensemble.
        registers: how many registers are defined before it.

    Returns:
        A function that takes the registers and appends the ensemble's outputs to them.
    """
    return masks.scorer(trees) if masks.fits(trees) else _walker(trees, registers)


def _walker(trees: Trees, registers: int) -> Callable[[list[Any]], None]:
    columns = _Columns(trees, registers)
    built, derive = _built(trees, columns), columns.derive()
    if len(trees.base) == 1:
        return _one_output(built, derive, trees.base[0], trees.divide)
    return _many_outputs(list(zip(built, trees.target, strict=True)), derive, trees.base, trees.divide)


def _one_output(
    roots: list[Any], derive: Callable[[list[Any]], list[Any]], base: float, divide: float | None
) -> Callable[[list[Any]], None]:
    def walk(registers: list[Any]) -> None:
        columns = derive(registers)
        total = base
        for root in roots:
            node = root
            while node.__class__ is tuple:
                column, threshold, left, right = node
                column, threshold, left, right = left if columns[column] <= threshold else right
                column, threshold, left, right = left if columns[column] <= threshold else right
                node = left if columns[column] <= threshold else right
            total += node
        registers.append(total if divide is None else total / divide)

    return walk


def _many_outputs(
    roots: list[tuple[Any, int]], derive: Callable[[list[Any]], list[Any]], base: list[float], divide: float | None
) -> Callable[[list[Any]], None]:
    def walk(registers: list[Any]) -> None:
        columns = derive(registers)
        totals = list(base)
        for root, target in roots:
            node = root
            while node.__class__ is tuple:
                column, threshold, left, right = node
                column, threshold, left, right = left if columns[column] <= threshold else right
                column, threshold, left, right = left if columns[column] <= threshold else right
                node = left if columns[column] <= threshold else right
            if target >= 0:
                totals[target] += node
            else:
                totals = [total + value for total, value in zip(totals, node, strict=True)]
        registers.extend(totals if divide is None else [total / divide for total in totals])

    return walk
