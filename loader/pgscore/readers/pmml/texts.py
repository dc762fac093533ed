"""Functions of texts, for values that are known: as `Functions` of jpmml-evaluator has them in Java."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .types import Scalar

_MOST_CHARACTERS = 1_000
_MOST_REPEATED = 2
# Characters, classes of them, and ends of the text, each repeated at most: what Java and Python read alike, and what
# takes no longer than the text is long, or its square.
_CLASS = r"\[\^?(?:[A-Za-z0-9 _,;:]|[A-Za-z0-9]-[A-Za-z0-9])+\]"
_ATOM = rf"(?:[^\\\[\](){{}}|*+?.^$]|\\[\\\[\](){{}}|*+?.^$/\-]|\\[dwsDWS]|\.|{_CLASS})"
_PATTERN = re.compile(rf"\^?(?:{_ATOM}[*+?]?)*\$?(?:\|\^?(?:{_ATOM}[*+?]?)*\$?)*")
# Where lines end is told otherwise by the two.
_LINES = re.compile("[\n\r\x85\u2028\u2029]")


class UnknownError(ValueError):
    """What Java would make of it is not known here."""


def upper(text: str) -> str:
    """ToUpperCase."""
    return text.upper()


def lower(text: str) -> str:
    """ToLowerCase."""
    return text.lower()


def trimmed(text: str) -> str:
    """trim: without control characters and blanks at both ends."""
    return text.strip("".join(map(chr, range(33))))


def length(text: str) -> int:
    """How many 16-bit units of UTF-16 there are."""
    return len(text.encode("utf-16-le")) // 2


def part(text: str, start: Scalar, size: Scalar) -> str | None:
    """A part of a text, from 1 on, of at most this size; None where the start or the size is none."""
    if int(start) < 1 or int(size) < 0:
        return None
    units = text.encode("utf-16-le")
    found = units[2 * (int(start) - 1) : 2 * (int(start) - 1 + int(size))]
    try:
        return found.decode("utf-16-le")
    except UnicodeDecodeError:
        raise UnknownError("cuts a character in two") from None


def matches(text: str, pattern: str) -> bool:
    """Whether a pattern is found in a text."""
    return _compiled(pattern, text).search(text) is not None


def replaced(text: str, pattern: str, replacement: str) -> str:
    """A text with a replacement for each match of a pattern."""
    if "$" in replacement or "\\" in replacement:
        raise UnknownError("has a replacement with $ or \\")
    return _compiled(pattern, text).sub(lambda _: replacement, text)


def _compiled(pattern: str, text: str) -> re.Pattern[str]:
    repeated = len(re.findall(r"(?<!\\)[*+]", pattern))
    plain = len(pattern) <= _MOST_CHARACTERS and _PATTERN.fullmatch(pattern) and repeated <= _MOST_REPEATED
    if not plain or _LINES.search(text) or len(text) > _MOST_CHARACTERS:
        raise UnknownError("has a pattern beyond characters, classes, anchors and a few repetitions")
    if re.search(r"[&\[]", re.sub(r"\\.", "", pattern).replace("[", "", 1)) and "&&" in pattern:
        raise UnknownError("has a class that Java reads otherwise")
    return re.compile(pattern, re.ASCII)
