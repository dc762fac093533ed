"""One row and one ensemble of trees that are not large, in as few steps of Python as there can be.

What an interpreter does for each input costs more than the trees: a backend comes to it from other work, with its
caches cold. So the ends of what an input accepts stand among the thresholds, with None for a mask: a row that is not
ordinary, because a value is missing or refused, ends in a TypeError, and is left to the interpreter.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import reduce
from math import exp, inf, nextafter
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

from .masks import blocks, fits, plain_start
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .masks import Masks
    from .program import Program, ProgramInput

    Evaluate = Callable[[Sequence[float | None], Sequence[str | None], float], float]
    Score = Callable[[Sequence[float | None], Sequence[str | None], int], float | None]


def quick_score(program: Program, slow: Score) -> Score | None:
    """A function that scores one row as `slow` does, and leaves to it what is not ordinary; None where there is none.

    There is one for a program whose score is an ensemble that `fits`, tests the inputs themselves, and is the first
    step, and whose link is ``identity`` or ``logistic``. What other steps decide is no part of the score.
    """
    trees = program.steps[0] if program.steps else None
    registers = len(program.inputs)
    if not isinstance(trees, Trees) or not fits(trees) or program.scores != (registers,):
        return None
    if (
        program.link not in ("identity", "logistic")
        or program.require
        or any(each.known is not None for each in program.inputs)
    ):
        return None
    parts = blocks(trees)
    if any(not program.inputs[register].is_text for each in parts for register, _ in each.sets()):
        return None
    evaluate = _one_part(program.inputs, parts[0]) if len(parts) == 1 else _several_parts(program.inputs, parts)
    start, divide = plain_start(trees.base[0]), trees.divide
    logistic = program.link == "logistic"

    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            z = evaluate(numbers, texts, start)
        except TypeError:
            return slow(numbers, texts, positive)
        if divide is not None:
            z /= divide
        if not logistic:
            return z
        try:
            probability = 1 / (1 + exp(-z))
        except OverflowError:
            probability = 0.0
        return probability if positive else 1 - probability

    return score


def _one_part(inputs: tuple[ProgramInput, ...], found: Masks) -> Evaluate:
    thresholds, masks = _bounded(inputs, found)
    sets = _text_masks(inputs, found)
    find, tables, everything = found.find(), found.tables(0), found.everything
    bisect: Any = bisect_left  # which refuses None with the TypeError that is wanted

    def evaluate(numbers: Sequence[float | None], texts: Sequence[str | None], start: float) -> float:
        left = reduce(and_, map(getitem, masks, map(bisect, thresholds, numbers)), everything)
        if texts:
            if None in texts:
                raise TypeError
            for text, mask in sets:
                left &= mask(texts[text])
        return sum(map(getitem, tables, find(left)), start)

    return evaluate


def _several_parts(inputs: tuple[ProgramInput, ...], parts: Sequence[Masks]) -> Evaluate:
    # The ends of what is accepted stand among the thresholds of each part: it costs nothing.
    evaluations = [_one_part(inputs, each) for each in parts]

    def evaluate(numbers: Sequence[float | None], texts: Sequence[str | None], start: float) -> float:
        for each in evaluations:
            start = plain_start(each(numbers, texts, start))
        return start

    return evaluate


def _text_masks(inputs: tuple[ProgramInput, ...], found: Masks) -> list[tuple[int, Callable[[Any], int]]]:
    """For each text that is tested its place among the texts, and what is left for a value of it."""
    position = {register: n for n, register in enumerate(n for n, each in enumerate(inputs) if each.is_text)}
    return [(position[register], mask) for register, mask in found.sets()]


def _bounded(inputs: tuple[ProgramInput, ...], found: Masks) -> tuple[list[list[float]], list[list[Any]]]:
    """For each number input the thresholds within what it accepts, its ends around them, and a mask for each gap."""
    tests = {register: (thresholds, masks) for register, thresholds, masks in found.numbers()}
    all_thresholds, all_masks = [], []
    for register, each in enumerate(inputs):
        if each.is_text:
            continue
        thresholds, masks = tests.get(register, ([], [found.everything]))
        below = nextafter(each.minimum, -inf)
        first = sum(threshold <= below for threshold in thresholds)
        last = sum(threshold < each.maximum for threshold in thresholds)
        all_thresholds.append([below, *thresholds[first:last], each.maximum])
        all_masks.append([None, *masks[first : last + 1], None])
    return all_thresholds, all_masks
