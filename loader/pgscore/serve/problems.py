"""What the service alone refuses, and how what is refused is answered; the rest is as functions refuse it."""

from __future__ import annotations

from http import HTTPStatus

from pgscore.bundle.problems import CONTENT_TYPE, Problem, short

from .answers import Answer

__all__ = ["Problem", "away", "overloaded", "refusal", "unknown_model"]


def refusal(problem: Problem) -> Answer:
    """What the caller gets."""
    return Answer(problem.status, problem.body().encode(), CONTENT_TYPE.encode(), problem.headers)


def overloaded(detail: str) -> Problem:
    """Too much is asked for at once."""
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, "overload", detail, headers=[(b"retry-after", b"1")])


def away(detail: str) -> Problem:
    """The database is away."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-away", detail, headers=[(b"retry-after", b"5")])


def unknown_model(model: str) -> Problem:
    """There is no such model here."""
    return Problem(HTTPStatus.NOT_FOUND, "unknown-model", f"there is no model {short(model)!r} here")
