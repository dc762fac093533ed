"""The partitions that a worker holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .offsets import Place


@dataclass
class Partitions:
    """Partitions of a worker, between two rebalances of its group.

    Attributes:
        claims: what it has put on the row of each: see `offsets.Claims`.
        positions: of each the offset up to which everything is done.
        at_end: whether there is nothing more of it.
        new: those of which the broker was not told yet whose group it is.
    """

    claims: dict[Place, str] = field(default_factory=dict)
    positions: dict[Place, int] = field(default_factory=dict)
    at_end: dict[Place, bool] = field(default_factory=dict)
    new: set[Place] = field(default_factory=set)

    def add(self, claims: Mapping[Place, str], positions: Mapping[Place, int]) -> None:
        """Partitions that were claimed, and where they go on."""
        self.claims |= claims
        self.positions |= positions
        self.at_end |= dict.fromkeys(positions, False)
        self.new |= set(positions)

    def forget(self, places: set[Place]) -> None:
        """Partitions that are another worker's now."""
        for place in places:
            for each in (self.claims, self.positions, self.at_end):
                each.pop(place, None)
        self.new -= places

    def move(self, ends: Mapping[Place, int]) -> None:
        """What was stored; of partitions that were lost meanwhile nothing is remembered."""
        self.positions |= {place: end for place, end in ends.items() if place in self.positions}

    def mark(self, place: Place, *, at_end: bool) -> None:
        """Whether there is nothing more of a partition, if it is held."""
        if place in self.at_end:
            self.at_end[place] = at_end
