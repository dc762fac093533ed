"""float32 as a graph computes in it: each operation rounded, so that what jumps behind it jumps where it does there.

The sum, difference, product or quotient of two float32 numbers, computed in doubles and rounded once more, is the
float32 that the processor gives: 53 digits are more than twice 24 and 2 (S. A. Figueroa, When is double rounding
innocuous?, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import AFFINE, JUMPING, CodeColumn, NumberColumn, Operation, along
from pgscore.readers.algebra.curves import Bins
from pgscore.readers.algebra.doubles import as_single
from pgscore.readers.writing.linear_writer import write_linear

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.writing.writer import Writer

    Number = NumberColumn | CodeColumn

# Times its inverse it gives a number back to the last bit, and infinity from 2^128 on, as float32 has it.
_RANGE = 2.0**-896


@dataclass(frozen=True)
class _Rounding:
    """The rounding to float32: a rising curve, infinite past its range."""

    jumps: str | None = None

    def values(self, values: FloatArray) -> FloatArray:
        """The float32 next to each."""
        return as_single(values)

    def write(self, _writer: Writer, _register: int) -> int:
        """There is no step for it: what does not jump takes the double, and what does is folded.

        Raises:
            NotAProgramError: it stands before what can be neither.
        """
        raise NotAProgramError("the graph", "rounds to float32 what then jumps, where no test can be folded")


ROUNDED = along(_Rounding())


def rounded(operations: Iterable[Operation], *, single: bool) -> tuple[Operation, ...]:
    """Operations, each of them rounded where they are single precision's."""
    if not single:
        return tuple(operations)
    return tuple(each for operation in operations for each in (operation, ROUNDED))


def is_rounded(column: Number) -> bool:
    """Whether a column is rounded to float32 anywhere."""
    return isinstance(column, NumberColumn) and ROUNDED in column.operations


def within_range(register: int, writer: Writer) -> int:
    """The register of a double, and of infinity where a float32 would be."""
    return writer.add({"step": "affine", "of": register, "divide": _RANGE, "multiply": _RANGE})


def loosened(column: Number, writer: Writer, part: str) -> Number:
    """A column without its roundings, for what does not jump: sums, and steps that move little where it moves little.

    Behind affine operations stands nothing but more of them: what they are applied to before is written as a sum, by
    whose terms its rounding is measured.

    Raises:
        NotAProgramError: it jumps behind a rounding.
    """
    if isinstance(column, CodeColumn):
        numbers = [*column.values.tolist(), column.unknown, column.missing]
        return column if np.isfinite(numbers).all() else NumberColumn(writer.register(column))
    operations = column.operations
    if ROUNDED not in operations:
        return column
    source = column.source
    last = max((n + 1 for n, each in enumerate(operations) if isinstance(each.curve, Bins)), default=0)
    if last:
        source = writer.number(source, operations[:last])
    elif all(each.name == "fill" for each in operations[: operations.index(ROUNDED)]):
        # A number as it comes, or a filled one.
        source = within_range(source, writer)
    behind, seen = operations[last:], False
    for each in behind:
        seen = seen or each == ROUNDED
        if seen and (each.name in (*JUMPING, "sign") or (each.curve is not None and each != ROUNDED)):
            raise NotAProgramError(part, "reads a number that jumps behind what is rounded to float32")
    return _split(source, [each for each in behind if each != ROUNDED], writer)


def _split(source: int, operations: Sequence[Operation], writer: Writer) -> NumberColumn:
    first = next((n for n, each in enumerate(operations) if each.name in AFFINE), len(operations))
    bent = next((n for n in range(first, len(operations)) if operations[n].name not in AFFINE), None)
    if bent is None:
        return NumberColumn(source, tuple(operations))
    before = NumberColumn(source, tuple(operations[:bent]))
    return _split(write_linear([before], np.ones(1), 0.0, writer, finite=False, folded=True), operations[bent:], writer)


def written(column: Number, writer: Writer, part: str) -> int:
    """The register of a column, its roundings left out; one with affine operations as a sum, by its terms."""
    if not is_rounded(column):
        return writer.register(column)
    found = loosened(column, writer, part)
    if isinstance(found, NumberColumn) and any(each.name in AFFINE for each in found.operations):
        return write_linear([found], np.ones(1), 0.0, writer, finite=False, folded=True)
    return writer.register(found)


def matched(column: Number, keys: Sequence[float], writer: Writer) -> tuple[int, list[float]]:
    """A register and numbers that it has where the column is one of these keys, in their order; another where not.

    Raises:
        NotAProgramError: the column is rounded otherwise than the graph's own.
    """
    assert isinstance(column, NumberColumn)  # noqa: S101  of codes it is looked up
    writer.domains.refuse_rough(column.source)
    if not column.operations:
        return column.source, list(keys)
    order = sorted({float(key) for key in keys})
    # Between a key and the next double lies that key alone.
    edges = np.array([edge for key in order for edge in (key, np.nextafter(key, np.inf))])
    writer.refuse_jumps(column)
    register = writer.number(column.source, (*column.operations, along(Bins(edges, "left"))))
    place = {key: 2.0 * number + 1 for number, key in enumerate(order)}
    return register, [place[float(key)] for key in keys]


def looked_up(column: Number, table: dict[float, float], unknown: float, missing: float, writer: Writer) -> CodeColumn:
    """A column of the number that stands for each key, for any other one, and for a missing one."""
    if isinstance(column, CodeColumn):

        def found(number: float) -> float:
            return missing if np.isnan(number) else table.get(number, unknown)

        values = np.array([found(each) for each in column.values.tolist()], dtype=np.float64)
        return replace(column, values=values, unknown=found(column.unknown), missing=found(column.missing))
    register, keys = matched(column, list(table), writer)
    pairs = sorted(zip(keys, table.values(), strict=True))
    values = np.array([value for _, value in pairs], dtype=np.float64)
    return CodeColumn(register, tuple(key for key, _ in pairs), values, unknown, missing)
