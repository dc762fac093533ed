"""Operators that compare and choose: casts, comparisons with a constant, marks and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation, along
from pgscore.readers.algebra.curves import Bins

from .arithmetic import broadcast, side
from .encoders import of_texts
from .single import ROUNDED, looked_up
from .values import BOOLEAN, DOUBLE, INTEGERS, KINDS, SINGLE, TEXT, Label, Linked, Value, shaped

if TYPE_CHECKING:
    from .values import Context, Number, Operator


def cast(context: Context) -> Any:  # noqa: ANN401
    """Cast between kinds of numbers."""
    kind = KINDS.get(context.node.integer("to", 0))
    context.node.ignore("saturate")
    found = context.given(0)
    if isinstance(found, Label):
        if kind not in (*INTEGERS, SINGLE, DOUBLE, TEXT):
            raise context.node.refuse("makes of a label what is none")
        return found
    if kind is None:
        raise context.node.refuse("makes a kind of numbers that is not read")
    if isinstance(found, Linked) and kind in (found.kind, DOUBLE):
        return replace(found, kind=kind)
    return _cast(context, context.value(0), kind)


def _cast(context: Context, value: Value, kind: str) -> Value:
    if value.kind == kind:
        return value
    if TEXT in (value.kind, kind):
        raise context.node.refuse("makes numbers of texts, or texts of numbers")
    if kind == BOOLEAN:
        return _is_not_zero(context, value)
    if kind in INTEGERS:
        if value.kind in INTEGERS or value.kind == BOOLEAN:
            return replace(value, kind=kind)
        context.exact(value)
        cut = context.then(value, [[Operation("trunc")]] * value.cells.size, DOUBLE)
        return replace(cut, kind=f"{kind} of numbers")
    if kind == SINGLE:
        columns = [each.then(ROUNDED) for each in value.columns]
        inexact = 1.0 if value.kind in (DOUBLE, *INTEGERS) else 0.0
        return replace(value, cells=shaped(columns, value.cells.shape), kind=kind, roundings=value.roundings + inexact)
    return replace(value, kind=kind)


def _is_not_zero(context: Context, value: Value) -> Value:
    columns = [looked_up(each, {0.0: 0.0}, 1.0, 1.0, context.writer) for each in value.columns]
    return Value(shaped(columns, value.cells.shape), BOOLEAN)


def _compared(context: Context, closed: Any, missing: float, *, inverted: bool) -> Value:  # noqa: ANN401
    """1 where a number is beyond a constant, else 0, or the reverse."""
    value, numbers = broadcast(context.numbers(0), context.constant(1), context)  # type: ignore[arg-type]
    context.exact(value)
    if " " in value.kind:
        raise context.node.refuse("compares what was made an integer")
    columns = []
    for column, number in zip(value.columns, numbers, strict=True):
        bins = along(Bins(np.array([number]), closed, 0, None, missing))
        operations = [bins, *([Operation("multiply", -1.0), Operation("add", 1.0)] if inverted else [])]
        columns.append(column.then(*operations))
    return Value(shaped(columns, value.cells.shape), BOOLEAN)


def less(context: Context) -> Value:
    """Less, than a constant."""
    return _either_way(context, ("left", 1.0, True), ("right", 0.0, False))


def greater(context: Context) -> Value:
    """Greater, than a constant."""
    return _either_way(context, ("right", 0.0, False), ("left", 1.0, True))


def less_or_equal(context: Context) -> Value:
    """LessOrEqual, than a constant."""
    return _either_way(context, ("right", 1.0, True), ("left", 0.0, False))


def greater_or_equal(context: Context) -> Value:
    """GreaterOrEqual, than a constant."""
    return _either_way(context, ("left", 0.0, False), ("right", 1.0, True))


def _either_way(context: Context, plain: tuple[str, float, bool], turned: tuple[str, float, bool]) -> Value:
    swapped = side(context, 0) is not None
    if swapped:
        context.node.inputs = context.node.inputs[::-1]
    if side(context, 1) is None:
        raise context.node.refuse("compares columns with each other, and not with a constant")
    closed, missing, inverted = turned if swapped else plain
    return _compared(context, closed, missing, inverted=inverted)


def equal(context: Context) -> Value:
    """Equal, to a constant: a number or a text."""
    if side(context, 0) is not None:
        context.node.inputs = context.node.inputs[::-1]
    constant = context.constant(1)
    value = context.value(0)
    assert constant is not None  # noqa: S101
    if value.kind == TEXT:
        if constant.size != 1:
            raise context.node.refuse("compares with several texts")
        text = str(np.ravel(constant)[0])
        texts = [of_texts(each, {text: 1.0}, 0.0, context) for each in value.columns]
        return Value(shaped(texts, value.cells.shape), BOOLEAN)
    value, numbers = broadcast(value, constant, context)
    context.exact(value)
    columns = [
        looked_up(column, {number: 1.0}, 0.0, 0.0, context.writer)
        for column, number in zip(value.columns, numbers, strict=True)
    ]
    return Value(shaped(columns, value.cells.shape), BOOLEAN)


def is_nan(context: Context) -> Value:
    """IsNaN: of an input, or what is rounded of one."""
    value = context.numbers(0)
    columns: list[Number] = []
    for column in value.columns:
        if isinstance(column, CodeColumn):
            mark = np.isnan
            columns.append(replace(
                column, values=mark(column.values).astype(float), unknown=float(mark(column.unknown)),
                missing=float(mark(column.missing)),
            ))  # fmt: skip
            continue
        if any(each != ROUNDED for each in column.operations):
            raise context.node.refuse("asks of a computed number whether it is missing")
        context.writer.domains.refuse_rough(column.source)
        columns.append(NumberColumn(context.writer.add({"step": "missing", "of": column.source})))
    return Value(shaped(columns, value.cells.shape), BOOLEAN)


def negation(context: Context) -> Value:
    """Not."""
    value = context.value(0)
    operations = [Operation("multiply", -1.0), Operation("add", 1.0)]
    return context.then(value, [operations] * value.cells.size)


def both(context: Context) -> Value:
    """And."""
    return _logical(context, "multiply")


def either(context: Context) -> Value:
    """Or."""
    return _logical(context, "add")


def _logical(context: Context, name: str) -> Value:
    values = [context.value(0), context.value(1)]
    if values[0].cells.shape != values[1].cells.shape:
        raise context.node.refuse("has inputs whose shapes do not fit each other")
    columns = []
    for pair in zip(values[0].columns, values[1].columns, strict=True):
        registers = [context.writer.register(each) for each in pair]
        if name == "multiply":
            found = context.writer.add({"step": "product", "of": registers})
        else:
            found = context.writer.number(context.writer.linear(registers, [1.0, 1.0]), [Operation("maximum", 1.0)])
        columns.append(NumberColumn(found))
    return Value(shaped(columns, values[0].cells.shape), BOOLEAN)


def where(context: Context) -> Value:
    """Where: one of two constants; or a constant where the number itself is missing."""
    condition = context.value(0)
    one, other = side(context, 1), side(context, 2)
    if one is not None and other is not None:
        _, ones = broadcast(condition, one, context)
        condition, others = broadcast(condition, other, context)
        if len(ones) != len(others):
            raise context.node.refuse("has inputs whose shapes do not fit each other")
        kind = SINGLE if one.dtype == np.float32 else DOUBLE
        columns = [
            looked_up(each, {1.0: first}, second, second, context.writer)
            for each, first, second in zip(condition.columns, ones, others, strict=True)
        ]
        return Value(shaped(columns, condition.cells.shape), kind)
    if one is None:
        raise context.node.refuse("chooses between columns")
    value, fillings = broadcast(context.numbers(2), one, context)
    columns = []
    for mark, column, filling in zip(condition.columns, value.columns, fillings, strict=True):
        plain = isinstance(column, NumberColumn) and all(each == ROUNDED for each in column.operations)
        missing = context.writer.add({"step": "missing", "of": column.source}) if plain else None
        if not plain or mark != NumberColumn(missing or -1):
            raise context.node.refuse("chooses between columns")
        columns.append(column.then(Operation("fill", filling)))
    return replace(value, cells=shaped(columns, value.cells.shape))


OPERATORS: dict[str, Operator] = {
    "Cast": cast,
    "Less": less,
    "Greater": greater,
    "LessOrEqual": less_or_equal,
    "GreaterOrEqual": greater_or_equal,
    "Equal": equal,
    "Not": negation,
    "And": both,
    "Or": either,
    "IsNaN": is_nan,
    "Where": where,
}
