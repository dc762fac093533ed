"""Trees of a mining model as one step: sums, averages and votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .fields import Scope
from .forest import NOTHING, Forest
from .leaves import is_single
from .predicates import predicate_of
from .segments import AVERAGES, VOTES
from .targets import has_default, predicted_class, predicted_value, target_of
from .tree_model import DecisionTree
from .values import Prediction
from .votes import Votes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from .forest import Leaf
    from .segments import Segment, Segmentation
    from .types import Scalar

# The key of the leaf for rows for which a segment's predicate is not true.
_SKIPPED = "skipped"
_TWO = 2


def is_forest(segmentation: Segmentation) -> bool:
    """Whether all segments are trees, and their numbers are added."""
    by_sum = ("sum", "weightedSum", *AVERAGES, *VOTES)
    return segmentation.method in by_sum and all(each.model.tag == "TreeModel" for each in segmentation.segments)


def read_forest(segmentation: Segmentation, scope: Scope) -> Prediction:
    """What trees give together, as `SegmentationlUtil` of jpmml-evaluator 1.7 puts it together.

    Raises:
        NotAProgramError: something of them cannot be part of a program.
    """
    return _Reading(segmentation, scope).prediction()


class _Reading:
    """Trees, and the outputs that they add to: one for each class, or one for a value.

    Where trees may be left out there are more: the weight of those that give something, how many are asked, and the
    weights of those that give nothing, and of all that are asked.
    """

    def __init__(self, segmentation: Segmentation, scope: Scope) -> None:
        self.segmentation = segmentation
        self.place = segmentation.element
        self.scope = scope
        self.writer = scope.writer
        self.single = is_single(segmentation.model)
        self.by_vote = segmentation.method in VOTES
        weights = [segmentation.weight(each) for each in segmentation.segments]
        self.votes = Votes(weights, self.place) if self.by_vote else None
        self.forests = [Forest(scope, single=self.single) for _ in range(self.votes.blocks if self.votes else 1)]
        self.trees = [(each, self._tree(number, each)) for number, each in enumerate(segmentation.segments)]
        # What leaves out a tree, or is a vote of its own, ends no row.
        self.ends = scope.is_final and not has_default(target_of(scope)) and segmentation.treatment != "skipSegment"
        self.ends &= not (self.by_vote and segmentation.treatment == "continue")
        for forest in self.forests:
            forest.grow(ends=self.ends)
        reached = {key for forest in self.forests for keys in forest.reached for key in keys}
        skips = segmentation.treatment == "skipSegment" and NOTHING in reached
        # Whether some row leaves out a tree.
        self.leaves_out = skips or _SKIPPED in reached
        self.skips = skips
        self.votes_missing = self.by_vote and segmentation.treatment == "continue" and NOTHING in reached
        self.classes: tuple[Scalar, ...] = ()

    def _tree(self, number: int, segment: Segment) -> DecisionTree:
        forest = self.forests[self.votes.block(number) if self.votes else 0]
        inner = Scope(self.scope.document, segment.model, self.scope, is_final=False)
        tree = DecisionTree(segment.model, inner, forest.tested)
        predicate = predicate_of(segment.element, self.scope, forest.tested)
        skipped = tree.goals.leaf(_SKIPPED)
        start = tree.goals.ask(predicate, tree.start, skipped, skipped)
        forest.add(start, tree.goals, lambda key: self._leaf(number, key), tree.count, segment.model, -1)
        return tree

    def prediction(self) -> Prediction:
        """What the trees give."""
        return self._value() if self.segmentation.function == "regression" else self._class()

    # Leaves.

    def _leaf(self, number: int, key: Hashable) -> Leaf:
        segment, tree = self.trees[number]
        weight = self.segmentation.weight(segment)
        width = len(self.classes) or 1
        if key == _SKIPPED:
            return [0.0] * self.width
        found = self._own(tree, key)
        gives, misses = weight, 0.0
        if found == NOTHING and (self.votes_missing or self.skips):
            found, gives, misses = [0.0] * width, 0.0, weight or 1.0
        if isinstance(found, str):
            return found
        kind = np.float32 if self.single else np.float64
        values = [float(kind(each) if weight == 1 else kind(weight) * kind(each)) for each in found]
        if self.votes is not None:
            values = self.votes.leaf(number, found)
        # The evaluator takes segments' weights for the part that is missing, whether they count otherwise or not.
        missing = segment.weight if misses else 0.0
        more = [gives, 1.0, missing, segment.weight] if self.leaves_out else []
        return [*values, *([misses] if self.votes_missing else []), *more]

    def _own(self, tree: DecisionTree, key: Hashable) -> Leaf:
        if self.segmentation.function == "regression":
            return tree.value(key)
        found = tree.votes(key) if self.by_vote else tree.probabilities(key)
        if isinstance(found, str):
            return found
        places = {label: place for place, label in enumerate(tree.classes)}
        return [found[places[label]] if label in places else 0.0 for label in self.classes]

    @property
    def width(self) -> int:
        """How many outputs there are."""
        return (len(self.classes) or 1) + self.votes_missing + 4 * self.leaves_out

    # Numbers.

    def _value(self) -> Prediction:
        averages = self.segmentation.method in AVERAGES
        total = sum(self.segmentation.weight(each) for each, _ in self.trees)
        divide = total if averages and not self.leaves_out else None
        if divide == 0:
            raise self.place.refused("has weights that are all 0")
        registers = self._written(self.forests[0], None if divide == 1 else divide)
        register = registers[0]
        if self.leaves_out:
            register = self._of_some(registers, [register], averages=averages)[0]
        target = target_of(self.scope).element
        offset = 0.0 if target is None else target.number("rescaleConstant", 0.0)
        tolerance = self.forests[0].tolerance([offset, *[0.0] * (self.width - 1)])
        return predicted_value(register, self.scope, tolerance)

    def _written(self, forest: Forest, divide: float | None = None) -> list[int]:
        first = forest.write([0.0] * self.width, divide, self.place)
        return forest.settle(list(range(first, first + self.width)))

    def _of_some(self, registers: list[int], sums: list[int], *, averages: bool, least: int | None = None) -> list[int]:
        """Sums of the trees that give something, or their averages; NaN where there is none, or too few."""
        weight, asked, missing, every = registers[-4:]
        # An average of nothing fails, and a sum of nothing is 0 if any tree was asked.
        least = (weight if averages else asked) if least is None else least
        masks = [self._where(least, lambda each: each > 0)]
        if self.skips and self.segmentation.threshold < 1:
            part = self.writer.add({"step": "ratio", "of": [missing, every]})
            masks.append(self._where(part, lambda each: not each > self.segmentation.threshold))
        found = []
        for register in sums:
            value = self.writer.add({"step": "ratio", "of": [register, weight]}) if averages else register
            found.append(self.writer.linear([value, *masks], [1.0] * (1 + len(masks))))
        return found

    def _where(self, register: int, test: Callable[[float], bool]) -> int:
        """0 where a number passes a test that changes once at most, else NaN."""
        threshold = self.segmentation.threshold
        knots = sorted({5e-324, float(np.nextafter(threshold, np.inf))})
        pieces = [[0.0] if test(each) else None for each in (0.0, *knots)]
        return self.writer.add(
            {
                "step": "piecewise", "of": register, "knots": knots, "coefficients": pieces, "closed": "left",
                "missing": None,
            }
        )  # fmt: skip

    # Classes.

    def _class(self) -> Prediction:
        self.classes = self._labels()
        if self.by_vote:
            return self._voted()
        order = self._order()
        total = sum(self.segmentation.weight(each) for each, _ in self.trees)
        divide = None if self.leaves_out or total == 1 else total
        if divide == 0:
            raise self.place.refused("has weights that are all 0")
        registers = self._written(self.forests[0], divide)
        scores = registers[: len(self.classes)]
        if self.leaves_out:
            scores = self._of_some(registers, scores, averages=True)
        tolerance = self.forests[0].tolerance([0.0] * self.width)
        found = Prediction("probability", scores, "identity", self.classes, tie=order, tolerance=tolerance)
        return predicted_class(found, self.scope)

    def _labels(self) -> tuple[Scalar, ...]:
        found: dict[Scalar, None] = dict.fromkeys(target_of(self.scope).categories)
        for _, tree in self.trees:
            if tree.is_vote and not self.by_vote:
                raise tree.model.refused("has no ScoreDistribution, and probabilities are averaged")
            tree.require_leaves()
            found |= dict.fromkeys(tree.classes)
        return tuple(found)

    def _order(self) -> str:
        """Which of equally probable classes is predicted: the one that the leaves list first.

        Raises:
            NotAProgramError: they list them in different orders.
        """
        orders = {order for _, tree in self.trees for order in tree.orders if order}
        if orders <= {self.classes}:
            return "first"
        if orders == {self.classes[::-1]} and len(self.classes) == _TWO:
            return "last"
        alike = next(iter(orders)) if len(orders) == 1 else ()
        if set(alike) == set(self.classes):
            self.classes = alike
            return "first"
        raise self.place.refused("has trees whose leaves list the classes in different orders, or not all of them")

    def _voted(self) -> Prediction:
        assert self.votes is not None  # noqa: S101  told the type checker
        count = len(self.classes)
        blocks = [self._written(forest) for forest in self.forests]
        found = self.votes.counted([each[:count] for each in blocks], self.writer)
        sums = found.sums
        if self.votes_missing:
            missing = self._total([each[count] for each in blocks])
            mask = self.votes.fewer_missing(sums, missing, self.writer)
            sums = [self.writer.linear([each, mask], [1.0, 1.0]) for each in sums]
        if self.leaves_out:
            # No vote at all is no prediction, and so is one of too few.
            counts = [self._total([each[place] for each in blocks]) for place in (-4, -3, -2, -1)]
            sums = self._of_some(counts, sums, averages=False, least=counts[0])
        if self.votes_missing or self.leaves_out:
            return self._settled(self.writer.link("normalize", sums), found.decide)
        total = sum(self.votes.weights)
        if total == 0:
            raise self.place.refused("has weights that are all 0")
        return self._settled(
            [self.writer.add({"step": "affine", "of": each, "divide": total}) for each in sums], found.decide
        )

    def _settled(self, scores: list[int], decide: list[int]) -> Prediction:
        return predicted_class(Prediction("probability", scores, "identity", self.classes, decide), self.scope)

    def _total(self, registers: list[int]) -> int:
        return registers[0] if len(registers) == 1 else self.writer.linear(registers, [1.0] * len(registers))
