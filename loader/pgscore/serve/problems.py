"""What a service refuses, as RFC 9457 has it: application/problem+json."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .answers import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTENT_TYPE = b"application/problem+json"
_LONGEST = 500


class Problem(Exception):  # noqa: N818  the RFC's word
    """A request that is refused.

    Attributes:
        status: of HTTP.
        kind: which problem it is, for programs: the last part of its ``type``.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
        **more: Any,  # noqa: ANN401
    ) -> None:
        """A problem.

        Args:
            status: of HTTP.
            kind: which problem it is.
            detail: one sentence for people.
            errors: where in the body it is: each with ``pointer`` (RFC 6901) and ``detail``.
            headers: of the answer.
            more: further members.
        """
        super().__init__(detail)
        self.status, self.kind = status, kind
        self._errors, self._headers, self._more = errors, headers, more

    def answer(self) -> Answer:
        """What the caller gets."""
        document: dict[str, Any] = {
            "type": f"https://pgscore.invalid/problems/{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": _short(str(self)),
            **self._more,
        }
        if self._errors:
            document["errors"] = [{**each, "detail": _short(each["detail"])} for each in self._errors]
        return Answer(self.status, json.dumps(document).encode(), CONTENT_TYPE, tuple(self._headers))


def overloaded(detail: str) -> Problem:
    """Too much is asked for at once."""
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, "overload", detail, headers=[(b"retry-after", b"1")])


def away(detail: str) -> Problem:
    """The database is away."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-away", detail, headers=[(b"retry-after", b"5")])


def unknown_model(model: str) -> Problem:
    """There is no such model here."""
    return Problem(HTTPStatus.NOT_FOUND, "unknown-model", f"there is no model {_short(model)!r} here")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
