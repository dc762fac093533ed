"""Bodies of requests: as they come, within limits of bytes and of time."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .problems import Problem

if TYPE_CHECKING:
    from .answers import Receive, Scope


class GoneError(Exception):
    """Who asked has gone."""


async def read_body(scope: Scope, receive: Receive, most: int, seconds: float) -> bytes:
    """The body of a request.

    Raises:
        Problem: it is no JSON by its type, too large, or does not come.
        GoneError: who sends it has gone.
    """
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value.split(b";")[0].strip().lower()
            if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
                raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-json", "the body is to be application/json")
        elif name == b"content-length" and len(value) < 20 and value.isdigit() and int(value) > most:  # noqa: PLR2004
            raise _too_large(most)
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-json", "a body is not to be compressed")
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body = message["body"]
                if len(body) > most:
                    raise _too_large(most)
                return bytes(body)
            return await _rest(message, receive, most)
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            "slow-body",
            f"the body did not come within {seconds:g} s",
            headers=[(b"connection", b"close")],
        ) from None


async def _rest(message: Any, receive: Receive, most: int) -> bytes:  # noqa: ANN401
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise GoneError
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large(most)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _too_large(most: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        f"a body has at most {most:,} bytes",
        headers=[(b"connection", b"close")],
    )
