"""ONNX files as data: what is accepted of them before anything is read of their nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.errors import NotAProgramError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

# What a file may hold: looked at before memory or time is spent on it.
MOST_BYTES = 64 * 2**20
MOST_NODES = 5_000
MOST_TENSORS = 10_000
MOST_NUMBERS = 20_000_000
# Operator sets of which each operator below is known, by domain.
OPSETS = {"": (7, 25), "ai.onnx.ml": (1, 5)}
_DOMAINS = {"ai.onnx": ""}
_TOO_LARGE = "A program of this size would not be scored in good time: publish a smaller model."
_AGAIN = "Save it again with onnx.save."


def parse(content: bytes) -> onnx.ModelProto:
    """A model of its bytes, within limits.

    Raises:
        PgscoreError: it is no ONNX file, cut short, too large, or holds what is not read: external data, functions,
            subgraphs, sparse tensors, operator sets that are not known.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if len(content) > MOST_BYTES:
        raise PgscoreError(f"the ONNX file has {len(content):,} bytes, and at most {MOST_BYTES:,} are read", _TOO_LARGE)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RuntimeError, ValueError):
        raise PgscoreError("the file is no ONNX model, or was cut short", _AGAIN) from None
    check(model)
    return model


def check(model: onnx.ModelProto) -> None:
    """Refuses what is not read of a model.

    Raises:
        PgscoreError: it holds some of that; the message names it.
    """
    graph = model.graph
    if not graph.output or not graph.input or not graph.node:
        raise PgscoreError("the ONNX file has no graph with inputs, nodes and outputs", _AGAIN)
    if len(graph.node) > MOST_NODES:
        raise PgscoreError(f"the graph has {len(graph.node):,} nodes, and at most {MOST_NODES:,} are read", _TOO_LARGE)
    if len(graph.initializer) > MOST_TENSORS:
        raise PgscoreError(
            f"the graph has {len(graph.initializer):,} tensors, and at most {MOST_TENSORS:,} are read", _TOO_LARGE
        )
    if model.functions:
        raise PgscoreError(
            f"the model defines the function {model.functions[0].name!r}, and functions of its own are not read",
            "Export it without functions.",
        )
    if graph.sparse_initializer:
        raise PgscoreError("the graph has sparse tensors, which are not read", "Export it with dense ones.")
    numbers = 0
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location != 0:
            raise PgscoreError(
                f"the tensor {tensor.name!r} stands in another file, which is not read",
                "Save the model into one file: onnx.save(model, path, save_as_external_data=False).",
            )
        numbers += _claimed(tensor)
        if numbers > MOST_NUMBERS:
            raise PgscoreError(f"the graph holds more than {MOST_NUMBERS:,} numbers", _TOO_LARGE)
    _check_nodes(graph)
    opsets(model)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _claimed(tensor: onnx.TensorProto) -> int:
    """How many numbers a tensor says that it has; no more than its bytes could hold."""
    count = 1
    for size in tensor.dims:
        if size < 0:
            raise PgscoreError(f"the tensor {tensor.name!r} has a negative size", _AGAIN)
        count = min(count * size, 2**62)
    held = len(tensor.raw_data) + sum(
        len(getattr(tensor, name)) for name in ("float_data", "int32_data", "int64_data", "double_data", "string_data")
    )
    if count > held:
        raise PgscoreError(f"the tensor {tensor.name!r} says it has {count:,} numbers, and holds fewer", _AGAIN)
    return count


def _check_nodes(graph: onnx.GraphProto) -> None:
    made = {each.name for each in graph.input} | {each.name for each in graph.initializer}
    for number, node in enumerate(graph.node):
        where = place(node, number)
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise PgscoreError(
                    f"{where} has a graph within, which is not read", "Export the model without If, Loop and Scan."
                )
            if attribute.ref_attr_name:
                raise PgscoreError(f"{where} has attributes of a function, which is not read", _AGAIN)
        for name in node.output:
            if name and name in made:
                raise PgscoreError(f"{where} makes {name!r} a second time", _AGAIN)
            made.add(name)


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    """The operator sets that a model uses, by domain: the empty one, and ``ai.onnx.ml``.

    Raises:
        PgscoreError: one is not known, or one that a node needs is not named.
    """
    found = {_DOMAINS.get(each.domain, each.domain): each.version for each in model.opset_import}
    used = {_DOMAINS.get(node.domain, node.domain) for node in model.graph.node}
    for domain in sorted(used & OPSETS.keys()):
        first, last = OPSETS[domain]
        name = domain or "ai.onnx"
        if domain not in found:
            raise PgscoreError(f"the file does not say which operators of {name} it means", _AGAIN)
        if not first <= found[domain] <= last:
            raise PgscoreError(
                f"the graph uses the operator set {name} {found[domain]}, and {first} to {last} are read",
                f"Export it with target_opset {last}, or one before it.",
            )
    return found


def place(node: onnx.NodeProto, number: int) -> str:
    """How messages call a node: ``node 3 (Gemm 'dense')``."""
    name = f" {node.name!r}" if node.name else ""
    return f"node {number + 1} ({node.op_type}{name})"


class Node:
    """A node, and what it reads.

    Attributes:
        place: how messages call it.
        operator: its operator.
        version: of its operator set.
        inputs: what it reads, None where an optional input is left out.
    """

    def __init__(self, node: onnx.NodeProto, number: int, version: int, inputs: list[Any]) -> None:
        self.place = place(node, number)
        self.operator = node.op_type
        self.version = version
        self.inputs = inputs
        self.outputs = list(node.output)
        self._attributes = {each.name: each for each in node.attribute}
        self._asked: set[str] = set()

    def refuse(self, why: str) -> NotAProgramError:
        """The refusal of this node, with a clause that continues its place."""
        return NotAProgramError(self.place, why)

    def known(self) -> None:
        """Refuses attributes that nobody has asked for."""
        strange = sorted(self._attributes.keys() - self._asked)
        if strange:
            raise self.refuse(f"has the attribute {strange[0]!r}, which is not known")

    def _of(self, name: str, field: str, kind: int) -> Any:  # noqa: ANN401
        self._asked.add(name)
        found = self._attributes.get(name)
        if found is None:
            return None
        if found.type != kind:
            raise self.refuse(f"has the attribute {name!r} in another type than its operator says")
        return getattr(found, field)

    def has(self, name: str) -> bool:
        """Whether an attribute is there."""
        return name in self._attributes

    def number(self, name: str, default: float) -> float:
        """An attribute that is a float32."""
        found = self._of(name, "f", 1)
        return default if found is None else float(found)

    def integer(self, name: str, default: int) -> int:
        """An attribute that is an integer."""
        found = self._of(name, "i", 2)
        return default if found is None else int(found)

    def text(self, name: str, default: str) -> str:
        """An attribute that is a text."""
        found = self._of(name, "s", 3)
        return default if found is None else self._decoded(found)

    def tensor(self, name: str) -> Any:  # noqa: ANN401
        """An attribute that is a tensor, as an array; None where it is not there."""
        found = self._of(name, "t", 4)
        return None if found is None else array(found, self.place)

    def numbers(self, name: str) -> list[float]:
        """An attribute that lists float32s; empty where it is not there."""
        return list(self._of(name, "floats", 6) or ())

    def integers(self, name: str) -> list[int]:
        """An attribute that lists integers."""
        return list(self._of(name, "ints", 7) or ())

    def texts(self, name: str) -> list[str]:
        """An attribute that lists texts."""
        return [self._decoded(each) for each in self._of(name, "strings", 8) or ()]

    def ignore(self, *names: str) -> None:
        """Attributes that change nothing."""
        self._asked.update(names)

    def _decoded(self, found: bytes) -> str:
        try:
            return found.decode()
        except UnicodeDecodeError:
            raise self.refuse("has a text that is no UTF-8") from None


def array(tensor: onnx.TensorProto, where: str) -> Any:  # noqa: ANN401
    """A tensor as an array of numpy; texts as objects.

    Raises:
        NotAProgramError: it holds another number of values than it says, or values of a kind that is not read.
    """
    import numpy as np
    from onnx import numpy_helper

    if tensor.data_type not in _KINDS:
        raise NotAProgramError(where, f"has the tensor {tensor.name!r} of a kind that is not read")
    try:
        if tensor.data_type == _TEXTS:
            texts = np.array([each.decode() for each in tensor.string_data], dtype=object)
            return texts.reshape(tuple(tensor.dims))
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, UnicodeDecodeError):
        raise NotAProgramError(where, f"has the tensor {tensor.name!r}, which holds not what it says") from None


_TEXTS = 8
# FLOAT, INT32, INT64, STRING, BOOL, DOUBLE, UINT8 of onnx.TensorProto.
_KINDS = {1, 2, 6, 7, 8, 9, 11}
