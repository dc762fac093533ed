"""One of several predictions: of those that are not chosen neither the values matter nor what they refuse."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn
from pgscore.readers.algebra.doubles import LARGEST
from pgscore.readers.writing.combining import marks
from pgscore.readers.writing.writer import Result

from .decisions import Goals
from .forest import NOTHING, Forest
from .predicates import predicate_of
from .questions import Missing
from .values import Number, Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers.algebra.domains import Domain
    from pgscore.readers.writing.writer import Writer

    from .decisions import Goal
    from .fields import Scope
    from .segments import Segmentation

_MOST_CHOICES = 200


@dataclass(frozen=True, eq=False)
class Guarded:
    """A prediction, and registers that are 1 where the evaluator would end a row that asks for it, else 0."""

    prediction: Prediction
    refused: list[int]


def guarded(read: Callable[[], Prediction], scope: Scope) -> Guarded:
    """A prediction without what it would refuse of all rows."""
    domains = scope.writer.domains.of
    before = {register: copy(domain) for register, domain in domains.items()}
    prediction = read()
    refused: list[int] = []
    for register in list(domains):
        after = domains[register]
        former = before.get(register)
        if former == after:
            continue
        if former is None:
            del domains[register]
        else:
            domains[register] = former
        if not _is_open(after):
            refused.append(_outside(register, after, scope.writer))
    return Guarded(prediction, refused)


def _is_open(domain: Domain) -> bool:
    return domain.known is None and domain.nullable and domain.minimum == -inf and domain.maximum == inf


def _outside(register: int, domain: Domain, writer: Writer) -> int:
    """1 where a register holds what a domain does not, else 0."""
    missing = 0.0 if domain.nullable else 1.0
    if domain.known is not None:
        keys = tuple(sorted(domain.known))
        column = CodeColumn(register, keys, np.zeros(len(keys)), 1.0, missing)
        return writer.lookup(column, list(keys))
    knots, pieces = [], [[0.0]]
    if domain.minimum > -inf:
        knots, pieces = [domain.minimum], [[1.0], [0.0]]
    if domain.maximum < inf:
        knots, pieces = [*knots, float(np.nextafter(domain.maximum, inf))], [*pieces, [1.0]]
    if not knots:
        knots, pieces = [0.0], [[0.0], [0.0]]
    return writer.add(
        {
            "step": "piecewise", "of": register, "knots": knots, "coefficients": pieces, "closed": "left",
            "missing": missing,
        }
    )  # fmt: skip


def present(register: int, writer: Writer) -> int:
    """0 where a register holds a number, else NaN."""
    return nan_where(writer.add({"step": "missing", "of": register}), writer)


def given(prediction: Prediction, writer: Writer) -> int:
    """0 where a model gives something, else NaN: the largest of votes is one of them, also where there are none."""
    scores = prediction.scores
    if prediction.kind != "votes":
        scores = writer.outputs(Result(prediction.scores, prediction.link))
    return present(scores[0], writer)


def nan_where(mark: int, writer: Writer) -> int:
    """0 where a mark is 0, else NaN."""
    return writer.lookup(CodeColumn(mark, (0.0,), np.zeros(1), np.nan, np.nan), [0.0])


def choices(segmentation: Segmentation, absent: Sequence[int | None], scope: Scope) -> list[int]:
    """A register for each segment: 1 where it is the first whose predicate is true, else 0.

    Args:
        segmentation: the segments.
        absent: for each a register that is missing where it gives nothing, and another one counts; or None.
        scope: of the mining model.
    """
    count = len(segmentation.segments)
    if count > _MOST_CHOICES:
        raise segmentation.element.refused(f"has more than {_MOST_CHOICES} segments to select from")
    forest = Forest(scope)
    goals = Goals(lambda goal: goal)
    following = goals.leaf(NOTHING)
    for number in reversed(range(count)):
        chosen: Goal = goals.leaf(number)
        register = absent[number]
        if register is not None:
            field = forest.tested.number(Number("double", "continuous", NumberColumn(register)))
            chosen = goals.ask(Missing(field), following, chosen, chosen)
        predicate = predicate_of(segmentation.segments[number].element, scope, forest.tested)
        following = goals.ask(predicate, chosen, following, following)

    def leaf(key: object) -> list[float] | str:
        return key if isinstance(key, str) else [float(key == each) for each in range(count)]

    forest.add(following, goals, leaf, lambda _: None, segmentation.element)
    forest.grow(ends=scope.is_final)
    first = forest.write([0.0] * count, None, segmentation.element)
    return forest.settle(list(range(first, first + count)))


def chosen_of(segmentation: Segmentation, found: Sequence[Guarded], scope: Scope) -> Prediction:
    """The prediction of the first segment whose predicate is true.

    Raises:
        NotAProgramError: segments predict different things.
    """
    writer = scope.writer
    predictions = [each.prediction for each in found]
    first = predictions[0]
    for each, segment in zip(predictions, segmentation.segments, strict=True):
        if each.kind != first.kind or set(each.classes) != set(first.classes) or each.type != first.type:
            raise segment.model.refused("predicts something else than the segments before it")
    results = [Result(each.scores, each.link, tie=each.tie, decide=each.decide) for each in predictions]
    # The largest of votes is one of them, also where there are none.
    outputs = [each.scores if first.kind == "votes" else writer.outputs(each) for each in results]
    skips = segmentation.treatment == "skipSegment"
    chosen = choices(segmentation, [each[0] if skips else None for each in outputs], scope)
    for mask, guard in zip(chosen, found, strict=True):
        for register in guard.refused:
            domain = writer.domains.of[writer.add({"step": "product", "of": [mask, register]})]
            domain.maximum = min(domain.maximum, 0.0)
    if first.kind == "value":
        return Prediction("value", [choice_of(chosen, [each[0] for each in outputs], writer)], type=first.type)
    places = [[each.classes.index(label) for label in first.classes] for each in predictions]
    scores = [
        choice_of(chosen, [each[place[n]] for each, place in zip(outputs, places, strict=True)], writer)
        for n in range(len(first.classes))
    ]
    link = "argmax" if first.kind == "votes" else "identity"
    if first.kind == "votes" or all(each.tie == "first" and each.decide is None for each in predictions):
        same = all(each.classes == first.classes for each in predictions)
        if same or first.kind == "votes":
            if first.kind == "votes" and scope.is_final:
                writer.domains.of[scores[0]].nullable = False
            return Prediction(first.kind, scores, link, first.classes, type=first.type)
    marked = [marks(each, writer, segmentation.element.path) for each in results]
    decide = [
        choice_of(chosen, [each[place[n]] for each, place in zip(marked, places, strict=True)], writer)
        for n in range(len(first.classes))
    ]
    return Prediction(first.kind, scores, link, first.classes, decide, type=first.type)


def choice_of(chosen: Sequence[int], registers: Sequence[int], writer: Writer) -> int:
    """The number of those that is chosen: masks are 1 for it, else 0. The others' NaN and infinity do not count."""
    terms: list[int] = []
    missing: list[int] = []
    ends: dict[float, list[int]] = {inf: [], -inf: []}
    for mask, register in zip(chosen, registers, strict=True):
        known = writer.range(register)
        filled = register
        if known.may_miss:
            filled = writer.add({"step": "fill", "of": filled, "with": 0.0})
            absent = writer.add({"step": "missing", "of": register})
            missing.append(writer.add({"step": "product", "of": [mask, absent]}))
        if not (isfinite(known.low) and isfinite(known.high)):
            for end, place in ends.items():
                knots, pieces = ([LARGEST], [[0.0], [1.0]]) if end > 0 else ([-LARGEST], [[1.0], [0.0]])
                is_end = writer.add(
                    {
                        "step": "piecewise", "of": filled, "knots": knots, "coefficients": pieces,
                        "closed": "right" if end > 0 else "left", "missing": 0.0,
                    }
                )  # fmt: skip
                place.append(writer.add({"step": "product", "of": [mask, is_end]}))
            filled = writer.add({"step": "clip", "of": filled, "minimum": -LARGEST, "maximum": LARGEST})
        terms.append(writer.add({"step": "product", "of": [mask, filled]}))
    weights = [1.0] * len(terms)
    if missing:
        terms.append(nan_where(writer.linear(missing, [1.0] * len(missing)), writer))
        weights.append(1.0)
    for end, marked in ends.items():
        if marked:
            # The logarithm of 1 is 0, and of 0 minus infinity.
            rest = writer.linear(marked, [-1.0] * len(marked), 1.0)
            terms.append(writer.function("log", rest))
            weights.append(-1.0 if end > 0 else 1.0)
    return writer.linear(terms, weights)
