"""What is published: where events come from, and how far they were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True)
class Event:
    """What becomes a message.

    Attributes:
        key: events of one key stay in their order; None: it is of nobody.
        value: the event as JSON.
    """

    key: str | None
    value: str


@dataclass(frozen=True)
class Batch:
    """Some events, one after the other.

    Attributes:
        events: the events, in order.
        position: what to go on from when they are done.
    """

    events: Sequence[Event]
    position: str


class Source(Protocol):
    """Where events come from."""

    name: str

    def look(self, connection: Connection) -> None:
        """Sees that it is there, and what it is called: whichever way it was named, the name is the same then.

        Raises:
            PgscoreError: it is not, or cannot be read in order.
        """

    def begin(self, connection: Connection, position: str | None, *, from_now: bool) -> str:
        """What to go on from: the position that is kept, if it means something in this database.

        Args:
            connection: to the database, in no transaction.
            position: the one that is kept; None: there is none.
            from_now: whether a new reader begins with what comes, not with what is there.

        Raises:
            PgscoreError: it cannot be gone on from.
        """

    def batches(self, connection: Connection, position: str, size: int) -> Iterator[Batch]:
        """What came since a position and is committed; the last batch may be empty, and only move the position."""
