"""Messages that one transaction takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .offsets import Place

if TYPE_CHECKING:
    from .messages import Dead, Message, Raw


@dataclass
class Batch:
    """Messages of a transaction.

    Attributes:
        begins: of each partition the offset up to which everything was done before.
        ends: of each partition the offset that is stored with them.
    """

    messages: list[Message] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    begins: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.messages) + len(self.dead)

    def without(self, lost: set[Place]) -> Batch:
        """The same without some partitions, which are another worker's now."""
        return Batch(
            [each for each in self.messages if place_of(each.raw) not in lost],
            [each for each in self.dead if place_of(each.raw) not in lost],
            {place: offset for place, offset in self.begins.items() if place not in lost},
            {place: offset for place, offset in self.ends.items() if place not in lost},
        )


def place_of(raw: Raw) -> Place:
    """The partition that a message came from."""
    return Place(raw.topic, raw.partition)
