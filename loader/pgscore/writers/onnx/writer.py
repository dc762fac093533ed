"""A program as an ONNX graph, all of it in double.

It has a tensor of rows x 1 for each input, named as that: double, string, and bool for a boolean that has to be there.
What has no NULL has another sign for a missing value: NaN in a double, in a boolean that may be missing too, which is
then a double; in a text that may be missing the empty text. A row that the program refuses, or whose score is NULL, has
NaN in all outputs, and as its label the empty text, where labels are texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper
from pgscore_runtime.steps import Fill, Linear
from pgscore_runtime.tree_arrays import Trees

from pgscore.writers.not_written import NotWrittenError
from pgscore.writers.program_flow import Flow, flow

from .accepted import accepted
from .formulas import FORMULAS
from .graph import Graph
from .links import linked
from .steps import STEPS, Registers, linears
from .trees import write_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract
    from pgscore_runtime.program import Program, ProgramInput


def write_onnx(program: Program, contract: Contract, *, name: str, metadata: dict[str, str]) -> Any:  # noqa: ANN401
    """A program as a ModelProto.

    Args:
        program: the program.
        contract: its contract, for the classes.
        name: what the graph is called.
        metadata: what the file says of itself, by name.

    Raises:
        NotWrittenError: ONNX cannot say it; the error names the place.
    """
    for position, each in enumerate(program.inputs):
        if not each.name:
            raise NotWrittenError(f"inputs[{position}]", "has an empty name, which ONNX takes for no input")
    names = [each.name for each in program.inputs]
    outputs = output_names(contract, names)
    graph = Graph([*names, *outputs])
    registers = Registers(graph, [], names[0], {})
    _inputs(registers, program)
    _steps(registers, program)
    declared = _outputs(registers, program, contract, outputs)
    return graph.model(name, [_declared(each) for each in program.inputs], declared, metadata)


def output_names(contract: Contract, taken: Sequence[str]) -> list[str]:
    """What the outputs are called: as in the graphs of skl2onnx, with a line below where an input has the name."""
    if contract.output.kind == "value":
        wanted = ["variable"]
    else:
        wanted = ["label", "probabilities" if contract.output.kind == "probability" else "indicators"]
    found = []
    for name in wanted:
        free = name
        while free in taken:
            free += "_"
        found.append(free)
    return found


def is_bool(each: ProgramInput) -> bool:
    """Whether an input is handed over as a bool."""
    return each.type == "boolean" and not each.nullable


def _declared(each: ProgramInput) -> Any:  # noqa: ANN401
    kind = TensorProto.STRING if each.is_text else TensorProto.BOOL if is_bool(each) else TensorProto.DOUBLE
    return helper.make_tensor_value_info(each.name, kind, ["rows", 1])


def _inputs(registers: Registers, program: Program) -> None:
    for position, each in enumerate(program.inputs):
        registers.columns.append(registers.graph.cast(each.name, "DOUBLE") if is_bool(each) else each.name)
        if each.is_text:
            registers.missing_texts[position] = each.nullable


def _steps(registers: Registers, program: Program) -> None:
    flowing = flow(program)
    registers.exact = flowing.exact
    layers = _layers(program, flowing)
    step_at = dict(zip(flowing.first, program.steps, strict=True))
    written: dict[int, str] = {}
    for position, (step, begins) in enumerate(zip(program.steps, flowing.first, strict=True)):
        count = len(step.base) if isinstance(step, Trees) else getattr(step, "outputs", 1)
        registers.columns += [""] * count
        if isinstance(step, Fill) and step.of in registers.missing_texts:
            registers.missing_texts[begins] = False
        if flowing.needed.isdisjoint(range(begins, begins + count)):
            continue
        if isinstance(step, Linear):
            if begins not in written:
                layer = layers[step.of, begins in flowing.exact]
                steps = [step_at[each] for each in layer]
                made = linears(registers, steps, exact=begins in flowing.exact)  # type: ignore[arg-type]
                written.update(zip(layer, made, strict=True))
            registers.columns[begins] = written[begins]
            continue
        found = _step(registers, step, f"steps[{position}]")
        registers.columns[begins : begins + count] = found


def _layers(program: Program, flowing: Flow) -> dict[tuple[tuple[int, ...], bool], list[int]]:
    """The registers of sums of the same registers, which are one product of matrices where last bits do not matter."""
    found: dict[tuple[tuple[int, ...], bool], list[int]] = {}
    for step, begins in zip(program.steps, flowing.first, strict=True):
        if isinstance(step, Linear) and begins in flowing.needed:
            found.setdefault((step.of, begins in flowing.exact), []).append(begins)
    return found


def _step(registers: Registers, step: Any, place: str) -> list[str]:  # noqa: ANN401
    if isinstance(step, Trees):
        return write_trees(registers, step, place)
    return (STEPS.get(type(step)) or FORMULAS[type(step)])(registers, step, place)


def _outputs(registers: Registers, program: Program, contract: Contract, names: Sequence[str]) -> list[Any]:
    graph = registers.graph
    outputs = linked(graph, program.link, [registers.columns[score] for score in program.scores])
    found = outputs[0] if len(outputs) == 1 else graph.op("Concat", *outputs, axis=1)
    scored = accepted(registers, program)
    if scored is not None:
        found = graph.choose(scored, found, graph.number(np.nan))
    graph.op("Identity", found, name=names[-1])
    shape: list[str | int | None] = ["rows", len(outputs)]
    declared = [helper.make_tensor_value_info(names[-1], TensorProto.DOUBLE, shape)]
    if contract.output.kind == "value":
        return declared
    decides = found
    if program.decide:
        decides = registers.matrix(program.decide)
        if scored is not None:
            decides = graph.choose(scored, decides, graph.number(np.nan))
    missing = graph.op("IsNaN", found if decides == found else graph.op("Concat", found, decides, axis=1))
    any_missing = graph.cast(graph.op("ReduceMax", graph.cast(missing, "INT32"), axes=[1], keepdims=0), "BOOL")
    best = graph.op("ArgMax", decides, axis=1, keepdims=0, select_last_index=int(program.tie == "last"))
    kind = _label(graph, contract, best, any_missing, names[0])
    return [helper.make_tensor_value_info(names[0], kind, ["rows"]), *declared]


def _label(graph: Graph, contract: Contract, best: str, missing: str, name: str) -> int:
    """Writes the label, and gives its type."""
    classes = contract.output.classes
    if all(isinstance(label, str) for label in classes):
        nothing = graph.constant([-1], np.int64)
        graph.ml(
            "LabelEncoder",
            graph.choose(missing, nothing, best),
            name=name,
            keys_int64s=list(range(len(classes))),
            values_strings=list(classes),
            default_string="",
        )
        return int(TensorProto.STRING)
    if all(isinstance(label, bool) for label in classes):
        labels, kind = graph.constant(classes, np.bool_), TensorProto.BOOL
    elif all(isinstance(label, int) and not isinstance(label, bool) for label in classes):
        labels, kind = graph.constant(classes, np.int64), TensorProto.INT64
    elif all(isinstance(label, int | float) for label in classes):
        labels, kind = graph.constant(classes, np.float64), TensorProto.DOUBLE
    else:
        raise NotWrittenError("output.classes", "has labels of several types, and a tensor has one")
    graph.op("Gather", labels, best, axis=0, name=name)
    return int(kind)


def notes(program: Program) -> list[str]:
    """What whoever evaluates the graph has to know, a sentence each."""
    found = []
    texts = [each.name for each in program.inputs if each.is_text and each.nullable]
    numbers = [each.name for each in program.inputs if not each.is_text and each.nullable]
    if texts:
        found.append(f"ONNX has no NULL: where it is missing, the empty text is given for {', '.join(texts)}.")
    if numbers:
        found.append(f"ONNX has no NULL: where it is missing, NaN is given for {', '.join(numbers)}.")
    return found
