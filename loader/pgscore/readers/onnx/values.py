"""What stands for a tensor of a graph: a column for each of its numbers of a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, TextColumn
from pgscore.readers.algebra.singles import ROUNDING

from .single import ROUNDED, is_rounded, loosened, within_range, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from pgscore.readers.algebra.columns import Operation
    from pgscore.readers.writing.writer import Writer

    from .graph import Node

    Cells = npt.NDArray[np.object_]
    Number = NumberColumn | CodeColumn
    Operator = Callable[["Context"], Any]

# Columns of one tensor, columns of all tensors together, and operations on one column.
MOST_COLUMNS, MOST_OF_ALL, MOST_OPERATIONS = 20_000, 500_000, 200
# What a row takes of so many weights is about a millisecond.
MOST_WEIGHTS = 20_000
SINGLE, DOUBLE, TEXT, BOOLEAN = "float32", "float64", "string", "bool"
INTEGERS = ("int32", "int64")
# Of onnx.TensorProto.DataType.
KINDS = {1: SINGLE, 6: "int32", 7: "int64", 8: TEXT, 9: BOOLEAN, 11: DOUBLE}


@dataclass(frozen=True, eq=False)
class TextCodes:
    """Texts that stand for numbers: each number of a column is a place among them."""

    column: CodeColumn
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor: one row of it.

    Attributes:
        cells: its columns, in its shape without the rows.
        kind: of its elements.
        roundings: how far it may be off, in roundings of the terms that it is a sum of.
        absolute: how far beside that, whatever the row.
    """

    cells: Cells
    kind: str
    roundings: float = 0.0
    absolute: float = 0.0

    @property
    def columns(self) -> list[Any]:
        """Its columns, one after the other."""
        return list(self.cells.flat)

    @property
    def single(self) -> bool:
        """Whether it is computed in float32."""
        return self.kind == SINGLE


@dataclass(frozen=True, eq=False)
class Linked:
    """What a link makes of registers: written when something reads it as numbers.

    Attributes:
        link: its name, or ``complement``: 1 less what expit gives, or ``log_softmax``.
        of: the registers.
        before: the tensor of these.
        kind: of its elements.
        roundings: as for a value.
        absolute: likewise.
        shape: its shape without the rows.
    """

    link: str
    of: tuple[int, ...]
    before: Any
    kind: str
    roundings: float
    absolute: float
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LogSumExp:
    """The logarithm of the sum of the exponentials of a tensor."""

    of: Value


@dataclass(frozen=True, eq=False)
class Label:
    """Which of several numbers is the largest.

    Attributes:
        of: the numbers, a Value or a Linked.
        labels: what stands for each place; None: the place.
        tie: which of equal ones, the ``first`` or the ``last``.
    """

    of: Any
    labels: tuple[Any, ...] | None = None
    tie: str = "first"


@dataclass
class Context:
    """A graph that is being read.

    Attributes:
        writer: takes the steps.
        node: the node that is being read.
    """

    writer: Writer
    node: Node
    _forced: dict[int, tuple[Linked, Value]] = field(default_factory=dict)
    _spent: int = 0
    _weights: int = 0

    def value(self, position: int) -> Value:
        """An input of the node that is numbers or texts of a row."""
        found = self.forced(self.given(position))
        if not isinstance(found, Value):
            raise self.node.refuse(f"reads {_called(found)}, and wants columns")
        return found

    def numbers(self, position: int) -> Value:
        """An input of the node that is numbers of a row."""
        found = self.value(position)
        if found.kind == TEXT:
            raise self.node.refuse("reads texts as numbers")
        return found

    def constant(self, position: int) -> npt.NDArray[Any] | None:
        """An input of the node that is the same for every row; None where it is left out."""
        if position >= len(self.node.inputs) or self.node.inputs[position] is None:
            return None
        found = self.node.inputs[position]
        if not isinstance(found, np.ndarray):
            raise self.node.refuse("takes from the rows what can only be read as a constant")
        return found

    def given(self, position: int) -> Any:  # noqa: ANN401
        """An input of the node, whatever it is."""
        if position >= len(self.node.inputs) or self.node.inputs[position] is None:
            raise self.node.refuse(f"lacks its input {position + 1}")
        return self.node.inputs[position]

    def forced(self, found: Any) -> Any:  # noqa: ANN401
        """What a link makes, as columns."""
        if not isinstance(found, Linked):
            return found
        if id(found) not in self._forced:
            self._forced[id(found)] = (found, self._columns(found))
        return self._forced[id(found)][1]

    def _columns(self, found: Linked) -> Value:
        writer = self.writer
        if found.link == "log_softmax":
            raise self.node.refuse("reads logarithms of probabilities, which a program has for labels alone")
        if found.link == "complement":
            registers = [writer.linear(writer.link("expit", found.of), [-1.0], 1.0)]
        elif found.link == "expit":
            registers = [writer.link("expit", [each])[0] for each in found.of]
        else:
            registers = writer.link(found.link, list(found.of))
        self.spoil(registers)
        cells = shaped([NumberColumn(each) for each in registers], found.shape)
        return Value(cells, found.kind, found.roundings, found.absolute)

    def spoil(self, registers: Iterable[int]) -> None:
        """Marks registers of which no test can be exact."""
        self.writer.domains.rough.update(dict.fromkeys(registers, self.node.place))

    def registers(self, value: Value) -> list[int]:
        """The registers of a tensor, for sums and what moves little."""
        return [written(each, self.writer, self.node.place) for each in value.columns]

    def loose(self, value: Value) -> list[Number]:
        """Its columns, for sums."""
        return [loosened(each, self.writer, self.node.place) for each in value.columns]

    def summed(self, registers: Sequence[int], *, single: bool) -> list[Number]:
        """Columns of sums: infinite where float32 is, and of no use for tests."""
        found = [within_range(each, self.writer) if single else each for each in registers]
        self.spoil([*registers, *found])
        return [NumberColumn(each) for each in found]

    def then(self, value: Value, operations: Sequence[Sequence[Operation]], kind: str | None = None) -> Value:
        """A tensor with operations on each of its columns, rounded where its kind is."""
        kind = kind or value.kind
        columns: list[Number] = []
        rounds = 0.0
        for column, more in zip(value.columns, operations, strict=True):
            done = tuple(each for one in more for each in ((one, ROUNDED) if kind == SINGLE else (one,)))
            rounds = max(rounds, float(len(done) - len(more)))
            taken = column
            if isinstance(column, NumberColumn) and not column.takes(done):
                taken = NumberColumn(written(column, self.writer, self.node.place))
                if is_rounded(column):
                    self.spoil([taken.source])
            columns.append(taken.then(*done))
        return replace(value, cells=shaped(columns, value.cells.shape), kind=kind, roundings=value.roundings + rounds)

    def room(self, count: int) -> None:
        """Refuses a tensor of more columns than are held in good time, before it is made."""
        if count > MOST_COLUMNS:
            raise self.node.refuse(f"makes {count:,} columns, and a program takes up to {MOST_COLUMNS:,}")

    def weigh(self, count: int) -> None:
        """Counts the weights of sums."""
        self._weights += count
        if self._weights > MOST_WEIGHTS:
            raise self.node.refuse(f"is where the weights of the graph come to more than {MOST_WEIGHTS:,}")

    def spend(self, found: Any) -> None:  # noqa: ANN401
        """Counts what a node has made."""
        if not isinstance(found, Value):
            return
        self.room(found.cells.size)
        self._spent += found.cells.size
        if self._spent > MOST_OF_ALL:
            raise self.node.refuse(f"is where all columns of the graph come to more than {MOST_OF_ALL:,}")
        longest = max((len(getattr(each, "operations", ())) for each in found.columns), default=0)
        if longest > MOST_OPERATIONS:
            raise self.node.refuse(f"is the {longest}th operation on one column, and a program takes {MOST_OPERATIONS}")

    def exact(self, value: Value) -> None:
        """Refuses a tensor that is not computed to the last bit, by what jumps."""
        for column in value.columns:
            if not isinstance(column, TextColumn | TextCodes):
                self.writer.domains.refuse_rough(column.source)


def _called(found: object) -> str:
    names = {Label: "a label", LogSumExp: "the logarithm of a sum", np.ndarray: "a constant"}
    return names.get(type(found), "what is no tensor")


def shaped(columns: Sequence[Any], shape: tuple[int, ...]) -> Cells:
    """Columns in a shape without the rows."""
    cells = np.empty(len(columns), dtype=object)
    for place, column in enumerate(columns):
        cells[place] = column
    return cells.reshape(shape)


def error_of_trees(count: int, terms: float) -> float:
    """How far a sum of so many leaves may be off."""
    return (count + 1) * ROUNDING * terms
