"""What is refused over HTTP, as RFC 9457 has it: application/problem+json; of functions and of the web service."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTENT_TYPE = "application/problem+json"
_LONGEST, _MOST_ERRORS = 500, 20


class Problem(Exception):  # noqa: N818  the RFC's word
    """A request that is refused.

    Attributes:
        status: of HTTP.
        kind: which problem it is, for programs: the last part of its ``type``.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """A problem.

        Args:
            status: of HTTP.
            kind: which problem it is.
            detail: one sentence for people.
            errors: where in the body it is: each with ``pointer`` (RFC 6901) and ``detail``. The first 20 are told.
            headers: of the answer.
        """
        super().__init__(detail)
        self.status, self.kind, self.headers = status, kind, tuple(headers)
        self._errors = errors

    def body(self) -> str:
        """What the caller gets, as JSON."""
        document: dict[str, Any] = {
            "type": f"https://pgscore.invalid/problems/{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": short(str(self)),
        }
        if self._errors:
            errors = self._errors[:_MOST_ERRORS]
            document["errors"] = [{**each, "detail": short(each["detail"])} for each in errors]
        return json.dumps(document)


def malformed(why: str) -> Problem:
    """A body that is no JSON."""
    return Problem(HTTPStatus.BAD_REQUEST, "malformed", f"the body is not JSON: {why}")


def wrong_body(pointer: str, detail: str) -> Problem:
    """A body that is JSON, and none that is taken; where it is wrong, by a pointer of RFC 6901."""
    place = pointer or "the body"
    errors = [{"pointer": pointer, "detail": detail}]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-body", f"{place}: {detail}", errors=errors)


def segment(name: str) -> str:
    """A member's name as a part of a pointer of RFC 6901."""
    return name.replace("~", "~0").replace("/", "~1")


def short(text: str) -> str:
    """A text that may hold what a caller has sent, of at most 500 characters."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
