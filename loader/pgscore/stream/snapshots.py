"""Snapshots of PostgreSQL's, as text: which transactions were over when something was read."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(r"(\d+):(\d+):((?:\d+(?:,\d+)*)?)")


@dataclass(frozen=True)
class Snapshot:
    """What `pg_snapshot` holds.

    Attributes:
        lowest: all transactions below it were over.
        end: none from it on was.
        running: those between that were not.
    """

    lowest: int
    end: int
    running: tuple[int, ...]

    @classmethod
    def read(cls, text: str) -> Snapshot:
        """Of its text, such as 10:20:10,14.

        Raises:
            ValueError: it is none.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:50]!r} is no snapshot")
        running = tuple(int(each) for each in found[3].split(",") if each)
        return cls(int(found[1]), int(found[2]), running)

    def up_to(self, last: int) -> Snapshot:
        """The same, but that no transaction behind one was over."""
        end = min(self.end, last + 1)
        return Snapshot(min(self.lowest, end), end, tuple(each for each in self.running if each < end))

    def __str__(self) -> str:
        return f"{self.lowest}:{self.end}:{','.join(map(str, self.running))}"
