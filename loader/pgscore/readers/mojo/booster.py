"""The booster in a MOJO of XGBoost: the library's old binary format, read as data.

As ai.h2o's xgboost-predictor reads it, with which genmodel scores (biz.k11i.xgboost.Predictor and what it calls).
All numbers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

if TYPE_CHECKING:
    import numpy.typing as npt

    Records = npt.NDArray[Any]
    Singles = npt.NDArray[np.float32]

PART = "boosterBytes"
_OLD, _SPARK = b"binf", b"\x00\x05\x5f"
_RESERVED, _TREES_HEAD, _TREE_HEAD, _LINEAR_HEAD = 4 * 27, 160, 148, 136
_MOST_TEXT, _MOST_CLASSES = 100, 1_000
_MOST_DEPTH = 1_000
_SPLIT = 0x7FFF_FFFF
# The last version that adds the base score at the end; the sums differ in their last bits.
NODE = np.dtype([("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")])
STAT = np.dtype([("gain", "<f4"), ("cover", "<f4"), ("weight", "<f4"), ("leaves", "<i4")])


@dataclass(frozen=True, eq=False)
class BoosterTree:
    """A tree: its nodes, their statistics, which of the nodes are reached, and the output that it is added to."""

    nodes: Records
    stats: Records
    reached: list[int]
    target: int


@dataclass(frozen=True, eq=False)
class Booster:
    """A booster.

    Attributes:
        kind: ``gbtree``, ``dart`` or ``gblinear``.
        objective: the name of what it was trained for.
        base: what each sum starts from; of `is_modern` ones, before the link.
        is_modern: whether it is of version 1 or newer.
        outputs: how many sums there are.
        features: how many columns it reads.
        trees: its trees.
        drops: of dart, weights; genmodel counts them anew for each output.
        weights: of gblinear, features by outputs, the biases last.
    """

    kind: str
    objective: str
    base: np.float32
    is_modern: bool
    outputs: int
    features: int
    trees: list[BoosterTree]
    drops: Singles | None
    weights: Singles | None


class _Stream:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def bytes(self, count: int) -> bytes:
        """So many bytes.

        Raises:
            NotAProgramError: there are fewer.
        """
        if not 0 <= count <= len(self._content) - self._position:
            raise NotAProgramError(PART, "is damaged: it is cut short")
        self._position += count
        return self._content[self._position - count : self._position]

    def number(self, kind: str) -> Any:  # noqa: ANN401
        """A number, as struct names its kind."""
        return struct.unpack(f"<{kind}", self.bytes(struct.calcsize(f"<{kind}")))[0]

    def text(self) -> str:
        """A short text, its length before it."""
        size = self.number("q")
        if not 0 <= size <= _MOST_TEXT:
            raise NotAProgramError(PART, "is damaged: it has a name of no known length")
        return self.bytes(size).decode("ascii", "replace")

    def records(self, kind: npt.DTypeLike, count: int) -> Records:
        """So many records of a numpy type."""
        if count < 0:
            raise NotAProgramError(PART, "is damaged: it has a count below 0")
        return np.frombuffer(self.bytes(count * np.dtype(kind).itemsize), dtype=kind)


def read_booster(content: bytes, columns: int) -> Booster:
    """The booster in these bytes, of a model that has so many columns.

    Raises:
        NotAProgramError: it is damaged, or of a kind that genmodel does not score.
    """
    stream = _Stream(content)
    first = stream.bytes(4)
    if first[:3] == _SPARK:
        raise NotAProgramError(PART, "was written by XGBoost on Spark")
    if first == _OLD:
        first = stream.bytes(4)
    (base,) = np.frombuffer(first, dtype="<f4")
    features, classes, has_buffer = stream.number("I"), stream.number("i"), stream.number("i")
    stream.number("i")
    major, _minor = stream.number("I"), stream.number("I")
    stream.bytes(_RESERVED)
    objective, kind = stream.text(), stream.text()
    if not 0 <= classes <= _MOST_CLASSES:
        raise NotAProgramError(PART, f"is damaged: it has {classes} classes")
    outputs = max(classes, 1)
    trees: list[BoosterTree] = []
    drops = weights = None
    if kind in ("gbtree", "dart"):
        trees = _trees(stream, columns, outputs, has_buffer=has_buffer != 0)
        drops = stream.records("<f4", stream.number("q")) if kind == "dart" and trees else None
    elif kind == "gblinear":
        stream.bytes(_LINEAR_HEAD)
        size = (features + 1) * outputs
        found = stream.number("q")
        if features != columns or found not in (0, size):
            raise NotAProgramError(PART, f"does not have weights of {columns} columns")
        weights = stream.records("<f4", found) if found else np.zeros(size, dtype=np.float32)
        weights = weights.reshape(features + 1, outputs)
    else:
        raise NotAProgramError(PART, f"is a booster {kind!r}, which genmodel does not know")
    return Booster(kind, objective, base, major >= 1, outputs, features, trees, drops, weights)


def _trees(stream: _Stream, columns: int, outputs: int, *, has_buffer: bool) -> list[BoosterTree]:
    head = stream.bytes(_TREES_HEAD)
    (count,), (buffered,), (width,) = (
        struct.unpack_from("<i", head), struct.unpack_from("<q", head, 16), struct.unpack_from("<i", head, 28),
    )  # fmt: skip
    if count * (_TREE_HEAD + NODE.itemsize) > len(stream._content):
        raise NotAProgramError(PART, f"is damaged: it says that it has {count} trees")
    parts = [_tree(stream, columns) for _ in range(count)]
    targets = stream.records("<i4", max(count, 0)).tolist()
    if buffered and has_buffer:
        for _ in range(2):
            stream.bytes(4 * outputs * buffered * (width + 1))
    # genmodel leaves out a tree of an output that is not there.
    return [BoosterTree(*part, target) for part, target in zip(parts, targets, strict=True) if 0 <= target < outputs]


def _tree(stream: _Stream, columns: int) -> tuple[Records, Records, list[int]]:
    (count,) = struct.unpack_from("<i", stream.bytes(_TREE_HEAD), 4)
    nodes, stats = stream.records(NODE, count), stream.records(STAT, count)
    left, right = nodes["left"].tolist(), nodes["right"].tolist()
    reached: list[int] = []
    seen = bytearray(max(count, 0))
    waiting = [(0, 0)]
    while waiting:
        node, depth = waiting.pop()
        if not 0 <= node < count or seen[node] or depth > _MOST_DEPTH:
            raise NotAProgramError(PART, "is damaged: the nodes of a tree of it are none")
        seen[node] = 1
        reached.append(node)
        if left[node] == -1:
            continue
        if int(nodes["split"][node]) & _SPLIT >= columns:
            raise NotAProgramError(PART, f"tests more than the {columns} columns of the model")
        waiting += [(right[node], depth + 1), (left[node], depth + 1)]
    if not np.isfinite(nodes["value"][reached]).all():
        raise NotAProgramError(PART, "has a split or a leaf that is not finite")
    return nodes, stats, reached
