"""Functions that tell whether: of what is there or valid, equal, in order, or among others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import arithmetic
from .choices import absent, flag, guarded, plain_kind
from .predictors import listed
from .tables import as_number, joined, mapped, refined
from .types import NUMBERS, Scalar, UnfitError, cast
from .values import FAILS, NEVER, Number, Outcome, Tabulated, is_constant, is_nan, of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .fields import Scope
    from .values import Doubt, Value
    from .xml import Element

    Function = Callable[[Sequence[Value], Element, Scope], Value]

_TWO = 2


def _is_missing(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
    """Whether it is missing."""
    count_arguments(arguments, 1, element)
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
        count_arguments(arguments, 1, element)
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


def count_arguments(arguments: Sequence[Value], count: int, element: Element) -> None:
    """Refuses another number of arguments than a function has.

    Raises:
        NotAProgramError: there are more or fewer.
    """
    if len(arguments) != count:
        raise element.refused(f"has {len(arguments)} arguments, and the function {count}")


def _equality(*, wanted: bool) -> Function:
    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        count_arguments(arguments, 2, element)
        one, other = arguments
        if isinstance(one, Number) or isinstance(other, Number):
            found = _equal_numbers(one, other, element, scope)
        else:
            found = joined(_with_keys([one, other]), _equal(element), "boolean", scope.writer, element.path)
        return found if wanted else _not(found)

    call.__doc__ = "Whether two are equal." if wanted else "Whether two are not equal."
    return call


def _with_keys(values: Sequence[Tabulated]) -> list[Tabulated]:
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
    if one.type == "boolean" and isinstance(one, Tabulated):
        both = [one, flag(other, element.path, scope.writer)]
        return joined(both, _equal(element), "boolean", scope.writer, element.path)
    if one.type in ("string", "mixed"):
        raise element.refused("compares a text, or what is one in some rows, with a number: not supported")
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
        count_arguments(arguments, 2, element)
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
    count_arguments(arguments, 1, element)
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
}
