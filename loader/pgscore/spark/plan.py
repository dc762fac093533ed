"""What a streaming query was asked for, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pgscore.keys import PublicKey
    from pgscore.stream.messages import Decode


class Batch(NamedTuple):
    """What came of a batch.

    Attributes:
        number: its number, as its checkpoint counts.
        messages: how many it had.
        stored: how many of them have moved profiles or are in the event table now.
        dead: how many went to the topic of dead letters.
        known: how many the database had stored before.
        unmatched: how many name no profile, or one that is not there.
        profiles: how many profiles were moved; 0 where the binding does it.
        version: the version that scored them; None where the binding does it.
    """

    number: int
    messages: int = 0
    stored: int = 0
    dead: int = 0
    known: int = 0
    unmatched: int = 0
    profiles: int = 0
    version: int | None = None


@dataclass(frozen=True)
class Plan:
    """What `stream` was asked for, and the broker's names of the topics."""

    dsn: str = field(repr=False)
    model: str
    into: str | None
    definition: dict[str, Any] | None
    group: str
    decode: Decode | None
    trusted: Sequence[PublicKey | Path | str]
    dead_letters: str
    kafka: Mapping[str, str] = field(repr=False)
    topic_ids: Mapping[str, str]
    on_batch: Callable[[Batch], None] = field(repr=False)
