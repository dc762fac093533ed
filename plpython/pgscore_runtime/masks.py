"""Scoring ensembles without walking them.

After QuickScorer (Lucchese et al., SIGIR 2015): each tree has a bit for each leaf, from left to right. A test that
sends a row to the right rules out the leaves on its left; of the leaves that no test rules out, the leftmost is the
row's. What all tests of one register rule out depends on its value alone, so it is found by one bisection and taken by
one AND of integers that span many trees, so many bytes for each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import reduce
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .tree_arrays import Trees

# A byte tells the leaves of a tree apart, and 0 is none of them.
_MOST_LEAVES = 248
# For each byte the number of its lowest bit, from 1.
_LOWEST = bytes((byte & -byte).bit_length() for byte in range(256))
_COUNTS = bytes(byte.bit_count() for byte in range(256))
# A table of numbers is kept for each tree.
_MOST_TREES = 5000
# How much memory masks may take: one for each threshold, as long as all trees that are looked at together.
_MOST_BYTES = 6 * 2**20
# With fewer trees at once it is faster to walk.
_LEAST_TOGETHER = 8
_MOST_KEPT = 10_000


def fits(trees: Trees) -> bool:
    """Whether an ensemble has trees one behind the other that are not large, and enough of them for their size."""
    if not 1 <= len(trees.roots) <= _MOST_TREES:
        return False
    if any(end <= root for root, end in zip(trees.roots, _ends(trees), strict=True)):
        return False
    # Each node is the child of one other, so nodes between two roots are a tree if none has a child elsewhere.
    for root, end in zip(trees.roots, _ends(trees), strict=True):
        inner = [node for node in range(root, end) if trees.feature[node] != -1]
        if any(trees.left[node] >= end or trees.right[node] >= end for node in inner):
            return False
    lane = _lane(trees)
    if 8 * lane > _MOST_LEAVES or (lane > 1 and len(trees.roots) < 2 * lane):
        return False
    return _together(trees, lane) > 0


def _ends(trees: Trees) -> list[int]:
    """For each tree where the next one begins."""
    return [*trees.roots[1:], len(trees.feature)]


def _lane(trees: Trees) -> int:
    """How many bytes hold the leaves of each tree."""
    sizes = [trees.feature[root:end].count(-1) for root, end in zip(trees.roots, _ends(trees), strict=True)]
    return -(-max(sizes) // 8)


def _together(trees: Trees, lane: int) -> int:
    """How many trees are looked at together, that their masks may not take too much memory; 0 where it is too few."""
    count = len(trees.roots)
    together = count
    while together >= min(count, _LEAST_TOGETHER):
        kept = 0
        for first in range(0, count, together):
            last = min(first + together, count)
            nodes = slice(trees.roots[first], trees.roots[last] if last < count else None)
            tests = set(zip(trees.feature[nodes], trees.threshold[nodes], strict=True))
            kept += len(tests) * lane * (last - first)
        if kept <= _MOST_BYTES:
            return together
        together //= 2
    return 0


def blocks(trees: Trees) -> list[Masks]:
    """An ensemble that `fits`, in parts that are looked at one after the other."""
    lane, every = _lane(trees), range(len(trees.roots))
    together = _together(trees, lane)
    return [Masks(trees, lane, every[first : first + together]) for first in range(0, len(every), together)]


def scorer(trees: Trees) -> Callable[[list[Any]], None]:
    """A function that takes the registers and appends the outputs of an ensemble that `fits`."""
    parts = [(_left(each), each.find(), each.adders()) for each in blocks(trees)]
    base, divide = trees.base, trees.divide

    def score(registers: list[Any]) -> None:
        sums = base
        for left, find, adders in parts:
            found = find(left(registers))
            sums = [adder(found, plain_start(total)) for adder, total in zip(adders, sums, strict=True)]
        registers.extend(sums if divide is None else [total / divide for total in sums])

    return score


def _left(found: Masks) -> Callable[[list[Any]], int]:
    """A function that takes the registers and gives what is left of the trees."""
    everything, numbers, sets, missing = found.everything, found.numbers(), found.sets(), found.missing()
    registers_read = [register for register, _, _ in numbers]
    all_thresholds = [array("d", thresholds) for _, thresholds, _ in numbers]
    all_masks = [masks for _, _, masks in numbers]

    def left_of(registers: list[Any]) -> int:
        values = [registers[register] for register in registers_read]
        total = sum(values)
        if total == total:  # noqa: PLR0124  none of them is NaN
            left = reduce(and_, map(getitem, all_masks, map(bisect_left, all_thresholds, values)), everything)
        else:
            left = everything
            for (register, thresholds, masks), value in zip(numbers, values, strict=True):
                left &= masks[bisect_left(thresholds, value)] if value == value else missing[register]  # noqa: PLR0124
        for register, mask in sets:
            left &= mask(registers[register])
        return left

    return left_of


class _Plain(float):
    """What sum() adds to as `+` does. To a plain float it adds floats with what rounding lost, from Python 3.12 on."""


def plain_start(base: float, *, is_plain: bool = sum([1.0, 1e100, 1.0, -1e100]) == 0) -> float:
    """The same number, to which sum() adds one number after the other, as estimators do."""
    return base if is_plain else _Plain(base)


class Masks:
    """The tests of some trees of an ensemble, each with what it rules out where it sends a row to the right.

    Attributes:
        everything: all leaves of all trees.
    """

    def __init__(self, trees: Trees, lane: int, chosen: range) -> None:
        self._trees, self._lane, self._chosen = trees, lane, chosen
        # For each leaf of a tree, from left to right, where its (first) number stands.
        self._leaves: list[list[int]] = []
        self._numbers: dict[int, list[tuple[float, int, int, int]]] = {}
        self._sets: dict[int, list[tuple[frozenset[Any], int, int]]] = {}
        ends = _ends(trees)
        for place, tree in enumerate(chosen):
            self._read(trees.roots[tree], ends[tree], 8 * lane * place)
        self.everything = (1 << 8 * lane * len(chosen)) - 1

    def _read(self, root: int, end: int, shift: int) -> None:
        """Numbers the leaves of a tree and notes its tests."""
        trees, numbers = self._trees, self._numbers
        of, feature, lefts, rights = trees.of, trees.feature, trees.left, trees.right
        leaves, first = [1] * (end - root), [0] * (end - root)
        # Children stand behind their parent.
        for node in range(end - 1, root - 1, -1):
            if feature[node] != -1:
                leaves[node - root] = leaves[lefts[node] - root] + leaves[rights[node] - root]
        places = [0] * leaves[0]
        for node in range(root, end):
            left, start = lefts[node], first[node - root]
            if feature[node] == -1:
                places[start] = left
                continue
            size = leaves[left - root]
            first[left - root], first[rights[node] - root] = start, start + size
            ruled_out = ((1 << size) - 1) << start
            register, threshold, missing_left = of[feature[node]], trees.threshold[node], trees.missing_left[node]
            if threshold is None:
                chosen = frozenset(trees.sets[trees.set[node]])
                self._sets.setdefault(register, []).append((chosen, missing_left, ruled_out << shift))
            elif register in numbers:
                numbers[register].append((threshold, missing_left, ruled_out, shift))
            else:
                numbers[register] = [(threshold, missing_left, ruled_out, shift)]
        self._leaves.append(places)

    def numbers(self) -> list[tuple[int, list[float], list[int]]]:
        """For each register its thresholds, and what is left when so many of them are exceeded."""
        found = []
        for register, tests in self._numbers.items():
            ruled_out: dict[float, int] = {}
            for threshold, _, mask, shift in tests:
                ruled_out[threshold] = ruled_out.get(threshold, 0) | mask << shift
            thresholds = sorted(ruled_out)
            masks = [self.everything]
            for threshold in thresholds:
                masks.append(masks[-1] & ~ruled_out.pop(threshold))
            found.append((register, thresholds, masks))
        return found

    def missing(self) -> dict[int, int]:
        """For each register that is a number what is left when it is missing."""
        found = {}
        for register, tests in self._numbers.items():
            ruled_out = _united(mask << shift for _, missing_left, mask, shift in tests if not missing_left)
            found[register] = self.everything & ~ruled_out
        return found

    def sets(self) -> list[tuple[int, Callable[[Any], int]]]:
        """For each register what is left for a value of it."""
        return [(register, _set_mask(tests, self.everything)) for register, tests in self._sets.items()]

    def find(self) -> Callable[[int], bytes]:
        """A function that gives, for what is left of all trees, a byte for each: the place in its table of `tables`."""
        lane, count = self._lane, len(self._chosen)
        size = lane * count
        if lane == 1:
            return lambda left: left.to_bytes(size, "little").translate(_LOWEST)
        # One in each tree. Its leaves, less one, differ from them up to the lowest that is left, and not behind it: so
        # many bits differ as the number of that leaf says, counted from 1.
        ones = sum(1 << 8 * lane * place for place in range(count))
        # Times a number whose bytes are ones, the last byte of each tree is the sum of the tree's.
        sums, last = sum(1 << 8 * part for part in range(lane)), slice(lane - 1, size, lane)
        from_bytes, longer = int.from_bytes, size + lane

        def find(left: int) -> bytes:
            bits = from_bytes((left ^ (left - ones)).to_bytes(size, "little").translate(_COUNTS), "little")
            return (bits * sums).to_bytes(longer, "little")[last]

        return find

    def adders(self) -> list[Callable[[bytes, float], float]]:
        """For each output a function that adds the leaves that were found to a number, one after the other."""
        return [self._adder(output) for output in range(len(self._trees.base))]

    def _adder(self, output: int) -> Callable[[bytes, float], float]:
        tables = self.tables(output)
        if all(table is not None for table in tables):
            return lambda found, start: sum(map(getitem, tables, found), start)
        places = [place for place, table in enumerate(tables) if table is not None]
        some = [table for table in tables if table is not None]
        return lambda found, start: sum(map(getitem, some, map(found.__getitem__, places)), start)

    def tables(self, output: int) -> list[Any]:
        """For each tree the numbers of its leaves by what `find` gives; None where it does not add to that output.

        In arrays: tuples would be pointers to numbers elsewhere, and caches are cold.
        """
        trees = self._trees
        made: list[Any] = []
        for tree, places in zip(self._chosen, self._leaves, strict=True):
            target = trees.target[tree]
            if target not in (-1, output):
                made.append(None)
                continue
            values = [trees.values[place + (output if target == -1 else 0)] for place in places]
            made.append(array("d", [0.0, *values]))
        return made


def _set_mask(tests: list[tuple[frozenset[Any], int, int]], everything: int) -> Callable[[Any], int]:
    missing = everything & ~_united(mask for _, missing_left, mask in tests if not missing_left)
    others = everything & ~_united(mask for _, _, mask in tests)
    members = frozenset().union(*[chosen for chosen, _, _ in tests])
    most = max(16, min(_MOST_KEPT, _MOST_BYTES // max(1, everything.bit_length() // 8)))
    kept: dict[Any, int] = {}

    def mask(value: Any) -> int:  # noqa: ANN401
        if value is None or value != value:  # noqa: PLR0124  NaN
            return missing
        if value not in members:
            return others
        if value not in kept:
            if len(kept) >= most:
                kept.clear()
            kept[value] = everything & ~_united(mask for chosen, _, mask in tests if value not in chosen)
        return kept[value]

    return mask


def _united(masks: Iterable[int]) -> int:
    united = 0
    for mask in masks:
        united |= mask
    return united
