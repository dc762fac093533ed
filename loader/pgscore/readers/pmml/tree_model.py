"""Reader of TreeModel: nodes with any number of children, and what becomes of rows with missing values."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, cast

import numpy as np

from .decisions import FAILS, Goals
from .forest import NOTHING, Forest
from .leaves import is_single, parsed, settled
from .predicates import predicate_of
from .targets import function_of, target_of
from .values import Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from .decisions import Goal
    from .fields import Scope
    from .forest import Leaf
    from .models import ModelReader
    from .questions import Predicate
    from .tested import Tested
    from .types import Scalar
    from .xml import Element

# Those that jpmml-evaluator has not are there, too: rows that need them get no prediction, as from it.
_STRATEGIES = (
    "lastPrediction", "nullPrediction", "defaultChild", "weightedConfidence", "aggregateNodes", "none",
)  # fmt: skip
_FUNCTIONS = ("classification", "regression")
_TWO = 2
# The place of a goal among a node's children, before any of them is asked.
_ENTERED = -1
_ROUNDINGS = 1e-9


@dataclass(frozen=True, eq=False)
class _Node:
    """A node.

    Attributes:
        element: where it stands.
        predicate: of the node.
        children: the numbers of its children.
        count: of the rows that came to it in fitting, or None.
    """

    element: Element
    predicate: Predicate
    children: list[int]
    count: float | None

    @property
    def has_score(self) -> bool:
        """Whether it has a score."""
        return self.element.get("score") is not None


class DecisionTree:
    """The nodes of a model, and where rows go among them, as `ComplexTreeModelEvaluator` of jpmml-evaluator 1.7 goes.

    Attributes:
        model: its element.
        function: ``classification`` or ``regression``.
        target: what it predicts.
        single: whether its numbers are float32.
        goals: its goals.
        start: where a row begins.
        classes: of a classification.
    """

    def __init__(self, model: Element, scope: Scope, tested: Tested) -> None:
        self.model = model
        self.function = model.choice("functionName", None, _FUNCTIONS)
        self.target = target_of(scope)
        self.single = is_single(model)
        self._strategy = model.choice("missingValueStrategy", "none", _STRATEGIES)
        self._returns_last = (
            model.choice(
                "noTrueChildStrategy", "returnNullPrediction", ("returnNullPrediction", "returnLastPrediction")
            )
            == "returnLastPrediction"
        )
        model.choice("splitCharacteristic", "multiSplit", ("multiSplit", "binarySplit"))
        self._nodes: list[_Node] = []
        self._read(model.one("Node"), scope, tested)
        self._counted = self._is_counted()
        self.goals = Goals(self._step)
        nothing = self.goals.leaf(NOTHING)
        self.start = self.goals.ask(self._nodes[0].predicate, self.goals.at((0, _ENTERED)), nothing, nothing)
        self._leaves: dict[Hashable, Leaf] = {}
        self.classes: tuple[Scalar, ...] = ()
        self._distributions: dict[int, list[tuple[Scalar, float]]] = {}
        if self.function == "classification":
            self._classify()

    def _read(self, root: Element, scope: Scope, tested: Tested) -> None:
        waiting: list[tuple[Element, list[int] | None]] = [(root, None)]
        while waiting:
            element, siblings = waiting.pop()
            for tag in ("Regression", "DecisionTree"):
                if element.first(tag) is not None:
                    raise element.one(tag).refused("is a model within a node, which is not supported")
            if siblings is not None:
                siblings.append(len(self._nodes))
            node = _Node(element, predicate_of(element, scope, tested), [], element.optional_number("recordCount"))
            self._nodes.append(node)
            waiting += [(child, node.children) for child in reversed(element.all("Node"))]

    # Where a row goes.

    def _step(self, goal: Goal) -> Goal:
        number, place = cast("tuple[int, int]", goal.key)
        node = self._nodes[number]
        if place < 0:
            return self.goals.at((number, 0)) if node.children else self.goals.leaf(number)
        if place == len(node.children):
            if self._returns_last and node.has_score:
                return self.goals.leaf(number)
            return self.goals.leaf(NOTHING)
        following = self.goals.at((number, place + 1))
        child = node.children[place]
        return self.goals.ask(
            self._nodes[child].predicate, self.goals.at((child, _ENTERED)), following, self._unknown(number, following)
        )

    def _unknown(self, number: int, following: Goal) -> Goal:
        """Where a row goes for which a child's predicate is unknown."""
        if self._strategy == "none":
            return following
        if self._strategy == "nullPrediction":
            return self.goals.leaf(NOTHING)
        if self._strategy == "lastPrediction":
            return self.goals.leaf(number)
        if self._strategy == "defaultChild":
            return self._default(number)
        return self.goals.fails

    def _default(self, number: int) -> Goal:
        node = self._nodes[number]
        named = node.element.get("defaultChild")
        if named is None:
            return self.goals.fails
        for child in node.children:
            if self._nodes[child].element.get("id") == named:
                return self.goals.at((child, _ENTERED))
        raise node.element.refused(f"has the defaultChild {named[:60]!r}, and no child with this id")

    def _is_counted(self) -> bool:
        """Whether each node says how many rows came to it, and children as many together as their parent."""
        for node in self._nodes:
            counts = [self._nodes[child].count for child in node.children]
            if node.count is None or None in counts:
                return False
            total = sum(each for each in counts if each is not None)
            if counts and not abs(total - node.count) <= _ROUNDINGS * node.count:
                return False
        return True

    def count(self, goal: Goal) -> float | None:
        """How many rows came to a goal in fitting, or None."""
        if not self._counted:
            return None
        if goal is self.start:
            return self._nodes[0].count
        key = goal.key
        if isinstance(key, int):
            node, place = self._nodes[key], None
        elif goal.predicate is None and isinstance(key, tuple):
            node, place = self._nodes[key[0]], max(key[1], 0)
        else:
            return None
        counts = [self._nodes[child].count for child in node.children[:place]]
        if node.count is None or any(each is None for each in counts):
            return None
        return node.count - sum(each for each in counts if each is not None)

    # What it gives there.

    def value(self, key: Hashable) -> Leaf:
        """The number of a leaf, as the target has it, or a key."""
        if key not in self._leaves:
            self._leaves[key] = self._value(key)
        return self._leaves[key]

    def _value(self, key: Hashable) -> Leaf:
        element = self.target.element
        if key == FAILS:
            return FAILS
        if key == NOTHING:
            if element is None or element.first("TargetValue") is None:
                return NOTHING
            values = element.all("TargetValue")
            if len(values) != 1:
                raise element.refused("has several TargetValues for a number")
            number = values[0].number("defaultValue")
        else:
            node = self._nodes[cast("int", key)].element
            text = node.get("score")
            if text is None:
                # "It is not possible that the scoring process ends in a Node which does not have a score attribute"
                return FAILS
            number = parsed(text, node, single=self.single)
        found = settled(number, self.target, self.model, single=self.single)
        return FAILS if found is None else [found]

    def _classify(self) -> None:
        """The classes that its leaves know, in the order of the dictionary, or of the file."""
        found: dict[Scalar, None] = dict.fromkeys(self.target.categories)
        for number, node in enumerate(self._nodes):
            listed = node.element.all("ScoreDistribution")
            if listed:
                self._distributions[number] = self._distribution(node.element, listed)
                found |= dict.fromkeys(label for label, _ in self._distributions[number])
            if node.has_score:
                found[self.target.label(node.element.need("score"), node.element)] = None
        self.classes = tuple(found)
        if len(self.classes) < _TWO:
            raise self.model.refused("has fewer than two classes")

    def _distribution(self, node: Element, listed: Sequence[Element]) -> list[tuple[Scalar, float]]:
        """The probabilities of a node, which are divided by their sum unless that is 1."""
        by_probability = listed[0].get("probability") is not None
        found: dict[Scalar, float] = {}
        kind = np.float32 if self.single else np.float64
        total = kind(0)
        for each in listed:
            label = self.target.label(each.need("value"), each)
            if label in found:
                raise each.refused(f"has the value {str(label)[:60]!r}, as another one has")
            number = each.number("probability" if by_probability else "recordCount")
            if number < 0 or (by_probability and number > 1):
                raise each.refused("has a probability that is not from 0 to 1, or a negative recordCount")
            found[label] = float(kind(number))
            total += kind(number)
        if not isfinite(total):
            raise node.refused("has numbers whose sum is not finite")
        if total == 1:
            return list(found.items())
        if total == 0:
            return []
        return [(label, float(kind(number) / total)) for label, number in found.items()]

    @property
    def is_vote(self) -> bool:
        """Whether its leaves have labels only."""
        return not self._distributions

    @property
    def orders(self) -> set[tuple[Scalar, ...]]:
        """The orders in which its leaves list the classes."""
        return {tuple(label for label, _ in each) for each in self._distributions.values()}

    def probabilities(self, key: Hashable) -> Leaf:
        """The probability of each class at a leaf, or a key."""
        if isinstance(key, str):
            return self._priors() if key == NOTHING else key
        if not self.has_label(key):
            return FAILS
        found = dict(self._distributions.get(cast("int", key), ()))
        return [found.get(label, 0.0) for label in self.classes] if found else FAILS

    def votes(self, key: Hashable) -> Leaf:
        """1 for the label of a leaf, and 0 for all other classes; or a key."""
        if isinstance(key, str):
            priors = self._priors() if key == NOTHING else key
            if isinstance(priors, str):
                return priors
            label = self.classes[int(np.argmax(priors))]
        elif not self.has_label(key) or (self._distributions and not self._distributions.get(cast("int", key))):
            return FAILS
        else:
            element = self._nodes[cast("int", key)].element
            label = self.target.label(element.need("score"), element)
        return [float(each == label) for each in self.classes]

    def has_label(self, key: Hashable) -> bool:
        """Whether a node has a score."""
        return self._nodes[cast("int", key)].has_score

    def _priors(self) -> Leaf:
        element = self.target.element
        values = [] if element is None else element.all("TargetValue")
        if not values:
            return NOTHING
        given = {self.target.label(each.need("value"), each): each.number("priorProbability") for each in values}
        total = sum(given.values())
        if total <= 0:
            raise values[0].refused("has prior probabilities that are all 0")
        return [given.get(label, 0.0) / total for label in self.classes]

    def require_leaves(self) -> None:
        """Refuses a classification that gives probabilities at some nodes with a score, and at others none.

        Raises:
            NotAProgramError: it does.
        """
        for number, node in enumerate(self._nodes):
            if node.has_score and self._distributions and number not in self._distributions and not node.children:
                raise node.element.refused("has no ScoreDistribution, and other nodes have")


def read_tree(model: Element, scope: Scope) -> Prediction:
    """One tree: classification and regression, with any predicates, missing-value strategies and counts of rows."""
    function_of(model)
    forest = Forest(scope)
    tree = DecisionTree(model, scope, forest.tested)
    if tree.function == "regression":
        forest.add(tree.start, tree.goals, tree.value, tree.count, model, 0)
        forest.grow(ends=scope.is_final)
        registers = forest.settle([forest.write([0.0], None, model)])
        return Prediction("value", registers, type=tree.target.type)
    tree.require_leaves()
    count = len(tree.classes)
    leaf = tree.votes if tree.is_vote else tree.probabilities
    forest.add(tree.start, tree.goals, leaf, tree.count, model)
    forest.grow(ends=scope.is_final)
    first = forest.write([0.0] * count, None, model)
    registers = forest.settle(list(range(first, first + count)))
    if tree.is_vote:
        return Prediction("votes", registers, "argmax", tree.classes, type=tree.target.type)
    decide = None if labels_follow(tree, forest) else labels(tree, scope)
    return Prediction("probability", registers, "identity", tree.classes, decide, type=tree.target.type)


def labels_follow(tree: DecisionTree, forest: Forest) -> bool:
    """Whether the label of each leaf is the first of its classes that are most probable."""
    for key in forest.reached[0]:
        found, label = tree.probabilities(key), tree.votes(key)
        if not isinstance(found, str) and not isinstance(label, str) and np.argmax(found) != np.argmax(label):
            return False
    return True


def labels(tree: DecisionTree, scope: Scope) -> list[int]:
    """Registers of 1 for the label that a tree gives, and 0 for the other classes."""
    forest = Forest(scope)
    again = DecisionTree(tree.model, scope, forest.tested)
    forest.add(again.start, again.goals, _unmarked(again), again.count, again.model)
    forest.grow(ends=scope.is_final)
    first = forest.write([0.0] * len(again.classes), None, again.model)
    return list(range(first, first + len(again.classes)))


def _unmarked(tree: DecisionTree) -> Callable[[Hashable], Leaf]:
    nothing = [0.0] * len(tree.classes)

    def leaf(key: Hashable) -> Leaf:
        found = tree.votes(key)
        return nothing if isinstance(found, str) else found

    return leaf


MODELS: dict[str, ModelReader] = {"TreeModel": read_tree}
