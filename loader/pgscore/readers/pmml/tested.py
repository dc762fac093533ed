"""What the predicates of a document test: registers, and numbers that have not become one yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn
from pgscore.readers.algebra.doubles import as_single, last_true
from pgscore.readers.algebra.ensemble import Codes

from .questions import Among, AtMost, Region

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from pgscore.readers.writing.writer import Writer

    from .questions import Known, Test
    from .values import Key, Number, Tabulated

_BELOW = np.float32(-np.inf)


class Tested:
    """The fields of questions, by number, and the columns of an ensemble that tests them.

    Each has two columns: a number, which is compared, and codes, of which sets are made.

    Attributes:
        columns: the columns that trees test so far.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.columns: list[NumberColumn | CodeColumn] = []
        self._numbers: dict[Hashable, int] = {}
        self._fields: list[NumberColumn | CodeColumn] = []
        self._starts: Known = {}
        self._members: dict[int, set[Key]] = {}
        self._compared: dict[int, int] = {}
        self._coded: dict[int, int] = {}
        self._codes: dict[int, dict[Key, int]] = {}
        self._every: dict[int, frozenset[int]] = {}
        self._chosen: dict[int, Codes] = {}
        self._kept: list[Test] = []
        self._bounds: dict[tuple[float, bool], float] = {}

    def number(self, value: Number) -> int:
        """The field that is a number."""
        field = self._field(value.column)
        self._narrow(field, Region(missing=value.may_miss))
        return field

    def table(self, value: Tabulated) -> int:
        """The field that is the source of a table."""
        assert value.source is not None  # noqa: S101  a constant is not tested
        field = self._field(NumberColumn(value.source))
        only = frozenset(value.table) if value.other.kind == "never" else None
        self._narrow(field, Region(missing=value.missing.kind != "never", only=only))
        return field

    def _field(self, column: NumberColumn | CodeColumn) -> int:
        key: Hashable = id(column)
        if isinstance(column, NumberColumn) and not any(each.curve for each in column.operations):
            key = column
        number = self._numbers.setdefault(key, len(self._fields))
        if number == len(self._fields):
            self._fields.append(column)
            self._starts[number] = self._of_input(column)
        return number

    def _of_input(self, column: NumberColumn | CodeColumn) -> Region:
        if isinstance(column, CodeColumn) or column.operations or column.source not in self.writer.domains.of:
            return Region()
        domain = self.writer.domains.of[column.source]
        return Region(missing=domain.nullable, only=domain.known)

    def _narrow(self, field: int, region: Region) -> None:
        before = self._starts[field]
        only = region.only if before.only is None else before.only
        self._starts[field] = Region(missing=before.missing and region.missing, only=only)

    def refuse_missing(self, field: int) -> bool:
        """Refuses rows in which a field is missing; says whether that is news."""
        start = self._starts[field]
        if not start.missing:
            return False
        source = self._input(field)
        self.writer.domains.of[self.register(field) if source is None else source].nullable = False
        self._starts[field] = replace(start, missing=False)
        return True

    def refuse_others(self, field: int, members: Collection[Key]) -> bool:
        """Refuses rows in which an input holds none of these values; says whether that is news."""
        start = self._starts[field]
        source = self._input(field)
        if source is None or start.only is not None:
            return False
        self.writer.domains.of[source].restrict(members)
        self._starts[field] = replace(start, only=frozenset(members))
        return True

    def _input(self, field: int) -> int | None:
        """The register of a field that is an input as it stands."""
        column = self._fields[field]
        if isinstance(column, CodeColumn) or column.operations:
            return None
        return column.source if column.source < len(self.writer.domains.contract.inputs) else None

    def bound(self, kind: str, number: float, *, below: bool) -> float:
        """The largest double that is at most a number, or below it: as a float32 where the evaluator compares such."""
        if kind != "float":
            return float(np.nextafter(number, -np.inf)) if below else number
        if (number, below) not in self._bounds:
            single = np.float32(number)
            end = float(np.nextafter(single, _BELOW) if below else single)
            self._bounds[number, below] = _last_single(end)
        return self._bounds[number, below]

    @property
    def known(self) -> Known:
        """What is known of the fields before anything is asked."""
        return dict(self._starts)

    def note(self, test: Test) -> None:
        """Takes up a test that a tree makes, before `key` is asked for it."""
        if isinstance(test, AtMost):
            self._compared.setdefault(test.field, -1)
        else:
            members = self._members.setdefault(test.field, set())
            members |= test.members if isinstance(test, Among) else set()

    def arrange(self) -> None:
        """Makes the columns of all tests that were taken up."""
        self.columns.clear()
        for field in sorted(self._compared):
            self._compared[field] = len(self.columns)
            self.columns.append(self._fields[field])
        for field, members in sorted(self._members.items()):
            self._coded[field] = len(self.columns)
            keys = cast("list[Key]", sorted(cast("set[str]", members)))
            codes = np.arange(len(keys), dtype=np.float64)
            self._codes[field] = {key: code for code, key in enumerate(keys)}
            self._every[field] = frozenset(range(len(keys) + 1))
            self.columns.append(CodeColumn(self.register(field), tuple(keys), codes, float(len(keys)), np.nan))

    def register(self, field: int) -> int:
        """The register of a field."""
        column = self._fields[field]
        if isinstance(column, CodeColumn):
            return self.writer.lookup(column, list(column.keys))
        return self.writer.number(column.source, column.operations)

    def key(self, test: Test) -> tuple[int, float, Codes | None]:
        """The column that a test tests, its threshold, and the codes that it tests instead."""
        if isinstance(test, AtMost):
            return self._compared[test.field], test.bound, None
        codes, members = self._codes[test.field], test.members if isinstance(test, Among) else frozenset()
        if id(test) not in self._chosen:
            left = frozenset(codes[key] for key in members if key in codes)
            self._chosen[id(test)] = Codes(left, self._every[test.field], others_left=False)
            self._kept.append(test)
        return self._coded[test.field], 0.0, self._chosen[id(test)]


def _last_single(end: float) -> float:
    """The largest double whose nearest float32 is at most this one."""
    with np.errstate(over="ignore"):
        following = float(np.nextafter(np.float32(end), np.float32(np.inf)))
    if not np.isfinite(end) or not np.isfinite(following):
        found = last_true(lambda values: as_single(values) <= end, np.array([end]), np.array([np.inf]))
        return float(found[0])
    # Between two float32 the one of an even mantissa is the nearest.
    middle = (end + following) / 2
    return middle if float(np.float32(middle)) <= end else float(np.nextafter(middle, -np.inf))
