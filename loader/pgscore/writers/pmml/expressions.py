"""Expressions of PMML: constants, references, functions.

What JPMML-Evaluator 1.7 does beyond the standard's words: an arithmetic function of a missing value is missing; any
other function but `isMissing` and its like, and aggregates, refuses the row; so does one whose result is NaN, unless
its invalidValueTreatment is `asMissing`.
"""

from __future__ import annotations

from math import inf, isnan
from typing import TYPE_CHECKING

from .xml import Element, element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# So many terms are added one after the other; of more, halves are added. Parsers and evaluators descend into each.
_MOST_DEEP = 50


def shown(value: float) -> str:
    """A number with all its digits, as XML Schema has doubles."""
    return {inf: "INF", -inf: "-INF"}.get(value) or repr(float(value))


def number(value: float) -> Element:
    """A constant; a missing value for NaN."""
    if isnan(value):
        return element("Constant", dataType="double", missing="true")
    return element("Constant", text=shown(value), dataType="double")


def text_constant(value: str) -> Element:
    """A constant text."""
    return element("Constant", text=value, dataType="string")


def ref(name: str) -> Element:
    """A field."""
    return element("FieldRef", field=name)


def apply(function: str, *arguments: Element, may_be_nan: bool = False) -> Element:
    """A function of expressions; whether a result of NaN is a missing value, and no reason to refuse the row."""
    treatment = "asMissing" if may_be_nan else None
    return element("Apply", *arguments, function=function, invalidValueTreatment=treatment)


def when(condition: Element, then: Element, otherwise: Element | None = None) -> Element:
    """The one where the condition holds, else the other; without that, a missing value."""
    return apply("if", condition, then, *([otherwise] if otherwise is not None else []))


def if_there(names: Sequence[str], expression: Element) -> Element:
    """The expression where fields are there, else a missing value."""
    asked = [apply("isNotMissing", ref(name)) for name in dict.fromkeys(names)]
    return when(asked[0] if len(asked) == 1 else apply("and", *asked), expression)


def added(terms: Sequence[Element], plus: Callable[[Element, Element], Element]) -> Element:
    """A sum of at least one term, from left to right where they are not many."""
    if len(terms) > _MOST_DEEP:
        half = len(terms) // 2
        return plus(added(terms[:half], plus), added(terms[half:], plus))
    total = terms[0]
    for term in terms[1:]:
        total = plus(total, term)
    return total
