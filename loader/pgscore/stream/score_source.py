"""Scores that changed, from the outbox `pgscore.score_change`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING

from pgscore.changes import horizon, read_changes

from .source import Batch, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.changes import Change

# What stands for the beginning, where there is no change yet that a position could name.
_BEGINNING = ""


class ScoreSource:
    """The changes of scores, each with its key, the score before and after, and the version.

    Args:
        model: only of this model's scores; None: of all that are told.
    """

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self.name = "scores" if model is None else f"scores of {model}"

    def look(self, connection: Connection) -> None:
        """See `Source`."""
        horizon(connection)

    def begin(self, connection: Connection, position: str | None, *, from_now: bool) -> str:
        """See `Source`."""
        if position is None:
            return horizon(connection) if from_now else _BEGINNING
        return position

    def batches(self, connection: Connection, position: str, size: int) -> Iterator[Batch]:
        """See `Source`."""
        while True:
            read = read_changes(connection, position or None, model=self._model, limit=size)
            position = read.position
            yield Batch([Event(each.key, _json(each)) for each in read.changes], position)
            if len(read.changes) < size:
                return


def _json(change: Change) -> str:
    told = asdict(change)
    del told["position"]
    told["at"] = change.at.astimezone(UTC).isoformat()
    for name in ("former", "score"):
        # JSON has neither infinity nor NaN.
        told[name] = _number(told[name])
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def _number(value: float | None) -> float | str | None:
    if value is None or abs(value) < float("inf"):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124  NaN alone differs
