"""Bodies of requests: JSON that nobody vouches for, within limits of bytes and of time."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from .problems import Problem

if TYPE_CHECKING:
    from .answers import Receive, Scope

# Past so many digits no double holds a number, and reading it takes long.
_DIGITS = 400


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


def parsed(body: bytes) -> dict[str, Any]:
    """The object that a body is.

    Raises:
        Problem: it is no JSON, or none that says one thing: a name that stands twice is refused.
    """
    try:
        document = _DECODER.decode(body.decode())
        if b"\\ud" in body or b"\\uD" in body:
            # Half a pair of surrogates is no character.
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except UnicodeError:
        raise _malformed("it is not text in UTF-8") from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    if type(document) is not dict:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "wrong-body",
            "the body is to be a JSON object",
            errors=[{"pointer": "", "detail": "it is no object"}],
        )
    return document


def _malformed(why: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "malformed", f"the body is not JSON: {why}")


def _too_large(most: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        f"a body has at most {most:,} bytes",
        headers=[(b"connection", b"close")],
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON; write it as a text")


def integer(digits: str) -> int | float:
    """An integer of JSON, or infinity."""
    if len(digits) > _DIGITS:
        return -inf if digits[0] == "-" else inf
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_int=integer)
