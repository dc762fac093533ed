"""Tables over registers: made of one another, joined, and written as numbers."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn

from .types import UnfitError, cast
from .values import FAILS, NEVER, Doubt, Number, Outcome, Tabulated, constant, is_nan, of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pgscore.readers.writing.writer import Writer

    from .values import Key, Value

# How many combinations of several fields are tabulated.
MOST_COMBINED = 20_000
# How many outcomes are worked out for one document: some seconds of work.
_MOST_WORK = 5_000_000
_left: ContextVar[int] = ContextVar("pmml outcomes", default=_MOST_WORK)


@contextmanager
def budget() -> Iterator[None]:
    """Bounds the work that tables take while a document is read."""
    token = _left.set(_MOST_WORK)
    try:
        yield
    finally:
        _left.reset(token)


def _spend(count: int) -> None:
    left = _left.get() - count
    _left.set(left)
    if left < 0:
        raise NotAProgramError("the document", "tabulates fields in more ways than are worked out")


def refined(value: Tabulated, keys: Iterable[Key]) -> Tabulated:
    """The same table, with these keys in it."""
    _spend(len(value.table) + 1)
    more = {key: value.at(key) for key in keys if key not in value.table}
    return replace(value, table={**value.table, **more})


def resolved(value: Tabulated, key: Key) -> Outcome:
    """What a table gives for a key, with the source's own value instead of `same`."""
    return _own(value, key, value.at(key))


def _own(value: Tabulated, key: Key, outcome: Outcome) -> Outcome:
    if outcome.kind != "same":
        return outcome
    return Outcome("value", key if value.is_text else cast(value.type, float(key)), outcome.is_valid)


def mapped(
    value: Tabulated, function: Callable[[Outcome], Outcome], kind: str, optype: str = "categorical"
) -> Tabulated:
    """The table of a function of a value. It gets `same` for what is none of the keys."""
    _spend(len(value.table) + 1)
    table = {key: function(resolved(value, key)) for key in value.table}
    other = function(value.other) if value.other.kind != "never" else NEVER
    missing = function(value.missing) if value.missing.kind != "never" else NEVER
    return Tabulated(kind, optype, value.source, value.is_text, table, other, missing)


def joined(
    values: Sequence[Tabulated],
    function: Callable[[Sequence[Outcome]], Outcome],
    kind: str,
    writer: Writer,
    place: str,
    optype: str = "categorical",
) -> Tabulated:
    """The table of a function of several values.

    Raises:
        NotAProgramError: there are too many combinations.
    """
    sources = sorted({each.source for each in values if each.source is not None})
    if not sources:
        return replace(constant("", kind, optype), other=function([each.other for each in values]))
    if len(sources) == 1:
        return _of_one(values, function, kind, optype)
    parts = [_Part(source, [each for each in values if each.source == source]) for source in sources]
    sizes = [len(part.rows) for part in parts]
    if np.prod(sizes, dtype=np.float64) > MOST_COMBINED:
        raise NotAProgramError(place, f"combines fields in more than {MOST_COMBINED:,} ways")
    _spend(int(np.prod(sizes)))
    strides = [int(np.prod(sizes[n + 1 :])) for n in range(len(parts))]
    register = writer.linear([part.write(writer) for part in parts], [float(each) for each in strides])
    table: dict[Key, Outcome] = {}
    for chosen in product(*(range(size) for size in sizes)):
        here = {
            id(value): outcome
            for part, number in zip(parts, chosen, strict=True)
            for value, outcome in zip(part.values, part.rows[number], strict=True)
        }
        code = float(sum(number * stride for number, stride in zip(chosen, strides, strict=True)))
        table[code] = function([here.get(id(each), each.other) for each in values])
    return Tabulated(kind, optype, register, is_text=False, table=table, other=NEVER, missing=NEVER)


def _of_one(
    values: Sequence[Tabulated], function: Callable[[Sequence[Outcome]], Outcome], kind: str, optype: str
) -> Tabulated:
    first = next(each for each in values if each.source is not None)
    keys = {key for each in values for key in each.table}
    _spend(len(keys) + 1)

    def at(key: Key) -> Outcome:
        return function([each.other if each.source is None else resolved(each, key) for each in values])

    def beside(name: str) -> Outcome:
        found = [each.other if each.source is None else getattr(each, name) for each in values]
        return NEVER if any(each.kind == "never" for each in found) else function(found)

    table = {key: at(key) for key in sorted(keys)}
    return Tabulated(kind, optype, first.source, first.is_text, table, beside("other"), beside("missing"))


class _Part:
    """Values of one source: the rows of outcomes that they have together, each with a number."""

    def __init__(self, source: int, values: Sequence[Tabulated]) -> None:
        self.source = source
        self.values = list({id(each): each for each in values}.values())
        self.is_text = values[0].is_text
        self.rows: list[list[Outcome]] = []
        self._numbers: dict[Any, int] = {}
        keys = sorted({key for each in values for key in each.table})
        _spend(len(keys) + 1)
        self.codes = {key: self._number([resolved(each, key) for each in self.values]) for key in keys}
        self.other = self._number([each.other for each in self.values])
        self.missing = self._number([each.missing for each in self.values])

    def _number(self, row: list[Outcome]) -> float:
        if any(each.kind == "never" for each in row):
            return 0.0
        key = tuple(each.key for each in row)
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(row)
        return float(self._numbers[key])

    def write(self, writer: Writer) -> int:
        keys = sorted(key for key, code in self.codes.items() if code != self.other)
        values = np.array([self.codes[key] for key in keys])
        return writer.lookup(CodeColumn(self.source, tuple(keys), values, self.other, self.missing), keys)


def code_column(value: Tabulated, number: Callable[[Outcome], float], writer: Writer) -> CodeColumn:
    """The column of a number for each outcome of a table."""
    if value.source is None:
        found = number(value.other)
        return CodeColumn(first_register(writer), (), np.zeros(0), found, found)
    _spend(len(value.table) + 1)
    keys = sorted(value.table)
    other = 0.0 if value.other.kind == "never" else number(value.other)
    missing = 0.0 if value.missing.kind == "never" else number(value.missing)
    return CodeColumn(
        value.source, tuple(keys), np.array([number(resolved(value, key)) for key in keys]), other, missing
    )


def first_register(writer: Writer) -> int:
    """A register that every program with an input has: the first input's."""
    return 0 if writer.domains.contract.inputs else _nowhere()


def _nowhere() -> int:
    raise NotAProgramError("the model", "reads no input")


def condition(value: Value, test: Callable[[Outcome], bool], writer: Writer) -> int:
    """The register that is 1 where the test of a value's outcome holds, else 0. Of numbers it gets what is not one."""
    if isinstance(value, Tabulated):
        return writer.lookup(*_looked_up(value, lambda outcome: float(test(outcome)), writer))
    raise TypeError(type(value).__name__)


def _looked_up(value: Tabulated, number: Callable[[Outcome], float], writer: Writer) -> tuple[CodeColumn, list[Any]]:
    column = code_column(value, number, writer)
    return column, list(column.keys)


def is_a_number(outcome: Outcome) -> float:
    """The number of an outcome; NaN where it has none."""
    return float(outcome.value) if outcome.kind == "value" else np.nan


def failing(value: Tabulated) -> Tabulated:
    """True where asking for a value fails."""
    return mapped(value, lambda outcome: of(outcome.kind == "fails"), "boolean")


def where_missing(register: int, is_text: bool) -> Tabulated:
    """True where a register holds nothing."""
    return Tabulated("boolean", "categorical", register, is_text, {}, of(value=False), of(value=True))


def as_number(value: Value, place: str, writer: Writer) -> Number:
    """A value as a number, as `FieldValue.asNumber` takes it: booleans are 0 and 1, texts are parsed or fail.

    Raises:
        NotAProgramError: it is a text of which not all values are known.
    """
    if isinstance(value, Number):
        return value
    kind = value.type if value.type in ("integer", "float", "double") else "double"

    def number(outcome: Outcome) -> Outcome:
        if outcome.kind == "same" and value.is_text:
            raise NotAProgramError(place, "reads a text as a number, and its values are not all known")
        if outcome.kind != "value" or outcome.value.__class__ in (int, float):
            return outcome
        try:
            return replace(outcome, value=cast("double", outcome.value))
        except UnfitError:
            return FAILS

    table = mapped(value, number, kind, value.optype)
    if any(each.kind == "same" for each in table.outcomes):
        return _spliced(table, writer)
    column = code_column(table, is_a_number, writer)
    fails = (Doubt(lambda: failing(table), shown=True),) if table.may_fail else ()
    invalid = _invalid(table)
    return Number(kind, value.optype, column, table.may_miss, fails, invalid)


def _invalid(table: Tabulated) -> Doubt | None:
    if all(each.is_valid and not is_nan(each) for each in table.outcomes):
        return None
    return Doubt(
        lambda: mapped(table, lambda each: of(each.is_present and (not each.is_valid or is_nan(each))), "boolean")
    )


def _spliced(table: Tabulated, writer: Writer) -> Number:
    """A number that is its source but for some keys, whose own outcomes come instead."""
    assert table.source is not None  # noqa: S101  a constant has no source to be the same as
    apart = {key: outcome for key, outcome in table.table.items() if outcome.kind != "same"}
    parts: list[int] = []
    if table.other.kind == "same":
        mask = code_column(
            replace(table, table=apart), lambda outcome: 0.0 if outcome.kind == "same" else np.nan, writer
        )
        parts.append(writer.linear([table.source, writer.lookup(mask, list(mask.keys))], [1.0, 1.0]))
    if any(each.kind == "value" for each in table.outcomes):
        own = code_column(replace(table, table=apart), is_a_number, writer)
        parts.append(writer.lookup(own, list(own.keys)))
    register = parts[0] if len(parts) == 1 else least(parts, writer)
    fails = (Doubt(lambda: failing(table), shown=True),) if table.may_fail else ()
    return Number(table.type, table.optype, NumberColumn(register), table.may_miss, fails, _invalid(table))


def least(registers: Sequence[int], writer: Writer) -> int:
    """The register of the least of two numbers that are there; NaN where none is."""
    return writer.add({"step": "median", "of": list(registers), "weights": [1.0, 1.0]})
