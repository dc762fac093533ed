"""Calls and answers: what the parts of a service pass on to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.bundle import requests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


class Answer(NamedTuple):
    """An answer to a request.

    Attributes:
        status: of HTTP.
        body: its bytes.
        content_type: what they are.
        headers: further ones.
    """

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Call:
    """A request, and what is noted of it for metrics and logs.

    Attributes:
        scope: ASGI's.
        receive: ASGI's.
        route: the path with names in the place of keys.
        model: the model, where it is one that is served.
        version: the version that answered.
        rows: how many rows were scored.
    """

    __slots__ = ("model", "receive", "route", "rows", "scope", "version")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self.receive = scope, receive
        self.route = ""
        self.model: str | None = None
        self.version: int | None = None
        self.rows = 0


def encoded(document: Any) -> bytes:  # noqa: ANN401
    """A document as JSON; numbers that it has not are the texts Infinity, -Infinity and NaN."""
    return requests.encoded(document).encode()
