"""What pgscore refuses.

A program that has to tell refusals apart asks for the class, and never reads a message:

| class | when |
| --- | --- |
| `NotFoundError` | there is no such model, version, table or key |
| `DeniedError` | you have not the right |
| `BusyError` | somebody else was at it: the same call may succeed later |
| `DependentsError` | a promotion would make an index, a materialized view or the like wrong |
| `UnreachableError` | there is no connection, or it was lost |
| `NotAProgramError` | an estimator cannot become a program |
| `PgscoreError` | all of these, and every other refusal; `sqlstate` says more |
"""

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


class NotFoundError(PgscoreError):
    """There is no such model, version, table or key."""


class DeniedError(PgscoreError):
    """The caller has not the right to do it."""


class BusyError(PgscoreError):
    """Somebody else was at it, or held a lock: the same call may succeed later."""


class DependentsError(PgscoreError):
    """A promotion would make wrong what holds scores: `pgscore.dependents` lists it."""


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


_CLASSES: dict[str, type[PgscoreError]] = {
    "42704": NotFoundError,
    "42P01": NotFoundError,
    "42501": DeniedError,
    "40001": BusyError,
    "40P01": BusyError,
    "55P03": BusyError,
    "2BP01": DependentsError,
}


def refusal(message: str, hint: str, sqlstate: str | None) -> PgscoreError:
    """The error for what a database refused, of the class that its SQLSTATE stands for."""
    return _CLASSES.get(sqlstate or "", PgscoreError)(message, hint, sqlstate)
