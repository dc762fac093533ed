"""The labels of a classifier in an ONNX graph: onnxruntime tells an output's type, and not which labels it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .onnx_fields import Attribute, Tensor
from .protobuf_fields import BYTES, FIXED32, VARINT

if TYPE_CHECKING:
    from .onnx_outline import Node, Outline

Labels = tuple[int, ...] | tuple[str, ...]

# Of ZipMap, and of the classifiers of ai.onnx.ml.
_STATED = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
# What hands labels on as they are, and where from: the first of what it reads.
_PASSES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast")
_INT32, _STRING, _INT64 = 6, 8, 7
_MOST_LABELS = 10_000


def stated_labels(found: Outline, output: str) -> Labels | None:
    """The labels that the node states which makes an output, or what that is made of; None where none does."""
    makers = {name: node for node in found.nodes for name in node.outputs}
    node = makers.get(output)
    for _ in range(len(found.nodes)):
        if node is None:
            return None
        for name in _STATED:
            if labels := _labels(found, node, name):
                return labels
        taken = _taken(found, node)
        if taken is not None:
            return taken
        if node.operator not in _PASSES or not node.inputs:
            return None
        node = makers.get(node.inputs[0])
    return None


def maker(found: Outline, output: str) -> str:
    """The operator that makes an output, behind what hands it on as it is; empty where nothing does."""
    makers = {name: node for node in found.nodes for name in node.outputs}
    node = makers.get(output)
    for _ in range(len(found.nodes)):
        if node is None or node.operator not in _PASSES or not node.inputs:
            break
        node = makers.get(node.inputs[0])
    return "" if node is None else node.operator


def _taken(found: Outline, node: Node) -> Labels | None:
    """Labels that stand in a tensor, of which a place is taken; or that a place is looked up as."""
    if node.operator in ("ArrayFeatureExtractor", "Gather") and node.inputs and node.inputs[0] in found.tensors:
        return _tensor(found, node.inputs[0])
    if node.operator == "LabelEncoder":
        return _labels(found, node, "values_strings") or _labels(found, node, "values_int64s") or None
    return None


def _labels(found: Outline, node: Node, name: str) -> Labels:
    """A list of texts or of numbers among the attributes of a node."""
    if name not in node.attributes:
        return ()
    texts, numbers = list[str](), list[int]()
    for field in found.message.fields(*node.attributes[name]):
        if field.number == Attribute.STRINGS and field.wire == BYTES:
            texts.append(_text(found, field.start, field.end))
        elif field.number == Attribute.INTS:
            numbers += _numbers(found, field.wire, field.value, field.start, field.end)
        if len(texts) + len(numbers) > _MOST_LABELS:
            raise Refusal(FEATURE_NOT_SUPPORTED, f"the graph has more than {_MOST_LABELS:,} labels")
    return tuple(texts) or tuple(numbers)


def _tensor(found: Outline, name: str) -> Labels | None:
    """The numbers or texts of an initializer, where they are labels."""
    kind, texts, numbers, raw = 0, list[str](), list[int](), b""
    start, end = found.tensors[name]
    if end - start > 100 * _MOST_LABELS:
        return None
    for field in found.message.fields(start, end):
        if field.number == Tensor.KIND:
            kind = field.value
        elif field.number == Tensor.STRINGS and field.wire == BYTES:
            texts.append(_text(found, field.start, field.end))
        elif field.number in (Tensor.INT32, Tensor.INT64):
            numbers += _numbers(found, field.wire, field.value, field.start, field.end)
        elif field.number == Tensor.RAW:
            raw = found.message.content[field.start : field.end]
    if kind == _STRING:
        return tuple(texts)
    if kind not in (_INT32, _INT64):
        return None
    size = 4 if kind == _INT32 else 8
    return tuple(numbers) or tuple(
        int.from_bytes(raw[place : place + size], "little", signed=True) for place in range(0, len(raw), size)
    )


def _text(found: Outline, start: int, end: int) -> str:
    try:
        return found.message.content[start:end].decode()
    except UnicodeDecodeError:
        raise found.message.malformed(f"a label that is no UTF-8 at byte {start}") from None


def _numbers(found: Outline, wire: int, value: int, start: int, end: int) -> list[int]:
    if wire == VARINT:
        return [value - 2**64 if value >= 2**63 else value]
    packed, position = list[int](), start
    if wire == FIXED32:
        raise found.message.malformed(f"no labels at byte {start}")
    while position < end and len(packed) <= _MOST_LABELS:
        each, position = found.message.varint(position, end)
        packed.append(each - 2**64 if each >= 2**63 else each)
    return packed
