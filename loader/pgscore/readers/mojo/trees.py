"""H2O's compressed trees: bytes that are walked from the root on, as hex.genmodel.algos.tree.SharedTreeMojoModel does.

A node has a byte of type, two of its column (65535: this is a leaf, whose float follows), one of where NaN goes, then
what it tests, and its left child; the right one begins where that ends. `scoreTree` compares the double of the row
with the float of the node: right from ``d >= split`` on. A set of codes has a bit for each: 1 goes right.

The type's bits: 1 and 2, how many bytes the length of the left child takes, less one; 16 and 32, that it is a leaf;
64 and 128, that the right one is; 8, a set of 32 codes; 8 and 4, a set of any size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.ensemble import Codes, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAF = 65_535
_NA_VS_REST, _NA_LEFT, _LEFT = 1, 2, 4
_LEFT_LEAF, _RIGHT_LEAF = 48, 0x40
_LENGTHS = 3
_SMALL_SET, _SET = 8, 12
_SMALL_BITS = 32
# Of a program.
_MOST_DEPTH, _MOST_NODES = 1_000, 4_000_000
# Of all sets together, each counted once.
_MOST_MEMBERS = 1_000_000
_AUX = 40
_FIRST, _SECOND = 1.0, 1.1


class _Bits(NamedTuple):
    """A set of codes: so many from the first one on, a bit for each."""

    first: int
    size: int
    bits: bytes

    def holds(self, code: int) -> bool:
        place = code - self.first
        return bool(self.bits[place >> 3] >> (place & 7) & 1)

    def known(self, levels: int) -> range:
        """The codes of a domain that are in its range."""
        return range(min(self.first, levels), min(self.first + self.size, levels))


@dataclass
class _Nodes:
    """The arrays of a tree as they come."""

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    codes: dict[int, Codes] = field(default_factory=dict)

    def leaf(self, value: float) -> int:
        """A leaf; its number."""
        return self._append(-1, 0.0, 0, value)

    def test(self, feature: int, threshold: float, *, missing_left: bool) -> int:
        """A node without its children; its number."""
        return self._append(feature, threshold, int(missing_left), 0.0)

    def _append(self, feature: int, threshold: float, missing_left: int, value: float) -> int:
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.left.append(-1)
        self.right.append(-1)
        self.missing_left.append(missing_left)
        self.values.append(value)
        return len(self.feature) - 1


class _Waiting(NamedTuple):
    """A child that is to be read: where it begins, whether it is a bare float; whose it is, on which side."""

    position: int
    end: int
    is_leaf: bool
    parent: int
    is_right: bool
    depth: int
    # The set that was met last on the way: see `_rest`.
    last: _Bits | None


class TreeReader:
    """Reads the trees of one MOJO.

    Args:
        levels: for each feature how many categories it has; None for a number.
        version: of the format.
    """

    def __init__(self, levels: Sequence[int | None], version: float) -> None:
        self._levels = levels
        self._version = version
        self._sets: dict[tuple[_Bits, int, bool], Codes] = {}
        self._members = self._read = 0
        self._part = ""
        self._content = b""

    def read(self, content: bytes, part: str, target: int, aux: bytes | None) -> Tree:
        """A tree.

        Args:
            content: its bytes.
            part: the name of its entry.
            target: the output that its leaves are added to.
            aux: the weights of its nodes.

        Raises:
            NotAProgramError: it is damaged, or tests something that a program does not.
        """
        self._content, self._part = content, part
        nodes = _Nodes()
        waiting = [_Waiting(0, len(content), is_leaf=False, parent=-1, is_right=False, depth=0, last=None)]
        while waiting:
            each = waiting.pop()
            if each.depth > _MOST_DEPTH:
                raise self._damaged(f"is deeper than {_MOST_DEPTH:,} tests")
            self._read += 1
            if self._read > _MOST_NODES:
                raise self._damaged(f"and trees before it have more than {_MOST_NODES:,} nodes")
            number, children = self._node(each, nodes)
            if each.parent >= 0:
                (nodes.right if each.is_right else nodes.left)[each.parent] = number
            waiting += children
        return Tree(
            feature=np.array(nodes.feature, dtype=np.int64),
            threshold=np.array(nodes.threshold, dtype=np.float64),
            left=np.array(nodes.left, dtype=np.int64),
            right=np.array(nodes.right, dtype=np.int64),
            missing_left=np.array(nodes.missing_left, dtype=np.int64),
            values=np.array(nodes.values, dtype=np.float64).reshape(-1, 1),
            target=target,
            codes=nodes.codes,
            cover=_covers(nodes, aux),
        )

    def _damaged(self, why: str) -> NotAProgramError:
        return NotAProgramError(self._part, why)

    def _take(self, kind: str, position: int, end: int) -> int:
        size = struct.calcsize(kind)
        if position + size > end:
            raise self._damaged("is damaged: a node of it is cut short")
        found: int = struct.unpack_from(kind, self._content, position)[0]
        return found

    def _float(self, position: int, end: int) -> float:
        return float(self._take("<f", position, end))

    def _leaf(self, position: int, end: int, nodes: _Nodes) -> int:
        value = self._float(position, end)
        if not isfinite(value):
            raise self._damaged(f"has a leaf that is {value}")
        return nodes.leaf(value)

    def _node(self, each: _Waiting, nodes: _Nodes) -> tuple[int, list[_Waiting]]:
        """A node, and what is to be read of its children, the right one first."""
        position, end = each.position, each.end
        if each.is_leaf:
            return self._leaf(position, end, nodes), []
        kind, column = self._take("<B", position, end), self._take("<H", position + 1, end)
        if column == _LEAF:
            return self._leaf(position + 3, end, nodes), []
        if column >= len(self._levels):
            raise self._damaged(f"tests column {column}, and the model has {len(self._levels)}")
        direction = self._take("<B", position + 3, end)
        position += 4
        bits, last = None, each.last
        split = float("inf")
        if direction != _NA_VS_REST:
            if kind & _SET == 0:
                split, position = self._float(position, end), position + 4
            else:
                bits, position = self._bits(kind & _SET, position, end)
                last = bits
        number = self._test(column, split, bits, direction, kind & _SET, each.last, nodes)
        left, right = self._children(kind, position, end)
        depth = each.depth + 1
        return number, [
            _Waiting(*right, bool(kind & _RIGHT_LEAF), number, is_right=True, depth=depth, last=last),
            _Waiting(*left, kind & _LEFT_LEAF == _LEFT_LEAF, number, is_right=False, depth=depth, last=last),
        ]

    def _children(self, kind: int, position: int, end: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where the children begin and end: the left one is no longer than it says, so no byte is read twice."""
        mask = kind & (_LEFT_LEAF | _LENGTHS)
        if mask == _LEFT_LEAF:
            size = 4
        elif mask <= _LENGTHS:
            size = 0
            for place in range(mask + 1):
                size |= self._take("<B", position + place, end) << (8 * place)
            position += mask + 1
        else:
            raise self._damaged("is damaged: a node of it is of no known type")
        if not 0 < size < end - position:
            raise self._damaged("is damaged: a child of it lies outside")
        return (position, position + size), (position + size, end)

    def _bits(self, kind: int, position: int, end: int) -> tuple[_Bits, int]:
        """The set of a node (GenmodelBitSet), and where it ends."""
        if kind == _SMALL_SET:
            first, count = 0, _SMALL_BITS
        elif kind == _SET:
            first = self._take("<H", position, end)
            if self._version <= _SECOND:
                count, position = 8 * self._take("<H", position + 2, end), position + 4
            else:
                count, position = self._take("<i", position + 2, end), position + 6
        else:
            raise self._damaged("is damaged: a node of it makes no known test")
        size = (count + 7) >> 3
        if count <= 0 or position + size > end:
            raise self._damaged("is damaged: a set of codes is cut short")
        return _Bits(first, count, self._content[position : position + size]), position + size

    def _test(
        self,
        column: int,
        split: float,
        bits: _Bits | None,
        direction: int,
        kind: int,
        last: _Bits | None,
        nodes: _Nodes,
    ) -> int:
        """What a node tests."""
        levels = self._levels[column]
        if bits is None and isnan(split):
            raise self._damaged("splits a column at NaN")
        # Left where the double is smaller than the float: where it is at most the double before.
        threshold = float(np.nextafter(split, -np.inf)) if direction != _NA_VS_REST else split
        number = nodes.test(column, threshold, missing_left=direction in (_NA_LEFT, _LEFT))
        if bits is not None:
            nodes.codes[number] = self._codes(bits, self._known_levels(levels), direction in (_NA_LEFT, _LEFT))
        elif direction == _NA_VS_REST and kind and last is not None and self._version > _FIRST:
            nodes.codes[number] = self._rest(last, self._known_levels(levels))
        return number

    def _known_levels(self, levels: int | None) -> int:
        if levels is None:
            raise self._damaged("tests whether a number is in a set of categories")
        return levels

    def _codes(self, bits: _Bits, levels: int, missing_left: bool) -> Codes:
        """Codes whose bit is not set go left; those out of range as NaN, in the first version of the format left."""
        key = (bits, levels, missing_left)
        if key not in self._sets:
            known = frozenset(bits.known(levels))
            left = frozenset(code for code in known if not bits.holds(code))
            # A program lists those that do not go as a text that nobody knows does.
            self._count(len(known - left if missing_left else left))
            self._sets[key] = Codes(left, known, True if self._version == _FIRST else None)
        return self._sets[key]

    def _rest(self, last: _Bits, levels: int) -> Codes:
        """NaN goes right, and all others left; but codes out of the range of the set that was met last go as NaN.

        `scoreTree` does not clear its set between nodes.
        """
        known = frozenset(last.known(levels))
        self._count(len(known))
        return Codes(known, known, others_left=False)

    def _count(self, members: int) -> None:
        self._members += members
        if self._members > _MOST_MEMBERS:
            raise self._damaged(
                f"and trees before it test sets of more than {_MOST_MEMBERS:,} categories together, more than a program"
                " has room for"
            )


def _covers(nodes: _Nodes, aux: bytes | None) -> np.ndarray | None:
    """The weights of leaves, summed up to the root; None where the file does not tell all of them.

    A record of 40 bytes for each inner node, as SharedTreeMojoModel.AuxInfo reads it: its number, what counts no more,
    the weights of its children, their predictions and errors, and their numbers. The root is 0.
    """
    if aux is None or len(aux) % _AUX:
        return None
    records = {
        record[0]: (record[2], record[3], record[8], record[9]) for record in struct.iter_unpack("<iiffffffii", aux)
    }
    cover = np.zeros(len(nodes.feature))
    names = {0: 0}
    inner = [node for node, feature in enumerate(nodes.feature) if feature >= 0]
    if not inner:
        # Whatever its weight, it adds the same to every row.
        return np.ones(1)
    for node in inner:
        record = records.get(names.get(node, -1))
        if record is None:
            return None
        for child, weight, name in ((nodes.left[node], *record[::2]), (nodes.right[node], *record[1::2])):
            names[child], cover[child] = int(name), weight
    for node in reversed(inner):
        cover[node] = cover[nodes.left[node]] + cover[nodes.right[node]]
    return cover if bool(np.isfinite(cover).all() and (cover >= 0).all()) else None
