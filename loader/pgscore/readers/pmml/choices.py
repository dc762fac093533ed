"""Values that are another one by row: what `if` chooses, what stands in for something missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation

from .tables import as_number, code_column, joined, least, mapped
from .types import UnfitError, cast
from .values import FAILS, MISSING, NEVER, Doubt, Number, Outcome, Tabulated, is_constant, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.writing.writer import Writer

    from .values import Key, Value

# More rows of tables side by side than this are chosen among as numbers.
_MANY = 400
_KINDS = {bool: "boolean", int: "integer", float: "double", str: "string"}


def written(column: NumberColumn | CodeColumn, writer: Writer) -> int:
    """The register of a column."""
    return writer.lookup(column, list(column.keys)) if isinstance(column, CodeColumn) else writer.register(column)


def absent(value: Value, writer: Writer) -> Tabulated:
    """True where a value is missing; asking for it fails where it does."""
    if isinstance(value, Tabulated):
        return mapped(value, lambda each: of(each.kind == "missing") if each.kind != "fails" else FAILS, "boolean")
    if not value.may_miss:
        return Tabulated("boolean", "categorical", None, False, {}, of(value=False), NEVER)
    register = written(value.column, writer)
    return Tabulated("boolean", "categorical", register, False, {}, of(value=False), of(value=True))


def any_absent(values: Sequence[Value], writer: Writer, place: str, *, failing: bool = False) -> Tabulated:
    """True where one of several values is missing.

    Args:
        values: in the order in which they are asked for.
        writer: takes the steps.
        place: the element, for messages.
        failing: whether it fails where one that is asked for before does; else that does not matter.
    """
    tables = []
    for each in values:
        table = absent(each, writer)
        if failing and isinstance(each, Number):
            table = guarded(table, each.fails, writer, place)
        tables.append(table)
    return joined(tables, _first_absent, "boolean", writer, place)


def _first_absent(row: Sequence[Outcome]) -> Outcome:
    """They are asked for one after the other, until one fails or is missing."""
    for each in row:
        if each.kind == "fails" or each.value is True:
            return each
    return of(value=False)


def any_of(doubts: Sequence[Doubt], writer: Writer, place: str) -> Doubt | None:
    """The condition that one of several holds, or None without any."""
    if len(doubts) < 2:  # noqa: PLR2004  nothing to join
        return doubts[0] if doubts else None
    return Doubt(
        lambda: joined(
            [each.table for each in doubts], lambda row: of(any(each.value is True for each in row)), "boolean", writer,
            place,
        )
    )  # fmt: skip


def summable(column: NumberColumn | CodeColumn, writer: Writer) -> NumberColumn | CodeColumn:
    """A column as sums take it: one of codes that are all finite, or a register."""
    if isinstance(column, CodeColumn) and not np.isfinite([*column.values, column.unknown, column.missing]).all():
        return NumberColumn(written(column, writer))
    return column


def kind_of(values: Sequence[Value]) -> str:
    """The data type of one of several values, or ``mixed``."""
    kinds = {each.type for each in values if not _is_missing(each)}
    return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "string"


def _kind_of_numbers(values: Sequence[Value], numbers: Sequence[Number]) -> str:
    """The data type of numbers, of which texts that read as such do not count where they read as that type, too."""
    kinds = {
        each.type for each, value in zip(numbers, values, strict=True) if not _is_missing(value) and not _is_text(value)
    }
    texts = [each.column for each, value in zip(numbers, values, strict=True) if _is_text(value)]
    whole = all(isinstance(each, CodeColumn) and each.unknown == np.floor(each.unknown) for each in texts)
    if len(kinds) != 1 or (kinds == {"integer"} and not whole):
        return "mixed" if kinds or texts else "string"
    return kinds.pop()


def _is_text(value: Value) -> bool:
    return isinstance(value, Tabulated) and value.type == "string" and not _is_missing(value)


def _is_missing(value: Value) -> bool:
    return isinstance(value, Tabulated) and is_constant(value) and value.other.kind == "missing"


def picked(labels: Tabulated, options: Sequence[Value], writer: Writer, place: str) -> Value:
    """In each row the option whose number the labels give, or nothing, or a failure.

    Args:
        labels: of integers, positions in the options; `MISSING` and `FAILS` are handed on.
        options: values.
        writer: takes the steps.
        place: the element, for messages.
    """
    optypes = {each.optype for each in options if not _is_missing(each)}
    optype = optypes.pop() if len(optypes) == 1 else "categorical"
    if all(isinstance(each, Tabulated) for each in options):
        tables = [each for each in options if isinstance(each, Tabulated)]
        sources = {each.source: len(each.table) + 2 for each in (labels, *tables) if each.source is not None}
        texts = any(each.is_text or _has_text(each) for each in tables)
        if len(sources) <= 1 or texts or np.prod(list(sources.values()), dtype=np.float64) <= _MANY:

            def choose(row: Sequence[Outcome]) -> Outcome:
                return row[1 + int(row[0].value)] if row[0].kind == "value" else row[0]

            return joined([labels, *tables], choose, kind_of(options), writer, place, optype)
    return _number(labels, options, optype, writer, place)


def _has_text(table: Tabulated) -> bool:
    return any(each.kind == "value" and isinstance(each.value, str) for each in table.outcomes)


def _number(labels: Tabulated, options: Sequence[Value], optype: str, writer: Writer, place: str) -> Number:
    numbers = [as_number(each, place, writer) for each in options]
    if any(each.type == "float" for each in numbers):
        raise NotAProgramError(place, "chooses a float, which is rounded to single precision: not supported")
    parts = []
    for position, number in enumerate(numbers):
        mask = code_column(labels, lambda each, here=position: 0.0 if _is(each, here) else np.nan, writer)  # type: ignore[misc]
        constant = number.column
        if isinstance(constant, CodeColumn) and constant.constant and np.isfinite(constant.unknown):
            value = constant.unknown
            parts.append(written(mask.then(Operation("add", value)), writer))
        elif not (isinstance(constant, CodeColumn) and constant.constant):
            parts.append(writer.linear([written(constant, writer), written(mask, writer)], [1.0, 1.0]))
    register = parts[0] if parts else written(code_column(labels, lambda _: np.nan, writer), writer)
    for part in parts[1:]:
        register = least([register, part], writer)
    fails: list[Doubt] = []
    if labels.may_fail:
        fails.append(Doubt(lambda: mapped(labels, lambda each: of(each.kind == "fails"), "boolean"), shown=True))
    fails += [_where(labels, n, doubt, writer, place) for n, number in enumerate(numbers) for doubt in number.fails]
    invalid = [_where(labels, n, each.invalid, writer, place) for n, each in enumerate(numbers) if each.invalid]
    textual = [_where(labels, n, each.textual, writer, place) for n, each in enumerate(numbers) if each.textual]
    textual += [_chosen(labels, n) for n, each in enumerate(options) if _is_text(each)]
    may_miss = labels.may_miss or any(each.may_miss for each in numbers)
    return Number(
        _kind_of_numbers(options, numbers), optype, NumberColumn(register), may_miss, tuple(fails),
        any_of(invalid, writer, place), any_of(textual, writer, place),
    )  # fmt: skip


def _chosen(labels: Tabulated, position: int) -> Doubt:
    return Doubt(lambda: mapped(labels, lambda each: of(_is(each, position)), "boolean"))


def _is(outcome: Outcome, position: int) -> bool:
    return outcome.kind == "value" and outcome.value == position


def _where(labels: Tabulated, position: int, doubt: Doubt, writer: Writer, place: str) -> Doubt:
    def write() -> Tabulated:
        return joined(
            [labels, doubt.table], lambda row: of(_is(row[0], position) and row[1].value is True), "boolean", writer,
            place,
        )  # fmt: skip

    return Doubt(write, shown=doubt.shown, kind=doubt.kind)


def instead_of_missing(value: Value, text: str, writer: Writer, place: str) -> Value:
    """A value, with a text where it is missing: what mapMissingTo and defaultValue of expressions give."""
    if isinstance(value, Tabulated):
        if not value.may_miss:
            return value

        def fill(outcome: Outcome) -> Outcome:
            return of(text) if outcome.kind == "missing" else outcome

        kind = value.type if value.type == "string" else "mixed"
        if any(each.kind == "same" for each in value.outcomes) and kind == "mixed":
            return instead_of_missing(as_number(value, place, writer), text, writer, place)
        return mapped(value, fill, kind, value.optype)
    if not value.may_miss:
        return value
    where = Doubt(lambda: absent(value, writer))
    try:
        number = float(cast("double", text))
    except UnfitError:
        number = np.nan
    if np.isnan(number):
        # A text that is no number: whatever reads one fails.
        failing = Doubt(lambda: absent(value, writer), shown=True)
        return replace(value, may_miss=False, fails=(*value.fails, failing))
    column = value.column
    if isinstance(column, CodeColumn):
        column = NumberColumn(written(column, writer))
    filled = column.then(Operation("fill", number))
    return replace(value, column=filled, may_miss=False, fails=_open(value.fails, where), textual=where)


def _open(fails: tuple[Doubt, ...], _where: Doubt) -> tuple[Doubt, ...]:
    """Failures of which NaN was the sign show no more behind what fills NaN."""
    return tuple(Doubt(lambda doubt=doubt: doubt.table) if doubt.shown else doubt for doubt in fails)  # type: ignore[misc]


def flag(value: Value, place: str, writer: Writer) -> Tabulated:
    """A value as true or false (`FieldValue.asBoolean`): asking fails where it is neither."""
    if isinstance(value, Number):
        if value.type == "float":
            raise NotAProgramError(place, "reads a float as true or false, which is not supported")
        register = written(value.column, writer)
        table: dict[Key, Outcome] = {0.0: of(value=False), 1.0: of(value=True)}
        found = Tabulated("boolean", "categorical", register, False, table, FAILS, MISSING)
        return guarded(found, value.fails, writer, place)

    def read(outcome: Outcome) -> Outcome:
        if outcome.kind == "same":
            raise NotAProgramError(place, "reads a value as true or false of which not all values are known")
        if outcome.kind != "value":
            return outcome
        try:
            return of(cast("boolean", outcome.value))
        except UnfitError:
            return FAILS

    return mapped(value, read, "boolean")


def guarded(value: Tabulated, fails: Sequence[Doubt], writer: Writer, place: str) -> Tabulated:
    """A table that fails, too, where one of these conditions holds."""
    if not fails:
        return value

    def check(row: Sequence[Outcome]) -> Outcome:
        return FAILS if any(each.value is True for each in row[1:]) else row[0]

    return joined([value, *(each.table for each in fails)], check, value.type, writer, place, value.optype)


def plain_kind(outcome: Outcome) -> str:
    """The data type of a value that is known."""
    return _KINDS[type(outcome.value)]
