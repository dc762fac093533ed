"""Expressions of derived fields and functions: what each gives, as jpmml-evaluator's `ExpressionUtil` evaluates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conversions import converted
from .types import TYPES, UnfitError, constant_kind, parse
from .values import Tabulated, Value, constant, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import Scope
    from .xml import Element

    Reader = Callable[[Element, Scope], Value]

# So many expressions are evaluated, and so many of functions, anew each time that they are called.
_MOST_EVALUATED, _MOST_CALLED = 200_000, 10_000


def evaluated(expression: Element, scope: Scope) -> Value:
    """The value of an expression.

    Raises:
        NotAProgramError: it, or something in it, cannot be part of a program; the message names the element.
    """
    document = scope.document
    document.evaluated += 1
    document.called += scope.is_call
    if document.evaluated > _MOST_EVALUATED or document.called > _MOST_CALLED:
        raise expression.refused("is evaluated when too many expressions have been")
    reader = EXPRESSIONS.get(expression.tag)
    if reader is None:
        raise expression.refused("is not supported")
    return reader(expression, scope)


def expression_of(element: Element) -> Element:
    """The expression that an element holds.

    Raises:
        NotAProgramError: there is none.
    """
    found = element.first(*EXPRESSIONS, *REFUSED)
    if found is None:
        raise element.refused("has no expression")
    return found


def derived(field: Element, scope: Scope) -> Value:
    """The value of a derived field, in the type that it states.

    Raises:
        NotAProgramError: as above.
    """
    return typed(evaluated(expression_of(field), scope), field, scope)


def typed(value: Value, element: Element, scope: Scope) -> Value:
    """A value in the type that an element states.

    Raises:
        NotAProgramError: it cannot be said of all that it may be.
    """
    kind = element.get("dataType") or value.type
    if kind not in (*TYPES, "mixed"):
        raise element.refused(f"has the dataType {kind!r}, whose values are no numbers, texts or booleans")
    return converted(value, kind, element.get("optype") or value.optype, element.path, scope.writer)


def read_constant(expression: Element, _scope: Scope) -> Tabulated:
    """The value that it states, in the type that it states, or else in the one that it looks like."""
    if expression.flag("missing", default=False):
        return nothing()
    kind = expression.get("dataType")
    text = expression.text
    if text == "" and kind not in (None, "string"):
        return nothing()
    kind = kind or constant_kind(text)
    if kind not in TYPES:
        raise expression.refused(f"has the dataType {kind!r}, whose values are no numbers, texts or booleans")
    try:
        return constant(parse(kind, text), kind)
    except UnfitError:
        raise expression.refused(f"holds {text[:60]!r}, which is no {kind}") from None


def read_field(expression: Element, scope: Scope) -> Value:
    """The field that it names; mapMissingTo, as a text, where that is missing."""
    from .choices import instead_of_missing

    value = scope.value(expression.need("field"), expression)
    instead = expression.get("mapMissingTo")
    return value if instead is None else instead_of_missing(value, instead, scope.writer, expression.path)


EXPRESSIONS: dict[str, Reader] = {"Constant": read_constant, "FieldRef": read_field}
# Named by the specification, and of no use for one row of a table, or for a program.
REFUSED = ("TextIndex", "Aggregate", "Lag", "Error")
