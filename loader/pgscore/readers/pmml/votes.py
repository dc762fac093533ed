"""Votes of segments, and which of classes with equally many wins: the one that was voted for first.

jpmml-evaluator keeps the classes in the order in which segments vote for them, and of equals takes the first. So a vote
counts a little more the earlier it is: by less than any two different sums of votes are apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pgscore.readers.writing.writer import Writer

    from .xml import Element

# So many votes are told apart in one sum, beside their number.
BLOCK = 30
# So many of any weights: all their sums are tabulated.
_MOST_WEIGHED = 10
_MOST_VOTES = 2**18
_LEAST = 2.0**-BLOCK


@dataclass(frozen=True)
class Counted:
    """The sums of votes, by class, and registers of which the largest tells who wins."""

    sums: list[int]
    decide: list[int]


class Votes:
    """How votes of these weights are added.

    Attributes:
        blocks: for each vote in which sum it is, and how many sums there are.
    """

    def __init__(self, weights: Sequence[float], place: Element) -> None:
        self.weights = list(weights)
        self.unit = _unit(weights)
        self._by_table = self.unit is None
        if self._by_table and len(weights) > _MOST_WEIGHED:
            raise place.refused(
                f"has weights of more than {_MOST_WEIGHED} votes that are no multiples of a power of 2: which of two"
                " sums is larger cannot be told exactly"
            )
        self.blocks = 1 if self._by_table else -(-len(weights) // BLOCK)

    def block(self, number: int) -> int:
        """In which sum a vote is."""
        return 0 if self._by_table else number // BLOCK

    def leaf(self, number: int, marks: Sequence[float]) -> list[float]:
        """What a vote adds for each class: marks are 1 for the one that it is for, and else 0."""
        if self._by_table:
            return [mark * 2.0**number for mark in marks]
        assert self.unit is not None  # noqa: S101  told the type checker
        worth = self.weights[number] / self.unit + 2.0 ** -(number % BLOCK + 1)
        return [mark * worth for mark in marks]

    def counted(self, registers: Sequence[Sequence[int]], writer: Writer) -> Counted:
        """The sums of votes.

        Args:
            registers: for each block one for each class.
            writer: takes the steps.
        """
        found = [self._class(list(blocks), writer) for blocks in zip(*registers, strict=True)]
        return Counted([sums for sums, _ in found], [decide for _, decide in found])

    def _class(self, blocks: list[int], writer: Writer) -> tuple[int, int]:
        if self._by_table:
            return self._tabulated(blocks[0], writer)
        assert self.unit is not None  # noqa: S101  told the type checker
        whole = [writer.function("floor", each) for each in blocks]
        total = whole[0] if len(whole) == 1 else writer.linear(whole, [1.0] * len(whole))
        sums = total if self.unit == 1 else writer.add({"step": "affine", "of": total, "multiply": self.unit})
        if len(blocks) == 1:
            return sums, blocks[0]
        return sums, self._first(blocks, whole, total, writer)

    def _first(self, blocks: list[int], whole: list[int], total: int, writer: Writer) -> int:
        """The number of votes, and behind it how early the first one was: the block, and where in it."""
        count = len(blocks)
        terms: list[int] = []
        before: list[int] = []
        for number, (register, floor) in enumerate(zip(blocks, whole, strict=True)):
            early = writer.linear([register, floor], [1.0, -1.0])
            worth = writer.add(
                {
                    "step": "piecewise", "of": early, "knots": [_LEAST],
                    "coefficients": [[0.0], [count - number - 1 + _LEAST, 1.0]], "closed": "left", "missing": None,
                }
            )  # fmt: skip
            if before:
                sum_before = writer.linear(before, [1.0] * len(before))
                none_before = writer.add(
                    {
                        "step": "piecewise", "of": sum_before, "knots": [_LEAST], "coefficients": [[1.0], [0.0]],
                        "closed": "left", "missing": None,
                    }
                )  # fmt: skip
                worth = writer.add({"step": "product", "of": [none_before, worth]})
            before.append(early)
            terms.append(worth)
        return writer.linear([total, *terms], [float(count + 1), *[1.0] * count])

    def _tabulated(self, register: int, writer: Writer) -> tuple[int, int]:
        """By the set of votes that a class has, as a number in binary: their sum, and its place among all sums."""
        count = len(self.weights)
        sums = np.zeros(2**count)
        for chosen in range(2**count):
            for number, weight in enumerate(self.weights):
                if chosen >> number & 1:
                    sums[chosen] += weight
        firsts = np.array([(each & -each).bit_length() if each else count + 1 for each in range(2**count)])
        places = np.unique(sums, return_inverse=True)[1] * float(count + 2) + (count + 1 - firsts)
        keys = [float(each) for each in range(1, 2**count)]
        return self._looked_up(register, keys, sums, writer), self._looked_up(register, keys, places, writer)

    def _looked_up(self, register: int, keys: list[float], values: npt.NDArray[np.float64], writer: Writer) -> int:
        column = CodeColumn(register, tuple(keys), values[1:], float(values[0]), np.nan)
        return writer.lookup(column, list(keys))

    def fewer_missing(self, sums: Sequence[int], missing: int, writer: Writer) -> int:
        """0 where segments without a vote do not weigh more than any class, else NaN: then the result is missing."""
        reached = [
            writer.add(
                {
                    "step": "piecewise", "of": writer.linear([each, missing], [1.0, -1.0]), "knots": [0.0],
                    "coefficients": [[0.0], [1.0]], "closed": "left", "missing": None,
                }
            )
            for each in sums
        ]  # fmt: skip
        return writer.add(
            {
                "step": "piecewise", "of": writer.linear(reached, [1.0] * len(reached)), "knots": [0.5],
                "coefficients": [None, [0.0]], "closed": "left", "missing": None,
            }
        )  # fmt: skip


def _unit(weights: Sequence[float]) -> float | None:
    """The largest power of 2 of which all weights are multiples; None where they are too many of these."""
    parts = [Fraction(each) for each in weights if each]
    if not parts:
        return 1.0
    denominator = max(each.denominator for each in parts)
    unit = Fraction(1, denominator)
    if denominator == 1:
        shared = int(np.gcd.reduce([int(each) for each in parts])) if max(parts) < 2**53 else 1
        unit = Fraction(shared & -shared)
    if sum(parts) / unit > _MOST_VOTES or unit < Fraction(1, 2**60):
        return None
    return float(unit)
