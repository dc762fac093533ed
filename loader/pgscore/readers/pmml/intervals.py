"""Intervals of numbers, and steps of a program that tell in which one a number lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nextafter
from typing import TYPE_CHECKING

from pgscore.readers.algebra.curves import piecewise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pgscore.readers.writing.writer import Writer

    from .values import Outcome
    from .xml import Element

_CLOSURES = ("openOpen", "openClosed", "closedOpen", "closedClosed")


@dataclass(frozen=True)
class Span:
    """An interval of doubles, both ends included: an open end is the double beside it.

    Attributes:
        low: the least number in it, or minus infinity.
        high: the largest, or infinity.
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def spans(elements: Iterable[Element]) -> list[tuple[Span, Element]]:
    """The intervals of Interval elements, as `DiscretizationUtil.toRange` reads them.

    Raises:
        NotAProgramError: one has no end, or its ends are the wrong way round.
    """
    found = []
    for element in elements:
        closure = element.choice("closure", None, _CLOSURES)
        left, right = element.optional_number("leftMargin"), element.optional_number("rightMargin")
        if left is None and right is None:
            raise element.refused("has neither leftMargin nor rightMargin")
        if left is not None and right is not None and left > right:
            raise element.refused("has a leftMargin above its rightMargin")
        if left == right and closure == "openOpen":
            raise element.refused("is open on both sides of one number")
        low = -inf if left is None else left if closure.startswith("closed") else nextafter(left, inf)
        high = inf if right is None else right if closure.endswith("Closed") else nextafter(right, -inf)
        found.append((Span(low, high), element))
    return found


def starts(edges: Iterable[Span]) -> list[float]:
    """The doubles at which something may change: where spans begin, and behind where they end."""
    found = {edge for span in edges for edge in (span.low, nextafter(span.high, inf))}
    # 0 has no sign.
    return sorted({each + 0.0 for each in found if abs(each) < inf})


def steps(
    register: int,
    knots: Sequence[float],
    number: Callable[[float], float | None],
    missing: float | None,
    writer: Writer,
) -> int:
    """The register of a step function: constant from each knot to the next.

    Args:
        register: of the number.
        knots: sorted.
        number: what it gives for a number; asked for one of each piece.
        missing: what it gives where there is none; None: NaN.
        writer: takes the step.
    """
    knots = list(knots) or [0.0]
    samples = [-inf, *knots]
    pieces = [number(each) for each in samples]
    return piecewise(
        writer, register, knots, [None if each is None else [each] for each in pieces], closed="left", missing=missing
    )


def coded(
    register: int, knots: Sequence[float], outcome: Callable[[float], Outcome], missing: Outcome, writer: Writer
) -> tuple[int, list[Outcome]]:
    """The register of a code for each outcome that a step function has, and the outcomes by code."""
    rows: list[Outcome] = []
    numbers: dict[object, int] = {}

    def code(found: Outcome) -> float:
        number = numbers.setdefault(found.key, len(rows))
        if number == len(rows):
            rows.append(found)
        return float(number)

    of_missing = code(missing)
    return steps(register, knots, lambda value: code(outcome(value)), of_missing, writer), rows
