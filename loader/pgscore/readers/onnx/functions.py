"""Operators that are functions of a number.

Those that cut or bend stay operations of a column. Tanh, Sigmoid, Exp and the like are approximations of MLAS's, off by
a few roundings, and steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import Operation
from pgscore.readers.algebra.curves import piecewise

from .arithmetic import errors
from .values import DOUBLE, SINGLE, Linked, Value, shaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .values import Context, Operator

# What MLAS's functions are off by at most: measured to be 5.
_FUNCTION = 16.0
_MOST_POWER = 20
_GAMMA = 1.05070102214813232421875
_TWO = 2


def relu(context: Context) -> Value:
    """Relu: the number, and 0 below 0."""
    return _floats(context, [Operation("minimum", 0.0)], rounds=False)


def clip(context: Context) -> Value:
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
    roundings, beside = errors(value, _FUNCTION)
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


def leaky_relu(context: Context) -> Value:
    """LeakyRelu: the number, and alpha times it below 0."""
    alpha = context.node.number("alpha", 0.01)
    return _function(
        context, lambda each, register: piecewise(each.writer, register, [0.0], [[0.0, alpha], [0.0, 1.0]])
    )


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


def selu(context: Context) -> Value:
    """Selu: gamma times the number, and below 0 times alpha (exp(x) - 1)."""
    alpha, gamma = context.node.number("alpha", 1.67326319217681884765625), context.node.number("gamma", _GAMMA)

    def write(context: Context, register: int) -> int:
        writer = context.writer
        above = writer.number(register, [Operation("minimum", 0.0)])
        below = writer.number(register, [Operation("maximum", 0.0), Operation("expm1")])
        return writer.linear([above, below], [gamma, alpha * gamma])

    if max(abs(alpha), abs(gamma)) > _MOST_POWER:
        raise context.node.refuse("has an alpha or a gamma above 20")
    return _function(context, write)


def hard_sigmoid(context: Context) -> Value:
    """HardSigmoid: alpha x + beta, within 0 and 1."""
    alpha, beta = context.node.number("alpha", 0.2), context.node.number("beta", 0.5)
    if not 0 < alpha < _MOST_POWER or abs(beta) > _MOST_POWER:
        raise context.node.refuse("has an alpha or a beta that a program does not take")

    def write(context: Context, register: int) -> int:
        scaled = context.writer.linear([register], [alpha], beta)
        return context.writer.number(scaled, [Operation("minimum", 0.0), Operation("maximum", 1.0)])

    return _function(context, write)


def softplus(context: Context) -> Value:
    """Softplus: log(1 + exp(x)), as what is above 0 and log(1 + exp(-abs(x)))."""

    def write(context: Context, register: int) -> int:
        writer = context.writer
        above = writer.number(register, [Operation("minimum", 0.0)])
        beside = writer.number(writer.function("abs", register), [Operation("multiply", -1.0), Operation("exp")])
        return writer.linear([above, writer.function("log1p", beside)], [1.0, 1.0])

    return _function(context, write)


def sigmoid(context: Context) -> Linked:
    """Sigmoid: 1 / (1 + exp(-x))."""
    value = context.numbers(0)
    if value.kind not in (SINGLE, DOUBLE):
        raise context.node.refuse("computes with integers")
    registers = tuple(context.registers(value))
    link = "expit" if len(registers) == 1 else "one_vs_all"
    return Linked(link, registers, value, value.kind, *errors(value, _FUNCTION), value.cells.shape)


def softmax(context: Context) -> Linked:
    """Softmax over the columns."""
    value = context.numbers(0)
    axis = context.node.integer("axis", 1 if context.node.version < 13 else -1)  # noqa: PLR2004
    if value.cells.ndim != 1 or axis not in (1, -1) or value.kind not in (SINGLE, DOUBLE) or value.cells.size < _TWO:
        raise context.node.refuse("is over another axis than that of several columns")
    registers = tuple(context.registers(value))
    return Linked("softmax", registers, value, value.kind, *errors(value, _FUNCTION), value.cells.shape)


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


OPERATORS: dict[str, Operator] = {
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "Elu": elu,
    "Selu": selu,
    "HardSigmoid": hard_sigmoid,
    "Softplus": softplus,
    "Sigmoid": sigmoid,
    "Tanh": tanh,
    "Softmax": softmax,
    "Clip": clip,
    "Abs": absolute,
    "Neg": negative,
    "Exp": exp,
    "Log": log,
    "Sqrt": sqrt,
    "Pow": power,
    "Floor": floor,
    "Ceil": ceil,
}
