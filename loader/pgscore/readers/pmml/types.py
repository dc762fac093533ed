"""PMML's data types, and what its evaluator makes of texts and values of other types.

As `org.jpmml.evaluator.TypeUtil` of jpmml-evaluator 1.7 parses and casts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Scalar = str | float | int | bool

# Types whose values a program can hold; all others are dates and times.
TYPES = ("string", "integer", "float", "double", "boolean")
NUMBERS = ("integer", "float", "double")
_LARGEST_INTEGER = 2**31
# As java.lang.Double.parseDouble takes them, but for hexadecimal ones.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?", re.ASCII)
_WORDS = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}
_JAVA_WORDS = {"NaN": np.nan, "Infinity": np.inf, "+Infinity": np.inf, "-Infinity": -np.inf}
# Between these, integers as doubles are written with one digit behind the point.
_PLAIN = 1e7


class UnfitError(ValueError):
    """A value that has no counterpart in a type."""


def parse(kind: str, text: str) -> Scalar:
    """What the evaluator reads of a text.

    Raises:
        UnfitError: nothing.
    """
    return _PARSERS[kind](text)


def cast(kind: str, value: Scalar) -> Scalar:
    """What the evaluator makes of a value: a text is parsed.

    Raises:
        UnfitError: nothing.
    """
    return parse(kind, value) if isinstance(value, str) else _CASTS[kind](value)


def constant_kind(text: str) -> str:
    """The type of a constant that does not state one."""
    if text == "":
        return "string"
    if text.lower() in _WORDS:
        return "double"
    try:
        if "." in text:
            _decimal(text)
            return "double"
    except UnfitError:
        return "string"
    return "integer" if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) and abs(int(text)) < 2**63 else "string"


def common(one: str, other: str) -> str | None:
    """The least type of two numbers that holds both, or None where one is no number."""
    if one not in NUMBERS or other not in NUMBERS:
        return None
    return max(one, other, key=NUMBERS.index)


def single(value: float) -> float:
    """The nearest float32, as a double."""
    with np.errstate(over="ignore"):
        return float(np.float32(value)) + 0.0


def _decimal(text: str) -> float:
    stripped = text.strip("".join(map(chr, range(33))))
    if stripped in _JAVA_WORDS:
        return _JAVA_WORDS[stripped]
    if not _DECIMAL.fullmatch(stripped):
        raise UnfitError(text)
    return float(stripped.rstrip("fFdD")) + 0.0


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise UnfitError(text)
    return text.lower() == "true"


def _double(text: str) -> float:
    if text.lower() in _WORDS:
        return float(_WORDS[text.lower()])
    try:
        return _decimal(text)
    except UnfitError:
        return float(_flag(text))


def _float(text: str) -> float:
    return single(_double(text))


def _integer(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        return _in_range(int(text))
    try:
        found = _decimal(text)
    except UnfitError:
        return int(_flag(text))
    return _whole(found)


def _in_range(value: int) -> int:
    if not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        raise UnfitError(value)
    return value


def _whole(value: float) -> int:
    if not np.isfinite(value) or value != int(value):
        raise UnfitError(value)
    return _in_range(int(value))


def _boolean(text: str) -> bool:
    try:
        return _flag(text)
    except UnfitError:
        return _as_flag(_double(text))


def _as_flag(value: Scalar) -> bool:
    if value in (0, 1):
        return bool(value)
    raise UnfitError(value)


def _as_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value == int(value) and abs(value) < _PLAIN:
        return f"{value:.1f}"
    # Java writes other doubles in its own way, which is not always the shortest.
    raise UnfitError(value)


_PARSERS: dict[str, Callable[[str], Scalar]] = {
    "string": str,
    "integer": _integer,
    "float": _float,
    "double": _double,
    "boolean": _boolean,
}
_CASTS: dict[str, Callable[[Scalar], Scalar]] = {
    "string": _as_text,
    "integer": lambda value: _whole(float(value)),
    "float": lambda value: single(float(value)),
    "double": lambda value: float(value) + 0.0,
    "boolean": _as_flag,
}
