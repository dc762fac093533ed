"""The steps of a program as expressions of PMML, but trees, which are models."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

from pgscore_runtime.formulas import Kernel, LinkStep, Median, Piecewise, Product, Quadratic, Ratio
from pgscore_runtime.steps import Affine, Clip, Fill, Function, Linear, Lookup, Missing

from pgscore.writers.not_written import NotWrittenError

from .expressions import added, apply, if_there, number, ref, shown, text_constant, when
from .functions import FUNCTIONS
from .links import linked
from .xml import Element, check_text, element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OPERATORS = {"subtract": "-", "divide": "/", "multiply": "*", "add": "+"}
_MOST_TERMS = 200_000


@dataclass
class Fields:
    """What registers are called, and what is asked of them.

    Attributes:
        names: the field that holds each register.
        texts: the registers that hold texts.
        asked: those of which it is asked whether they are missing, by whatever is made of them: there a missing value
            has to be one, while elsewhere it may be the end of the row.
        maybe_missing: the registers that may be missing.
        helpers: further fields that an expression needs, by name, in their order.
    """

    names: dict[int, str] = field(default_factory=dict)
    texts: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    maybe_missing: set[int] = field(default_factory=set)
    helpers: dict[str, Element] = field(default_factory=dict)

    def ref(self, register: int) -> Element:
        """A reference to a register."""
        return ref(self.names[register])

    def guarded(self, made: int, of: Sequence[int], expression: Element) -> Element:
        """An expression that is missing where what it is made of is, if anybody asks."""
        missing = [self.names[register] for register in of if register in self.maybe_missing]
        return if_there(missing, expression) if missing and made in self.asked else expression


def _affine(fields: Fields, step: Affine, made: int, _: str) -> Element:
    value = fields.ref(step.of)
    for name, operand in step.operations:
        value = apply(_OPERATORS[name], value, number(operand), may_be_nan=made in fields.asked)
    return value


def _clip(fields: Fields, step: Clip, made: int, _: str) -> Element:
    value = found = fields.ref(step.of)
    if step.maximum < inf:
        found = when(apply("greaterThan", value, number(step.maximum)), number(step.maximum), found)
    if step.minimum > -inf:
        found = when(apply("lessThan", value, number(step.minimum)), number(step.minimum), found)
    return fields.guarded(made, [step.of], found)


def _function(fields: Fields, step: Function, made: int, _: str) -> Element:
    if step.name == "relu" and step.of not in fields.maybe_missing:
        # An aggregate passes over what is missing, and looks like what it is.
        return apply("max", fields.ref(step.of), number(0))
    found = FUNCTIONS[step.name](fields.ref(step.of), made in fields.asked)
    return fields.guarded(made, [step.of], found)


def _fill(fields: Fields, step: Fill, _made: int, place: str) -> Element:
    value = step.value
    filling = text_constant(check_text(value, f"{place}.with")) if isinstance(value, str) else number(value)
    return when(apply("isMissing", fields.ref(step.of)), filling, fields.ref(step.of))


def _missing(fields: Fields, step: Missing, _made: int, _: str) -> Element:
    return when(apply("isMissing", fields.ref(step.of)), number(1), number(0))


def _lookup(fields: Fields, step: Lookup, _made: int, place: str) -> Element:
    texts = step.of in fields.texts
    there = {key: value for key, value in step.table.items() if not isnan(value)}
    nothing = [key for key in step.table if key not in there]

    def key_of(key: Any) -> str:  # noqa: ANN401
        return check_text(key, f"{place}.keys") if texts else shown(key)

    def bound(value: float) -> str | None:
        return None if isnan(value) else shown(value)

    rows = [
        element("row", element("key", text=key_of(key)), element("value", text=shown(value)))
        for key, value in there.items()
    ]
    found = element(
        "MapValues",
        element("FieldColumnPair", field=fields.names[step.of], column="key"),
        element("InlineTable", *rows),
        outputColumn="value",
        dataType="double",
        defaultValue=bound(step.unknown),
        mapMissingTo=bound(step.missing),
    )
    if not rows:
        missing = apply("isMissing", fields.ref(step.of))
        return when(
            missing, number(step.missing), _known_as_nothing(fields, step, nothing, number(step.unknown), place)
        )
    if nothing and not isnan(step.unknown):
        missing = apply("isMissing", fields.ref(step.of))
        return when(missing, number(step.missing), _known_as_nothing(fields, step, nothing, found, place))
    return found


def _known_as_nothing(fields: Fields, step: Lookup, keys: list[Any], otherwise: Element, place: str) -> Element:
    """A missing value for these keys, of which none is missing."""
    if not keys:
        return otherwise
    texts = step.of in fields.texts
    listed = [text_constant(check_text(key, f"{place}.keys")) if texts else number(key) for key in keys]
    return when(apply("isNotIn", fields.ref(step.of), *listed), otherwise)


def _linear(fields: Fields, step: Linear, made: int, _: str) -> Element:
    nan_is_missing = made in fields.asked

    def operator(name: str) -> Callable[[Element, Element], Element]:
        return lambda one, other: apply(name, one, other, may_be_nan=nan_is_missing)

    times = operator("*")
    terms = [
        times(number(weight), fields.ref(register)) for register, weight in zip(step.of, step.weights, strict=True)
    ]
    return added([number(step.intercept), *terms], operator("+"))


def _link(fields: Fields, step: LinkStep, made: int, _: str) -> list[Element]:
    return linked(fields, step.link, step.of, made)


def _product(fields: Fields, step: Product, made: int, _: str) -> Element:
    value = fields.ref(step.of[0])
    for register in step.of[1:]:
        value = apply("*", value, fields.ref(register), may_be_nan=made in fields.asked)
    return value


def _ratio(fields: Fields, step: Ratio, made: int, _: str) -> Element:
    above, below = (fields.ref(register) for register in step.of)
    nothing = number(nan)
    negative = when(apply("lessThan", above, number(0)), number(-inf), nothing)
    endless = when(apply("greaterThan", above, number(0)), number(inf), negative)
    found = when(apply("equal", below, number(0)), endless, apply("/", above, below, may_be_nan=made in fields.asked))
    return fields.guarded(made, step.of, found)


def _piecewise(fields: Fields, step: Piecewise, made: int, _: str) -> Element:
    value = fields.ref(step.of)
    test = "lessThan" if step.is_left_closed else "lessOrEqual"
    nan_is_missing = made in fields.asked

    def piece(n: int) -> Element:
        coefficients = step.pieces[n]
        if not coefficients:
            return number(nan)
        total = number(coefficients[0])
        beyond = apply("-", value, number(step.knots[max(n - 1, 0)]), may_be_nan=nan_is_missing)
        for coefficient in coefficients[1:]:
            power = apply("*", total, beyond, may_be_nan=nan_is_missing)
            total = apply("+", power, number(coefficient), may_be_nan=nan_is_missing)
        return total

    def within(first: int, behind: int) -> Element:
        if first == behind:
            return piece(first)
        middle = (first + behind) // 2
        return when(apply(test, value, number(step.knots[middle])), within(first, middle), within(middle + 1, behind))

    found = within(0, len(step.knots))
    if step.of not in fields.maybe_missing:
        return found
    return when(apply("isMissing", value), number(step.missing), found)


def _quadratic(fields: Fields, step: Quadratic, made: int, place: str) -> Element:
    nan_is_missing = made in fields.asked

    def operator(name: str) -> Callable[[Element, Element], Element]:
        return lambda one, other: apply(name, one, other, may_be_nan=nan_is_missing)

    minus, times, plus = operator("-"), operator("*"), operator("+")
    apart = [minus(fields.ref(of), number(center)) for of, center in zip(step.of, step.center, strict=True)]
    if step.matrix is not None:
        _count(len(step.matrix) * len(step.of), place)
        apart = [added([times(number(a), b) for a, b in zip(row, apart, strict=True)], plus) for row in step.matrix]
    return added([times(each, each) for each in apart], plus)


def _count(terms: int, place: str) -> None:
    if terms > _MOST_TERMS:
        raise NotWrittenError(place, f"would have {terms:,} terms, and {_MOST_TERMS:,} are the most in PMML")


def _median(_fields: Fields, _step: Median, _made: int, place: str) -> Element:
    raise NotWrittenError(place, "is a weighted median, and PMML has no function that sorts")


def _kernel(fields: Fields, step: Kernel, made: int, place: str) -> Element:
    _count(len(step.vectors) * len(step.of), place)
    nan_is_missing = made in fields.asked

    def operator(name: str) -> Callable[[Element, Element], Element]:
        return lambda one, other: apply(name, one, other, may_be_nan=nan_is_missing)

    minus, times, plus = operator("-"), operator("*"), operator("+")
    values = [fields.ref(register) for register in step.of]

    def similar(vector: Sequence[float]) -> Element:
        pairs = list(zip(values, map(number, vector), strict=True))
        if step.kernel == "rbf":
            squares = [times(minus(x, v), minus(x, v)) for x, v in pairs]
            return apply("exp", times(number(-step.gamma), added(squares, plus)))
        dot = added([times(x, v) for x, v in pairs], plus)
        base = plus(times(number(step.gamma), dot), number(step.constant))
        if step.kernel == "sigmoid":
            return apply("tanh", base)
        power = base
        for _ in range(step.degree - 1):
            power = times(power, base)
        return power

    terms = [times(number(c), similar(v)) for c, v in zip(step.coefficients, step.vectors, strict=True)]
    return fields.guarded(made, step.of, added([number(step.intercept), *terms], plus))


EXPRESSIONS: dict[type, Callable[[Fields, Any, int, str], Element | list[Element]]] = {
    Affine: _affine,
    Clip: _clip,
    Function: _function,
    Fill: _fill,
    Missing: _missing,
    Lookup: _lookup,
    Linear: _linear,
    LinkStep: _link,
    Product: _product,
    Ratio: _ratio,
    Piecewise: _piecewise,
    Quadratic: _quadratic,
    Median: _median,
    Kernel: _kernel,
}
