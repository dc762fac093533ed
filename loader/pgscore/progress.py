"""How long work tells what it is at."""

from __future__ import annotations

from typing import Protocol


class Step(Protocol):
    """Is told what begins now.

    Args:
        text: in a few words.
        done: how much of it is done, where that is known.
        total: of how much, in the same unit.
    """

    def __call__(self, text: str, done: int | None = None, total: int | None = None) -> None:  # noqa: D102
        ...


def no_step(text: str, done: int | None = None, total: int | None = None) -> None:
    """Tells nobody."""
