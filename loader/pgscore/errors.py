"""What pgscore refuses."""

from __future__ import annotations


class PgscoreError(Exception):
    """A request that was refused; nothing was changed.

    Attributes:
        hint: what to do about it, or an empty string.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
