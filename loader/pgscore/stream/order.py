"""What a consumer is told to consume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .messages import Decode


@dataclass(frozen=True)
class Order:
    """What is to be consumed, and how.

    Attributes:
        dsn: a connection string.
        settings: of the client of the broker: `client.settings`.
        group: the group of consumers, which share the partitions.
        topics: the topics.
        decode: what makes an event of a message's bytes; None: they are JSON.
        batch: how many messages a transaction takes at most.
        rate: how many messages a second are taken at most; None: as many as can be.
        from_latest: whether a partition that the group has not read begins with what comes from now on.
        reset: whether to begin anew where the group's offsets mean nothing any more.
        take_over: whether to go on although another database, or role, has consumed with this group.
        dead_letters: the topic for messages that nothing can be done with; None: the first one ends it.
        once: whether to end where there is nothing more.
        every: seconds between two lines about how far it is; None: none.
    """

    dsn: str
    settings: Mapping[str, str]
    group: str
    topics: Sequence[str]
    decode: Decode | None = None
    batch: int = 500
    rate: float | None = None
    from_latest: bool = False
    reset: bool = False
    take_over: bool = False
    dead_letters: str | None = None
    once: bool = False
    every: float | None = None
