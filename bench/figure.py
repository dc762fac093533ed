"""A figure: what is wanted of it, how it is measured, and what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .pairs import spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .pairs import Spread


@dataclass(frozen=True)
class Wanted:
    """What a figure should be.

    Attributes:
        most: whether `bound` is the most that it may be; else it is the least.
    """

    bound: float
    most: bool

    def met(self, value: float) -> bool:
        """Whether a value is as wanted."""
        return value <= self.bound if self.most else value >= self.bound


def at_most(bound: float) -> Wanted:
    """The figure may not be larger."""
    return Wanted(bound, most=True)


def at_least(bound: float) -> Wanted:
    """The figure may not be smaller."""
    return Wanted(bound, most=False)


@dataclass(frozen=True)
class Detail:
    """A value that a figure was made of, for the longer listing."""

    name: str
    value: Spread
    unit: str


@dataclass(frozen=True)
class Measured:
    """What came out of a measurement.

    Attributes:
        value: the figure: the median of the ratios of pairs, and their quartiles.
        unit: of the figure; empty for a ratio.
        part: which of several figures this is, where one measurement gives several.
        note: a few words beside it.
        details: what it was made of.
    """

    value: Spread
    unit: str = ""
    part: str = ""
    note: str = ""
    details: list[Detail] = field(default_factory=list)


@dataclass(frozen=True)
class Figure:
    """What is measured; without `wanted` it is stated and not judged.

    Attributes:
        quick: whether it belongs to the quick set; else it has to be asked for by name there.
    """

    name: str
    wanted: Wanted | None
    measure: Callable[[Field], list[Measured]]
    quick: bool = True


def ratio(values: list[float], details: list[Detail], note: str = "") -> list[Measured]:
    """A figure that is the median of ratios."""
    return [Measured(spread(values), note=note, details=details)]
