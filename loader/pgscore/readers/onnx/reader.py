"""Reader of ONNX graphs: node after node, each as columns, registers or steps of those that it reads.

What a graph computes is what onnxruntime 1.32 computes of it on a CPU. Where the graph is float32 numbers are rounded
when they come in, and each operation is; tests behind that are folded to the last bit, and sums carry a tolerance.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError, PgscoreError
from pgscore.readers.algebra.columns import NumberColumn, Operation, Table, TextColumn
from pgscore.readers.algebra.singles import ROUNDING, Tolerance
from pgscore.readers.writing.steps import defines, reads
from pgscore.readers.writing.writer import Result

from . import arithmetic, comparisons, constants, encoders, functions, machines, products, shapes, trees
from .description import columns_of, describe_graph
from .graph import Node, array, check, opsets, parse
from .single import ROUNDED, looked_up
from .values import BOOLEAN, INTEGERS, SINGLE, TEXT, Context, Label, Linked, Value, shaped

if TYPE_CHECKING:
    import onnx

    from pgscore.readers.algebra.columns import Column
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

    from .description import Described, GraphInput
    from .values import Operator

OPERATORS: dict[str, Operator] = {
    **arithmetic.OPERATORS,
    **functions.OPERATORS,
    **comparisons.OPERATORS,
    **products.OPERATORS,
    **shapes.OPERATORS,
}
ML_OPERATORS: dict[str, Operator] = {
    **encoders.ML_OPERATORS,
    **products.ML_OPERATORS,
    **trees.ML_OPERATORS,
    **machines.ML_OPERATORS,
    **shapes.ML_OPERATORS,
}
_DOMAINS = {"": OPERATORS, "ai.onnx": OPERATORS, "ai.onnx.ml": ML_OPERATORS}
# What a link of float32 adds.
_LINK_ROUNDINGS = 8.0
_ENDS = {"int32": (-(2.0**31) - 1, 2.0**31), "int64": (-(2.0**63) - 1024, 2.0**63)}
# Of a contract.
_LARGEST_TOLERANCE = 1e-2
# Steps that read each other: what follows them calls itself.
_MOST_DEPTH = 150


def read_onnx(file: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The numbers that the chosen output of a graph gives, and the label that goes with them.

    Args:
        file: an OnnxFile: anything with `content`, the file's bytes, and `output`, the output's name or None.
        table: a column for each of the graph's, in their order.
        writer: takes the steps.
        part: how messages call it.

    Raises:
        NotAProgramError: the file is none that is read, or a node cannot be part of a program; the message names it.
    """
    try:
        return read_model(parse(file.content), file.output, table, writer, part)
    except NotAProgramError:
        raise
    except PgscoreError as refused:
        # The engine onnx may still evaluate it.
        raise NotAProgramError(part, f"cannot become a program: {refused}") from None


def read_model(model: onnx.ModelProto, output: str | None, table: Table, writer: Writer, part: str) -> Result:
    """The same of a model that is parsed already."""
    check(model)
    described = describe_graph(model, output)
    known = _inputs(described, table, writer, part)
    for tensor in model.graph.initializer:
        known[tensor.name] = array(tensor, "the graph")
    context = Context(writer, None)  # type: ignore[arg-type]  # until the first node
    _walk(model, {each for each in (described.label, described.scores) if each is not None}, known, context)
    found = _Outputs(described, known, context).result()
    _check_depth(writer, part)
    return found


def _check_depth(writer: Writer, part: str) -> None:
    """Refuses steps upon steps that nothing else could walk."""
    depths = [0] * len(writer.domains.contract.inputs)
    for step in writer.steps:
        depths += [1 + max((depths[each] for each in reads(step)), default=0)] * defines(step)
    if max(depths, default=0) > _MOST_DEPTH:
        raise NotAProgramError(part, f"is more than {_MOST_DEPTH} steps deep, each reading the one before it")


def _inputs(described: Described, table: Table, writer: Writer, part: str) -> dict[str, Any]:
    """The graph's inputs as columns of the table, and of the table what the graph's inputs hold."""
    wanted = columns_of(described.inputs)
    if len(wanted) != len(table.columns):
        raise NotAProgramError(part, f"takes {len(wanted)} columns, and {len(table.columns)} are given")
    columns = [_column(given, each, writer, part) for given, each in zip(table.columns, wanted, strict=True)]
    known: dict[str, Any] = {}
    first = 0
    for each in described.inputs:
        cells = shaped(columns[first : first + each.width], each.shape)
        known[each.name] = Value(cells, each.kind, 1.0 if each.kind == SINGLE else 0.0)
        first += each.width
    return known


def _column(given: Column, wanted: GraphInput, writer: Writer, part: str) -> Column:
    """A column as the graph takes it: cast as numpy casts doubles. Texts, integers and booleans cannot be missing."""
    if isinstance(given, TextColumn) != (wanted.kind == TEXT):
        raise NotAProgramError(
            part, f"takes {wanted.kind} as its input {wanted.name!r}, and the table has another type"
        )
    domain = writer.domains.of[given.source]
    if isinstance(given, TextColumn):
        domain.nullable = False
        return given
    if wanted.kind == BOOLEAN:
        domain.nullable = False
        if isinstance(given, NumberColumn) and writer.domains.is_boolean(given.source):
            return given
        return looked_up(given, {0.0: 0.0}, 1.0, 1.0, writer)
    if wanted.kind in INTEGERS:
        low, high = _ENDS[wanted.kind]
        writer.domains.accept(part, [given], partial(_between, low=low, high=high))
        return given.then(Operation("trunc"))
    return given.then(ROUNDED) if wanted.kind == SINGLE else given


def _between(values: Any, low: float, high: float) -> Any:  # noqa: ANN401
    return (values > low) & (values < high)


def _walk(model: onnx.ModelProto, wanted: set[str], known: dict[str, Any], context: Context) -> None:
    """Reads the nodes that the outputs need, in their order."""
    versions = opsets(model)
    needed = set(wanted)
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
    for number, proto in enumerate(model.graph.node):
        if not needed.intersection(proto.output):
            continue
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        node = Node(proto, number, versions.get(domain, 0), _given(proto, number, known))
        for name, found in zip(node.outputs, _read(node, proto.domain, context), strict=False):
            known[name] = found
            context.spend(found)
        node.known()


def _given(node: onnx.NodeProto, number: int, known: dict[str, Any]) -> list[Any]:
    from .graph import place

    for name in node.input:
        if name and name not in known:
            raise NotAProgramError(place(node, number), f"reads {name!r}, which nothing before it makes")
    return [known[name] if name else None for name in node.input]


def _read(node: Node, domain: str, context: Context) -> list[Any]:
    operators = _DOMAINS.get(domain)
    if operators is None:
        raise node.refuse(f"is an operator of {domain!r}, and those of ai.onnx and ai.onnx.ml are read")
    if operators is OPERATORS and node.operator == "Constant":
        return [constants.constant(node)]
    if (
        operators is OPERATORS
        and node.inputs
        and all(each is None or isinstance(each, np.ndarray) for each in node.inputs)
    ):
        return [constants.folded(node)]
    operator = operators.get(node.operator)
    if operator is None:
        raise node.refuse("is an operator that a program does not know")
    context.node = node
    found = operator(context)
    return found if isinstance(found, list) else [found]


class _Outputs:
    """What has become of the outputs."""

    def __init__(self, described: Described, known: dict[str, Any], context: Context) -> None:
        self.described, self.context = described, context
        self.label = self._found(described.label, known)
        self.scores = self._found(described.scores, known)

    @staticmethod
    def _found(name: str | None, known: dict[str, Any]) -> Any:  # noqa: ANN401
        if name is None:
            return None
        if name not in known:
            raise NotAProgramError(f"output {name!r}", "is made by no node")
        return known[name]

    def result(self) -> Result:
        """The scores, their link and the label's."""
        classes = self.described.classes
        if classes is not None and self.scores is None:
            return self._indicator(classes)
        name = self.described.scores
        count = 1 if classes is None else len(classes)
        if not isinstance(self.scores, Value | Linked) or shapes.width(self.scores) != count:
            raise NotAProgramError(
                f"output {name!r}", "is no number for each row" if count == 1 else "is no number for each class"
            )
        registers, link = self._written(self.scores, value=classes is None)
        tolerance = self._tolerance(self.scores)
        if classes is None or self.label is None:
            return Result(registers, link, tolerance=tolerance)
        if not isinstance(self.label, Label):
            raise NotAProgramError(f"output {self.described.label!r}", "is no label of what the scores belong to")
        self._check_labels(classes)
        if self._goes_by(self.scores):
            return Result(registers, link, self.label.tie, tolerance)
        return Result(registers, link, self.label.tie, tolerance, self._deciding())

    def _goes_by(self, scores: Any) -> bool:  # noqa: ANN401
        """Whether the label is that of the largest score: they are the same, or rise with what it is told by."""
        of = self.label.of
        before = scores
        while isinstance(before, Linked):
            if of is before or (isinstance(of, Linked) and (of.link, of.of) == (before.link, before.of)):
                return True
            before = before.before
        return before is not None and before is of

    def _deciding(self) -> list[int]:
        found = self.context.forced(self.label.of)
        return self.context.registers(found)

    def _check_labels(self, classes: tuple[Any, ...]) -> None:
        labels = self.label.labels
        labels = tuple(range(shapes.width(self.label.of))) if labels is None else labels
        if [str(each) for each in labels] != [str(each) for each in classes]:
            raise NotAProgramError(f"output {self.described.label!r}", "has other labels than the scores belong to")

    def _indicator(self, classes: tuple[Any, ...]) -> Result:
        if not isinstance(self.label, Label):
            raise NotAProgramError(f"output {self.described.label!r}", "is no label of the largest of some numbers")
        self._check_labels(classes)
        registers = self._deciding()
        for register in registers:
            # A label next to a tie may be either.
            self.context.writer.domains.rough.pop(register, None)
        if self.label.tie == "last":
            marks = self.context.writer.link("argmax", registers[::-1])[::-1]
            return Result(marks, "argmax")
        return Result(registers, "argmax")

    def _written(self, scores: Any, *, value: bool) -> tuple[list[int], str]:  # noqa: ANN401
        if isinstance(scores, Linked):
            if scores.link in ("softmax", "logistic", "one_vs_all", "normalize", "expit") and (
                value == (scores.link == "expit")
            ):
                return list(scores.of), scores.link
            scores = self.context.forced(scores)
        if scores.kind == TEXT or " " in scores.kind:
            raise NotAProgramError(f"output {self.described.scores!r}", "is no number")
        return self.context.registers(scores), "identity"

    def _tolerance(self, scores: Any) -> Tolerance | None:  # noqa: ANN401
        """How far an output may be off, in roundings of a row's terms, and whatever the row."""
        if not scores.roundings and not scores.absolute:
            return None
        relative = 2 * (scores.roundings + _LINK_ROUNDINGS) * ROUNDING
        terms = 2 * scores.absolute / relative
        if not np.isfinite(terms) or relative > _LARGEST_TOLERANCE:
            raise NotAProgramError("the graph", "adds in float32 what functions make too much of afterwards")
        return Tolerance(relative, terms, is_by_row=bool(scores.roundings))


PREDICTORS: dict[str, PredictorReader] = {"pgscore_runtime.onnx_file.OnnxFile": read_onnx}
