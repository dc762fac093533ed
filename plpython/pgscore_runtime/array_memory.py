"""Arrays of doubles as PostgreSQL holds them in memory, which numpy reads and writes without a step for each number.

An array is, in the machine's own byte order: its length, dimensions, where the elements begin if any is NULL, else 0,
and their type; then for each dimension its length, and for each where it begins; then a bit for each element, 0 for
NULL, if any is; then those that are not NULL. Places count from the array's length, which `bytea` has for its own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    FloatArray = numpy.typing.NDArray[numpy.float64]
    BoolArray = numpy.typing.NDArray[numpy.bool_]

_LENGTH = 4
_HEAD = 16
_EACH_DIMENSION = 8
_ALIGNED = 8
_DOUBLE = 701


def read_array(content: bytes) -> FloatArray:
    """The elements of an array of doubles of any dimensions, one behind the other; NaN for NULL."""
    import numpy as np

    dimensions, offset = struct.unpack_from("=ii", content)
    bits = _HEAD + _EACH_DIMENSION * dimensions
    if not offset:
        return np.frombuffer(content, dtype=float, offset=bits - _LENGTH)
    many = int(np.prod(struct.unpack_from(f"={dimensions}i", content, _HEAD - _LENGTH)))
    flags = np.frombuffer(content, dtype=np.uint8, count=-(-many // 8), offset=bits - _LENGTH)
    values = np.full(many, np.nan)
    values[np.unpackbits(flags, count=many, bitorder="little").astype(bool)] = np.frombuffer(
        content, dtype=float, offset=offset - _LENGTH
    )
    return values


def write_array(values: FloatArray, known: BoolArray) -> bytes:
    """An array of doubles of one dimension, with NULL for those that are not known."""
    import numpy as np

    if len(values) == 0:
        return struct.pack("=iiI", 0, 0, _DOUBLE)
    offset, bits = 0, b""
    if not known.all():
        values = values[known]
        bits = np.packbits(known, bitorder="little").tobytes()
        bits += bytes(-len(bits) % _ALIGNED)
        offset = _HEAD + _EACH_DIMENSION + len(bits)
    return struct.pack("=iiIii", 1, offset, _DOUBLE, len(known), 1) + bits + values.tobytes()
