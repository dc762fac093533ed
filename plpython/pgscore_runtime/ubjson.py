"""Walking through UBJSON, in which XGBoost writes models: whether all of it is there, and what its short values are.

XGBoost itself takes a length out of a file that is cut short for what it says, and asks for as much memory.
The format: https://ubjson.org/type-reference. XGBoost writes arrays of numbers with their type and length in front.
"""

from __future__ import annotations

import struct
from typing import Any

_NUMBERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
_WORDS = {"T": True, "F": False, "Z": None}
# Longer arrays are passed over.
_MOST_READ = 16
_MOST_DEPTH = 64


def read_ubjson(content: bytes) -> Any:  # noqa: ANN401
    """The document; None for a long array of numbers.

    Raises:
        ValueError: it is no UBJSON, or is cut short, or something follows it.
    """
    walk = _Walk(content)
    found = walk.value(0)
    if walk.position != len(content):
        raise ValueError(f"{len(content) - walk.position} bytes follow its end")
    return found


class _Walk:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def value(self, depth: int) -> Any:  # noqa: ANN401
        mark = self._mark()
        if depth > _MOST_DEPTH:
            raise ValueError("it is nested too deeply")
        if mark == "{":
            return self._object(depth)
        if mark == "[":
            return self._array(depth)
        if mark == "S":
            return self._text()
        if mark == "C":
            return self._take(1).decode("latin-1")
        if mark in _WORDS:
            return _WORDS[mark]
        return self._number(mark)

    def _object(self, depth: int) -> dict[str, Any]:
        found = {}
        while self._peek() != "}":
            name = self._text()
            found[name] = self.value(depth + 1)
        self.position += 1
        return found

    def _array(self, depth: int) -> list[Any] | None:
        kind = None
        if self._peek() == "$":
            self.position += 1
            kind = self._mark()
        if self._peek() == "#":
            self.position += 1
            size = self._size()
            if kind is None:
                # Each takes a byte at least, so none of what is not there is made.
                return [self.value(depth + 1) for _ in range(size)]
            each = struct.calcsize(f"={self._format(kind)}")
            taken = self._take(size * each)
            return list(struct.unpack(f">{size}{self._format(kind)}", taken)) if size <= _MOST_READ else None
        found = []
        while self._peek() != "]":
            found.append(self.value(depth + 1))
        self.position += 1
        return found

    def _text(self) -> str:
        return self._take(self._size()).decode(errors="replace")

    def _size(self) -> int:
        size = int(self._number(self._mark()))
        if size < 0:
            raise ValueError("a length is negative")
        return size

    def _number(self, mark: str) -> Any:  # noqa: ANN401
        kind = f">{self._format(mark)}"
        return struct.unpack(kind, self._take(struct.calcsize(kind)))[0]

    def _format(self, mark: str) -> str:
        if mark not in _NUMBERS:
            raise ValueError(f"{mark!r} is no type")
        return _NUMBERS[mark]

    def _mark(self) -> str:
        return self._take(1).decode("latin-1")

    def _peek(self) -> str:
        if self.position >= len(self._content):
            raise ValueError("it ends in the middle")
        return chr(self._content[self.position])

    def _take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._content):
            raise ValueError("it ends in the middle")
        taken = self._content[self.position : end]
        self.position = end
        return taken
