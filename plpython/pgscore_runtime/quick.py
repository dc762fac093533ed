"""One row and one ensemble of trees that are not large, in as few steps of Python as there can be.

What an interpreter does for each input costs more than the trees: a backend comes to it from other work, with its
caches cold. So the ends of what an input accepts stand among the thresholds, with None for a mask: a row that is not
ordinary, because a value is missing or refused, ends in a TypeError, and is left to the interpreter.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import partial, reduce
from math import exp, inf, nextafter
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

from .masks import blocks, fits, plain_start
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .masks import Masks
    from .program import Program, ProgramInput

    Prepared = tuple[
        list[array[float]],
        list[list[Any]],
        Callable[[Iterable[Any]], int],
        list[tuple[int, Callable[[Any], int]]],
        Callable[[int], bytes],
    ]
    Evaluate = Callable[..., float]
    Score = Callable[[Sequence[float | None], Sequence[str | None], int], float | None]


def quick_score(program: Program, slow: Score) -> Score | None:
    """A function that scores one row as `slow` does, and leaves to it what is not ordinary; None where there is none.

    There is one for a program whose scores are those of an ensemble that `fits`, tests the inputs themselves, and is
    the first step, where the link is ``identity`` and each tree adds to all outputs, or ``logistic``. What other steps
    decide is no part of the score.
    """
    trees = program.steps[0] if program.steps else None
    registers = len(program.inputs)
    if not isinstance(trees, Trees) or not fits(trees):
        return None
    # A link that depends on one score alone, or of several outputs those of the ensemble as they are.
    if program.link != "identity" and (program.link != "logistic" or len(trees.base) > 1):
        return None
    if (
        program.scores != tuple(range(registers, registers + len(trees.base)))
        or program.require
        or any(each.known is not None for each in program.inputs)
    ):
        return None
    parts = blocks(trees)
    if any(not program.inputs[register].is_text for each in parts for register, _ in each.sets()):
        return None
    tables = [[each.tables(output) for each in parts] for output in range(len(trees.base))]
    if any(None in each for of_output in tables for each in of_output):
        return None
    prepared = [_prepared(program.inputs, each) for each in parts]
    made = [_total(prepared, of_output, base, trees.divide) for of_output, base in zip(tables, trees.base, strict=True)]
    return _identity(made, slow) if program.link == "identity" else _logistic(made[0], slow)


def _identity(made: Sequence[Evaluate], slow: Score) -> Score:
    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            return made[positive](numbers, texts)
        except TypeError:
            return slow(numbers, texts, positive)

    return score


def _logistic(evaluate: Evaluate, slow: Score) -> Score:
    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            probability = 1 / (1 + exp(-evaluate(numbers, texts)))
        except TypeError:
            return slow(numbers, texts, positive)
        except OverflowError:
            probability = 0.0
        return probability if positive else 1 - probability

    return score


def _prepared(inputs: tuple[ProgramInput, ...], found: Masks) -> Prepared:
    thresholds, masks = _bounded(inputs, found)
    everything = found.everything
    # A mask more to begin with costs as much as any other.
    both: Any = partial(reduce, and_) if len(masks) > 1 else lambda given: reduce(and_, given, everything)
    return thresholds, masks, both, _text_masks(inputs, found), found.find()


def _total(
    prepared: Sequence[Prepared], tables: Sequence[Sequence[Any]], base: float, divide: float | None
) -> Evaluate:
    """A function that gives the sum of an output: of all parts, one after the other."""
    parts = [_part(*each, of_part, base) for each, of_part in zip(prepared, tables, strict=True)]
    if len(parts) == 1 and divide is None:
        return parts[0]

    def evaluate(numbers: Sequence[float | None], texts: Sequence[str | None], start: float = base) -> float:
        for each in parts:
            start = each(numbers, texts, plain_start(start))
        return start if divide is None else start / divide

    return evaluate


def _part(
    thresholds: list[array[float]],
    masks: list[list[Any]],
    both: Callable[[Iterable[Any]], int],
    sets: list[tuple[int, Callable[[Any], int]]],
    find: Callable[[int], bytes],
    tables: Sequence[Any],
    base: float,
) -> Evaluate:
    bisect: Any = bisect_left  # which refuses None with the TypeError that is wanted

    def evaluate(
        numbers: Sequence[float | None], texts: Sequence[str | None], start: float = plain_start(base)
    ) -> float:
        left = both(map(getitem, masks, map(bisect, thresholds, numbers)))
        if texts:
            if None in texts:
                raise TypeError
            for text, mask in sets:
                left &= mask(texts[text])
        return sum(map(getitem, tables, find(left)), start)

    return evaluate


def _text_masks(inputs: tuple[ProgramInput, ...], found: Masks) -> list[tuple[int, Callable[[Any], int]]]:
    """For each text that is tested its place among the texts, and what is left for a value of it."""
    position = {register: n for n, register in enumerate(n for n, each in enumerate(inputs) if each.is_text)}
    return [(position[register], mask) for register, mask in found.sets()]


def _bounded(inputs: tuple[ProgramInput, ...], found: Masks) -> tuple[list[array[float]], list[list[Any]]]:
    """For each number input the thresholds within what it accepts, its ends around them, and a mask for each gap."""
    tests = {register: (thresholds, masks) for register, thresholds, masks in found.numbers()}
    all_thresholds, all_masks = [], []
    for register, each in enumerate(inputs):
        if each.is_text:
            continue
        thresholds, masks = tests.get(register, ([], [found.everything]))
        below = nextafter(each.minimum, -inf)
        first, last = bisect_right(thresholds, below), bisect_left(thresholds, each.maximum)
        # An array: half of what a search looks at would be pointers, and caches are cold.
        all_thresholds.append(array("d", [below, *thresholds[first:last], each.maximum]))
        all_masks.append([None, *masks[first : last + 1], None])
    return all_thresholds, all_masks
