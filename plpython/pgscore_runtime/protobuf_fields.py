"""Fields of a message in protobuf's wire format, one after the other, without the library and without trust.

Whatever protobuf's own reader might take for something else is refused: groups, numbers of fields and lengths that are
longer than they need be, what goes past the end (https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .errors import DATA_CORRUPTED, INVALID_PARAMETER, Refusal

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Of fields that are looked at one by one, in all of a file: about a second's worth.
_MOST_FIELDS = 2_000_000
_LONGEST_TAG = 5
_LONGEST_VARINT = 10
_MORE = 0x80


class Field(NamedTuple):
    """A field of a message: its number, its wire type, and its value, or where its bytes are.

    Attributes:
        number: of the field, in the schema.
        wire: how it is written.
        value: of a varint; 0 otherwise.
        start: where its bytes begin.
        end: where they end.
    """

    number: int
    wire: int
    value: int
    start: int
    end: int


class Message:
    """The bytes of a file, and how many more of its fields are looked at."""

    def __init__(self, content: bytes, what: str) -> None:
        self.content = content
        self._what = what
        self._left = _MOST_FIELDS

    def fields(self, start: int, end: int, skipped: re.Pattern[bytes] | None = None) -> Iterator[Field]:
        """The fields of the message that stands there.

        Args:
            start: where it begins.
            end: where it ends.
            skipped: what matches whole fields that need not be looked at, as many as there are.

        Raises:
            Refusal: it is malformed, goes past its end, or the file has had too many.
        """
        position = start
        while position < end:
            if skipped is not None and (match := skipped.match(self.content, position, end)) is not None:
                position = match.end()
                continue
            self._left -= 1
            if self._left < 0:
                raise Refusal(INVALID_PARAMETER, f"{self._what} has more than {_MOST_FIELDS:,} fields")
            tag, position = self.varint(position, end, _LONGEST_TAG)
            number, wire = tag >> 3, tag & 7
            value = 0
            first = position
            if wire == VARINT:
                value, position = self.varint(position, end)
            elif wire == BYTES:
                length, first = self.varint(position, end, _LONGEST_TAG)
                position = first + length
            elif wire in (FIXED32, FIXED64):
                position += 4 if wire == FIXED32 else 8
            else:
                raise self.malformed(f"a field of wire type {wire} at byte {first}")
            if position > end:
                raise self.malformed(f"a field that ends past its message, at byte {first}")
            if not 0 < tag < 2**32 or number == 0:
                raise self.malformed(f"no number of a field at byte {first}")
            yield Field(number, wire, value, first, position)

    def varint(self, position: int, end: int, longest: int = _LONGEST_VARINT) -> tuple[int, int]:
        """The number that stands there, and where it ends."""
        value = 0
        for count in range(longest):
            if position + count >= end:
                raise self.malformed(f"a number that goes past its message, at byte {position}")
            byte = self.content[position + count]
            value |= (byte & ~_MORE) << 7 * count
            if byte < _MORE:
                return value, position + count + 1
        raise self.malformed(f"a number that does not end, at byte {position}")

    def malformed(self, found: str) -> Refusal:
        """A refusal that says what was found where."""
        return Refusal(
            DATA_CORRUPTED, f"{self._what} is no ONNX file, or is cut short: it has {found}", "Export it again."
        )
