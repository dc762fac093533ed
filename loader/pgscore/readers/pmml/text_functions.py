"""Functions of texts, tabulated over the values that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.errors import NotAProgramError

from . import texts
from .logic import count_arguments
from .tables import joined
from .types import Scalar, UnfitError, cast
from .values import FAILS, Outcome, Tabulated, of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .fields import Scope
    from .logic import Function
    from .values import Value
    from .xml import Element

_TWO = 2


def _of_texts(
    function: Callable[..., Scalar | None], count: int, kinds: Sequence[str], result: str, meaning: str
) -> Function:
    """A function of texts that are known."""

    def call(arguments: Sequence[Value], element: Element, scope: Scope) -> Value:
        count_arguments(arguments, count, element)
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
    "uppercase": _of_texts(texts.upper, 1, ["string"], "string", "In capital letters; of texts that are known."),
    "lowercase": _of_texts(texts.lower, 1, ["string"], "string", "In small letters; of texts that are known."),
    "trimBlanks": _of_texts(texts.trimmed, 1, ["string"], "string", "Without blanks at its ends; of known texts."),
    "stringLength": _of_texts(texts.length, 1, ["string"], "integer", "The length; of texts that are known."),
    "substring": _of_texts(
        texts.part, 3, ["string", "integer", "integer"], "string", "A part; of texts that are known."
    ),
    "matches": _of_texts(
        texts.matches, 2, ["string", "string"], "boolean", "Whether a pattern is found; of known texts."
    ),
    "replace": _of_texts(
        texts.replaced, 3, ["string", "string", "string"], "string", "With a replacement for a pattern; of known texts."
    ),
    "concat": _concatenated,
}
