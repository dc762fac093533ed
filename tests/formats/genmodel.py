"""What genmodel makes of a row and the bytes of a tree: scoreTree and its older forms, line by line.

hex.genmodel.algos.tree.SharedTreeMojoModel; biz.k11i.xgboost.tree.RegTreeImpl. The tests' own: readers know nothing of
it. It raises IndexError or struct.error where Java raises an error of its own.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Buffer:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0

    def get(self, kind: str) -> Any:  # noqa: ANN401
        if self.position < 0:
            raise IndexError
        found = struct.unpack_from(f"<{kind}", self.content, self.position)[0]
        self.position += struct.calcsize(f"<{kind}")
        return found

    def get3(self) -> int:
        return int(self.get("B")) | int(self.get("B")) << 8 | int(self.get("B")) << 16

    def skip(self, count: int) -> None:
        self.position += count
        if not 0 <= self.position <= len(self.content):
            raise IndexError


class _BitSet:
    def __init__(self, buffer: _Buffer, size: int, first: int) -> None:
        if size <= 0:
            raise IndexError
        self.content, self.start, self.size, self.first = buffer.content, buffer.position, size, first
        buffer.skip(((size - 1) >> 3) + 1)

    def in_range(self, code: int) -> bool:
        return 0 <= code - self.first < self.size

    def contains(self, code: int) -> bool:
        place = code - self.first
        return bool(self.content[self.start + (place >> 3)] >> (place & 7) & 1)


def score_tree(tree: bytes, row: Sequence[float], version: float, met: set[tuple[int, float]] | None = None) -> float:
    """The leaf of a row, whose categories are codes.

    Args:
        tree: its bytes.
        row: the features.
        version: of the format.
        met: gets what columns are compared with on the way.
    """
    buffer = _Buffer(tree)
    bits: _BitSet | None = None
    while True:
        kind, column = buffer.get("B"), buffer.get("H")
        if column == 65535:
            return float(buffer.get("f"))
        direction = buffer.get("B")
        na_vs_rest, leftward = direction == 1, direction in (2, 4)
        lmask, equal = kind & 51, kind & 12
        split = -1.0
        if not na_vs_rest:
            if equal == 0:
                split = buffer.get("f")
                if met is not None:
                    met.add((column, split))
            else:
                bits = _bits(buffer, equal, version)
        d = row[column]
        if _is_right(d, split, bits, equal, version, na_vs_rest=na_vs_rest, leftward=leftward):
            if lmask == 48:
                buffer.skip(4)
            else:
                buffer.skip(
                    [lambda: buffer.get("B"), lambda: buffer.get("H"), buffer.get3, lambda: buffer.get("i")][lmask]()
                )
            lmask = (kind & 0xC0) >> 2
        elif lmask <= 3:
            buffer.skip(lmask + 1)
        if lmask & 16:
            return float(buffer.get("f"))


def _bits(buffer: _Buffer, equal: int, version: float) -> _BitSet:
    if equal == 8:
        return _BitSet(buffer, 32, 0)
    first = buffer.get("H")
    size = buffer.get("H") * 8 if version <= 1.1 else buffer.get("i")
    return _BitSet(buffer, size, first)


def _is_right(
    d: float, split: float, bits: _BitSet | None, equal: int, version: float, *, na_vs_rest: bool, leftward: bool
) -> bool:
    if math.isnan(d):
        return not leftward
    if version > 1.0 and equal and bits is not None and not bits.in_range(int(d)):
        return not leftward
    if na_vs_rest:
        return False
    if equal == 0 or bits is None:
        return d >= split
    return bits.in_range(int(d)) and bits.contains(int(d))


def booster_leaf(
    tree: Sequence[tuple[int, int, int, float]], row: Sequence[float], met: set[tuple[int, float]]
) -> float:
    """The leaf of a row in a tree of XGBoost.

    Args:
        tree: for each node its children, its column with the highest bit for where NaN goes, and its number.
        row: the columns, as float32.
        met: gets what columns are compared with on the way.
    """
    left, right, split, number = tree[0]
    while left != -1:
        column = split & 0x7FFFFFFF
        met.add((column, number))
        value = row[column]
        default = left if split >> 31 else right
        left, right, split, number = tree[default if math.isnan(value) else left if value < number else right]
    return number


def booster_trees(content: bytes) -> list[list[tuple[int, int, int, float]]]:
    """The trees of a booster's bytes, behind its names."""
    content = content.removeprefix(b"binf")
    (name,) = struct.unpack_from("<q", content, 136)
    (other,) = struct.unpack_from("<q", content, 144 + name)
    position = 152 + name + other
    (count,) = struct.unpack_from("<i", content, position)
    position += 160
    trees = []
    for _ in range(count):
        (nodes,) = struct.unpack_from("<i", content, position + 4)
        position += 148
        fields = list(struct.iter_unpack("<iiiIf", content[position : position + 20 * nodes]))
        trees.append([each[1:] for each in fields])
        position += 36 * nodes
    return trees
