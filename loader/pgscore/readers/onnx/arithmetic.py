"""Operators that compute: sums, differences, products and quotients, of columns and of constants.

What float32 computes of float32 is one rounding of the exact result (onnxruntime's element_wise_ops.cc), so that
operations with a constant stay operations of a column, and tests behind them find their borders to the last bit.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import NumberColumn, Operation
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import constant as the_constant

from .single import loosened
from .values import BOOLEAN, DOUBLE, INTEGERS, SINGLE, Linked, LogSumExp, Value, shaped

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .values import Context, Number, Operator

_TWO = 2


def broadcast(value: Value, constant: npt.NDArray[Any], context: Context) -> tuple[Value, list[float]]:
    """A tensor and a constant in one shape: a number for each of its columns.

    Raises:
        NotAProgramError: they would meet along the rows.
    """
    shape = value.cells.shape
    constant = np.asarray(constant)
    if constant.dtype == object:
        raise context.node.refuse("computes with texts")
    if constant.ndim > len(shape):
        if constant.size == 1 and constant.ndim == len(shape) + 1:
            constant = constant.reshape(())
        elif constant.ndim == len(shape) + 1 and constant.shape[0] == 1:
            constant = constant[0]
        else:
            raise context.node.refuse("meets a constant along the rows")
    try:
        together = np.broadcast_shapes(shape, constant.shape)
    except ValueError:
        raise context.node.refuse("has inputs whose shapes do not fit each other") from None
    if len(together) != len(shape):
        raise context.node.refuse("meets a constant along the rows")
    context.room(prod(together))
    cells = np.broadcast_to(value.cells, together)
    numbers = np.broadcast_to(constant.astype(np.float64), together)
    return replace(value, cells=cells), [float(each) for each in numbers.flat]


def side(context: Context, position: int) -> Any:  # noqa: ANN401
    """An input that is the same for every row, or None."""
    found = context.given(position)
    return found if isinstance(found, np.ndarray) else None


def errors(value: Value, roundings: float) -> tuple[float, float]:
    """How far a tensor may be off after so many more roundings."""
    return value.roundings + (roundings if value.single else 0.0), value.absolute


def _arithmetic(context: Context, name: str) -> Any:  # noqa: ANN401
    """One of add, subtract, multiply, divide."""
    left, right = side(context, 0), side(context, 1)
    if left is None and right is None:
        return _of_two(context, name)
    if (special := _special(context, name, left, right)) is not None:
        return special
    constant = right if left is None else left
    assert constant is not None  # noqa: S101
    if name == "divide" and left is not None:
        return _divided(context, left)
    value, numbers = broadcast(context.numbers(0 if left is None else 1), constant, context)
    if value.kind in INTEGERS or value.kind == BOOLEAN:
        raise context.node.refuse("computes with integers")
    if not np.isfinite(numbers).all():
        raise context.node.refuse("computes with a constant that is not finite")
    operations = [_with_constant(name, each, left is not None, context) for each in numbers]
    found = context.then(value, operations)
    factor = max(map(abs, numbers), default=1.0) if name in ("multiply", "divide") else 1.0
    if name == "divide":
        factor = max((1 / abs(each) for each in numbers), default=1.0)
    return replace(found, absolute=value.absolute * factor)


def _with_constant(name: str, number: float, first: bool, context: Context) -> list[Operation]:
    if name == "subtract" and first:
        # The rounding of c - x is that of -(x - c).
        return [Operation("multiply", -1.0), Operation("add", number)]
    if name == "divide" and number == 0:
        raise context.node.refuse("divides by 0")
    return [Operation(name, number)]


def _special(context: Context, name: str, left: Any, right: Any) -> Any:  # noqa: ANN401
    """1 less a probability, and what is multiplied by 1: what classifiers make of their scores."""
    constant = right if left is None else left
    if constant.size != 1 or constant.dtype == object or float(np.ravel(constant)[0]) != 1:
        return None
    found = context.node.inputs[1 if left is not None else 0]
    if not isinstance(found, Linked):
        return None
    if name == "multiply" or (name == "divide" and left is None):
        return found
    if name == "subtract" and left is not None and found.link == "expit" and len(found.of) == 1:
        return replace(found, link="complement")
    return None


def _divided(context: Context, constant: Any) -> Value:  # noqa: ANN401
    """A constant over columns."""
    value, numbers = broadcast(context.numbers(1), constant, context)
    if value.kind not in (SINGLE, DOUBLE) or not np.isfinite(numbers).all():
        raise context.node.refuse("computes with integers, or with a constant that is not finite")
    writer = context.writer
    registers = [
        writer.add({"step": "ratio", "of": [the_constant(number, writer), each]})
        for number, each in zip(numbers, context.registers(value), strict=True)
    ]
    columns = context.summed(registers, single=value.single)
    roundings = value.roundings + (2.0 if value.single else 0.0)
    beside = float("inf") if value.absolute else 0.0
    return Value(shaped(columns, value.cells.shape), value.kind, roundings, beside)


def _of_two(context: Context, name: str) -> Any:  # noqa: ANN401
    given = [context.given(0), context.given(1)]
    if name == "subtract" and isinstance(given[1], LogSumExp) and given[1].of is given[0]:
        value = given[1].of
        return Linked(
            "log_softmax", tuple(context.registers(value)), value, value.kind, *errors(value, 0), (value.cells.shape)
        )
    values = [context.numbers(0), context.numbers(1)]
    if len({each.kind for each in values}) > 1 or values[0].kind in INTEGERS:
        raise context.node.refuse("computes with integers, or two kinds of numbers")
    if values[0].kind == BOOLEAN or len({each.cells.ndim for each in values}) > 1:
        raise context.node.refuse("has inputs whose shapes do not fit each other")
    try:
        context.room(prod(np.broadcast_shapes(values[0].cells.shape, values[1].cells.shape)))
        cells = np.broadcast_arrays(values[0].cells, values[1].cells)
    except ValueError:
        raise context.node.refuse("has inputs whose shapes do not fit each other") from None
    single = values[0].single
    pairs = list(zip(cells[0].flat, cells[1].flat, strict=True))
    registers = [_TWO_SIDED[name](context, one, other) for one, other in pairs]
    columns: list[Number]
    if single or name in ("multiply", "divide"):
        columns = context.summed(registers, single=single)
    else:
        columns = [NumberColumn(each) for each in registers]
    absolute = sum(each.absolute for each in values)
    if name in ("multiply", "divide") and absolute:
        absolute = float("inf")
    roundings = sum(each.roundings for each in values) if name in ("multiply", "divide") else max(
        each.roundings for each in values
    )  # fmt: skip
    return Value(shaped(columns, cells[0].shape), values[0].kind, roundings + 2 * single, absolute)


def _sum(context: Context, one: Number, other: Number, weight: float) -> int:
    writer, part = context.writer, context.node.place
    return write_linear(
        [loosened(one, writer, part), loosened(other, writer, part)], np.array([1.0, weight]), 0.0, writer,
        finite=False, folded=True,
    )  # fmt: skip


def _written(context: Context, *columns: Number) -> list[int]:
    return context.registers(Value(shaped(columns, (len(columns),)), SINGLE))


_TWO_SIDED: dict[str, Callable[[Context, Number, Number], int]] = {
    "add": lambda context, one, other: _sum(context, one, other, 1.0),
    "subtract": lambda context, one, other: _sum(context, one, other, -1.0),
    "multiply": lambda context, one, other: context.writer.add(
        {"step": "product", "of": _written(context, one, other)}
    ),
    "divide": lambda context, one, other: context.writer.add({"step": "ratio", "of": _written(context, one, other)}),
}


def add(context: Context) -> Any:  # noqa: ANN401
    """A sum of columns, or with constants."""
    return _arithmetic(context, "add")


def sub(context: Context) -> Any:  # noqa: ANN401
    """A difference."""
    return _arithmetic(context, "subtract")


def mul(context: Context) -> Any:  # noqa: ANN401
    """A product."""
    return _arithmetic(context, "multiply")


def div(context: Context) -> Any:  # noqa: ANN401
    """A quotient."""
    return _arithmetic(context, "divide")


def sum_of_all(context: Context) -> Any:  # noqa: ANN401
    """Sum: of several tensors, from left to right."""
    found = context.given(0)
    whole = context.node.inputs
    for other in whole[1:]:
        context.node.inputs = [found, other]
        found = _arithmetic(context, "add")
    return found


def reciprocal(context: Context) -> Value:
    """Reciprocal: 1 over the number."""
    context.node.inputs = [None, context.given(0)]
    return _divided(context, np.ones(()))


OPERATORS: dict[str, Operator] = {
    "Add": add,
    "Sub": sub,
    "Mul": mul,
    "Div": div,
    "Sum": sum_of_all,
    "Reciprocal": reciprocal,
}
