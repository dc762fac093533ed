"""What a transformer makes of an input, symbolically: every column is a function of one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

AFFINE = ("subtract", "divide", "multiply", "add")
# What a sparse matrix does not hold is missing, where its reader takes it so.
ZERO_IS_MISSING = "zero is missing"
FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "square": np.square,
    ZERO_IS_MISSING: lambda values: np.where(values == 0, np.nan, values),
}


@dataclass(frozen=True)
class Operation:
    """One operation on a number: an affine one, ``minimum``, ``maximum``, ``fill``, or a function without operand."""

    name: str
    operand: float = 0.0


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
    if name in FUNCTIONS:
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
    """A number input after operations."""

    source: int
    operations: tuple[Operation, ...] = ()

    def then(self, *operations: Operation) -> NumberColumn:
        """The column with operations appended.

        Raises:
            NotAProgramError: it would have two functions, and what is accepted would be no interval any more.
        """
        together = (*self.operations, *operations)
        if sum(each.name in FUNCTIONS for each in together) > 1:
            raise NotAProgramError("a chain of transformers", "applies two functions to one input")
        return NumberColumn(self.source, together)

    @property
    def function_end(self) -> int:
        """How many operations there are up to the function, which is not monotone everywhere; 0 without one."""
        return max((n + 1 for n, each in enumerate(self.operations) if each.name in FUNCTIONS), default=0)

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
    """A number for each value of an input.

    Attributes:
        source: the input.
        keys: texts or doubles, sorted.
        values: a number for each key.
        unknown: the number of any other value.
        missing: the number of a missing value.
    """

    source: int
    keys: tuple[Any, ...]
    values: FloatArray
    unknown: float
    missing: float

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

    def then(self, part: str, operations: Sequence[Sequence[Operation]]) -> Table:
        """The table with operations appended, a list of them for each column."""
        numbers = self.numbers(part)
        return Table(tuple(each.then(*more) for each, more in zip(numbers, operations, strict=True)), self.sparse)
