"""Messages of a stream, and what makes events of their bytes."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from uuid import UUID

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    Decode = Callable[[bytes], Mapping[str, Any]]


class Raw(NamedTuple):
    """A message as the broker gives it.

    Attributes:
        topic: its topic.
        partition: its partition.
        offset: its offset there.
        key: its key's bytes, or None.
        content: its bytes; None for a tombstone.
        at: when it was written, in seconds since 1970; None where that is not known.
        headers: as they came.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    content: bytes | None
    at: float | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def place(self) -> str:
        """Where it stands, as people name it."""
        return f"message {self.offset} of partition {self.partition} of topic {self.topic}"


class Message(NamedTuple):
    """A message that was understood.

    Attributes:
        raw: as it came.
        event: what it says, by name; numbers with a point are decimals, so that no digit is lost.
        text: the same as JSON.
    """

    raw: Raw
    event: Mapping[str, Any]
    text: str


class Dead(NamedTuple):
    """A message that nothing can be done with, and why."""

    raw: Raw
    reason: str


def understood(raw: Raw, decode: Decode | None) -> Message | Dead:
    """Reads a message.

    Args:
        raw: as it came.
        decode: what makes an event of bytes; None: they are JSON.
    """
    if raw.content is None:
        return Dead(raw, "it has no value")
    try:
        if decode is None:
            text = raw.content.decode()
            event = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
        else:
            event = decode(raw.content)
            text = json.dumps(event, default=_plain, allow_nan=False) if isinstance(event, Mapping) else ""
    # A plug-in may raise anything, and what it was given is whatever somebody has written to the topic.
    except (Exception, RecursionError) as error:
        return Dead(raw, f"it cannot be read: {_said(error)}")
    if not isinstance(event, Mapping) or not all(isinstance(name, str) for name in event):
        return Dead(raw, f"it is no object with names, but of type {type(event).__name__}")
    return Message(raw, event, text)


def decoder(name: str) -> Decode:
    """The function `module:callable`; modules in the current folder are found.

    Raises:
        PgscoreError: there is no such function.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise PgscoreError(f"{name!r} is no MODULE:CALLABLE", "For example codecs:read_avro, of codecs.py.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise PgscoreError(f"the module {module} cannot be imported: {error}") from None
    for each in attribute.split("."):
        found = getattr(found, each, None)
    if not callable(found):
        raise PgscoreError(f"module {module} has no function {attribute}")
    decode: Decode = found
    return decode


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON's")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """What JSON has no type for, as a text that PostgreSQL reads."""
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"a {type(value).__name__} is no value of an event")


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = " ".join(str(error).split())
    return f"{said[:200]}{'...' if len(said) > 200 else ''}" or type(error).__name__  # noqa: PLR2004
