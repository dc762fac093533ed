"""Pairs measured in turn, A B B A …: on a busy machine only what ran side by side can be compared."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEAST = 3


@dataclass(frozen=True)
class Spread:
    """A median, its quartiles, and of how many values."""

    median: float
    lower: float
    upper: float
    count: int

    def times(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.median * factor, self.lower * factor, self.upper * factor, self.count)


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        single: pairs for single rows.
        bulk: pairs for scans.
        first: pairs for first calls.
        events: rows of a COPY.
        customers: that they are spread over.
        crowds: pairs for several clients at once.
        seconds: when a measurement with very slow sides may end early, after three pairs.
        profiles: how many profiles growth is followed to.
        largest: the same for events of a statement.
        models: the same for models of a profile table.
        versions: the same for versions of a model.
        inputs: the same for inputs of a model.
        trees: the same for trees of a model.
        rescored: profiles that are all scored anew.
        streams: pairs of workers of a stream.
        pause: seconds for which such a worker is stopped.
    """

    single: int
    bulk: int
    first: int
    events: int
    customers: int
    crowds: int
    seconds: float
    profiles: int
    largest: int
    models: int
    versions: int
    inputs: int
    trees: int
    rescored: int
    streams: int
    pause: int


QUICK = Effort(
    *(40, 5, 5), events=20_000, customers=2_000, crowds=3, seconds=6,
    profiles=100_000, largest=100_000, models=20, versions=100, inputs=100, trees=100, rescored=100_000,
    streams=1, pause=5,
)  # fmt: skip
LONG = Effort(
    *(200, 15, 9), events=100_000, customers=10_000, crowds=9, seconds=120,
    profiles=10_000_000, largest=1_000_000, models=40, versions=1_000, inputs=300, trees=300, rescored=1_000_000,
    streams=3, pause=60,
)  # fmt: skip


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, lower, upper, len(values))


def in_turn(sides: Sequence[Callable[[], float]], pairs: int, seconds: float = math.inf) -> list[tuple[float, ...]]:
    """Measures all sides again and again, every other time in reverse order; a tuple of values for each time."""
    found: list[tuple[float, ...]] = []
    start = time.monotonic()
    while len(found) < pairs and (len(found) < _LEAST or time.monotonic() - start < seconds):
        order = range(len(sides)) if len(found) % 2 == 0 else range(len(sides) - 1, -1, -1)
        values = {side: sides[side]() for side in order}
        found.append(tuple(values[side] for side in range(len(sides))))
    return found
