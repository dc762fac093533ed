"""Expressions of derived fields and functions: what each gives, as jpmml-evaluator's `ExpressionUtil` evaluates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conversions import converted
from .types import TYPES, UnfitError, cast, constant_kind, parse
from .values import MISSING, Number, Tabulated, Value, constant, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import Scope
    from .xml import Element

    Reader = Callable[[Element, Scope], Value]


def evaluated(expression: Element, scope: Scope) -> Value:
    """The value of an expression.

    Raises:
        NotAProgramError: it, or something in it, cannot be part of a program; the message names the element.
    """
    reader = EXPRESSIONS.get(expression.tag)
    if reader is None:
        raise expression.refused("is not supported")
    return reader(expression, scope)


def derived(field: Element, scope: Scope) -> Value:
    """The value of a derived field, in the type that it states.

    Raises:
        NotAProgramError: as above.
    """
    expression = field.first(*EXPRESSIONS, *REFUSED)
    if expression is None:
        raise field.refused("has no expression")
    value = evaluated(expression, scope)
    kind = field.get("dataType") or value.type
    if kind not in TYPES:
        raise field.refused(f"has the dataType {kind!r}, whose values are no numbers, texts or booleans")
    return converted(value, kind, field.get("optype") or value.optype, field.path, scope.writer)


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
    value = scope.value(expression.need("field"), expression)
    return value


EXPRESSIONS: dict[str, Reader] = {"Constant": read_constant, "FieldRef": read_field}
# Named by the specification, and of no use for one row of a table, or for a program.
REFUSED = ("TextIndex", "Aggregate", "Lag", "Error")
__all__ = ["EXPRESSIONS", "MISSING", "Number", "cast", "derived", "evaluated"]
