"""Apply: a function of values, and what stands in where one is missing, or the result is missing or invalid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import aggregates, arithmetic, expressions, logic, text_functions
from .choices import any_absent, flag, instead_of_missing, picked
from .tables import as_number, mapped
from .values import FAILS, MISSING, Doubt, Number, Outcome, Tabulated, constant, is_constant, is_nan, nothing, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .fields import Scope
    from .logic import Function
    from .values import Value
    from .xml import Element

# Which have the type of their arguments: of booleans and texts there is none.
_TYPED = ("+", "-", "*", "/", "modulo", "pow", "threshold", "abs", "rint", *aggregates.FUNCTIONS)
# Which give an integer, or fail.
_INTEGERS = ("threshold", "floor", "ceil", "round", "rint")
_TREATMENTS = ("returnInvalid", "asIs", "asMissing")
_TWO, _THREE = 2, 3
_MOST_ARGUMENTS = 1_000
# Whose results are never undefined or invalid.
_SOLID: dict[str, Function] = {**logic.FUNCTIONS, **text_functions.FUNCTIONS}
# Those that take what is there, and are missing where nothing is; of numbers, and all others.
_AGGREGATES = aggregates.FUNCTIONS
_NUMERIC = {**arithmetic.FUNCTIONS, **_AGGREGATES}
# Those that are missing where an argument is; all others fail there.
_TOLERANT = ("+", "-", "*", "/", "modulo", *_AGGREGATES)


def read_apply(expression: Element, scope: Scope) -> Value:
    """The value of a function (`ExpressionUtil.evaluateApply`)."""
    name = expression.need("function")
    treatment = expression.choice("invalidValueTreatment", "returnInvalid", _TREATMENTS)
    arguments = [expressions.evaluated(each, scope) for each in expression.children]
    if len(arguments) > _MOST_ARGUMENTS:
        raise expression.refused(f"has more than {_MOST_ARGUMENTS:,} arguments")
    instead, default = expression.get("mapMissingTo"), expression.get("defaultValue")
    place, writer = expression.path, scope.writer

    def finished(found: Value) -> Value:
        found = _treated(found, name, treatment, expression)
        return found if default is None else instead_of_missing(found, default, writer, place)

    if name == "if":
        return finished(_if(arguments, instead, expression, scope))
    there = finished(_function(name, expression, scope)(arguments, expression, scope))
    if instead is None:
        return there
    # Where an argument is missing the function is not asked.
    missing = any_absent(arguments, writer, place, failing=True)
    if is_constant(missing) and missing.other.value is False:
        return there
    labels = mapped(missing, _label, "integer")
    return picked(labels, [there, constant(instead, "string")], writer, place)


def _label(outcome: Outcome) -> Outcome:
    return of(int(outcome.value is True)) if outcome.kind == "value" else outcome


def _function(name: str, element: Element, scope: Scope) -> Function:
    if name in _SOLID:
        return _SOLID[name]
    if name in _NUMERIC:
        return _of_numbers(name)
    defined = scope.document.functions.get(name)
    if defined is None:
        raise element.refused(f"has the function {name[:60]!r}, which is not supported")
    return lambda arguments, here, inner: _defined(defined, arguments, here, inner)


def _of_numbers(name: str) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        place, writer = element.path, scope.writer
        if not arguments:
            raise element.refused("has no arguments")
        if name in _TYPED and any(_is_no_number(each) for each in arguments):
            raise element.refused("computes with a text or a boolean")
        numbers = [as_number(each, place, writer) for each in arguments]
        found = _NUMERIC[name](numbers, element, scope)
        if name in _TOLERANT:
            return found
        missing = [number for number in numbers if number.may_miss]
        if not missing:
            return found
        # It fails where an argument is missing, and its result is never missing.
        doubt = Doubt(lambda: any_absent(missing, writer, place), shown=True)
        return Number(found.type, found.optype, found.column, may_miss=False, fails=(*found.fails, doubt))

    return call


def _is_no_number(value: Value) -> bool:
    if isinstance(value, Number):
        return False
    kinds = {type(each.value) for each in value.outcomes if each.kind == "value"}
    same = any(each.kind == "same" for each in value.outcomes)
    return bool(kinds & {str, bool}) or (same and value.type in ("string", "boolean"))


def _if(arguments: list[Value], instead: str | None, element: Element, scope: Scope) -> Value:
    """The second argument where the first is true, else the third, or nothing; only that one is asked for."""
    if len(arguments) not in (_TWO, _THREE):
        raise element.refused("has not two or three arguments")
    place, writer = element.path, scope.writer
    asked = flag(arguments[0], place, writer)
    options: list[Value] = [*arguments[1:], *([nothing()] if len(arguments) == _TWO else [])]
    if instead is not None:
        chosen_missing = [instead_of_missing(each, instead, writer, place) for each in options[: len(arguments) - 1]]
        options = [*chosen_missing, *options[len(arguments) - 1 :], constant(instead, "string")]

    def label(outcome: Outcome) -> Outcome:
        if outcome.kind == "missing":
            return FAILS if instead is None else of(2)
        return outcome if outcome.kind != "value" else of(0 if outcome.value else 1)

    return picked(mapped(asked, label, "integer"), options, writer, place)


def _treated(value: Value, name: str, treatment: str, element: Element) -> Value:
    """What becomes of an undefined or invalid result: with asMissing it is missing, and else it ends the row."""
    if name in _SOLID:
        return value
    if name == "if":
        return _chosen(value, treatment, element)
    if treatment == "returnInvalid":
        return value
    computed = name in _NUMERIC and name not in _INTEGERS and treatment == "asMissing"
    if isinstance(value, Tabulated) or value.type == "integer" or not computed:
        raise element.refused(f"has the invalidValueTreatment {treatment!r} for {name[:60]!r}, which is not supported")
    own = _own(value)
    return replace(value, fails=tuple(each for each in value.fails if each is not own), may_miss=True)


def _chosen(value: Value, treatment: str, element: Element) -> Value:
    """What `if` gives is one of its arguments, which may be invalid as it is."""
    if treatment == "asIs":
        return value
    if isinstance(value, Tabulated):
        return _without_invalid(value, MISSING if treatment == "asMissing" else FAILS)
    if value.invalid is None:
        return value
    if treatment == "asMissing":
        raise element.refused("treats invalid numbers as missing, which is not supported")
    return replace(value, fails=(*value.fails, value.invalid), invalid=None)


def _own(value: Number) -> Doubt | None:
    """The last doubt of its kind is that of the result itself."""
    return next((each for each in reversed(value.fails) if each.kind == "undefined"), None)


def _without_invalid(value: Tabulated, instead: Outcome) -> Tabulated:
    """A table with another outcome where it is invalid."""
    if all(each.is_valid and not is_nan(each) for each in value.outcomes):
        return value

    def check(outcome: Outcome) -> Outcome:
        return instead if outcome.is_present and (not outcome.is_valid or is_nan(outcome)) else outcome

    table = {key: check(outcome) for key, outcome in value.table.items()}
    return replace(value, table=table, other=check(value.other), missing=check(value.missing))


def _defined(defined: Element, arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """A function of the document: its expression, with its parameters in their types."""
    parameters = defined.all("ParameterField")
    if len(parameters) != len(arguments):
        raise element.refused(f"has {len(arguments)} arguments, and the function {len(parameters)}")
    values = {
        each.need("name"): expressions.typed(value, each, scope)
        for each, value in zip(parameters, arguments, strict=True)
    }
    return expressions.derived(defined, scope.within(values, defined, element))
