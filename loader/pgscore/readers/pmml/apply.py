"""Apply: a function of values, and what stands in where one is missing, or the result is missing or invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError

from . import arithmetic, expressions, texts
from .choices import absent, any_absent, flag, guarded, instead_of_missing, picked, plain_kind, written
from .predictors import listed
from .tables import as_number, joined, mapped, refined
from .types import NUMBERS, Scalar, UnfitError, cast
from .values import FAILS, MISSING, NEVER, Doubt, Number, Outcome, Tabulated, as_key, constant, is_constant, is_nan, nothing, of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .fields import Scope
    from .values import Value
    from .xml import Element

    Function = Callable[[Sequence[Value], Element, Scope], Value]

_TREATMENTS = ("returnInvalid", "asIs", "asMissing")
_TWO, _THREE = 2, 3
_MOST_ARGUMENTS = 1_000


def read_apply(expression: Element, scope: Scope) -> Value:
    """The value of a function (`ExpressionUtil.evaluateApply`)."""
    name = expression.need("function")
    treatment = expression.choice("invalidValueTreatment", "returnInvalid", _TREATMENTS)
    arguments = [expressions.evaluated(each, scope) for each in expression.children]
    if len(arguments) > _MOST_ARGUMENTS:
        raise expression.refused(f"has more than {_MOST_ARGUMENTS:,} arguments")
    instead, default = expression.get("mapMissingTo"), expression.get("defaultValue")
    if name == "if":
        found = _if(arguments, instead, expression, scope)
    else:
        found = _called(name, arguments, instead, expression, scope)
    if treatment == "asMissing":
        found = _failures_missing(found, name, expression, scope)
    elif name == "if":
        found = _refused_invalid(found, treatment, expression, scope)
    return found if default is None else instead_of_missing(found, default, scope.writer, expression.path)


def _called(name: str, arguments: list[Value], instead: str | None, element: Element, scope: Scope) -> Value:
    function = _function(name, element, scope)
    if instead is None:
        return function(arguments, element, scope)
    missing = any_absent(arguments, scope.writer, element.path)
    there = function(arguments, element, scope)
    if is_constant(missing) and missing.other.value is False:
        return there

    def label(outcome: Outcome) -> Outcome:
        return of(1) if outcome.value is True else of(0) if outcome.kind == "value" else outcome

    labels = mapped(missing, label, "integer")
    return picked(labels, [there, constant(instead, "string")], scope.writer, element.path)


def _function(name: str, element: Element, scope: Scope) -> Function:
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if name in arithmetic.FUNCTIONS:
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
        if name in (*arithmetic.TOLERANT, "pow", "threshold") and any(_is_text(each) for each in arguments):
            raise element.refused("computes with a text")
        if all(is_constant(each) for each in arguments):
            arguments = [*arguments]
        numbers = [as_number(each, place, writer) for each in arguments]
        found = arithmetic.FUNCTIONS[name](numbers, element, scope)
        if name in arithmetic.TOLERANT:
            return found
        missing = [number for number in numbers if number.may_miss]
        if not missing:
            return found
        # It fails where an argument is missing, and its result is never missing.
        doubt = Doubt(lambda: any_absent(missing, writer, place), shown=True)
        return Number(found.type, found.optype, found.column, may_miss=False, fails=(*found.fails, doubt))

    return call


def _is_text(value: Value) -> bool:
    return isinstance(value, Tabulated) and any(isinstance(each.value, str) for each in value.outcomes if each.kind == "value")


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


def _refused_invalid(value: Value, treatment: str, element: Element, scope: Scope) -> Value:
    """A result that is invalid ends the row, unless the treatment says otherwise."""
    if treatment == "asIs":
        return value
    if isinstance(value, Tabulated):
        return mapped_invalid(value, FAILS)
    if value.invalid is None:
        return value
    del element, scope
    return Number(
        value.type, value.optype, value.column, value.may_miss, (*value.fails, value.invalid), None, value.textual
    )


def mapped_invalid(value: Tabulated, instead: Outcome) -> Tabulated:
    """A table with another outcome where it is invalid."""
    if all(each.is_valid and not is_nan(each) for each in value.outcomes):
        return value

    def check(outcome: Outcome) -> Outcome:
        return instead if outcome.is_present and (not outcome.is_valid or is_nan(outcome)) else outcome

    table = {key: check(outcome) for key, outcome in value.table.items()}
    return Tabulated(
        value.type, value.optype, value.source, value.is_text, table, check(value.other), check(value.missing)
    )


def _failures_missing(value: Value, name: str, element: Element, scope: Scope) -> Value:
    """With asMissing an undefined or invalid result is missing; what fails before is not."""
    if name not in ("+", "-", "*", "/", "modulo", *_SOLID, *_MATH):
        raise element.refused(f"treats invalid results of {name[:60]!r} as missing, which is not supported")
    if name in _SOLID:
        return value
    if not isinstance(value, Number):
        return mapped_invalid(value, MISSING)
    if value.type == "integer":
        raise element.refused("treats results beyond integers as missing, which is not supported")
    # The last doubt is that of a result that is no number, and it shows as NaN.
    fails = list(value.fails)
    own = next((n for n in reversed(range(len(fails))) if fails[n].kind == "undefined"), None)
    if own is not None:
        del fails[own]
    del scope
    return Number(value.type, value.optype, value.column, True, tuple(fails), None, value.textual)


def _defined(defined: Element, arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """A function of the document: its expression, with its parameters in their types."""
    parameters = defined.all("ParameterField")
    if len(parameters) != len(arguments):
        raise element.refused(f"has {len(arguments)} arguments, and the function {len(parameters)}")
    values = {
        each.need("name"): expressions.typed(value, each, scope) for each, value in zip(parameters, arguments, strict=True)
    }
    return expressions.derived(defined, scope.within(values, defined, element))


def _is_missing(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """Whether it is missing."""
    _count(arguments, 1, element)
    return _guarded_test(arguments[0], absent(arguments[0], scope.writer), element, scope)


def _is_not_missing(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """Whether it is not missing."""
    return _not(_is_missing(arguments, element, scope))


def _not(value: Value) -> Value:
    assert isinstance(value, Tabulated)  # noqa: S101  a test is a table
    return mapped(value, lambda each: of(not each.value) if each.kind == "value" else each, "boolean")


def _guarded_test(value: Value, test: Tabulated, element: Element, scope: Scope) -> Tabulated:
    fails = value.fails if isinstance(value, Number) else ()
    return guarded(test, fails, scope.writer, element.path)


def _validity(*, wanted: bool) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        _count(arguments, 1, element)
        value = arguments[0]
        if isinstance(value, Tabulated):

            def test(outcome: Outcome) -> Outcome:
                valid = outcome.is_valid and not is_nan(outcome)
                return outcome if outcome.kind == "fails" else of(outcome.is_present and valid == wanted)

            return mapped(value, test, "boolean")
        there = absent(value, scope.writer)
        if value.invalid is None:
            found = mapped(there, lambda each: of(each.value is not True and wanted), "boolean")
        else:
            found = joined(
                [there, value.invalid.table],
                lambda row: of(row[0].value is not True and (row[1].value is not True) == wanted), "boolean",
                scope.writer, element.path,
            )  # fmt: skip
        return _guarded_test(value, found, element, scope)

    call.__doc__ = "Whether it is there and valid." if wanted else "Whether it is there and invalid."
    return call


def _count(arguments: Sequence[Value], count: int, element: Element) -> None:
    if len(arguments) != count:
        raise element.refused(f"has {len(arguments)} arguments, and the function {count}")


def _equality(*, wanted: bool) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        _count(arguments, 2, element)
        one, other = arguments
        if isinstance(one, Number) or isinstance(other, Number):
            found = _equal_numbers(one, other, element, scope)
        else:
            found = joined(arguments_with_keys([one, other]), _equal(element), "boolean", scope.writer, element.path)
        return found if wanted else _not(found)

    call.__doc__ = "Whether two are equal." if wanted else "Whether two are not equal."
    return call


def arguments_with_keys(values: Sequence[Tabulated]) -> list[Tabulated]:
    """Tables that have each others' constants among their keys, so that no `same` is compared with what it could be."""
    known: set[str] = set()
    for outcome in (each for value in values for each in value.outcomes if each.kind == "value"):
        try:
            known.add(str(cast("string", outcome.value)))
        except UnfitError:
            continue
    return [refined(each, known) if each.is_text and each.other.kind == "same" else each for each in values]


def _equal(element: Element) -> Callable[[Sequence[Outcome]], Outcome]:
    def test(row: Sequence[Outcome]) -> Outcome:
        one, other = row
        for each in row:
            if each.kind in ("fails", "missing"):
                return FAILS
        if "same" in (one.kind, other.kind):
            if one.kind == other.kind:
                raise element.refused("compares two fields of which not all values are known")
            return of(value=False)
        try:
            return of(one.value == cast(plain_kind(one), other.value))
        except UnfitError:
            return FAILS

    return test


def _equal_numbers(one: Value, other: Value, element: Element, scope: Scope) -> Tabulated:
    if is_constant(other) and isinstance(one, Number) and isinstance(other, Tabulated):
        outcome = other.other
        if outcome.kind != "value":
            return _everywhere(FAILS)
        try:
            key = cast(one.type if one.type in NUMBERS else "double", outcome.value)
        except UnfitError:
            return _everywhere(FAILS)
        table = listed(one, [key], scope, element)
        found = mapped(
            table,
            lambda each: FAILS if each.kind == "missing" else of(each.kind == "value" and each.value == key), "boolean",
        )  # fmt: skip
        return guarded(found, [*one.fails, *_texts_of([one])], scope.writer, element.path)
    numbers = [as_number(each, element.path, scope.writer) for each in (one, other)]
    if numbers[0].type == "integer" and numbers[1].type != "integer":
        raise element.refused("compares an integer for equality with a number that is none, which is not supported")
    return _ordered(numbers, lambda order: order == 0, element, scope)


def _texts_of(numbers: Sequence[Number]) -> list[Doubt]:
    return [each.textual for each in numbers if each.textual is not None]


def _everywhere(outcome: Outcome) -> Tabulated:
    return Tabulated("boolean", "categorical", None, False, {}, outcome, NEVER)


def _ordered(numbers: Sequence[Number], test: Callable[[float], bool], element: Element, scope: Scope) -> Tabulated:
    arithmetic.refuse_floats(numbers, element)
    writer = scope.writer
    order = arithmetic.difference(numbers, writer)
    found = Tabulated(
        "boolean", "categorical", order, False, {float(each): of(test(each)) for each in (-1, 0, 1)}, NEVER, NEVER
    )
    gone = [absent(each, writer) for each in numbers if each.may_miss]
    if gone:
        found = joined(
            [found, *gone], lambda row: FAILS if any(each.value is True for each in row[1:]) else row[0], "boolean",
            writer, element.path,
        )  # fmt: skip
    fails = [doubt for each in numbers for doubt in each.fails]
    return guarded(found, [*fails, *_texts_of(numbers)], writer, element.path)


def _comparison(test: Callable[[float], bool], meaning: str) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        _count(arguments, 2, element)
        one = arguments[0]
        if one.optype == "ordinal":
            raise element.refused("compares an ordinal value by its order, which is not supported in a function")
        if one.type == "boolean" or one.optype == "categorical":
            raise element.refused("compares a categorical value by order, which fails in each row")
        numbers = [as_number(each, element.path, scope.writer) for each in arguments]
        return _ordered(numbers, test, element, scope)

    call.__doc__ = meaning
    return call


def _logic(*, both: bool) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        if len(arguments) < _TWO:
            raise element.refused("has fewer than two arguments")
        found = flag(arguments[0], element.path, scope.writer)
        for each in arguments[1:]:
            found = joined(
                [found, flag(each, element.path, scope.writer)], _combine, "boolean", scope.writer, element.path
            )
        if len(arguments) == 1:
            return found
        return mapped(found, lambda each: FAILS if each.kind == "missing" else each, "boolean")

    def _combine(row: Sequence[Outcome]) -> Outcome:
        if any(each.kind in ("fails", "missing") for each in row):
            return FAILS
        values = [bool(each.value) for each in row]
        return of(all(values) if both else any(values))

    call.__doc__ = "Whether all are true." if both else "Whether any is true."
    return call


def _negation(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """Whether it is false."""
    _count(arguments, 1, element)
    found = flag(arguments[0], element.path, scope.writer)
    return _not(mapped(found, lambda each: FAILS if each.kind == "missing" else each, "boolean"))


def _membership(*, wanted: bool) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        if len(arguments) < _TWO:
            raise element.refused("has fewer than two arguments")
        value, *others = arguments
        members = [each for each in others if isinstance(each, Tabulated) and is_constant(each)]
        if len(members) != len(others):
            raise element.refused("looks among values that are not constant, which is not supported")
        has_missing = any(each.other.kind == "missing" for each in members)
        constants = [each.other for each in members if each.other.kind == "value"]
        keys = _castable(value, constants)
        table = listed(value, keys, scope, element)

        def test(outcome: Outcome) -> Outcome:
            if outcome.kind == "fails":
                return FAILS
            if outcome.kind == "missing":
                return of(has_missing == wanted)
            for each in constants:
                if outcome.kind == "same":
                    if _castable(value, [each]) or value.type == "string":
                        continue
                    return FAILS
                try:
                    equal = outcome.value == cast(plain_kind(outcome), each.value)
                except UnfitError:
                    return FAILS
                if equal:
                    return of(wanted)
            return of(not wanted)

        found = mapped(table, test, "boolean")
        if isinstance(value, Number):
            return guarded(found, [*value.fails, *_texts_of([value])], scope.writer, element.path)
        return found

    call.__doc__ = "Whether it is among the others." if wanted else "Whether it is not among the others."
    return call


def _castable(value: Value, constants: Sequence[Outcome]) -> list[Scalar]:
    found: list[Scalar] = []
    kind = value.type if value.type in (*NUMBERS, "string", "boolean") else "string"
    for each in constants:
        try:
            key = cast(kind, each.value)
        except UnfitError:
            continue
        if not (isinstance(key, float) and np.isnan(key)):
            found.append(key)
    return found


def _of_texts(function: Callable[..., Scalar | None], count: int, kinds: Sequence[str], result: str, meaning: str) -> Function:
    """A function of texts that are known."""

    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        _count(arguments, count, element)
        tables = [_tabulated(each, element, scope) for each in arguments]

        def of_row(row: Sequence[Outcome]) -> Outcome:
            values = []
            for outcome, kind in zip(row, kinds, strict=True):
                if outcome.kind in ("fails", "missing"):
                    return FAILS
                if outcome.kind == "same":
                    raise element.refused("is a function of a text of which not all values are known")
                try:
                    values.append(cast(kind, outcome.value))
                except UnfitError:
                    return FAILS
            try:
                found = function(*values)
            except texts.UnknownError as error:
                raise NotAProgramError(element.path, str(error)) from None
            return FAILS if found is None else of(found)

        optype = "continuous" if result == "integer" else "categorical"
        return joined(tables, of_row, result, scope.writer, element.path, optype)

    call.__doc__ = meaning
    return call


def _tabulated(value: Value, element: Element, scope: Scope) -> Tabulated:
    if isinstance(value, Tabulated):
        return value
    del scope
    raise element.refused("is a function of a text that is made of a number, which is not supported")


def _concatenated(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """The texts that are there, one after the other."""
    if len(arguments) < _TWO:
        raise element.refused("has fewer than two arguments")
    tables = [_tabulated(each, element, scope) for each in arguments]

    def of_row(row: Sequence[Outcome]) -> Outcome:
        found = ""
        for outcome in row:
            if outcome.kind == "fails":
                return FAILS
            if outcome.kind == "same":
                raise element.refused("is a function of a text of which not all values are known")
            try:
                found += str(cast("string", outcome.value)) if outcome.kind == "value" else ""
            except UnfitError:
                raise element.refused("writes a number as a text, which is not supported") from None
        return of(found)

    return joined(tables, of_row, "string", scope.writer, element.path)


FUNCTIONS: dict[str, Function] = {
    "isMissing": _is_missing,
    "isNotMissing": _is_not_missing,
    "isValid": _validity(wanted=True),
    "isNotValid": _validity(wanted=False),
    "equal": _equality(wanted=True),
    "notEqual": _equality(wanted=False),
    "lessThan": _comparison(lambda order: order < 0, "Whether the first is below the second."),
    "lessOrEqual": _comparison(lambda order: order <= 0, "Whether the first is not above the second."),
    "greaterThan": _comparison(lambda order: order > 0, "Whether the first is above the second."),
    "greaterOrEqual": _comparison(lambda order: order >= 0, "Whether the first is not below the second."),
    "and": _logic(both=True),
    "or": _logic(both=False),
    "not": _negation,
    "isIn": _membership(wanted=True),
    "isNotIn": _membership(wanted=False),
    "uppercase": _of_texts(texts.upper, 1, ["string"], "string", "In capital letters; of texts that are known."),
    "lowercase": _of_texts(texts.lower, 1, ["string"], "string", "In small letters; of texts that are known."),
    "trimBlanks": _of_texts(texts.trimmed, 1, ["string"], "string", "Without blanks at its ends; of known texts."),
    "stringLength": _of_texts(texts.length, 1, ["string"], "integer", "The length; of texts that are known."),
    "substring": _of_texts(
        texts.part, 3, ["string", "integer", "integer"], "string", "A part; of texts that are known."
    ),
    "matches": _of_texts(texts.matches, 2, ["string", "string"], "boolean", "Whether a pattern is found; of known texts."),
    "replace": _of_texts(
        texts.replaced, 3, ["string", "string", "string"], "string", "With a replacement for a pattern; of known texts."
    ),
    "concat": _concatenated,
}
# Whose results are never undefined or invalid.
_SOLID = (*FUNCTIONS,)
_MATH = ("ln", "log10", "ln1p", "exp", "expm1", "sqrt", "sin", "cos", "tan", "tanh", "atan", "abs", "pow", *arithmetic.AGGREGATES)
__all__ = ["as_key", "read_apply", "written"]
