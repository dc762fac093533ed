"""Functions of numbers as steps: as `Functions` of jpmml-evaluator computes them.

Each gets its arguments, and gives a number that is NaN where one of them is missing, or where asking fails.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, log, nextafter
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation

from . import intervals
from .choices import any_absent, written
from .links import arctan
from .tables import joined, least, where_missing
from .targets import rounded
from .types import common
from .values import NEVER, Doubt, Number, Tabulated, of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers.writing.writer import Writer

    from .fields import Scope
    from .xml import Element

    Function = Callable[[Sequence[Number], Element, Scope], Number]

_LOWEST, _HIGHEST = -(2.0**31), 2.0**31 - 1
_HALF = 0.5
MOST_FACTORS = 100


def arity(numbers: Sequence[Number], count: int, element: Element) -> None:
    """Refuses another number of arguments than a function has.

    Raises:
        NotAProgramError: there are more or fewer.
    """
    if len(numbers) != count:
        raise element.refused(f"has {len(numbers)} arguments, and the function {count}")


def result_type(numbers: Sequence[Number], element: Element) -> str:
    """The data type of what numbers are combined to.

    Raises:
        NotAProgramError: one is a float, or which type it has depends on the row.
    """
    kinds = [each.type for each in numbers]
    if "float" in kinds:
        raise element.refused("computes with a float, which is rounded to single precision: not supported")
    if "double" in kinds:
        return "double"
    if "mixed" in kinds:
        raise element.refused("computes with a number that is an integer in some rows only, which is not supported")
    found = kinds[0]
    for each in kinds[1:]:
        found = common(found, each) or found
    return found


def refuse_floats(numbers: Sequence[Number], element: Element) -> None:
    """Refuses numbers that the evaluator rounds to float32.

    Raises:
        NotAProgramError: one is such a number.
    """
    if any(each.type == "float" for each in numbers):
        raise element.refused("computes with a float, which is rounded to single precision: not supported")


def made(
    register: int, kind: str, numbers: Sequence[Number], writer: Writer, place: str, *, more: Sequence[Doubt] = ()
) -> Number:
    """The number in a register, which fails where it is NaN although all arguments are there."""
    fails = [doubt for each in numbers for doubt in each.fails]
    fails += [_unless_missing(each.textual, numbers, writer, place) for each in numbers if each.textual is not None]
    fails += more

    def unlike() -> Tabulated:
        nothing = where_missing(register, is_text=False)
        return joined(
            [nothing, any_absent(numbers, writer, place)],
            lambda row: of(row[0].value is True and row[1].value is not True), "boolean", writer, place,
        )  # fmt: skip

    if kind == "integer":
        fails.append(Doubt(lambda: beyond(register, writer)))
    fails.append(Doubt(unlike, shown=True, kind="undefined"))
    may_miss = any(each.may_miss for each in numbers)
    return Number(kind, "continuous", NumberColumn(register), may_miss, tuple(fails))


def _unless_missing(doubt: Doubt, numbers: Sequence[Number], writer: Writer, place: str) -> Doubt:
    """Of a text and something missing, what is missing counts."""
    return Doubt(
        lambda: joined(
            [doubt.table, any_absent(numbers, writer, place)],
            lambda row: of(row[0].value is True and row[1].value is not True), "boolean", writer, place,
        )
    )  # fmt: skip


def beyond(register: int, writer: Writer) -> Tabulated:
    """True where a number is beyond the integers of 32 bits."""
    code = intervals.steps(
        register, [_LOWEST, nextafter(_HIGHEST, inf)], lambda each: float(not _LOWEST <= each <= _HIGHEST), 0.0, writer
    )
    return Tabulated("boolean", "categorical", code, False, {0.0: of(value=False)}, of(value=True), NEVER)


def _registers(numbers: Sequence[Number], writer: Writer) -> list[int]:
    return [written(each.column, writer) for each in numbers]


def _constant(number: Number) -> float | None:
    column = number.column
    return (
        column.unknown if isinstance(column, CodeColumn) and column.constant and np.isfinite(column.unknown) else None
    )


def _folded(
    numbers: Sequence[Number], names: tuple[str, str | None], element: Element, writer: Writer
) -> Number | None:
    """An operation with a constant as one more of its column's, which sums and trees fold."""
    left, right = numbers
    value = _constant(right)
    if value is None and names[1] is not None:
        left, right, value = right, left, _constant(left)
    if value is None or isinstance(left.column, CodeColumn) or result_type(numbers, element) == "integer":
        return None
    if names[0] == "divide" and (value == 0 or abs(value) < np.finfo(np.float64).tiny):
        return None
    column = left.column.then(Operation(names[0], value))
    if names[0] in ("multiply", "divide") and value <= 0:
        return None
    found = made(0, "double", [left], writer, element.path)
    # Infinity stays infinity: nothing is NaN but what was.
    return Number("double", "continuous", column, left.may_miss, found.fails[:-1])


def add(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The sum of two."""
    return _sum_of(numbers, 1.0, ("add", "add"), element, scope)


def subtract(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The first less the second."""
    return _sum_of(numbers, -1.0, ("subtract", None), element, scope)


def _sum_of(
    numbers: Sequence[Number], sign: float, names: tuple[str, str | None], element: Element, scope: Scope
) -> Number:
    arity(numbers, 2, element)
    folded = _folded(numbers, names, element, scope.writer)
    if folded is not None:
        return folded
    register = scope.writer.linear(_registers(numbers, scope.writer), [1.0, sign])
    return made(register, result_type(numbers, element), numbers, scope.writer, element.path)


def multiply(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The product of two."""
    arity(numbers, 2, element)
    folded = _folded(numbers, ("multiply", "multiply"), element, scope.writer)
    if folded is not None:
        return folded
    register = multiplied_registers(_registers(numbers, scope.writer), scope.writer)
    return made(register, result_type(numbers, element), numbers, scope.writer, element.path)


def multiplied_registers(registers: Sequence[int], writer: Writer) -> int:
    """The register of the product of others."""
    return writer.add({"step": "product", "of": list(registers)})


def _ratio(one: int, other: int, writer: Writer) -> int:
    return writer.add({"step": "ratio", "of": [one, other]})


def divide(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The first over the second; of two integers what is before the point, and by 0 it fails."""
    arity(numbers, 2, element)
    writer = scope.writer
    folded = _folded(numbers, ("divide", None), element, writer)
    if folded is not None:
        return folded
    one, other = _registers(numbers, writer)
    kind = result_type(numbers, element)
    register = _ratio(one, other, writer)
    if kind != "integer":
        return made(register, kind, numbers, writer, element.path)
    register = writer.function("trunc", register)
    # The least integer over -1 is beyond the largest, and so the least again.
    around = writer.lookup(CodeColumn(register, (-_LOWEST,), np.array([2 * _LOWEST]), 0.0, np.nan), [-_LOWEST])
    register = writer.linear([register, around], [1.0, 1.0])
    return made(register, kind, numbers, writer, element.path, more=[_by_zero(numbers, other, element, scope)])


def _by_zero(numbers: Sequence[Number], other: int, element: Element, scope: Scope) -> Doubt:
    def write() -> Tabulated:
        zero = Tabulated(
            "boolean", "categorical", other, False, {0.0: of(value=True)}, of(value=False), of(value=False)
        )
        gone = any_absent(numbers, scope.writer, element.path)
        both = [zero, gone]
        return joined(
            both, lambda row: of(row[0].value is True and row[1].value is not True), "boolean", scope.writer,
            element.path,
        )  # fmt: skip

    return Doubt(write)


def modulo(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """X - floor(x / y) * y."""
    arity(numbers, 2, element)
    writer = scope.writer
    one, other = _registers(numbers, writer)
    kind = result_type(numbers, element)
    whole = writer.function("floor", _ratio(one, other, writer))
    register = writer.linear([one, multiplied_registers([whole, other], writer)], [1.0, -1.0])
    more = [_by_zero(numbers, other, element, scope)] if kind == "integer" else []
    return made(register, kind, numbers, writer, element.path, more=more)


def power(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """Math.pow: of a constant exponent, or a constant base above 0."""
    arity(numbers, 2, element)
    writer, (base, exponent) = scope.writer, numbers
    kind = result_type(numbers, element)
    constant, of_base = _constant(exponent), _constant(base)
    (register,) = _registers([base], writer)
    if constant is not None:
        if kind == "integer" and constant < 0:
            raise element.refused("takes a negative power of an integer, which fails in each row")
        found = constant_power(register, constant, element, writer)
        return made(found, kind, numbers, writer, element.path)
    if of_base is None or of_base <= 0 or kind == "integer":
        raise element.refused("takes a power of which neither the exponent is constant nor a base above 0")
    (register,) = _registers([exponent], writer)
    scaled = writer.number(register, [Operation("multiply", log(of_base)), Operation("exp")])
    return made(scaled, kind, numbers, writer, element.path)


def constant_power(register: int, exponent: float, element: Element, writer: Writer) -> int:
    """The register of Math.pow of a number, with an exponent that is not 0.

    Raises:
        NotAProgramError: it is an integer beyond what is multiplied, or 0.
    """
    if exponent == int(exponent) and 0 < abs(exponent) <= MOST_FACTORS:
        count = abs(int(exponent))
        found = register if count == 1 else multiplied_registers([register] * count, writer)
        return found if exponent > 0 else writer.function("reciprocal", found)
    if exponent == int(exponent):
        raise element.refused(f"takes the power of {exponent:g}, and a program multiplies up to {MOST_FACTORS} factors")
    root = [Operation("log"), Operation("multiply", exponent), Operation("exp")]
    found = writer.function("sqrt", register) if exponent == _HALF else writer.number(register, root)
    # Of minus infinity alone there is a power, infinity or 0.
    lowest = -np.finfo(np.float64).max
    zero = intervals.steps(register, [lowest], lambda each: 0.0 if each < lowest else None, None, writer)
    return least([found, writer.function("reciprocal", zero) if exponent > 0 else zero], writer)


def threshold(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """1 where the first is above the second, else 0."""
    arity(numbers, 2, element)
    order = difference(numbers, scope.writer)
    above = intervals.steps(order, [1.0], lambda each: float(each >= 1), None, scope.writer)
    masked = scope.writer.linear([above, *(_zero(each, scope.writer) for each in numbers)], [1.0] * 3)
    return made(masked, result_type(numbers, element), numbers, scope.writer, element.path)


def _zero(number: Number, writer: Writer) -> int:
    """0, and NaN where the number is missing."""
    missing = writer.add({"step": "missing", "of": written(number.column, writer)})
    return writer.lookup(CodeColumn(missing, (0.0,), np.zeros(1), np.nan, np.nan), [0.0])


def difference(numbers: Sequence[Number], writer: Writer) -> int:
    """-1, 0 or 1, as the first number is below the second, equal or above; 0 where one is missing."""
    one, other = numbers
    value = _constant(other)
    if value is not None:
        knots, register = [value, nextafter(value, inf)], written(one.column, writer)
        return intervals.steps(register, knots, lambda each: float(np.sign(each - value)), 0.0, writer)
    # Infinity less infinity is NaN, and both are equal then.
    register = writer.linear(_registers(numbers, writer), [1.0, -1.0])
    return intervals.steps(register, [0.0, 5e-324], lambda each: float(np.sign(each)), 0.0, writer)


def function(name: str) -> Function:
    """A function of one number that programs have."""

    def write(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
        arity(numbers, 1, element)
        refuse_floats(numbers, element)
        register = scope.writer.function(name, written(numbers[0].column, scope.writer))
        return _of_one(register, numbers, element, scope)

    write.__doc__ = f"{name}(x)."
    return write


def _of_one(register: int, numbers: Sequence[Number], element: Element, scope: Scope, kind: str = "double") -> Number:
    # A text that reads as a number is one here.
    plain = [replace(each, textual=None) for each in numbers]
    return made(register, kind, plain, scope.writer, element.path)


def tangent(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """sin(x) / cos(x)."""
    arity(numbers, 1, element)
    refuse_floats(numbers, element)
    register = written(numbers[0].column, scope.writer)
    sine, cosine = (scope.writer.function(name, register) for name in ("sin", "cos"))
    return _of_one(_ratio(sine, cosine, scope.writer), numbers, element, scope)


def arc_tangent(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """atan(x)."""
    arity(numbers, 1, element)
    refuse_floats(numbers, element)
    return _of_one(arctan(written(numbers[0].column, scope.writer), scope.writer), numbers, element, scope)


def absolute(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """abs(x), of the type of x."""
    arity(numbers, 1, element)
    kind = result_type(numbers, element)
    register = scope.writer.function("abs", written(numbers[0].column, scope.writer))
    return _of_one(register, numbers, element, scope, kind)


def rounding(name: str) -> Function:
    """floor, ceil or round to an integer of 32 bits, or a failure."""

    def write(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
        arity(numbers, 1, element)
        refuse_floats(numbers, element)
        register = written(numbers[0].column, scope.writer)
        found = rounded(register, scope.writer) if name == "round" else scope.writer.function(name, register)
        return _of_one(found, numbers, element, scope, "integer")

    write.__doc__ = f"{name}(x), an integer."
    return write


def to_even(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """rint: the nearest integer, of two the even one."""
    arity(numbers, 1, element)
    kind = result_type(numbers, element)
    writer = scope.writer
    register = written(numbers[0].column, writer)
    floor = writer.function("floor", register)
    rest = writer.linear([register, floor], [1.0, -1.0])
    up = intervals.steps(rest, [nextafter(_HALF, 1)], lambda each: float(each > _HALF), 0.0, writer)
    tie = intervals.steps(rest, [_HALF, nextafter(_HALF, 1)], lambda each: float(each == _HALF), 0.0, writer)
    half = writer.function("floor", writer.number(floor, [Operation("divide", 2.0)]))
    parity = writer.linear([floor, half], [1.0, -2.0])
    odd = intervals.steps(parity, [_HALF], lambda each: float(each > 0), 0.0, writer)
    found = writer.linear([floor, up, multiplied_registers([tie, odd], writer)], [1.0, 1.0, 1.0])
    return _of_one(found, numbers, element, scope, kind)


FUNCTIONS: dict[str, Function] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "modulo": modulo,
    "pow": power,
    "threshold": threshold,
    "ln": function("log"),
    "log10": function("log10"),
    "ln1p": function("log1p"),
    "exp": function("exp"),
    "expm1": function("expm1"),
    "sqrt": function("sqrt"),
    "sin": function("sin"),
    "cos": function("cos"),
    "tanh": function("tanh"),
    "tan": tangent,
    "atan": arc_tangent,
    "abs": absolute,
    "floor": rounding("floor"),
    "ceil": rounding("ceil"),
    "round": rounding("round"),
    "rint": to_even,
}
