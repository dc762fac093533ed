"""Values in another type: what `FieldValue.cast` of jpmml-evaluator makes of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn

from .choices import written
from .tables import mapped
from .types import NUMBERS, UnfitError, cast
from .values import FAILS, Doubt, Number, Outcome, Tabulated
from .whole import not_whole

if TYPE_CHECKING:
    from pgscore.readers.writing.writer import Writer

    from .values import Value


def converted(value: Value, kind: str, optype: str, place: str, writer: Writer) -> Value:
    """A value in another data type or operational type; where there is none of it, asking fails.

    Args:
        value: the value.
        kind: the data type.
        optype: the operational type.
        place: the element that wants it, for messages.
        writer: takes the steps.

    Raises:
        NotAProgramError: it cannot be said of all values that it may have.
    """
    if isinstance(value, Tabulated):
        return _table(value, kind, optype, place)
    if value.type == kind:
        # A text that reads as a number is one then.
        return replace(value, optype=optype, textual=None)
    return _number(value, kind, optype, place, writer)


def _table(value: Tabulated, kind: str, optype: str, place: str) -> Tabulated:
    if value.type == kind:
        return replace(value, optype=optype)

    def convert(outcome: Outcome) -> Outcome:
        if outcome.kind == "same" and value.type in ("integer", "float") and kind == "double":
            return replace(outcome, is_valid=True)
        if outcome.kind == "same":
            raise NotAProgramError(place, f"makes a {kind} of a {value.type} of which not all values are known")
        if outcome.kind != "value":
            return outcome
        try:
            # A value that was passed on although it was invalid is a new one.
            return Outcome("value", cast(kind, outcome.value))
        except UnfitError:
            return FAILS

    return mapped(value, convert, kind, optype)


def _number(value: Number, kind: str, optype: str, place: str, writer: Writer) -> Value:
    if value.type in ("integer", "mixed") and kind == "double":
        return replace(value, type="double", optype=optype, invalid=None, textual=None)
    if kind == "integer" and value.type in ("double", "mixed"):
        register = written(value.column, writer)
        broken = Doubt(lambda: not_whole(register, writer))
        return Number("integer", optype, value.column, value.may_miss, (*value.fails, broken))
    if kind == "float" and value.type in NUMBERS and isinstance(value.column, NumberColumn):
        return replace(value, type="float", optype=optype, invalid=None)
    raise NotAProgramError(place, f"makes a {kind} of a {value.type}, which is not supported")
