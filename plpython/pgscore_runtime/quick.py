"""One row and one ensemble of small trees, in as few steps of Python as there can be.

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

from .masks import Masks, fits, plain_start
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .program import Program, ProgramInput

    Score = Callable[[Sequence[float | None], Sequence[str | None], int], float | None]


def quick_score(program: Program, slow: Score) -> Score | None:
    """A function that scores one row as `slow` does, and leaves to it what is not ordinary; None where there is none.

    There is one for a program whose score is an ensemble of small trees that tests the inputs themselves, its first
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
    found = Masks(trees)
    if any(not program.inputs[register].is_text for register, _ in found.sets()):
        return None
    thresholds, masks = _bounded(program.inputs, found)
    position = {register: n for n, register in enumerate(n for n, each in enumerate(program.inputs) if each.is_text)}
    sets = tuple((position[register], mask) for register, mask in found.sets())
    tables, everything, size = found.tables, found.everything, len(found.tables)
    start, divide = plain_start(trees.base[0]), trees.divide
    logistic = program.link == "logistic"
    bisect: Any = bisect_left  # which refuses None with the TypeError that is wanted

    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            left = reduce(and_, map(getitem, masks, map(bisect, thresholds, numbers)), everything)
        except TypeError:
            return slow(numbers, texts, positive)
        if texts:
            if None in texts:
                return slow(numbers, texts, positive)
            for text, mask in sets:
                left &= mask(texts[text])
        z = sum(map(getitem, tables, left.to_bytes(size, "little")), start)
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


def _bounded(inputs: tuple[ProgramInput, ...], found: Masks) -> tuple[list[list[float]], list[list[Any]]]:
    """For each number input the thresholds within what it accepts, its ends around them, and a mask for each gap."""
    tests = {register: (thresholds, masks) for register, thresholds, masks, _ in found.numbers()}
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
