"""A program as PMML 4.4.

Registers that are made of inputs alone are derived fields of the transformation dictionary. An ensemble is a mining
model that adds tree models, the first part of a chain, and what is made of its sum stands in the parts behind it. The
last part is a regression model: of classification, where the link is one that PMML has, so that the label is the
prediction; else of regression, with the outputs of the program as transformed values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore_runtime.formulas import LinkStep, Median, Piecewise
from pgscore_runtime.steps import Fill, Lookup, Missing, step_outputs
from pgscore_runtime.tree_arrays import Trees

from pgscore.writers.program_flow import flow, read_registers

from .domains import data_field, mining_field
from .ending import Ending, ending
from .expressions import apply, number, ref
from .steps import EXPRESSIONS, Fields
from .trees import forest, has_trees, mining_schema, tested_registers
from .xml import Element, element, serialize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgscore_runtime.contract import Contract
    from pgscore_runtime.program import Program

_NAMESPACE = "http://www.dmg.org/PMML-4_4"
# Links that make a number of a missing one.
_ASKING_LINKS = ("sign", "argmax")


def write_pmml(program: Program, contract: Contract, *, name: str, metadata: dict[str, str]) -> bytes:
    """A program as a document.

    Args:
        program: the program.
        contract: its contract, for the classes.
        name: what the model is called.
        metadata: what the file says of itself, by name.

    Raises:
        NotWrittenError: PMML cannot say it; the error names the place.
    """
    return serialize(_Writing(program, contract).document(name, metadata))


@dataclass
class _Part:
    """A sum of trees: a segment of the chain.

    Attributes:
        field: what its sum is called.
        trees: the ensemble.
        output: which output of it.
        place: where the step stands.
    """

    field: str
    trees: Trees
    output: int
    place: str


class _Writing:
    def __init__(self, program: Program, contract: Contract) -> None:
        self._program = program
        self._contract = contract
        self._flow = flow(program)
        self._inputs = [each.name for each in program.inputs]
        self._fields = Fields(texts={n for n, each in enumerate(program.inputs) if each.is_text})
        self._fields.asked = _asked(program)
        # Derived fields in their order, and the sums of trees.
        self._derived: dict[str, Element] = {}
        self._parts: list[_Part] = []
        self._late: set[str] = set()
        self._read_inputs()
        for position, (step, begins) in enumerate(zip(program.steps, self._flow.first, strict=True)):
            self._read_step(step, begins, f"steps[{position}]")

    def document(self, name: str, metadata: dict[str, str]) -> Element:
        """All of it."""
        program = self._program
        end = ending(program, self._contract, self._fields, self._free, self.inputs_of)
        for called, expression in end.derived.items():
            self._derive(called, expression)
        # A sum that is a regression table is no field.
        needed = {*self._needed([*end.reads, *(name for part in self._parts for name in self._tested(part))])}
        early = [each for called, each in self._derived.items() if called not in self._late and called in needed]
        dictionary = [element("TransformationDictionary", *early)] if early else []
        inputs = [data_field(each, f"inputs[{n}]") for n, each in enumerate(program.inputs)]
        fields = [*inputs, *([end.target] if end.target is not None else [])]
        said = [element("Extension", name=name, value=value) for name, value in metadata.items()]
        header = element("Header", *said, element("Application", name="pgscore"), description=f"Model {name}")
        return element(
            "PMML",
            header,
            element("DataDictionary", *fields, numberOfFields=str(len(fields))),
            *dictionary,
            self._model(end, name),
            version="4.4",
            xmlns=_NAMESPACE,
        )

    def inputs_of(self, names: Iterable[str]) -> set[str]:
        """The inputs that are looked at wherever these fields are needed."""
        return {name for name in self._needed(names) if name in self._inputs}

    def _free(self, name: str) -> str:
        taken = {*self._inputs, *self._fields.names.values(), *self._derived, *(part.field for part in self._parts)}
        while name in taken:
            name += "_"
        return name

    def _read_inputs(self) -> None:
        for position, each in enumerate(self._program.inputs):
            name = each.name
            if each.type == "boolean":
                name = self._free(f"r{position}")
                self._derive(name, element("NormDiscrete", field=each.name, value="true"))
            self._fields.names[position] = name
            if each.nullable:
                self._fields.maybe_missing.add(position)

    def _derive(self, name: str, expression: Element, *, is_text: bool = False) -> None:
        kind = ("categorical", "string") if is_text else ("continuous", "double")
        self._derived[name] = element("DerivedField", expression, name=name, optype=kind[0], dataType=kind[1])
        if any(each in self._late or each in {part.field for part in self._parts} for each in _refs(expression)):
            self._late.add(name)

    def _read_step(self, step: Any, begins: int, place: str) -> None:  # noqa: ANN401
        made = range(begins, begins + step_outputs(step))
        if self._flow.needed.isdisjoint(made):
            return
        fields = self._fields
        if isinstance(step, Trees):
            for register in made:
                if register in self._flow.needed:
                    self._read_trees(step, register, register - begins, place)
            return
        is_text = isinstance(step, Fill) and step.of in fields.texts
        if is_text:
            fields.texts.add(begins)
        found = EXPRESSIONS[type(step)](fields, step, begins, place)
        for helper, expression in fields.helpers.items():
            self._derive(helper, expression)
        fields.helpers.clear()
        for register, expression in zip(made, found if isinstance(found, list) else [found], strict=True):
            fields.names[register] = self._free(f"r{register}")
            self._derive(fields.names[register], expression, is_text=is_text)
            if self._may_be_missing(step, register):
                fields.maybe_missing.add(register)

    def _read_trees(self, step: Trees, register: int, output: int, place: str) -> None:
        name = self._free(f"r{register}")
        base = step.base[output]
        if not has_trees(step, output):
            total = number(base)
        else:
            is_all = base == 0 and step.divide is None
            part = _Part(name if is_all else self._free(f"sum{register}"), step, output, place)
            self._parts.append(part)
            if is_all:
                self._fields.names[register] = name
                return
            total = apply("+", number(base), ref(part.field))
        self._fields.names[register] = name
        self._derive(name, total if step.divide is None else apply("/", total, number(step.divide)))

    def _may_be_missing(self, step: Any, made: int) -> bool:  # noqa: ANN401
        if isinstance(step, Fill | Missing) or (isinstance(step, LinkStep) and step.link in _ASKING_LINKS):
            return False
        missing = any(register in self._fields.maybe_missing for register in read_registers(step))
        if isinstance(step, Lookup):
            values = [*step.table.values(), step.unknown]
            return any(_is_nan(value) for value in values) or (missing and _is_nan(step.missing))
        if isinstance(step, Piecewise):
            given = missing and _is_nan(step.missing)
            return given or not all(step.pieces) or made in self._fields.asked
        return missing or made in self._fields.asked

    def _needed(self, names: Iterable[str]) -> list[str]:
        """Fields, and all that they are made of."""
        found: dict[str, None] = {}
        left = list(names)
        while left:
            name = left.pop()
            if name not in found:
                found[name] = None
                if name in self._derived:
                    left += _refs(self._derived[name])
        return list(found)

    def _schema(self, names: Iterable[str]) -> tuple[list[str], list[Element]]:
        """Of fields that a segment needs those that come from outside it, and those that it derives itself."""
        needed = set(self._needed(names))
        sums = [part.field for part in self._parts if part.field in needed]
        local = [each for called, each in self._derived.items() if called in needed and called in self._late]
        return [*(name for name in self._inputs if name in needed), *sums], local

    def _model(self, end: Ending, name: str) -> Element:
        fields = [mining_field(each) for each in self._program.inputs]
        if end.target is not None:
            fields.append(element("MiningField", name=end.target.attributes["name"], usageType="target"))
        whole = element("MiningSchema", *fields)
        if not self._parts:
            return end.model(whole, [], model_name=name)
        segments = [self._sum(part) for part in self._parts]
        outside, local = self._schema(end.reads)
        schema = mining_schema(outside)
        if end.target is not None:
            schema.children.append(fields[-1])
        segments.append(end.model(schema, local))
        chain = [element("Segment", element("True"), segment, id=str(n + 1)) for n, segment in enumerate(segments)]
        return element(
            "MiningModel",
            whole,
            element("Segmentation", *chain, multipleModelMethod="modelChain"),
            functionName=segments[-1].attributes["functionName"],
            modelName=name,
        )

    def _tested(self, part: _Part) -> list[str]:
        return [self._fields.names[register] for register in tested_registers(part.trees, part.output)]

    def _sum(self, part: _Part) -> Element:
        tested = self._tested(part)
        outside, local = self._schema(tested)
        inside = [name for name in tested if name in self._late]
        output = element(
            "OutputField", name=part.field, optype="continuous", dataType="double", feature="predictedValue"
        )
        return element(
            "MiningModel",
            mining_schema(outside),
            element("Output", output),
            *([element("LocalTransformations", *local)] if local else []),
            # What a model derives is no field of the models within, unless their schemas name it.
            forest(part.trees, part.output, self._fields, [*outside, *inside], part.place),
            functionName="regression",
        )


def _is_nan(value: float) -> bool:
    return value != value  # noqa: PLR0124  NaN


def _refs(expression: Element) -> Iterator[str]:
    """The fields that an expression names."""
    left = [expression]
    while left:
        each = left.pop()
        if "field" in each.attributes:
            yield each.attributes["field"]
        left.extend(each.children)


def _asked(program: Program) -> set[int]:
    """The registers of which something asks whether they are missing, or whatever is made of them."""
    asked = {each.of for each in program.require if each.nullable}
    asked.update(program.decide)
    # Of several outputs that have nothing to do with each other one may be missing.
    apart = program.link in ("identity", "one_vs_all") and len(program.scores) > 1
    asked.update(program.scores if apart or program.link in _ASKING_LINKS else ())
    first = flow(program).first
    for step, begins in zip(reversed(program.steps), reversed(first), strict=True):
        asks = isinstance(step, Fill | Missing | Lookup | Piecewise | Trees | Median)
        asks = asks or (isinstance(step, LinkStep) and step.link in _ASKING_LINKS)
        if asks or not asked.isdisjoint(range(begins, begins + step_outputs(step))):
            asked.update(read_registers(step))
    return asked


def notes(program: Program) -> list[str]:
    """What whoever evaluates the document has to know, a sentence each."""
    found = ["A row without a score is an error to JPMML-Evaluator, or has no value."]
    if any(each.nullable for each in program.inputs):
        found.append("A missing value is one that is not given, or null; NaN is none.")
    return found
