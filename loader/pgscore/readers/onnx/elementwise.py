"""Operators of each element: arithmetic, functions, comparisons, casts.

What float32 computes of float32 is one rounding of the exact result (onnxruntime's element_wise_ops.cc), so that
operations with a constant stay operations of a column, and tests behind them find their borders to the last bit.
Tanh, Sigmoid, Exp and the like are approximations of MLAS's: what they give is off by a few roundings.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation, along
from pgscore.readers.algebra.curves import Bins, piecewise
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import constant as the_constant

from .single import ROUNDED, loosened, looked_up
from .values import BOOLEAN, DOUBLE, INTEGERS, KINDS, SINGLE, TEXT, Label, Linked, LogSumExp, Value, shaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from .values import Context, Number

    Operator = Callable[[Context], Any]

# What MLAS's functions are off by at most: measured to be 5.
_FUNCTION = 16.0
_MOST_POWER = 20
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
    cells = np.broadcast_to(value.cells, together)
    numbers = np.broadcast_to(constant.astype(np.float64), together)
    return replace(value, cells=cells), [float(each) for each in numbers.flat]


def _side(context: Context, position: int) -> Any:  # noqa: ANN401
    found = context.given(position)
    return found if isinstance(found, np.ndarray) else None


def _arithmetic(context: Context, name: str) -> Any:  # noqa: ANN401
    """One of add, subtract, multiply, divide."""
    left, right = _side(context, 0), _side(context, 1)
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
        return Linked("log_softmax", tuple(context.registers(value)), value, value.kind, *_errors(value, 0), (value.cells.shape))
    values = [context.numbers(0), context.numbers(1)]
    if len({each.kind for each in values}) > 1 or values[0].kind in INTEGERS:
        raise context.node.refuse("computes with integers, or two kinds of numbers")
    if values[0].kind == BOOLEAN or len({each.cells.ndim for each in values}) > 1:
        raise context.node.refuse("has inputs whose shapes do not fit each other")
    try:
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


def _errors(value: Value, roundings: float) -> tuple[float, float]:
    return value.roundings + (roundings if value.single else 0.0), value.absolute


def relu(context: Context) -> Value:
    """Relu: the number, and 0 below 0."""
    return _floats(context, [Operation("minimum", 0.0)], rounds=False)


def identity_bounds(context: Context) -> Value:
    """Clip: within two constants."""
    low, high = context.constant(1), context.constant(2)
    if context.node.version < 11:  # noqa: PLR2004
        low, high = (np.array(context.node.number(name, 0.0)) if context.node.has(name) else None
                     for name in ("min", "max"))  # fmt: skip
    ends = [None if each is None else float(np.ravel(each)[0]) for each in (low, high)]
    if any(each is not None and not np.isfinite(each) for each in ends) or (
        None not in ends and ends[0] > ends[1]  # type: ignore[operator]
    ):
        raise context.node.refuse("has bounds that are not finite, or the lower one above the upper")
    operations = [
        Operation(name, end) for name, end in zip(("minimum", "maximum"), ends, strict=True) if end is not None
    ]
    return _floats(context, operations, rounds=False)


def absolute(context: Context) -> Value | Linked:
    """Abs: what is not negative stays what it is."""
    if isinstance(found := context.given(0), Linked) and found.link in ("softmax", "one_vs_all", "expit", "logistic"):
        return found
    return _floats(context, [Operation("abs")], rounds=False)


def negative(context: Context) -> Value:
    """Neg."""
    return _floats(context, [Operation("multiply", -1.0)], rounds=False)


def floor(context: Context) -> Value:
    """Floor: of what is exact."""
    return _jump(context, "floor")


def ceil(context: Context) -> Value:
    """Ceil: of what is exact."""
    return _jump(context, "ceil")


def _jump(context: Context, name: str) -> Value:
    context.exact(context.numbers(0))
    return _floats(context, [Operation(name)], rounds=False)


def _floats(context: Context, operations: Sequence[Operation], *, rounds: bool) -> Value:
    value = context.numbers(0)
    if value.kind not in (SINGLE, DOUBLE):
        raise context.node.refuse("computes with integers")
    return context.then(value, [operations] * value.cells.size, None if rounds else value.kind)


def _function(context: Context, write: Callable[[Context, int], int], *, steep: bool = False) -> Value:
    """A function that moves little where its number does, written as steps."""
    value = context.numbers(0)
    if value.kind not in (SINGLE, DOUBLE):
        raise context.node.refuse("computes with integers")
    registers = [write(context, each) for each in context.registers(value)]
    columns = context.summed(registers, single=value.single)
    roundings, beside = _errors(value, _FUNCTION)
    return replace(
        value,
        cells=shaped(columns, value.cells.shape),
        roundings=roundings,
        absolute=float("inf") if steep and beside else beside,
    )


def tanh(context: Context) -> Value:
    """Tanh."""
    return _function(context, lambda each, register: each.writer.function("tanh", register))


def exp(context: Context) -> Value | Linked:
    """Exp; of logarithms of probabilities the probabilities."""
    found = context.given(0)
    if isinstance(found, Linked) and found.link == "log_softmax":
        return replace(found, link="softmax", roundings=found.roundings + (_FUNCTION if found.kind == SINGLE else 0))
    return _function(context, lambda each, register: each.writer.function("exp", register), steep=True)


def log(context: Context) -> Value:
    """Log."""
    return _function(context, lambda each, register: each.writer.function("log", register), steep=True)


def sqrt(context: Context) -> Value:
    """Sqrt."""
    return _function(context, lambda each, register: each.writer.function("sqrt", register), steep=True)




def reciprocal(context: Context) -> Value:
    """Reciprocal: 1 over the number."""
    context.node.inputs = [None, context.given(0)]
    return _divided(context, np.ones(()))


def leaky_relu(context: Context) -> Value:
    """LeakyRelu: the number, and alpha times it below 0."""
    alpha = context.node.number("alpha", 0.01)
    return _function(context, lambda each, register: piecewise(each.writer, register, [0.0], [[0.0, alpha], [0.0, 1.0]]))


def elu(context: Context) -> Value:
    """Elu: the number, and alpha (exp(x) - 1) below 0."""
    alpha = context.node.number("alpha", 1.0)

    def write(context: Context, register: int) -> int:
        writer = context.writer
        above = writer.number(register, [Operation("minimum", 0.0)])
        below = writer.number(register, [Operation("maximum", 0.0), Operation("expm1")])
        return writer.linear([above, below], [1.0, alpha])

    if abs(alpha) > _MOST_POWER:
        raise context.node.refuse("has an alpha above 20")
    return _function(context, write)


def sigmoid(context: Context) -> Linked:
    """Sigmoid: 1 / (1 + exp(-x))."""
    value = context.numbers(0)
    if value.kind not in (SINGLE, DOUBLE):
        raise context.node.refuse("computes with integers")
    registers = tuple(context.registers(value))
    link = "expit" if len(registers) == 1 else "one_vs_all"
    return Linked(link, registers, value, value.kind, *_errors(value, _FUNCTION), value.cells.shape)


def softmax(context: Context) -> Linked:
    """Softmax over the columns."""
    value = context.numbers(0)
    axis = context.node.integer("axis", 1 if context.node.version < 13 else -1)  # noqa: PLR2004
    if value.cells.ndim != 1 or axis not in (1, -1) or value.kind not in (SINGLE, DOUBLE) or value.cells.size < _TWO:
        raise context.node.refuse("is over another axis than that of several columns")
    registers = tuple(context.registers(value))
    return Linked("softmax", registers, value, value.kind, *_errors(value, _FUNCTION), value.cells.shape)


def power(context: Context) -> Value:
    """Pow: by a constant 1, 2, ... 20."""
    exponent = context.constant(1)
    if exponent is None or exponent.size != 1:
        raise context.node.refuse("has several exponents")
    degree = float(np.ravel(exponent)[0])
    if degree not in range(1, _MOST_POWER + 1):
        raise context.node.refuse(f"has the exponent {degree:g}, and a program takes 1, 2, … {_MOST_POWER}")
    if degree == 1:
        return context.numbers(0)

    def write(context: Context, register: int) -> int:
        if degree == _TWO:
            return context.writer.function("square", register)
        return context.writer.add({"step": "product", "of": [register] * int(degree)})

    found = _function(context, write, steep=True)
    return replace(found, roundings=found.roundings * degree)


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
    if isinstance(found, Linked) and found.kind == kind:
        return found
    value = context.value(0)
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
    swapped = _side(context, 0) is not None
    if swapped:
        context.node.inputs = context.node.inputs[::-1]
    if _side(context, 1) is None:
        raise context.node.refuse("compares columns with each other, and not with a constant")
    closed, missing, inverted = turned if swapped else plain
    return _compared(context, closed, missing, inverted=inverted)


def equal(context: Context) -> Value:
    """Equal, to a constant: a number or a text."""
    if _side(context, 0) is not None:
        context.node.inputs = context.node.inputs[::-1]
    constant = context.constant(1)
    value = context.value(0)
    assert constant is not None  # noqa: S101
    if value.kind == TEXT:
        from .encoders import of_texts

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
    one, other = _side(context, 1), _side(context, 2)
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
    "Add": add,
    "Sub": sub,
    "Mul": mul,
    "Div": div,
    "Sum": sum_of_all,
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "Elu": elu,
    "Sigmoid": sigmoid,
    "Tanh": tanh,
    "Softmax": softmax,
    "Clip": identity_bounds,
    "Abs": absolute,
    "Neg": negative,
    "Exp": exp,
    "Log": log,
    "Sqrt": sqrt,
    "Reciprocal": reciprocal,
    "Pow": power,
    "Floor": floor,
    "Ceil": ceil,
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
