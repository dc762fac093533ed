"""What the runtime refuses, as data that SQL can raise."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  the design's word, and what the SQL side calls it
    """A request that is refused before anything happened.

    Attributes:
        sqlstate: the five characters that a program can test for.
        message: one sentence: what is wrong and where.
        hint: one sentence: what to do, or an empty string.
    """

    def __init__(self, sqlstate: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.hint = hint


INSUFFICIENT_PRIVILEGE = "42501"
DATA_CORRUPTED = "XX001"
FEATURE_NOT_SUPPORTED = "0A000"
INVALID_PARAMETER = "22023"
