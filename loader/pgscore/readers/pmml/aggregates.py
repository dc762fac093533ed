"""Functions of several numbers that pass over what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn

from .arithmetic import MOST_FACTORS, beyond, multiplied_registers, result_type
from .choices import absent, written
from .tables import joined, least, where_missing
from .values import Doubt, Number, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.writing.writer import Writer

    from .arithmetic import Function
    from .fields import Scope
    from .values import Tabulated
    from .xml import Element


def _registers(numbers: Sequence[Number], writer: Writer) -> list[int]:
    return [written(each.column, writer) for each in numbers]


def extreme(sign: float) -> Function:
    """The least, or the largest, of those that are there."""

    def write(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
        writer = scope.writer
        registers = [_times(each, sign, writer) for each in _registers(numbers, writer)]
        found = registers[0]
        for each in registers[1:]:
            found = least([found, each], writer)
        return _aggregated(_times(found, sign, writer), numbers, element, scope)

    write.__doc__ = "The least of those that are there." if sign > 0 else "The largest of those that are there."
    return write


def _times(register: int, sign: float, writer: Writer) -> int:
    return register if sign > 0 else writer.add({"step": "affine", "of": register, "multiply": sign})


def _aggregated(
    register: int, numbers: Sequence[Number], element: Element, scope: Scope, kind: str | None = None
) -> Number:
    """The number in a register, which is missing where all arguments are."""
    kind = kind or result_type(numbers, element)
    writer, place = scope.writer, element.path

    def unlike() -> Tabulated:
        nothing = where_missing(register, is_text=False)
        return joined(
            [nothing, *(absent(each, writer) for each in numbers)],
            lambda row: of(row[0].value is True and any(each.value is not True for each in row[1:])), "boolean",
            writer, place,
        )  # fmt: skip

    # NaN of an argument that fails does not show behind those that are there.
    fails = [Doubt(lambda doubt=doubt: doubt.table) for each in numbers for doubt in each.fails]  # type: ignore[misc]
    fails += [each.textual for each in numbers if each.textual is not None]
    fails += [Doubt(lambda: beyond(register, writer))] if kind == "integer" else []
    fails.append(Doubt(unlike, shown=True, kind="undefined"))
    may_miss = all(each.may_miss for each in numbers)
    return Number(kind, "continuous", NumberColumn(register), may_miss, tuple(fails))


def _filled(numbers: Sequence[Number], filling: float, writer: Writer) -> list[int]:
    return [
        writer.add({"step": "fill", "of": register, "with": filling}) if each.may_miss else register
        for register, each in zip(_registers(numbers, writer), numbers, strict=True)
    ]


def _unless_all_missing(register: int, numbers: Sequence[Number], writer: Writer) -> int:
    if not all(each.may_miss for each in numbers):
        return register
    missing = [writer.add({"step": "missing", "of": each}) for each in _registers(numbers, writer)]
    count = writer.linear(missing, [1.0] * len(missing))
    mask = CodeColumn(count, (float(len(missing)),), np.array([np.nan]), 0.0, 0.0)
    return writer.linear([register, writer.lookup(mask, list(mask.keys))], [1.0, 1.0])


def total(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The sum of those that are there."""
    writer = scope.writer
    found = writer.linear(_filled(numbers, 0.0, writer), [1.0] * len(numbers))
    return _aggregated(_unless_all_missing(found, numbers, writer), numbers, element, scope)


def multiplied(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The product of those that are there."""
    writer = scope.writer
    filled = _filled(numbers, 1.0, writer)
    if len(filled) > MOST_FACTORS:
        raise element.refused(f"multiplies more than {MOST_FACTORS} numbers")
    found = filled[0] if len(filled) == 1 else multiplied_registers(filled, writer)
    return _aggregated(_unless_all_missing(found, numbers, writer), numbers, element, scope)


def average(numbers: Sequence[Number], element: Element, scope: Scope) -> Number:
    """The mean of those that are there, as Mean of Apache Commons Math moves it: by (x - mean) / count each time."""
    writer = scope.writer
    mean, counts = -1, list[int]()
    for register, number in zip(_registers(numbers, writer), numbers, strict=True):
        counts.append(writer.add({"step": "missing", "of": register}))
        count = writer.linear(counts, [-1.0] * len(counts), float(len(counts)))
        moved = register if mean < 0 else writer.linear([register, mean], [1.0, -1.0])
        part = writer.add({"step": "ratio", "of": [moved, count]})
        if number.may_miss:
            # Where it is missing the mean stays; where infinity less infinity is none, so is the mean.
            stays = writer.lookup(CodeColumn(counts[-1], (1.0,), np.zeros(1), np.nan, np.nan), [1.0])
            part = least([part, stays], writer)
        mean = part if mean < 0 else writer.linear([mean, part], [1.0, 1.0])
    kind = "double" if result_type(numbers, element) == "integer" else None
    return _aggregated(_unless_all_missing(mean, numbers, writer), numbers, element, scope, kind)


FUNCTIONS: dict[str, Function] = {
    "min": extreme(1.0),
    "max": extreme(-1.0),
    "sum": total,
    "avg": average,
    "product": multiplied,
}
