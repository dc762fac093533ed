"""What an ONNX graph says of itself: its inputs, the output that is the score, and the classes.

As `pgscore_runtime.onnx_file` finds it by asking onnxruntime; here of the file alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

from .graph import array
from .values import BOOLEAN, DOUBLE, INTEGERS, KINDS, SINGLE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx

_MAPS, _LABELS = "maps", (TEXT, *INTEGERS)
_SCORES = (SINGLE, DOUBLE)
_STATED = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
# What hands labels on as they are.
_PASSES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast")


@dataclass(frozen=True)
class GraphInput:
    """An input of a graph.

    Attributes:
        name: its name.
        kind: of its elements.
        shape: behind the rows: no number, or how many columns it has.
    """

    name: str
    kind: str
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """How many columns it has."""
        return self.shape[0] if self.shape else 1


@dataclass(frozen=True)
class Described:
    """What a graph takes and gives.

    Attributes:
        inputs: in their order.
        label: the output that is a label, or None.
        scores: the output that is a number for each class, or a value; None where there is a label alone.
        classes: the labels; None for a value.
    """

    inputs: tuple[GraphInput, ...]
    label: str | None
    scores: str | None
    classes: tuple[Any, ...] | None


def describe_graph(model: onnx.ModelProto, output: str | None = None) -> Described:
    """What a model takes and gives.

    Args:
        model: within the limits of `graph.check`.
        output: the output that is the score, where there are several.

    Raises:
        PgscoreError: an input is no column or columns of rows, or which output is the score is not said.
    """
    constants = {each.name for each in model.graph.initializer}
    inputs = tuple(_input(each) for each in model.graph.input if each.name not in constants)
    if not inputs:
        raise PgscoreError("the graph takes no input", "Publish a graph that reads columns.")
    label, scores = _chosen(model, output)
    return Described(inputs, label, scores, _classes(model, label, scores))


def _input(given: onnx.ValueInfoProto) -> GraphInput:
    what = f"the input {given.name!r}"
    if given.type.WhichOneof("value") != "tensor_type":
        raise PgscoreError(f"{what} is no tensor", "Export the model with tensors as inputs.")
    tensor = given.type.tensor_type
    kind = KINDS.get(tensor.elem_type)
    if kind not in (SINGLE, DOUBLE, *INTEGERS, TEXT, BOOLEAN):
        raise PgscoreError(f"{what} is of a kind that is not read", "float, double, int32, int64, bool and string are.")
    sizes = list(tensor.shape.dim)
    if not tensor.HasField("shape") or len(sizes) not in (1, 2):
        raise PgscoreError(f"{what} is not rows and columns", "Export the model with inputs of the shape [None, k].")
    if sizes[0].WhichOneof("value") == "dim_value" and sizes[0].dim_value >= 0:
        raise PgscoreError(
            f"{what} takes {sizes[0].dim_value} rows at a time", "Export the model with any number of rows: None."
        )
    if len(sizes) > 1 and sizes[1].dim_value < 1:
        raise PgscoreError(
            f"{what} does not say how many columns it has", "Export the model with their number: [None, k]."
        )
    return GraphInput(given.name, kind, tuple(each.dim_value for each in sizes[1:]))


def _kind(output: onnx.ValueInfoProto) -> str | None:
    which = output.type.WhichOneof("value")
    if which == "sequence_type":
        return _MAPS if output.type.sequence_type.elem_type.WhichOneof("value") == "map_type" else None
    return KINDS.get(output.type.tensor_type.elem_type) if which == "tensor_type" else None


def _width(output: onnx.ValueInfoProto) -> int | None:
    sizes = list(output.type.tensor_type.shape.dim)
    if len(sizes) < 2:  # noqa: PLR2004
        return 1
    return sizes[1].dim_value if sizes[1].WhichOneof("value") == "dim_value" else None


def _chosen(model: onnx.ModelProto, name: str | None) -> tuple[str | None, str | None]:
    """The outputs that are a label, and numbers."""
    outputs = {each.name: each for each in model.graph.output}
    names = ", ".join(map(repr, outputs))
    if name is not None and name not in outputs:
        raise PgscoreError(f"the graph has no output {name!r}", f"It has {names}.")
    if name is not None or len(outputs) == 1:
        only = outputs[name] if name is not None else next(iter(outputs.values()))
        kind = _kind(only)
        if kind in (_MAPS, *_SCORES):
            return None, only.name
        if kind not in _LABELS:
            raise PgscoreError(
                f"the output {only.name!r} is of a kind that is no score", "Choose another with --output."
            )
        return (None, only.name) if kind != TEXT and stated(model, only.name) is None else (only.name, None)
    labels = [each for each in outputs.values() if _kind(each) in _LABELS]
    scores = [each for each in outputs.values() if _kind(each) in (_MAPS, *_SCORES)]
    pair = len(outputs) == 2 and len(labels) == len(scores) == 1  # noqa: PLR2004
    if not pair or (_kind(scores[0]) != _MAPS and _width(scores[0]) == 1):
        raise PgscoreError(
            f"the graph has {len(outputs)} outputs, {names}, and a score is one of them", "Choose it with --output."
        )
    return labels[0].name, scores[0].name


def stated(model: onnx.ModelProto, name: str) -> tuple[Any, ...] | None:
    """The labels that the node states which makes an output, or what that is made of; None where none does."""
    makers = {made: node for node in model.graph.node for made in node.output}
    constants = {each.name: each for each in model.graph.initializer}
    node = makers.get(name)
    for _ in range(len(model.graph.node)):
        if node is None:
            return None
        attributes = {each.name: each for each in node.attribute}
        for wanted in _STATED:
            if wanted in attributes and (found := _listed(attributes[wanted])):
                return found
        if node.op_type in ("ArrayFeatureExtractor", "Gather") and node.input and node.input[0] in constants:
            tensor = array(constants[node.input[0]], f"output {name!r}")
            return tuple(tensor.ravel().tolist()) if tensor.dtype.kind in "iO" else None
        if node.op_type == "LabelEncoder":
            texts = attributes.get("values_strings") or attributes.get("values_int64s")
            return _listed(texts) if texts is not None else None
        node = makers.get(node.input[0]) if node.op_type in _PASSES and node.input else None
    return None


def _listed(attribute: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return tuple(each.decode(errors="replace") for each in attribute.strings) or tuple(attribute.ints)


def _classes(model: onnx.ModelProto, label: str | None, scores: str | None) -> tuple[Any, ...] | None:
    outputs = {each.name: each for each in model.graph.output}
    kind = _kind(outputs[scores]) if scores is not None else None
    width = _width(outputs[scores]) if scores is not None and kind in _SCORES else None
    if label is None and (kind not in (_MAPS, *_SCORES) or width == 1):
        return None
    found = None
    for name in (scores, label):
        found = found or (stated(model, name) if name is not None else None)
    if found is None and label is None and _maker(model, scores) != "Softmax":
        raise PgscoreError(
            f"the output {scores!r} gives several numbers for each row, and no probabilities by Softmax",
            "Export the graph with Softmax at its end, or with one number for each row.",
        )
    if found is None and width is not None and (label is None or _kind(outputs[label]) != TEXT):
        found = tuple(range(width))
    if found is None or (width is not None and width != len(found)):
        raise PgscoreError(
            "the graph does not say which of its numbers belongs to which label", "Export it with ZipMap."
        )
    return found


def _maker(model: onnx.ModelProto, name: str | None) -> str:
    """The operator that makes an output, behind what hands it on as it is."""
    makers = {made: node for node in model.graph.node for made in node.output}
    node = makers.get(name or "")
    for _ in range(len(model.graph.node)):
        if node is None or node.op_type not in _PASSES or not node.input:
            break
        node = makers.get(node.input[0])
    return "" if node is None else str(node.op_type)


def columns_of(inputs: Iterable[GraphInput]) -> list[GraphInput]:
    """For each column of a table the input that takes it."""
    return [each for each in inputs for _ in range(each.width)]
