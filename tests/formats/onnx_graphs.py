"""A graph as a program and in onnxruntime, and whether both give the same for a row."""

from __future__ import annotations

import json
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from pgscore.errors import NotAProgramError
from pgscore.readers import absolute_terms, read_program
from pgscore.readers.onnx import describe_graph, parse
from pgscore.readers.onnx.description import columns_of
from pgscore_runtime.contract import Contract, Input, Output
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TYPES = {"string": "text", "bool": "boolean"}
_ROUNDINGS = 1e-12
# What the reader takes for an OnnxFile.
FILE = type("OnnxFile", (SimpleNamespace,), {"__module__": "pgscore_runtime.onnx_file"})


class Graph:
    """A file, its program, and a session of onnxruntime's.

    Args:
        content: the file.
        output: the output that is the score.
        names: of the columns, where the inputs do not name them.
    """

    def __init__(self, content: bytes, output: str | None = None, names: Sequence[str] | None = None) -> None:
        self.content, self.output = content, output
        self.described = describe_graph(parse(content), output)
        self.columns = columns_of(self.described.inputs)
        named = len(self.columns) == len(self.described.inputs) > 1
        self.names = list(
            names or ([each.name for each in self.columns] if named else [f"x{n}" for n in range(len(self.columns))])
        )
        classes = self.described.classes
        kind: Any = "value" if classes is None else "indicator" if self.described.scores is None else "probability"
        self.contract_output = Output(kind, tuple(classes or ()), None if classes is None else min(1, len(classes) - 1))
        self.reading = self._read()
        self.program = parse_program(json.dumps(self.reading.program))
        self.interpreter = Interpreter(self.program)

    def contract(self, nullable: bool) -> Contract:
        """The contract that publishing would make of it."""
        inputs = tuple(
            Input(name, _TYPES.get(each.kind, "double precision"), nullable and each.kind in ("float32", "float64"))  # type: ignore[arg-type]
            for name, each in zip(self.names, self.columns, strict=True)
        )
        return Contract("onnx", inputs, False, "none", self.contract_output, {})

    def _read(self) -> Any:  # noqa: ANN401
        file = FILE(content=self.content, output=self.output)
        try:
            return read_program(file, self.contract(True))
        except NotAProgramError as error:
            if "may be missing as the contract says" not in str(error):
                raise
            return read_program(file, self.contract(False))

    @cached_property
    def session(self) -> Any:  # noqa: ANN401
        """Onnxruntime's."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])

    def runtime(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any] | None, np.ndarray | None]:
        """The labels and the numbers that onnxruntime gives, as far as the outputs have them."""
        fed, first = {}, 0
        for each in self.described.inputs:
            names = self.names[first : first + each.width]
            part = np.array([[row[name] for name in names] for row in rows], dtype=object)
            fed[each.name] = _cast(part, each.kind).reshape((len(rows), *each.shape))
            first += each.width
        wanted = [each for each in (self.described.label, self.described.scores) if each is not None]
        found = dict(zip(wanted, self.session.run(wanted, fed), strict=True))
        labels = found.get(self.described.label or "")
        scores = found.get(self.described.scores or "")
        if isinstance(scores, list):
            assert self.described.classes is not None
            scores = np.array([[row[label] for label in self.described.classes] for row in scores])
        numbers = None if scores is None else np.asarray(scores, dtype=np.float64).reshape(len(rows), -1)
        return None if labels is None else list(np.ravel(labels).tolist()), numbers

    def outputs(self, row: Mapping[str, Any]) -> tuple[list[float] | None, str | None]:
        """What the program gives."""
        numbers = [
            None if row[name] is None else float(row[name])
            for name, each in zip(self.names, self.columns, strict=True)
            if each.kind != "string"
        ]
        texts = [row[name] for name, each in zip(self.names, self.columns, strict=True) if each.kind == "string"]
        return self.interpreter.outputs(numbers, texts)

    def allowed(self, rows: Sequence[Mapping[str, Any]]) -> list[float]:
        """How far an output may be off, for each row."""
        jsonable = [{name: _jsonable(row[name]) for name in self.names} for row in rows]
        tolerance = self.reading.tolerance
        relative, terms = (_ROUNDINGS, 0.0) if tolerance is None else (tolerance.relative, tolerance.terms)
        return [relative * max(1.0, scale, terms) for scale in absolute_terms(self.reading.program, jsonable)]

    def check(self, rows: Sequence[Mapping[str, Any]], *, most: float | None = None) -> None:
        """Asserts that the program gives what onnxruntime does, for each row.

        Args:
            rows: by input.
            most: how far they may be apart at most, where the tolerance allows more.
        """
        labels, numbers = self.runtime(rows)
        near = self.allowed(rows) if most is None else [most] * len(rows)
        for place, row in enumerate(rows):
            found, reason = self.outputs(row)
            assert found is not None, f"{row} is refused: {reason}"
            count = len(self.described.classes or (0,))
            label = None if labels is None else labels[place]
            if numbers is None:
                assert self._label(found) == label, f"{row} is a {self._label(found)!r}, and {label!r} to onnxruntime"
                continue
            wanted = numbers[place].tolist()
            allowed = near[place]
            for one, other in zip(found[:count], wanted, strict=True):
                same = (
                    one == other
                    or (np.isnan(one) and np.isnan(other))
                    or abs(one - other) <= allowed * max(1, abs(other))
                )
                assert same, f"{row} has {found}, and {wanted} by onnxruntime; {allowed:g} is allowed"
            if label is None or np.isnan(wanted).any():
                continue
            deciding = found[count:] or found[:count]
            first, second = sorted(deciding)[:-3:-1]
            if first - second > 2 * allowed:
                assert self._label(found) == label, f"{row} is a {self._label(found)!r}, and {label!r} to onnxruntime"

    def _label(self, found: list[float]) -> Any:  # noqa: ANN401
        classes = self.described.classes
        assert classes is not None
        deciding = found[len(classes) :] or found[: len(classes)]
        largest = max(deciding)
        places = [place for place, each in enumerate(deciding) if each == largest]
        return classes[places[0] if self.reading.program["tie"] == "first" else places[-1]]


def _cast(part: np.ndarray, kind: str) -> np.ndarray:
    """As OnnxFile casts what a table holds."""
    if kind == "string":
        return part
    numbers = np.array([[np.nan if each is None else float(each) for each in row] for row in part])
    with np.errstate(all="ignore"):
        return np.trunc(numbers).astype(kind) if kind.startswith("int") else numbers.astype(kind)


def _jsonable(value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, float):
        return value
    if np.isnan(value):
        return None
    return value if np.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


_KINDS = {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64, "int32": TensorProto.INT32,
    "string": TensorProto.STRING, "bool": TensorProto.BOOL,
}  # fmt: skip


def made(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[str, Sequence[Any]]],
    outputs: Mapping[str, tuple[str, Sequence[Any]]],
    constants: Mapping[str, np.ndarray] | None = None,
    opset: int = 17,
    ml: int = 3,
) -> bytes:
    """The bytes of a graph of these nodes."""

    def described(given: Mapping[str, tuple[str, Sequence[Any]]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, _KINDS[kind], shape) for name, (kind, shape) in given.items()]

    held = [onnx.numpy_helper.from_array(np.asarray(each), name) for name, each in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "graph", described(inputs), described(outputs), held)
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)]
    content: bytes = helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString()
    return content


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:  # noqa: ANN401
    """A node of the operators of ONNX."""
    return helper.make_node(operator, list(inputs), list(outputs), **attributes)


def ml_node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:  # noqa: ANN401
    """A node of ai.onnx.ml."""
    return helper.make_node(operator, list(inputs), list(outputs), domain="ai.onnx.ml", **attributes)


def one(
    operator: onnx.NodeProto, kind: str = "float32", width: int = 3, given: str = "float32", count: int = 1,
    constants: Mapping[str, np.ndarray] | None = None, opset: int = 17, ml: int = 3,
) -> bytes:  # fmt: skip
    """A graph of one node from x to y."""
    return made([operator], {"x": (given, [None, width])}, {"y": (kind, [None, count])}, constants, opset, ml)
