"""From decisions of three values, as PMML has them, to binary tests, as programs have them.

A predicate is true, false or unknown, and goes on to one of three goals. What is known on the way, of which values a
field may still have, answers most tests before they are asked: so ``x <= 1`` and ``x > 1`` of two children, and
unknown for both, become one node. Goals are interned, so that equal ones are one object.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .questions import ANYTHING, Always, Among, AtMost, Branch, Compound, Missing, either, may_fail, possible_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from .questions import Known, Predicate, Test

# How many binary nodes the trees of a document may take all together.
MOST_NODES = 1_000_000
# How many one tree may take, and how many more for each predicate in it: conditions of several fields multiply.
MOST_OF_TREE, MOST_OF_PREDICATE = 2_000, 50
# The key of the leaf for rows that the evaluator ends without a prediction.
FAILS = "fails"
# As deep as a program's trees may be.
MOST_DEPTH = 1_000


class TooManyNodesError(Exception):
    """A tree takes more binary nodes, or is deeper, than a program has room for."""


@dataclass(frozen=True, eq=False)
class Goal:
    """Where a decision has come to.

    Attributes:
        key: what it is; a leaf's key is what the caller made it of.
        predicate: what is asked there, or None for a leaf or a step of the caller's.
        answers: the goals of true, false and unknown.
        is_leaf: whether it ends there.
    """

    key: Hashable
    predicate: Predicate | None = None
    answers: tuple[Goal, ...] = ()
    is_leaf: bool = False


class Goals:
    """All goals of a tree, each once.

    Args:
        step: where a goal of the caller's goes on.
    """

    def __init__(self, step: Callable[[Goal], Goal]) -> None:
        self._step = step
        self._made: dict[Hashable, Goal] = {}
        self._rests: dict[int, Compound] = {}
        self._failing: dict[int, bool] = {}
        self._kept: list[Predicate] = []
        self.fails = self.leaf(FAILS)

    def leaf(self, key: Hashable) -> Goal:
        """The goal that ends, with what the caller calls it."""
        return self._once(("leaf", key), lambda: Goal(key, is_leaf=True))

    def at(self, key: Hashable) -> Goal:
        """A goal of the caller's."""
        return self._once(("at", key), lambda: Goal(key))

    def ask(self, predicate: Predicate, yes: Goal, no: Goal, unknown: Goal) -> Goal:
        """The goal that asks a predicate."""
        if isinstance(predicate, Always):
            return (
                self.fails if predicate.answer == "fails" else {True: yes, False: no, None: unknown}[predicate.answer]
            )
        if yes is no is unknown and not self._may_fail(predicate):
            return yes
        key = (id(predicate), id(yes), id(no), id(unknown))
        return self._once(key, lambda: Goal(key, predicate, (yes, no, unknown)))

    def _may_fail(self, predicate: Predicate) -> bool:
        if id(predicate) not in self._failing:
            self._failing[id(predicate)] = may_fail(predicate)
            self._kept.append(predicate)
        return self._failing[id(predicate)]

    def _once(self, key: Hashable, make: Callable[[], Goal]) -> Goal:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def next(self, goal: Goal, known: Known) -> Goal | None:
        """Where a goal goes on without a test of the row; None where it ends, or the row has to be tested."""
        if goal.is_leaf:
            return None
        predicate = goal.predicate
        if predicate is None:
            return self._step(goal)
        if isinstance(predicate, AtMost | Among | Missing):
            return self._known(predicate, goal.answers, known)
        if isinstance(predicate, Branch):
            parts = (predicate.yes, predicate.no, predicate.unknown)
            return self.ask(predicate.test, *(self.ask(part, *goal.answers) for part in parts))
        assert isinstance(predicate, Compound)  # noqa: S101  what is always so is never asked
        return self._compound(predicate, *goal.answers)

    def _known(self, test: Test, answers: tuple[Goal, ...], known: Known) -> Goal | None:
        """Where a test goes on whose answer is known, or all the same."""
        possible = possible_answers(test, known)
        first = next(answers[n] for n, region in enumerate(possible) if region is not None)
        alike = all(answers[n] is first for n, region in enumerate(possible) if region is not None)
        return first if alike else None

    def _compound(self, predicate: Compound, yes: Goal, no: Goal, unknown: Goal) -> Goal:
        """The first part, and what is left to ask after each answer of its.

        As `PredicateUtil` of jpmml-evaluator has it: what is unknown does not end ``and`` and ``or``. All parts are
        asked, even where the answer is clear, so that any of them may end the row; but not after a ``surrogate``'s.
        """
        first, rest = predicate.parts[0], self._rest(predicate)
        if rest is None:
            return self.ask(first, yes, no, unknown)
        if predicate.operator == "and":
            after = (yes, no, unknown), (no, no, no), (unknown, no, unknown)
        elif predicate.operator == "or":
            after = (yes, yes, yes), (yes, no, unknown), (yes, unknown, unknown)
        elif predicate.operator == "xor":
            after = (no, yes, unknown), (yes, no, unknown), (unknown, unknown, unknown)
        else:
            return self.ask(first, yes, no, self.ask(rest, yes, no, unknown))
        return self.ask(first, *(self.ask(rest, *answers) for answers in after))

    def _rest(self, predicate: Compound) -> Predicate | None:
        """All parts but the first, each such predicate made once."""
        if len(predicate.parts) == 1:
            return None
        if len(predicate.parts) == 2:  # noqa: PLR2004  one is left
            return predicate.parts[1]
        if id(predicate) not in self._rests:
            self._rests[id(predicate)] = Compound(predicate.operator, predicate.parts[1:])
        return self._rests[id(predicate)]


@dataclass
class Binary:
    """A binary tree; node 0 is its root.

    Attributes:
        tests: for each node its test, never negated; left where it holds. None for a leaf.
        left: children.
        right: children.
        missing_left: whether a missing value goes left.
        leaves: for each leaf the key of its goal.
        counted: for each node the goal whose rows, in fitting, came there; None where no row did.
    """

    tests: list[Test | None] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    leaves: list[Hashable] = field(default_factory=list)
    counted: list[Goal | None] = field(default_factory=list)

    def add(self, counted: Goal | None) -> int:
        """A node of which nothing else is known yet."""
        self.tests.append(None)
        self.left.append(-1)
        self.right.append(-1)
        self.missing_left.append(False)
        self.leaves.append(None)
        self.counted.append(counted)
        return len(self.tests) - 1


@dataclass(frozen=True, eq=False)
class _Open:
    """A node that waits for its test."""

    node: int
    goal: Goal
    known: Known
    depth: int


@dataclass(frozen=True, eq=False)
class _Side:
    """One side of a node: where it goes on, what is known there, and what it counts as (see `Binary.counted`)."""

    goal: Goal
    known: Known
    counted: Goal | None


class Grower:
    """Makes binary trees of goals, and counts the nodes of all of them.

    Args:
        most: how many nodes there may be.
    """

    def __init__(self, most: int = MOST_NODES) -> None:
        self._left = most

    def grow(self, start: Goal, goals: Goals, known: Known) -> Binary:
        """The binary tree of a goal.

        Raises:
            TooManyNodesError: it takes too many nodes, or is too deep.
        """
        tree = Binary()
        waiting = [self._open(tree, _Side(start, known, start), 0)]
        while waiting:
            here = waiting.pop()
            goal = _last(goals, here.goal, here.known)
            if goal.is_leaf:
                tree.leaves[here.node] = goal.key
                continue
            test, yes, no, missing_yes = _split(goals, goal, here, tree.counted[here.node])
            tree.missing_left[here.node] = missing_yes != test.negated
            if test.negated:
                test, yes, no = replace(test, negated=False), no, yes
            tree.tests[here.node] = test
            opened = [self._open(tree, side, here.depth + 1) for side in (yes, no)]
            tree.left[here.node], tree.right[here.node] = opened[0].node, opened[1].node
            waiting += reversed(opened)
        return tree

    def _open(self, tree: Binary, side: _Side, depth: int) -> _Open:
        self._left -= 1
        if self._left < 0 or depth > MOST_DEPTH:
            raise TooManyNodesError
        return _Open(tree.add(side.counted), side.goal, side.known, depth)


def _split(goals: Goals, goal: Goal, here: _Open, counted: Goal | None) -> tuple[Test, _Side, _Side, bool]:
    """The test of the row that a goal needs, its two sides, and whether a missing value goes where it is true."""
    test = goal.predicate
    assert isinstance(test, AtMost | Among | Missing)  # noqa: S101  all others go on without a test
    yes, no, absent = (
        None if region is None else {**here.known, test.field: region} for region in possible_answers(test, here.known)
    )
    if_yes, if_no, if_unknown = goal.answers
    if absent is not None and yes is not None and no is not None:
        # A missing value goes along with one of the others, where it comes to the same.
        common = _common(goals, [(if_yes, yes), (if_no, no)], (if_unknown, absent))
        if common is not None:
            goal, known, side = common
            sides = [_Side(if_yes, yes, counted and if_yes), _Side(if_no, no, counted and if_no)]
            sides[side] = replace(sides[side], goal=goal, known=known)
            return test, sides[0], sides[1], side == 0
    if absent is None:
        assert yes is not None and no is not None  # noqa: PT018, S101  else there was nothing to ask
        of_yes, of_no = _Side(if_yes, yes, counted and if_yes), _Side(if_no, no, counted and if_no)
        return test, of_yes, of_no, isinstance(test, Missing) and not test.negated
    # Whether it is missing comes first, and the rest is asked of what is there.
    region = here.known.get(test.field, ANYTHING)
    there = {**here.known, test.field: replace(region, missing=False)}
    return Missing(test.field), _Side(if_unknown, absent, None), _Side(goal, there, counted), True


def _last(goals: Goals, goal: Goal, known: Known) -> Goal:
    """Where a goal comes to without a test."""
    while (following := goals.next(goal, known)) is not None:
        goal = following
    return goal


def _way(goals: Goals, goal: Goal | None, known: Known) -> Iterator[Goal]:
    while goal is not None:
        yield goal
        goal = goals.next(goal, known)


def _common(
    goals: Goals, ways: Sequence[tuple[Goal, Known]], other: tuple[Goal, Known]
) -> tuple[Goal, Known, int] | None:
    """The first goal of another way that one of these comes to as well, what is known there, and of which it is."""
    passed: dict[int, int] = {}
    for side, (goal, known) in reversed(list(enumerate(ways))):
        passed |= {id(each): side for each in _way(goals, goal, known)}
    for each in _way(goals, *other):
        if id(each) in passed:
            side = passed[id(each)]
            return each, either(ways[side][1], other[1]), side
    return None
