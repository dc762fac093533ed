"""Integers of 32 bits, which are all that jpmml-evaluator holds for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import intervals
from .values import NEVER, Tabulated, of

if TYPE_CHECKING:
    from pgscore.readers.writing.writer import Writer

END = 2.0**31


def not_whole(register: int, writer: Writer) -> Tabulated:
    """True where there is a number that is no integer of 32 bits."""
    outside = intervals.steps(register, [-END, END], lambda each: 0.0 if -END <= each < END else 1.0, 0.0, writer)
    both = writer.linear([fraction(register, writer), outside], [1.0, 1.0])
    return Tabulated("boolean", "categorical", both, False, {0.0: of(value=False)}, of(value=True), NEVER)


def fraction(register: int, writer: Writer) -> int:
    """The register that is 1 where a number has digits behind the point, else 0."""
    floor = writer.function("floor", register)
    rest = writer.linear([register, floor], [1.0, -1.0])
    return intervals.steps(rest, [5e-324], lambda each: float(each > 0), 0.0, writer)
