"""How a document of PMML ends: the model that says what the scores are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgscore_runtime.steps import Linear

from pgscore.writers.program_flow import flow

from .domains import conditions, constrained, label_type, shown_label
from .expressions import apply, ref, shown, when
from .links import linked
from .xml import element

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pgscore_runtime.contract import Contract
    from pgscore_runtime.program import Program

    from .steps import Fields
    from .xml import Element

# Links whose probabilities a classification of PMML makes of scores, and links of one value.
_SOFTMAX = ("logistic", "softmax")
_VALUES = {"identity": "none", "exp": "exp", "expit": "logit"}


@dataclass
class Ending:
    """The last model.

    Attributes:
        tables: its regression tables.
        attributes: its own attributes.
        output: its output fields.
        reads: the fields that it reads.
        target: the field of the dictionary that it predicts, or None.
        derived: derived fields that it needs besides, by name.
        names: the names of its results: the label's, or None, and those of the numbers.
    """

    tables: list[Element]
    attributes: dict[str, str]
    output: list[Element]
    reads: list[str]
    target: Element | None = None
    derived: dict[str, Element] = field(default_factory=dict)

    def model(self, schema: Element, local: list[Element], model_name: str | None = None) -> Element:
        """The model, with the fields that it is given and those that it derives itself."""
        transformations = [element("LocalTransformations", *local)] if local else []
        output = [element("Output", *self.output)] if self.output else []
        return element(
            "RegressionModel", schema, *output, *transformations, *self.tables, modelName=model_name, **self.attributes
        )


def result_names(contract: Contract, taken: Iterable[str]) -> tuple[str | None, list[str]]:
    """What the label is called, None for a value, and the numbers."""
    names = set(taken)

    def free(name: str) -> str:
        while name in names:
            name += "_"
        return name

    if contract.output.kind == "value":
        return None, [free("value")]
    return free("label"), [free(f"probability({shown_label(label)})") for label in contract.output.classes]


def ending(
    program: Program,
    contract: Contract,
    fields: Fields,
    free: Callable[[str], str],
    inputs_of: Callable[[Iterable[str]], set[str]],
) -> Ending:
    """The ending of a program.

    Args:
        program: the program.
        contract: its contract.
        fields: what registers are called.
        free: makes a name of one that may be taken.
        inputs_of: the inputs that are looked at wherever fields are needed.
    """
    label, names = result_names(contract, [each.name for each in program.inputs])
    is_value = contract.output.kind == "value" and program.link in _VALUES
    is_classes = label is not None and program.link in _SOFTMAX and not program.decide
    if not is_value and not is_classes:
        return _transformed(program, contract, fields, free, label, names)
    tables, derived = _tables(program, fields, free, inputs_of)
    reads = [name for table in tables for name in _read(table)]
    if is_value:
        output = [_output_field(names[0], feature="predictedValue")]
        attributes = {"functionName": "regression", "normalizationMethod": _VALUES[program.link]}
        return Ending(tables, attributes, output, reads, None, derived)
    classes = [shown_label(each) for each in contract.output.classes]
    if program.link == "logistic":
        tables.insert(0, element("RegressionTable", intercept="0.0"))
    for table, category in zip(tables, classes, strict=True):
        table.attributes["targetCategory"] = category
    kind = label_type(contract.output.classes)
    target = element(
        "DataField",
        *(element("Value", value=each) for each in classes),
        name=label,
        optype="categorical",
        dataType=kind,
    )
    if program.tie == "last":
        tables.reverse()
    output = [_output_field(name, feature="probability", value=each) for name, each in zip(names, classes, strict=True)]
    attributes = {"functionName": "classification", "normalizationMethod": "softmax"}
    return Ending(tables, attributes, output, reads, target, derived)


def _output_field(name: str, feature: str, value: str | None = None) -> Element:
    return element("OutputField", name=name, optype="continuous", dataType="double", feature=feature, value=value)


def _read(table: Element) -> list[str]:
    return [each.attributes["name"] for each in table.children]


def _tables(
    program: Program, fields: Fields, free: Callable[[str], str], inputs_of: Callable[[Iterable[str]], set[str]]
) -> tuple[list[Element], dict[str, Element]]:
    """A table for each score, and the fields that they need besides."""
    step_at = dict(zip(flow(program).first, program.steps, strict=True))
    sums = [step_at.get(score) for score in program.scores]
    asked = {each.name for each in program.inputs if constrained(each)}
    if all(isinstance(each, Linear) and each.of for each in sums) and not program.require:
        linears = [each for each in sums if isinstance(each, Linear)]
        seen = inputs_of(fields.names[register] for each in linears for register in each.of)
        # What a table names is looked at: where that is all that is asked about, a sum is a table.
        if asked <= seen and not any(each.type == "boolean" and constrained(each) for each in program.inputs):
            return [_table(each, fields) for each in linears], {}
    gate = conditions(program, fields, set())
    derived, tables = {}, []
    for score in program.scores:
        name = fields.names[score]
        if gate:
            name = free(f"score{score}")
            derived[name] = when(gate[0] if len(gate) == 1 else apply("and", *gate), fields.ref(score))
        predictor = element("NumericPredictor", name=name, coefficient="1.0")
        tables.append(element("RegressionTable", predictor, intercept="0.0"))
    return tables, derived


def _table(step: Linear, fields: Fields) -> Element:
    added: dict[str, float] = {}
    for register, weight in zip(step.of, step.weights, strict=True):
        added[fields.names[register]] = added.get(fields.names[register], 0.0) + weight
    predictors = [element("NumericPredictor", name=name, coefficient=shown(weight)) for name, weight in added.items()]
    return element("RegressionTable", *predictors, intercept=shown(step.intercept))


def _transformed(
    program: Program,
    contract: Contract,
    fields: Fields,
    free: Callable[[str], str],
    label: str | None,
    names: list[str],
) -> Ending:
    """What PMML has no link for: the outputs of the program as transformed values."""
    made = -1
    if len(names) > 1:
        fields.asked.add(made)
    found = linked(fields, program.link, list(program.scores), made)
    derived = dict(fields.helpers)
    fields.helpers.clear()
    gate = conditions(program, fields, set())
    outputs = []
    for n, expression in enumerate(found):
        name = free(f"output{n}")
        derived[name] = when(gate[0] if len(gate) == 1 else apply("and", *gate), expression) if gate else expression
        outputs.append(name)
    fielded = [
        _with(_output_field(name, feature="transformedValue"), ref(made))
        for name, made in zip(names, outputs, strict=True)
    ]
    reads = [*outputs]
    if label is not None:
        deciding = [fields.names[register] for register in program.decide] or outputs
        reads += deciding
        fielded.insert(0, _label(contract, label, outputs, deciding, program.tie))
    positive = outputs[contract.output.positive or 0]
    table = element("RegressionTable", element("NumericPredictor", name=positive, coefficient="1.0"), intercept="0.0")
    attributes = {"functionName": "regression", "normalizationMethod": "none"}
    return Ending([table], attributes, fielded, reads, None, derived)


def _with(output: Element, expression: Element) -> Element:
    output.children.append(expression)
    return output


def _label(contract: Contract, name: str, outputs: list[str], deciding: list[str], tie: str) -> Element:
    """The class of the largest: of equal ones the first, or the last."""
    classes = contract.output.classes
    kind = label_type(classes)
    order = list(range(len(classes)))
    if tie == "last":
        order.reverse()
    found = element("Constant", text=shown_label(classes[order[-1]]), dataType=kind)
    for position in reversed(order[:-1]):
        tests = [
            apply("greaterOrEqual", ref(deciding[position]), ref(deciding[other]))
            for other in order
            if other != position
        ]
        constant = element("Constant", text=shown_label(classes[position]), dataType=kind)
        found = when(tests[0] if len(tests) == 1 else apply("and", *tests), constant, found)
    there = [apply("isNotMissing", ref(each)) for each in dict.fromkeys([*outputs, *deciding])]
    output = element("OutputField", name=name, optype="categorical", dataType=kind, feature="transformedValue")
    return _with(output, when(apply("and", *there), found))
