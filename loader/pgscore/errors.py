"""What pgscore refuses."""

from __future__ import annotations


class PgscoreError(Exception):
    """A request that was refused; nothing was changed.

    Attributes:
        hint: what to do about it, or an empty string.
        sqlstate: the database's code, where it was the database that refused.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.sqlstate = sqlstate


class UnreachableError(PgscoreError):
    """The database could not be reached, or the connection to it was lost."""

    exit_code = 3


class NotAProgramError(PgscoreError):
    """An estimator, or a part of one, cannot become a program; the estimator engine may still serve it.

    Attributes:
        part: the part that stopped it, such as ``step 'classify'``.
        why: what is the matter with it, a clause that continues the part.
    """

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part} {why}", "The estimator engine serves it where the server has scikit-learn.")
        self.part = part
        self.why = why
