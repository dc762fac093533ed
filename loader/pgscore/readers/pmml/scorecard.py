"""Reader of Scorecard: a sum of partial scores, each of the first attribute of a characteristic that a row has.

Each characteristic is a term of one `linear` step, whose center is its baseline score, so that `explain` gives the
partial score less the baseline wherever a characteristic reads one field; what reads several, or computes its partial
score, is scored all the same, and not explained. A program has no texts to give: reason codes go into the contract,
which says which register holds a characteristic's partial score, and which one tells its code (`codes`). Where partial
scores do not tell the attribute, a step beside them numbers it, which no score needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn

from .codes import Told, by_partial_score, codes_of, reason_codes, require_room
from .decisions import Goals
from .expressions import evaluated, expression_of
from .forest import Forest
from .predicates import predicate_of
from .questions import AtMost, Missing
from .selecting import choice_of
from .tables import as_number, code_column
from .targets import predicted_value, require_double

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from .decisions import Binary
    from .fields import Scope
    from .models import ModelReader
    from .values import Key, Number, Prediction
    from .xml import Element

_MOST_CHARACTERISTICS, _MOST_ATTRIBUTES = 1_000, 10_000


@dataclass(frozen=True, eq=False)
class _Attribute:
    """An attribute: its partial score, or the number that it computes."""

    element: Element
    partial: float
    computed: Number | None


def read_scorecard(model: Element, scope: Scope) -> Prediction:
    """Partial and complex partial scores; reason codes as reasons, by the baseline scores."""
    require_double(model)
    model.choice("functionName", None, ("regression",))
    characteristics = model.one("Characteristics").all("Characteristic")
    if not 1 <= len(characteristics) <= _MOST_CHARACTERISTICS:
        raise model.refused(f"has {len(characteristics):,} characteristics: 1 to {_MOST_CHARACTERISTICS:,} are read")
    center = _baselines(model, characteristics)
    told = [_read(each, scope) for each in characteristics]
    registers = [each.partial for each in told]
    register = scope.writer.add(
        {
            "step": "linear", "of": registers, "weights": [1.0] * len(registers),
            "intercept": model.number("initialScore", 0.0), **({"center": center} if any(center) else {}),
        }
    )  # fmt: skip
    prediction = predicted_value(register, scope)
    if not model.flag("useReasonCodes", default=True):
        return prediction
    return replace(prediction, reason_codes=reason_codes(model, told, center))


def _baselines(model: Element, characteristics: list[Element]) -> list[float]:
    """The baseline score of each characteristic.

    Raises:
        NotAProgramError: reason codes are used, and one has none, or no code: then the evaluator predicts nothing.
    """
    used = model.flag("useReasonCodes", default=True)
    model.choice("reasonCodeAlgorithm", "pointsBelow", ("pointsBelow", "pointsAbove"))
    default = model.optional_number("baselineScore")
    found = []
    for each in characteristics:
        baseline = each.optional_number("baselineScore")
        baseline = default if baseline is None else baseline
        if used and baseline is None:
            raise each.refused(
                "has no baselineScore, and reason codes are used, so that the evaluator predicts nothing"
            )
        without = [part for part in each.all("Attribute") if part.get("reasonCode") is None]
        if used and each.get("reasonCode") is None and without:
            raise without[0].refused("has no reasonCode, and these are used, so that the evaluator predicts nothing")
        if used:
            require_room(model, each, each.all("Attribute"))
        found.append(baseline or 0.0)
    return found


class _Leaves:
    """What leaves of a characteristic's tree give: a partial score, a mark of the number that is computed, a number.

    Attributes:
        computed: the attributes whose partial scores are computed.
        numbered: whether leaves tell the number of the attribute as well.
    """

    def __init__(self, attributes: list[_Attribute]) -> None:
        self.attributes = attributes
        self.computed = [number for number, each in enumerate(attributes) if each.computed is not None]
        self.numbered = False

    @property
    def width(self) -> int:
        """How many numbers a leaf gives."""
        return 1 + len(self.computed) + self.numbered

    def at(self, key: Hashable) -> list[float] | str:
        """What the leaf of an attribute gives."""
        if isinstance(key, str):
            return key
        assert isinstance(key, int)  # noqa: S101  they were made so
        marks = [float(key == number) for number in self.computed]
        return [self.attributes[key].partial, *marks, *([float(key)] if self.numbered else [])]


def _read(characteristic: Element, scope: Scope) -> Told:
    """The register of a characteristic's partial score, and what tells its reason code."""
    attributes = [_attribute(each, scope) for each in characteristic.all("Attribute")]
    if not 1 <= len(attributes) <= _MOST_ATTRIBUTES:
        raise characteristic.refused(f"has {len(attributes):,} attributes: 1 to {_MOST_ATTRIBUTES:,} are read")
    leaves = _Leaves(attributes)
    forest = _grown(characteristic, leaves, scope)
    reached = sorted(key for key in forest.reached[0] if isinstance(key, int)) or [0]
    named = codes_of(characteristic, [each.element for each in attributes])
    codes = {float(number): named[number] for number in reached}
    by_score = by_partial_score({number: attributes[number].partial for number in reached}, named)
    differ = len(set(codes.values())) > 1
    leaves.numbered = differ and (by_score is None or bool(leaves.computed))
    found = None if leaves.computed else _of_one_field(forest, leaves)
    if found is None:
        first = forest.write([0.0] * leaves.width, None, characteristic)
        found = forest.settle(list(range(first, first + leaves.width)))
    partial, is_exact = found[0], True
    if leaves.computed:
        numbers = [attributes[number].computed for number in leaves.computed]
        partial, is_exact = _computed(partial, found[1 : 1 + len(numbers)], numbers, scope)
    if leaves.numbered:
        return Told(partial, found[-1], codes, is_exact)
    if differ and by_score is not None:
        return Told(partial, partial, by_score)
    return Told(partial, None, {0.0: codes[float(reached[0])]}, is_exact)


def _grown(characteristic: Element, leaves: _Leaves, scope: Scope) -> Forest:
    """The tree that finds the first attribute whose predicate is true."""
    forest = Forest(scope)
    goals = Goals(lambda goal: goal)
    # "If not even a single Attribute evaluates to true, the scorecard as a whole returns an invalid value"
    following = goals.fails
    for number in reversed(range(len(leaves.attributes))):
        predicate = predicate_of(leaves.attributes[number].element, scope, forest.tested)
        following = goals.ask(predicate, goals.leaf(number), following, following)
    forest.add(following, goals, leaves.at, lambda _: None, characteristic)
    forest.grow(ends=scope.is_final)
    return forest


def _of_one_field(forest: Forest, leaves: _Leaves) -> list[int] | None:
    """Registers of what the tree gives, where it tests one field alone."""
    found = []
    for place in range(leaves.width):
        given = {key: leaf if isinstance(leaf := leaves.at(key), str) else [leaf[place]] for key in forest.reached[0]}
        register = _of_one(forest.trees[0], given, forest)
        if register is None:
            return None
        found.append(register)
    return found


def _attribute(element: Element, scope: Scope) -> _Attribute:
    complex_ = element.first("ComplexPartialScore")
    if complex_ is None:
        return _Attribute(element, element.number("partialScore"), None)
    expression = expression_of(complex_)
    number = as_number(evaluated(expression, scope), expression.path, scope.writer)
    if number.type == "float":
        raise expression.refused("is a float, which is rounded to single precision: not supported in a sum")
    return _Attribute(element, 0.0, number)


def _of_one(tree: Binary, leaves: Mapping[Hashable, list[float] | str], forest: Forest) -> int | None:
    """The register of a tree that tests one field: a table, or a step function. None where it tests others."""
    fields = {test.field for test in tree.tests if test is not None}
    if len(fields) != 1:
        return None
    writer = forest.writer
    register = forest.tested.register(next(iter(fields)))

    def at(key: Key | None) -> float | None:
        """What the tree gives for a value; None where it gives nothing."""
        node = 0
        while (test := tree.tests[node]) is not None:
            if key is None:
                left = tree.missing_left[node]
            elif isinstance(test, AtMost):
                left = cast("float", key) <= test.bound
            else:
                left = not isinstance(test, Missing) and key in test.members
            node = tree.left[node] if left else tree.right[node]
        found = leaves[tree.leaves[node]]
        return None if isinstance(found, str) else found[0]

    members = {
        key
        for test in tree.tests
        if test is not None and not isinstance(test, AtMost | Missing)
        for key in test.members
    }
    bounds = {test.bound for test in tree.tests if isinstance(test, AtMost)}
    if not bounds:
        keys = cast("list[Key]", sorted(cast("set[str]", members)))
        values = np.array([np.nan if at(key) is None else at(key) for key in keys], dtype=np.float64)
        other = at(_other(keys))
        missing = at(None)
        column = CodeColumn(register, tuple(keys), values, _number(other), _number(missing))
        found = writer.lookup(column, list(keys))
        gives = [*values.tolist(), _number(other), _number(missing)]
    else:
        ends = {end for key in members for end in (float(np.nextafter(cast("float", key), -np.inf)), float(key))}
        knots = sorted(bounds | ends)
        pieces = [at(each) for each in [*knots, np.inf]]
        found = writer.add(
            {
                "step": "piecewise", "of": register, "knots": knots,
                "coefficients": [None if each is None else [each] for each in pieces], "closed": "right",
                "missing": at(None),
            }
        )  # fmt: skip
        gives = [_number(each) for each in [*pieces, at(None)]]
    if any(np.isnan(gives)):
        # A row without an attribute has no score, whatever is said of rows without a prediction.
        writer.domains.of[found].nullable = False
    return found


def _other(keys: list[Key]) -> Key:
    """A value that is none of these."""
    if keys and isinstance(keys[0], str):
        return "".join(cast("list[str]", keys)) + "x"
    return max((float(key) for key in keys), default=0.0) * 2 + 1


def _number(found: float | None) -> float:
    return np.nan if found is None else found


def _computed(stated: int, masks: list[int], numbers: list[Number | None], scope: Scope) -> tuple[int, bool]:
    """The partial score: what an attribute states, or the number that it computes; and whether to the last bit."""
    writer = scope.writer
    values: list[int] = []
    for mask, number in zip(masks, numbers, strict=True):
        assert number is not None  # noqa: S101  told the type checker
        values.append(scope.register(number))
        for doubt in number.fails:
            column = code_column(doubt.table, lambda outcome: float(bool(outcome.value)), writer)
            fails = writer.lookup(column, list(column.keys))
            domain = writer.domains.of[writer.add({"step": "product", "of": [mask, fails]})]
            domain.maximum = min(domain.maximum, 0.0)
    chosen = choice_of(masks, values, writer)
    found = writer.linear([stated, chosen], [1.0, 1.0])
    # What cannot be computed ends the row.
    writer.domains.of[found].nullable = False
    # What chooses among them adds zeros to one of them.
    return found, writer.domains.inexact.isdisjoint(values)


MODELS: dict[str, ModelReader] = {"Scorecard": read_scorecard}
