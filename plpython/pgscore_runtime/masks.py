"""Scoring ensembles of small trees without walking them.

After QuickScorer (Lucchese et al., SIGIR 2015): each tree has a bit for each leaf, from left to right. A test that
sends a row to the right rules out the leaves on its left; of the leaves that no test rules out, the leftmost is the
row's. What all tests of one register rule out depends on its value alone, so it is found by one bisection and taken by
one AND of integers that span the whole ensemble, a byte for each tree.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import reduce
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .tree_arrays import Trees

_LEAVES = 8
# For each byte the position of its lowest bit; no byte of a row is 0, since one leaf is always left.
_LOWEST = [max((byte & -byte).bit_length() - 1, 0) for byte in range(256)]
# A table of 256 numbers is kept for each tree, and masks of one byte for each tree and threshold.
_MOST_TREES = 2000
_MOST_KEPT = 10_000


def fits(trees: Trees) -> bool:
    """Whether an ensemble has one output, and trees of eight leaves at most, one behind the other."""
    if len(trees.base) != 1 or not 1 <= len(trees.roots) <= _MOST_TREES:
        return False
    feature = trees.feature
    for root, end in zip(trees.roots, [*trees.roots[1:], len(feature)], strict=True):
        # Each node is the child of one other, so nodes between two roots are a tree if none has a child elsewhere.
        inner = [node for node in range(root, end) if feature[node] != -1]
        if end - root - len(inner) > _LEAVES or end <= root:
            return False
        if any(trees.left[node] >= end or trees.right[node] >= end for node in inner):
            return False
    return True


def scorer(trees: Trees) -> Callable[[list[Any]], None]:
    """A function that takes the registers and appends the output of an ensemble that `fits`."""
    found = Masks(trees)
    tables, everything, numbers, sets = found.tables, found.everything, found.numbers(), found.sets()
    registers_read = [register for register, _, _, _ in numbers]
    all_thresholds = [thresholds for _, thresholds, _, _ in numbers]
    all_masks = [masks for _, _, masks, _ in numbers]
    start, divide, size = plain_start(trees.base[0]), trees.divide, len(tables)

    def score(registers: list[Any]) -> None:
        values = [registers[register] for register in registers_read]
        total = sum(values)
        if total == total:  # noqa: PLR0124  none of them is NaN
            left = reduce(and_, map(getitem, all_masks, map(bisect_left, all_thresholds, values)), everything)
        else:
            left = everything
            for (_, thresholds, masks, missing), value in zip(numbers, values, strict=True):
                left &= masks[bisect_left(thresholds, value)] if value == value else missing  # noqa: PLR0124
        for register, mask in sets:
            left &= mask(registers[register])
        total = sum(map(getitem, tables, left.to_bytes(size, "little")), start)
        registers.append(total if divide is None else total / divide)

    return score


class _Plain(float):
    """What sum() adds to as `+` does. To a plain float it adds floats with what rounding lost, from Python 3.12 on."""


def plain_start(base: float, *, is_plain: bool = sum([1.0, 1e100, 1.0, -1e100]) == 0) -> float:
    """The same number, to which sum() adds one number after the other, as estimators do."""
    return base if is_plain else _Plain(base)


class Masks:
    """The tests of an ensemble that `fits`, each with what it rules out where it sends a row to the right.

    Attributes:
        everything: all leaves of all trees.
        tables: for each tree and each byte of leaves that are left the number of the leftmost.
    """

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._values: list[list[float]] = []
        self._numbers: dict[int, list[tuple[float, int, int]]] = {}
        self._sets: dict[int, list[tuple[frozenset[Any], int, int]]] = {}
        for root in trees.roots:
            self._values.append([])
            self._visit(root)
        self.everything = (1 << 8 * len(trees.roots)) - 1
        self.tables = [_table(values) for values in self._values]

    def _visit(self, node: int) -> int:
        """Numbers the leaves below a node and notes its tests; how many leaves there are."""
        trees = self._trees
        if trees.feature[node] == -1:
            self._values[-1].append(trees.values[trees.left[node]])
            return 1
        first = len(self._values[-1])
        left = self._visit(trees.left[node])
        ruled_out = ((1 << left) - 1) << (8 * (len(self._values) - 1) + first)
        register, missing_left = trees.of[trees.feature[node]], trees.missing_left[node]
        threshold = trees.threshold[node]
        if threshold is None:
            chosen = frozenset(trees.sets[trees.set[node]])
            self._sets.setdefault(register, []).append((chosen, missing_left, ruled_out))
        else:
            self._numbers.setdefault(register, []).append((threshold, missing_left, ruled_out))
        return left + self._visit(trees.right[node])

    def numbers(self) -> list[tuple[int, list[float], list[int], int]]:
        """For each register its thresholds, what is left when so many of them are exceeded, and when it is missing."""
        found = []
        for register, tests in self._numbers.items():
            thresholds = sorted({threshold for threshold, _, _ in tests})
            ruled_out = dict.fromkeys(thresholds, 0)
            for threshold, _, mask in tests:
                ruled_out[threshold] |= mask
            masks = [self.everything]
            for threshold in thresholds:
                masks.append(masks[-1] & ~ruled_out[threshold])
            missing = self.everything & ~_united(mask for _, missing_left, mask in tests if not missing_left)
            found.append((register, thresholds, masks, missing))
        return found

    def sets(self) -> list[tuple[int, Callable[[Any], int]]]:
        """For each register what is left for a value of it."""
        return [(register, _set_mask(tests, self.everything)) for register, tests in self._sets.items()]


def _set_mask(tests: list[tuple[frozenset[Any], int, int]], everything: int) -> Callable[[Any], int]:
    missing = everything & ~_united(mask for _, missing_left, mask in tests if not missing_left)
    others = everything & ~_united(mask for _, _, mask in tests)
    members = frozenset().union(*[chosen for chosen, _, _ in tests])
    kept: dict[Any, int] = {}

    def mask(value: Any) -> int:  # noqa: ANN401
        if value is None or value != value:  # noqa: PLR0124  NaN
            return missing
        if value not in members:
            return others
        if value not in kept:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[value] = everything & ~_united(mask for chosen, _, mask in tests if value not in chosen)
        return kept[value]

    return mask


def _united(masks: Iterable[int]) -> int:
    united = 0
    for mask in masks:
        united |= mask
    return united


def _table(values: list[float]) -> list[float]:
    """For each byte of leaves that are left the value of the leftmost."""
    padded = [*values, *[0.0] * (_LEAVES - len(values))]
    return [padded[lowest] for lowest in _LOWEST]
