"""What an ONNX file holds, found out before onnxruntime sees a byte of it: names and places, and what is refused.

A graph is data, and a stranger's: it may name files of the server, code that is loaded, loops that do not end. What is
accepted is listed, so that what a later release of ONNX brings is refused until somebody has looked at it. The fields
and their numbers are those of onnx/onnx.proto.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, INVALID_PARAMETER, Refusal
from .onnx_fields import Attribute, Graph, Metadata, Model, Opset, Tensor, Type, Value
from .onnx_fields import Node as NodeField
from .protobuf_fields import BYTES, VARINT, Message

if TYPE_CHECKING:
    from .protobuf_fields import Field

LARGEST = 256 * 2**20
_MOST_NODES = 20_000
_MOST_GRAPHS_DEEP = 4
_MOST_TYPES_DEEP = 8
# Of a tensor that is said to be of numbers of two bits; of any other there are fewer.
_MOST_NUMBERS_A_BYTE = 4
_MOST_DIMENSIONS = 16
_DOMAINS = (b"", b"ai.onnx", b"ai.onnx.ml")
# As long as they like, whatever the graph is given; and other scores at each call.
_ENDLESS = (b"Loop",)
_RANDOM = (b"RandomNormal", b"RandomNormalLike", b"RandomUniform", b"RandomUniformLike", b"Multinomial", b"Bernoulli")
# onnxruntime's own format has these bytes behind the first four, and other rules.
_OWN_FORMAT = b"ORTM"
# Its settings can stand in a file, too.
_SETTINGS = b"ort_config"
# Lists of an attribute, each number and text behind a tag of its own: trees have millions.
_LISTS = re.compile(
    rb"(?:\x3d.{4}|\x40[\x80-\xff]{0,9}+[\x00-\x7f]|\x4a(?:\x04.{4}|\x0a.{10}|\x09.{9}|\x0b.{11}|\x0e.{14}|\x0f.{15}))++",
    re.DOTALL,
)
_NUMBERS = re.compile(rb"(?:\x25.{4}|[\x28\x38\x58][\x80-\xff]{0,9}+[\x00-\x7f]|\x51.{8})++", re.DOTALL)


class Node(NamedTuple):
    """A node of the graph: operator, names of what it reads and makes, and where its attributes stand, by name."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[int, int]]


class Outline(NamedTuple):
    """What stands in a file.

    Attributes:
        message: the file.
        nodes: of the graph itself, in their order.
        tensors: where the graph's initializers stand, by name.
        opsets: the versions of the operators, by domain.
        producer: what wrote it.
    """

    message: Message
    nodes: list[Node]
    tensors: dict[str, tuple[int, int]]
    opsets: dict[str, int]
    producer: str


def outline(content: bytes) -> Outline:
    """What an ONNX file holds.

    Raises:
        Refusal: it is no such file, is cut short, too large, too deep, or holds what a stranger's graph may not.
    """
    if len(content) > LARGEST:
        raise Refusal(INVALID_PARAMETER, f"the graph has {len(content):,} bytes, and {LARGEST:,} are accepted at most")
    if content[4:8] == _OWN_FORMAT:
        raise Refusal(
            FEATURE_NOT_SUPPORTED, "the file is in onnxruntime's own format, and not in ONNX", "Publish the .onnx file."
        )
    walk = _Walk(Message(content, "the artifact"))
    walk.model(len(content))
    return Outline(walk.message, walk.nodes, walk.tensors, walk.opsets, walk.producer)


class _Walk:
    def __init__(self, message: Message) -> None:
        self.message = message
        self.nodes: list[Node] = []
        self.tensors: dict[str, tuple[int, int]] = {}
        self.opsets: dict[str, int] = {}
        self.producer = ""
        self._left = _MOST_NODES

    def bytes(self, field: Field) -> bytes:
        """The bytes of a field that has to have some."""
        if field.wire != BYTES:
            raise self.message.malformed(f"a number in the place of bytes at byte {field.start}")
        return self.message.content[field.start : field.end]

    def text(self, field: Field) -> str:
        try:
            return self.bytes(field).decode()
        except UnicodeDecodeError:
            raise self.message.malformed(f"a name that is no UTF-8 at byte {field.start}") from None

    def within(self, field: Field) -> tuple[int, int]:
        """Where a message stands within another."""
        if field.wire != BYTES:
            raise self.message.malformed(f"a number in the place of a message at byte {field.start}")
        return field.start, field.end

    def model(self, size: int) -> None:
        graphs = 0
        for field in self.message.fields(0, size):
            if field.number == Model.GRAPH:
                graphs += 1
                self.graph(*self.within(field), 1)
            elif field.number == Model.OPSET:
                self.opset(*self.within(field))
            elif field.number == Model.PRODUCER:
                self.producer = self.text(field)
            elif field.number == Model.METADATA:
                self.metadata(*self.within(field))
            elif field.number == Model.TRAINING:
                raise _unsafe("the file holds what it is trained with", "Export the graph for inference.")
            elif field.number == Model.FUNCTION:
                raise _unsafe("the file holds functions of its own", "Export it with its functions inlined.")
            elif field.number not in Model.OTHERS:
                raise self.unknown(field, "model")
        if graphs != 1:
            raise Refusal(
                DATA_CORRUPTED,
                f"the artifact holds {graphs or 'no'} graphs, and an ONNX file holds one",
                "Export it again.",
            )

    def opset(self, start: int, end: int) -> None:
        domain, version = b"", 0
        for field in self.message.fields(start, end):
            if field.number == Opset.DOMAIN:
                domain = self.bytes(field)
            elif field.number == Opset.VERSION:
                version = field.value
        # Tools name domains of which they use nothing.
        if domain in _DOMAINS:
            self.opsets[domain.decode()] = version

    def metadata(self, start: int, end: int) -> None:
        for field in self.message.fields(start, end):
            if field.number == Metadata.KEY and self.bytes(field) == _SETTINGS:
                raise _unsafe("the file holds settings for onnxruntime", "Export it without its metadata ort_config.")

    def graph(self, start: int, end: int, depth: int) -> None:
        if depth > _MOST_GRAPHS_DEEP:
            raise Refusal(
                INVALID_PARAMETER, f"the graph holds graphs within graphs, more than {_MOST_GRAPHS_DEEP} deep"
            )
        for field in self.message.fields(start, end):
            if field.number == Graph.NODE:
                node = self.node(*self.within(field), depth)
                if depth == 1:
                    self.nodes.append(node)
            elif field.number == Graph.TENSOR:
                name = self.tensor(*self.within(field))
                if depth == 1:
                    self.tensors[name] = (field.start, field.end)
            elif field.number == Graph.SPARSE:
                raise self.sparse()
            elif field.number in Graph.VALUES:
                self.value(*self.within(field))
            elif field.number not in Graph.OTHERS:
                raise self.unknown(field, "graph")

    def node(self, start: int, end: int, depth: int) -> Node:
        self._left -= 1
        if self._left < 0:
            raise Refusal(INVALID_PARAMETER, f"the graph has more than {_MOST_NODES:,} nodes")
        operator, name = b"", ""
        inputs, outputs, attributes = list[str](), list[str](), dict[str, tuple[int, int]]()
        for field in self.message.fields(start, end):
            if field.number == NodeField.INPUT:
                inputs.append(self.text(field))
            elif field.number == NodeField.OUTPUT:
                outputs.append(self.text(field))
            elif field.number == NodeField.NAME:
                name = self.text(field)
            elif field.number == NodeField.OPERATOR:
                operator = self.text(field).encode()
                _check_operator(operator, name)
            elif field.number == NodeField.DOMAIN:
                _check_domain(self.bytes(field), operator, name)
            elif field.number == NodeField.ATTRIBUTE:
                attributes[self.attribute(*self.within(field), depth)] = (field.start, field.end)
            elif field.number == NodeField.OVERLOAD and field.end > field.start:
                raise _unsafe("the file calls functions of its own", "Export it with its functions inlined.")
            elif field.number not in (NodeField.OVERLOAD, *NodeField.OTHERS):
                raise self.unknown(field, "node")
        return Node(operator.decode(), tuple(inputs), tuple(outputs), attributes)

    def attribute(self, start: int, end: int, depth: int) -> str:
        name = ""
        for field in self.message.fields(start, end, _LISTS):
            if field.number == Attribute.NAME:
                name = self.text(field)
            elif field.number in Attribute.TENSORS:
                self.tensor(*self.within(field))
            elif field.number in Attribute.GRAPHS:
                self.graph(*self.within(field), depth + 1)
            elif field.number in Attribute.SPARSE:
                raise self.sparse()
            elif field.number == Attribute.OF_FUNCTION and field.end > field.start:
                raise _unsafe("an attribute is that of a function", "Export it with its functions inlined.")
            elif field.number in Attribute.TYPES:
                self.type(*self.within(field), 1)
            elif field.number not in (Attribute.OF_FUNCTION, *Attribute.OTHERS):
                raise self.unknown(field, "attribute")
        return name

    def tensor(self, start: int, end: int) -> str:
        name, dims = "", list[int]()
        for field in self.message.fields(start, end, _NUMBERS):
            if field.number == Tensor.DIMENSIONS:
                dims += self.numbers(field)
                if len(dims) > _MOST_DIMENSIONS:
                    raise Refusal(INVALID_PARAMETER, f"a tensor has more than {_MOST_DIMENSIONS} dimensions")
            elif field.number == Tensor.NAME:
                name = self.text(field)
            elif field.number == Tensor.EXTERNAL or (
                field.number == Tensor.LOCATION and (field.wire != VARINT or field.value != 0)
            ):
                raise _unsafe(
                    f"a tensor{_called(name)} stands in another file, which a graph may not have the server read",
                    "Save the model in one file: onnx.save(model, path, save_as_external_data=False).",
                )
            elif field.number == Tensor.SEGMENT:
                raise self.message.malformed(f"a tensor in segments at byte {field.start}")
            elif field.number not in (Tensor.LOCATION, *Tensor.OTHERS):
                raise self.unknown(field, "tensor")
        # Checked before memory is taken for it. One without dimensions is a number.
        if min(dims, default=0) < 0 or (dims and prod(dims) > _MOST_NUMBERS_A_BYTE * (end - start)):
            raise Refusal(
                DATA_CORRUPTED,
                f"a tensor{_called(name)} is said to hold {' x '.join(map(str, dims))} numbers,"
                f" and has {end - start:,} bytes",
                "Export it again.",
            )
        return name

    def numbers(self, field: Field) -> list[int]:
        """Numbers of a list, each in a field of its own or packed in one."""
        if field.wire == VARINT:
            return [_signed(field.value)]
        if field.wire != BYTES or field.end - field.start > _MOST_DIMENSIONS * 10:
            raise self.message.malformed(f"no dimensions at byte {field.start}")
        found, position = [], field.start
        while position < field.end:
            value, position = self.message.varint(position, field.end)
            found.append(_signed(value))
        return found

    def value(self, start: int, end: int) -> None:
        for field in self.message.fields(start, end):
            if field.number == Value.TYPE:
                self.type(*self.within(field), 1)

    def type(self, start: int, end: int, depth: int) -> None:
        # Types of types: a parser that follows them would end its stack.
        if depth > _MOST_TYPES_DEEP:
            raise Refusal(INVALID_PARAMETER, f"the graph has types of types, more than {_MOST_TYPES_DEEP} deep")
        for field in self.message.fields(start, end):
            # Sequences, maps and optional values are of something.
            if field.number in Type.OF_TYPES:
                for inner in self.message.fields(*self.within(field)):
                    if (
                        inner.number == (Type.IN_MAP if field.number == Type.OF_MAP else Type.IN_OTHERS)
                        and inner.wire == BYTES
                    ):
                        self.type(inner.start, inner.end, depth + 1)
            elif field.number not in Type.OTHERS:
                raise self.unknown(field, "type")

    def unknown(self, field: Field, where: str) -> Refusal:
        return Refusal(
            FEATURE_NOT_SUPPORTED,
            f"a {where} of the graph has field {field.number}, which is not known here, at byte {field.start}",
            "Export it as an earlier version of ONNX.",
        )

    def sparse(self) -> Refusal:
        return Refusal(FEATURE_NOT_SUPPORTED, "the graph holds a sparse tensor", "Export it with dense ones.")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _called(name: str) -> str:
    return f" {name!r}" if name else ""


def _unsafe(what: str, hint: str) -> Refusal:
    return Refusal(INSUFFICIENT_PRIVILEGE, what, hint)


def _check_operator(operator: bytes, name: str) -> None:
    if operator in _ENDLESS:
        raise _unsafe(
            f"the graph has the operator {operator.decode()}{_called(name)}, which may run without end",
            "Export the graph without loops.",
        )
    if operator in _RANDOM:
        raise _unsafe(
            f"the graph has the operator {operator.decode()}{_called(name)}, which gives other numbers each time",
            "Export the graph for inference.",
        )


def _check_domain(domain: bytes, operator: bytes, name: str) -> None:
    if domain not in _DOMAINS:
        named = f"{domain.decode(errors='replace')}.{operator.decode(errors='replace')}"
        # A stranger's name: what ends a line, or moves a cursor, is shown as what it is.
        shown = named if named.isprintable() else repr(named)
        raise _unsafe(
            f"the graph has the operator {shown}{_called(name)}, and only those of ai.onnx and ai.onnx.ml are run",
            "Export it with standard operators.",
        )
