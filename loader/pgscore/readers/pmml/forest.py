"""Trees of a document together: one step of a program, whatever their predicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.ensemble import Ensemble, Tree
from pgscore.readers.algebra.singles import of_trees
from pgscore.readers.writing.tree_writer import write_ensemble

from .decisions import FAILS, MOST_OF_PREDICATE, MOST_OF_TREE, Grower, TooManyNodesError
from .predicates import PREDICATES
from .questions import Among, AtMost
from .tested import Tested

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from pgscore.readers.algebra.singles import Tolerance

    from .decisions import Binary, Goal, Goals
    from .fields import Scope
    from .values import Key
    from .xml import Element

# The key of the leaf for rows without a prediction.
NOTHING = "nothing"
# What such leaves add, and those of rows that the evaluator ends: no sum of other leaves comes near either, and no sum
# of so many of both is between.
_NOTHING, _FAILS, _LARGEST = 1e300, -1e304, 1e299
_MOST_TREES = 5_000

# What a leaf gives: a number for each output, or one of the keys `NOTHING` and `FAILS`.
Leaf = list[float] | str


@dataclass(frozen=True, eq=False)
class _Sown:
    """A goal that a binary tree is made of, and what makes numbers of it.

    Attributes:
        start: the goal.
        goals: that it is of.
        leaf: what each leaf gives.
        count: how many rows came to a goal in fitting, or None.
        target: the output that leaves are added to, or -1.
        place: the element, for messages.
    """

    start: Goal
    goals: Goals
    leaf: Callable[[Hashable], Leaf]
    count: Callable[[Goal], float | None]
    target: int
    place: Element


class Forest:
    """The trees of a sum, and what they test: `add` them, `grow`, `write` and `settle`.

    Attributes:
        tested: takes what predicates test.
        single: whether the evaluator adds their leaves in float32.
    """

    def __init__(self, scope: Scope, *, single: bool = False) -> None:
        self.writer = scope.writer
        self.tested = Tested(scope.writer)
        self.single = single
        self._document = scope.document
        self._sown: list[_Sown] = []
        self._trees: list[Binary] = []
        self._keys: set[str] = set()
        self._marked = -1
        self._ends = False

    def add(
        self, start: Goal, goals: Goals, leaf: Callable[[Hashable], Leaf], count: Callable[[Goal], float | None],
        place: Element, target: int = -1,
    ) -> None:  # fmt: skip
        """Adds the tree of a goal.

        Args:
            start: the goal.
            goals: that it is of.
            leaf: what each leaf gives, by its key.
            count: how many rows came to a goal in fitting, or None where nobody knows.
            place: the element that it is the tree of, for messages.
            target: the output that leaves are added to; -1: a leaf has a number for each.
        """
        self._sown.append(_Sown(start, goals, leaf, count, target, place))

    def grow(self, *, ends: bool) -> None:
        """Makes binary trees of all that was added.

        Args:
            ends: whether a row has no score where one of the trees gives nothing.

        Raises:
            NotAProgramError: they take too many nodes.
        """
        self._ends = ends
        self._trees = [self._grown(each) for each in self._sown]
        if ends and any(set(_reached(each)) & {NOTHING, FAILS} for each in self._trees) and self._refuse():
            self._trees = [self._grown(each) for each in self._sown]
        for tree in self._trees:
            for test in tree.tests:
                if test is not None:
                    self.tested.note(test)

    def _grown(self, sown: _Sown) -> Binary:
        predicates = sum(each.tag in PREDICATES for each in sown.place.walk())
        most = min(self._document.nodes_left, MOST_OF_TREE + MOST_OF_PREDICATE * predicates)
        grower = Grower(most)
        try:
            binary = grower.grow(sown.start, sown.goals, self.tested.known)
        except TooManyNodesError:
            raise sown.place.refused(
                "takes more nodes than a program has room for, or more than 1,000 tests one after the other"
            ) from None
        self._document.nodes_left -= len(binary.tests)
        return binary

    def _refuse(self) -> bool:
        """Refuses of inputs what leaves a tree without a prediction whatever the rest of the row; says if there is any.

        So the trees need not test for it.
        """
        found = False
        for tree in self._trees:
            ending = _ending(tree)
            members: dict[int, set[Key]] = {}
            for test in tree.tests:
                if isinstance(test, Among):
                    members.setdefault(test.field, set()).update(test.members)
            for field, what in sorted(ending):
                if what == "missing":
                    found |= self.tested.refuse_missing(field)
                elif field in members:
                    found |= self.tested.refuse_others(field, members[field])
        return found

    def write(self, base: Sequence[float], divide: float | None, place: Element) -> int:
        """Writes the step.

        Args:
            base: what each output starts from.
            divide: what each is divided by.
            place: for messages.

        Returns:
            The register of the first output.
        """
        self.tested.arrange()
        pairs = list(zip(self._sown, self._trees, strict=True))
        leaves = (sown.leaf(key) for sown, tree in pairs for key in _reached(tree))
        self._keys = {each for each in leaves if isinstance(each, str)}
        if {NOTHING, FAILS} <= self._keys and len(self._trees) > _MOST_TREES:
            raise place.refused(f"has more than {_MOST_TREES:,} trees, not all of which give something for each row")
        # How far float32 may be off depends on the largest leaf, and so the marks of others stand apart.
        apart = self.single and bool(self._keys)
        first = self._written([self._tree(*each, len(base), marks=not apart) for each in pairs], base, divide)
        self._marked = first
        if apart:
            marks = [self._tree(*each, 1, marks=True, values=False) for each in pairs]
            self._marked = self._written(marks, [0.0], None)
        return first

    def _written(self, trees: list[Tree], base: Sequence[float], divide: float | None) -> int:
        return write_ensemble(Ensemble(trees, list(base), divide, single=False), self.tested.columns, self.writer)

    @property
    def trees(self) -> list[Binary]:
        """The binary trees."""
        return self._trees

    @property
    def reached(self) -> list[set[Hashable]]:
        """For each tree the keys of all leaves that a row may come to."""
        return [_reached(each) for each in self._trees]

    def tolerance(self, base: Sequence[float], link: str = "identity") -> Tolerance | None:
        """How far the sums may be from the evaluator's, or None where it adds doubles too."""
        if not self.single:
            return None
        return of_trees(
            [self._tree(*each, len(base)) for each in zip(self._sown, self._trees, strict=True)], base, link
        )

    def settle(self, registers: Sequence[int]) -> list[int]:
        """Sees to rows without a prediction: they are refused, where that ends them.

        Args:
            registers: of the outputs.

        Returns:
            The registers; else NaN where there is nothing.
        """
        domain = self.writer.domains.of[self._marked]
        if FAILS in self._keys:
            domain.minimum = max(domain.minimum, -_LARGEST)
        if NOTHING not in self._keys:
            return list(registers)
        if self._ends:
            domain.maximum = min(domain.maximum, _LARGEST)
            return list(registers)
        nothing = self.writer.add(
            {
                "step": "piecewise", "of": self._marked, "knots": [_LARGEST], "coefficients": [[0.0], None],
                "closed": "left", "missing": None,
            }
        )  # fmt: skip
        return [self.writer.linear([register, nothing], [1.0, 1.0]) for register in registers]

    def _tree(self, sown: _Sown, binary: Binary, outputs: int, *, marks: bool = False, values: bool = True) -> Tree:
        size = len(binary.tests)
        feature, threshold = np.full(size, -1, dtype=np.int64), np.zeros(size)
        found = np.zeros((size, outputs if sown.target < 0 or not values else 1))
        codes = {}
        for node, test in enumerate(binary.tests):
            if test is not None:
                feature[node], threshold[node], chosen = self.tested.key(test)
                if chosen is not None:
                    codes[node] = chosen
                continue
            leaf = sown.leaf(binary.leaves[node])
            if isinstance(leaf, str):
                found[node] = {NOTHING: _NOTHING, FAILS: _FAILS}[leaf] if marks else 0.0
            elif values:
                found[node] = leaf
        return Tree(
            feature=feature,
            threshold=threshold,
            left=np.array(binary.left, dtype=np.int64),
            right=np.array(binary.right, dtype=np.int64),
            missing_left=np.array(binary.missing_left, dtype=np.int64),
            values=found,
            target=sown.target if values else 0,
            codes=codes,
            cover=_cover(sown, binary) if values else None,
        )


def _reached(tree: Binary) -> set[Hashable]:
    return {key for test, key in zip(tree.tests, tree.leaves, strict=True) if test is None}


def _ending(tree: Binary) -> set[tuple[int, str]]:
    """Fields that leave a row without a prediction where they are missing, or hold no value that is tested."""
    fields = {(test.field, what) for test in tree.tests if test is not None for what in ("missing", "other")}
    found: list[set[tuple[int, str]]] = [set()] * len(tree.tests)
    for node in reversed(range(len(tree.tests))):
        test = tree.tests[node]
        if test is None:
            found[node] = fields if tree.leaves[node] in (NOTHING, FAILS) else set()
            continue
        left, right = found[tree.left[node]], found[tree.right[node]]
        both = left & right
        here = both - {(test.field, "missing"), (test.field, "other")}
        absent = left if tree.missing_left[node] else right
        if (test.field, "missing") in absent:
            here.add((test.field, "missing"))
        others = both if isinstance(test, AtMost) else right
        if (test.field, "other") in others:
            here.add((test.field, "other"))
        found[node] = here
    return found[0]


def _cover(sown: _Sown, binary: Binary) -> np.ndarray | None:
    """The rows that came to each node in fitting: those of its leaves. None where one is not known."""
    found = np.zeros(len(binary.tests))
    for node in reversed(range(len(binary.tests))):
        if binary.tests[node] is not None:
            found[node] = found[binary.left[node]] + found[binary.right[node]]
            continue
        goal = binary.counted[node]
        if goal is None or isinstance(sown.leaf(binary.leaves[node]), str):
            continue
        count = sown.count(goal)
        if count is None or not count >= 0:
            return None
        found[node] = count
    return found if found[0] > 0 else None
