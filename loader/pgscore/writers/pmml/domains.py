"""What a program accepts: fields of the data dictionary, and what a score is asked for besides."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from pgscore.writers.not_written import NotWrittenError

from .expressions import apply, number, ref, shown, when
from .xml import check_text, element

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Label
    from pgscore_runtime.program import Program, ProgramInput

    from .steps import Fields
    from .xml import Element


def data_field(each: ProgramInput, place: str) -> Element:
    """An input as a field of the data dictionary, with the values that are valid."""
    name = check_text(each.name, place)
    if each.is_text:
        return element("DataField", *_known(each, place), name=name, optype="categorical", dataType="string")
    if each.type == "boolean":
        return element("DataField", name=name, optype="categorical", dataType="boolean")
    valid = _known(each, place)
    if each.known is None and (each.minimum, each.maximum) != (-inf, inf):
        margins = {
            "leftMargin": None if each.minimum == -inf else _low(each.minimum),
            "rightMargin": None if each.maximum == inf else shown(each.maximum),
        }
        valid = [element("Interval", closure="closedClosed", **margins)]
    return element("DataField", *valid, name=name, optype="continuous", dataType="double")


def _low(value: float) -> str:
    # Evaluators may tell -0 from 0 in an interval.
    return "-0.0" if value == 0 else shown(value)


def _known(each: ProgramInput, place: str) -> list[Element]:
    if each.known is None:
        return []
    listed: list[str] = []
    for value in sorted(each.known, key=lambda one: (str(type(one)), one)):
        if isinstance(value, str):
            listed.append(check_text(value, f"{place}.known"))
        elif each.minimum <= value <= each.maximum:
            listed += ["0.0", "-0.0"] if value == 0 else [shown(value)]
    if not listed:
        raise NotWrittenError(f"{place}.known", "knows no value, and a field of PMML has at least one that is valid")
    return [element("Value", value=value) for value in listed]


def mining_field(each: ProgramInput) -> Element:
    """An input as a field of the model's schema: what becomes of a row in which it is missing, or not valid."""
    return element(
        "MiningField",
        name=each.name,
        invalidValueTreatment="returnInvalid",
        missingValueTreatment="asIs" if each.nullable else "returnInvalid",
    )


def constrained(each: ProgramInput) -> bool:
    """Whether some value of an input, or that there is none, makes a row have no score."""
    return not each.nullable or each.known is not None or (each.minimum, each.maximum) != (-inf, inf)


def conditions(program: Program, fields: Fields, seen: set[str]) -> list[Element]:
    """What a row has to meet for a score.

    Args:
        program: the program.
        fields: what registers are called.
        seen: the inputs that are looked at anyway, whose schema refuses what is not valid.
    """
    found = []
    for position, each in enumerate(program.inputs):
        if constrained(each) and each.name not in seen:
            there = apply("isNotMissing", ref(each.name))
            # An evaluator looks at nothing that it does not need: this has it look.
            found.append(apply("or", apply("isMissing", ref(each.name)), there) if each.nullable else there)
        if each.type == "boolean":
            found += _boolean(each, position, fields)
    for wanted in program.require:
        value = fields.ref(wanted.of)
        tests = [apply("lessOrEqual", number(wanted.minimum), value)] if wanted.minimum > -inf else []
        tests += [apply("lessOrEqual", value, number(wanted.maximum))] if wanted.maximum < inf else []
        if not wanted.nullable:
            tests.insert(0, apply("isNotMissing", value))
            found.append(_both(tests))
        elif tests:
            found.append(_or_missing(value, _both(tests)))
    return found


def _or_missing(value: Element, test: Element) -> Element:
    # `or` looks at both of its arguments, whatever the first one is.
    return when(apply("isMissing", value), element("Constant", text="true", dataType="boolean"), test)


def _both(tests: Sequence[Element]) -> Element:
    return tests[0] if len(tests) == 1 else apply("and", *tests)


def _boolean(each: ProgramInput, position: int, fields: Fields) -> list[Element]:
    """Which of false and true are accepted; its field of the dictionary has no interval, and no list."""
    accepted = [
        value
        for value in (0.0, 1.0)
        if each.minimum <= value <= each.maximum and (each.known is None or value in each.known)
    ]
    if len(accepted) == 2:  # noqa: PLR2004  false and true
        return []
    value = fields.ref(position)
    if not accepted:
        return [apply("isMissing", value)]
    test = apply("equal", value, number(accepted[0]))
    return [_or_missing(value, test)] if each.nullable else [test]


def label_type(classes: Sequence[Label]) -> str:
    """The type of labels in PMML.

    Raises:
        NotWrittenError: they are of several.
    """
    kinds = {type(label) for label in classes}
    if kinds == {str}:
        return "string"
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    if kinds <= {int, float}:
        return "double"
    raise NotWrittenError("output.classes", "has labels of several types, and a field has one")


def shown_label(label: Label) -> str:
    """A label as PMML has it."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return shown(label) if isinstance(label, float) else check_text(str(label), "output.classes")
