"""What a transformer makes of an input, symbolically: every column is a function of one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pgscore.errors import NotAProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from pgscore.readers.writing.writer import Writer

    FloatArray = npt.NDArray[np.float64]

AFFINE = ("subtract", "divide", "multiply", "add")
# Defined everywhere and rising, so that tests and checks behind them are tests and checks of what is before them.
RISING = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sign": np.sign,
    "trunc": np.trunc,
    "floor": np.floor,
    "ceil": np.ceil,
}
# Rising where they are defined, NaN below that, and minus infinity in between.
LOGARITHMS = {"log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p}
# What a sparse matrix does not hold is missing, where its reader takes it so.
ZERO_IS_MISSING = "zero is missing"
# Computed otherwise by numpy, in the last bits.
INEXACT = ("exp", "exp2", "expm1", "tanh", *LOGARITHMS)
# Jump at integers, which logarithms and the like reach but for their last bits.
JUMPING = ("trunc", "floor", "ceil")
# Jump, or are infinitely steep, at a number that data have.
UNSTEADY = ("sqrt", "sign", ZERO_IS_MISSING, *JUMPING, *LOGARITHMS)
# Not rising, or not defined everywhere.
BENT: dict[str, Callable[[FloatArray], FloatArray]] = {
    "abs": np.abs,
    "square": np.square,
    "sqrt": np.sqrt,
    ZERO_IS_MISSING: lambda values: np.where(values == 0, np.nan, values),
    **LOGARITHMS,
}
FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {**RISING, **BENT}


class Curve(Protocol):
    """A rising function of a number with parameters of its own; NaN stays NaN."""

    @property
    def jumps(self) -> str | None:
        """The part that made it, where it jumps at values that data have: there the last bit decides; else None."""

    def values(self, values: FloatArray) -> FloatArray:
        """What scikit-learn makes of doubles, to the last bit."""

    def write(self, writer: Writer, register: int) -> int:
        """Writes the steps that make it of a register; gives theirs."""


@dataclass(frozen=True)
class Operation:
    """One operation on a number.

    Attributes:
        name: an affine one, ``minimum``, ``maximum``, ``fill``, a function, or ``curve``.
        operand: of those that have one.
        curve: the curve.
    """

    name: str
    operand: float = 0.0
    curve: Curve | None = None


def along(curve: Curve) -> Operation:
    """The operation that follows a curve."""
    return Operation("curve", curve=curve)


def applied(operations: Sequence[Operation], values: FloatArray) -> FloatArray:
    """What the operations make of doubles, with the numpy operations that scikit-learn uses."""
    result = np.asarray(values, dtype=np.float64)
    with np.errstate(all="ignore"):
        for each in operations:
            result = _apply(each, result)
    return result


def _apply(operation: Operation, values: FloatArray) -> FloatArray:
    name, operand = operation.name, operation.operand
    result: FloatArray
    if operation.curve is not None:
        result = operation.curve.values(values)
    elif name in FUNCTIONS:
        result = FUNCTIONS[name](values)
    elif name == "fill":
        result = np.where(np.isnan(values), operand, values)
    elif name == "minimum":
        result = np.where(values < operand, operand, values)
    elif name == "maximum":
        result = np.where(values > operand, operand, values)
    else:
        result = getattr(np, name)(values, operand)
    return result


@dataclass(frozen=True)
class NumberColumn:
    """A number after operations.

    Attributes:
        source: the register of an input, or one that steps compute.
        operations: what is done to it, one after the other.
    """

    source: int
    operations: tuple[Operation, ...] = ()

    def then(self, *operations: Operation) -> NumberColumn:
        """The column with operations appended, no more than one of all of them bent: see `Writer.then`."""
        return NumberColumn(self.source, (*self.operations, *operations))

    def takes(self, operations: Sequence[Operation]) -> bool:
        """Whether these can be appended: behind a second bent one, what is accepted would be no interval any more."""
        return sum(each.name in BENT for each in (*self.operations, *operations)) <= 1

    @property
    def function_end(self) -> int:
        """How many operations there are up to the bent one; 0 without one."""
        return max((n + 1 for n, each in enumerate(self.operations) if each.name in BENT), default=0)

    @property
    def has_logarithm(self) -> bool:
        """Whether what is finite or missing behind it may be two intervals, with minus infinity between them."""
        return any(each.name in LOGARITHMS for each in self.operations)

    def rising_end(self, low: float, high: float) -> int:
        """How many operations there are up to where all that follow rise, for numbers within these ends."""
        end = self.function_end
        if end and self.operations[end - 1].name not in ("abs", "square", ZERO_IS_MISSING) and self.defined(low, high):
            # A root or a logarithm rises wherever it is asked.
            end = 0
        if any(each.name in ("multiply", "divide") and each.operand <= 0 for each in self.operations[end:]):
            end = len(self.operations)
        return end

    def defined(self, low: float, high: float) -> bool:
        """Whether its bent operation gives a number for both ends, and so for what is between."""
        return not np.isnan(applied(self.operations[: self.function_end], np.array([low, high]))).any()

    @property
    def only_filled(self) -> bool:
        """Whether a value that is not missing stays what it is."""
        return all(each.name == "fill" for each in self.operations)


@dataclass(frozen=True)
class TextColumn:
    """A text input, and what stands for a missing one."""

    source: int
    fill: str | None = None


@dataclass(frozen=True, eq=False)
class CodeColumn:
    """A number for each value of an input, or of a number that steps compute.

    Attributes:
        source: its register.
        keys: texts or doubles, sorted.
        values: a number for each key.
        unknown: the number of any other value.
        missing: the number of a missing value.
        boolean: whether the estimator has booleans of numpy there, which functions round otherwise.
    """

    source: int
    keys: tuple[Any, ...]
    values: FloatArray
    unknown: float
    missing: float
    boolean: bool = False

    def then(self, *operations: Operation) -> CodeColumn:
        """The column with operations applied to its numbers."""
        unknown, missing = applied(operations, np.array([self.unknown, self.missing])).tolist()
        return CodeColumn(self.source, self.keys, applied(operations, self.values), unknown, missing)

    def values_of(self, keys: Sequence[Any]) -> FloatArray:
        """The column's number for each of these keys, which may be more or fewer than its own."""
        table = dict(zip(self.keys, self.values.tolist(), strict=True))
        return np.array([table.get(key, self.unknown) for key in keys], dtype=np.float64)

    @property
    def constant(self) -> bool:
        """Whether it is one number whatever the input."""
        return not self.keys and self.unknown == self.missing


def constant(column: Column, value: float) -> CodeColumn:
    """A column that is one number whatever its input."""
    return CodeColumn(column.source, (), np.zeros(0), value, value)


def coded(column: TextColumn, names: Sequence[str]) -> CodeColumn:
    """A code for each text: its place among the names; NaN for any other, and for a missing one."""
    codes = {name: float(code) for code, name in enumerate(names)}
    keys = sorted(codes)
    missing = np.nan if column.fill is None else codes.get(column.fill, np.nan)
    return CodeColumn(column.source, tuple(keys), np.array([codes[key] for key in keys]), np.nan, missing)


Column = NumberColumn | TextColumn | CodeColumn


@dataclass(frozen=True)
class Table:
    """Columns side by side, and whether scikit-learn holds them in a sparse matrix."""

    columns: tuple[Column, ...]
    sparse: bool = False

    def numbers(self, part: str) -> list[NumberColumn | CodeColumn]:
        """The columns, where all are numbers.

        Raises:
            NotAProgramError: one is a text, which scikit-learn would try to read as a number.
        """
        found = [each for each in self.columns if not isinstance(each, TextColumn)]
        if len(found) != len(self.columns):
            raise NotAProgramError(part, "reads a text as a number, and a program does not")
        return found
