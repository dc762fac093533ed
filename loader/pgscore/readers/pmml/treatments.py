"""What a mining schema makes of missing, invalid and outlying values, as jpmml-evaluator's `InputFieldUtil` does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, nextafter
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation

from . import intervals
from .tables import code_column, joined, least, mapped, refined
from .types import NUMBERS, TYPES, Scalar, UnfitError, cast, parse
from .values import FAILS, MISSING, NEVER, SAME, Doubt, Number, Outcome, Tabulated, as_key, of
from .whole import END, fraction, not_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.readers.writing.writer import Writer

    from .dictionary import DataField
    from .values import Key, Value
    from .xml import Element

_INVALID = ("returnInvalid", "asIs", "asMissing", "asValue")
_MISSING = ("asIs", "asMean", "asMode", "asMedian", "asValue", "returnInvalid")
_OUTLIERS = ("asIs", "asMissingValues", "asExtremeValues")


@dataclass(frozen=True, eq=False)
class Treatment:
    """What a mining field says, with its data field.

    Attributes:
        mining: the element.
        type: the data type.
        optype: as the mining field overrides it.
        status: by value, ``valid``, ``invalid`` or ``missing``.
        spans: intervals of valid numbers; empty: all are.
        for_missing: what a missing value becomes.
        for_invalid: what an invalid one becomes; `SAME`: it is passed on.
        low: below it is an outlier, or None.
        high: above it is an outlier, or None.
        outliers: what becomes of these.
    """

    mining: Element
    type: str
    optype: str
    status: dict[Scalar, str]
    spans: tuple[intervals.Span, ...]
    for_missing: Outcome
    for_invalid: Outcome
    low: float | None
    high: float | None
    outliers: str

    @property
    def has_valid(self) -> bool:
        """Whether the values that are listed as valid are all that is."""
        return "valid" in self.status.values()

    def of_value(self, value: Scalar) -> Outcome:
        """What becomes of a value of the type: `SAME` where it stays what it is."""
        status = self.status.get(value)
        if status == "missing":
            return self.for_missing
        is_nan = isinstance(value, float) and np.isnan(value)
        outside = self.spans and not any(float(value) in span for span in self.spans)
        if status == "invalid" or (status is None and (self.has_valid or outside or is_nan)):
            return self.for_invalid
        if self.low is not None and float(value) < self.low:
            return self._outlier(self.low)
        if self.high is not None and float(value) > self.high:
            return self._outlier(self.high)
        return SAME

    def of_outcome(self, outcome: Outcome) -> Outcome:
        """What becomes of what a row brings, or another field gives."""
        if outcome.kind == "missing":
            return self.for_missing
        if outcome.kind in ("fails", "never"):
            return outcome
        if outcome.kind == "same":
            found = self.for_invalid if self.has_valid else SAME
        else:
            try:
                value = cast(self.type, outcome.value)
            except UnfitError:
                return self.unfit
            found = self.of_value(value)
            if found.kind == "same":
                return Outcome("value", value, found.is_valid)
        return found

    @property
    def unfit(self) -> Outcome:
        """What becomes of what is no value of the type: it cannot be passed on."""
        return FAILS if self.for_invalid.kind == "same" else self.for_invalid

    def _outlier(self, end: float) -> Outcome:
        return self.for_missing if self.outliers == "asMissingValues" else of(cast(self.type, end))


def is_default(field: DataField | None, mining: Element) -> bool:
    """Whether a segment takes the field as its parent has it (`InputFieldUtil.isDefault`)."""
    optype = mining.get("optype")
    same = optype is None or (field is not None and optype == field.optype)
    return (
        same
        and mining.get("invalidValueReplacement") is None
        and mining.get("missingValueReplacement") is None
        and mining.get("invalidValueTreatment") in (None, "returnInvalid", "asIs")
        and mining.get("outliers") in (None, "asIs")
    )


def prepared(field: DataField, mining: Element, raw: Value, writer: Writer, *, is_row: bool = True) -> Value:
    """A field of a row, as a model sees it; or of a parent's, which has been seen to it that it is of the type.

    Raises:
        NotAProgramError: its type or its treatment is not supported.
    """
    if field.type not in TYPES:
        raise field.element.refused(f"has the dataType {field.type!r}, whose values are no numbers, texts or booleans")
    treatment = _treatment(field, mining)
    if isinstance(raw, Tabulated):
        return _table(treatment, raw)
    return _Numbers(treatment, raw, field, writer, is_row=is_row).value()


def inherited(field: DataField | None, mining: Element, value: Value, writer: Writer) -> Value:
    """A field of a segment: its parent's, treated once more where the segment's schema says anything.

    Raises:
        NotAProgramError: the treatment is not supported.
    """
    if is_default(field, mining):
        return value
    if field is None:
        raise mining.refused("treats a field that is not in the DataDictionary, which is not supported in a segment")
    return prepared(field, mining, value, writer, is_row=False)


def _treatment(field: DataField, mining: Element) -> Treatment:
    optype = mining.get("optype") or field.optype
    if field.intervals and optype != "continuous":
        raise field.element.refused("has intervals, and is not continuous")
    invalid = mining.choice("invalidValueTreatment", "returnInvalid", _INVALID)
    missing = mining.choice("missingValueTreatment", "asIs", _MISSING)
    outliers = mining.choice("outliers", "asIs", _OUTLIERS)
    low, high = (None, None) if outliers == "asIs" else (mining.optional_number(each) for each in _ENDS)
    if outliers != "asIs" and (low is None and high is None):
        raise mining.refused("treats outliers, and has neither lowValue nor highValue")
    if low is not None and high is not None and low > high:
        raise mining.refused("has a lowValue above its highValue")
    if outliers != "asIs" and (field.type not in NUMBERS or optype == "categorical"):
        raise mining.refused("treats outliers of a field that is no continuous number")
    if (field.intervals or field.type == "float") and field.type not in NUMBERS:
        raise field.element.refused("has intervals, and is no number")
    replaced = _replacement(field, mining, "missingValueReplacement")
    for_missing = FAILS if missing == "returnInvalid" else replaced or MISSING
    instead = _replacement(field, mining, "invalidValueReplacement")
    passed_on = instead or replace(SAME, is_valid=False)
    for_invalid = {"returnInvalid": FAILS, "asMissing": replaced or MISSING}.get(invalid, passed_on)
    return Treatment(
        mining, field.type, optype, field.values, field.intervals, for_missing, for_invalid, low, high, outliers
    )


_ENDS = ("lowValue", "highValue")


def _replacement(field: DataField, mining: Element, name: str) -> Outcome | None:
    text = mining.get(name)
    if text is None:
        return None
    try:
        value = parse(field.type, text)
    except UnfitError:
        raise mining.refused(f"has the {name} {text[:60]!r}, which is no {field.type}") from None
    if isinstance(value, float) and not np.isfinite(value):
        raise mining.refused(f"has the {name} {text[:60]!r}, which is no finite number")
    return of(value)


def _table(treatment: Treatment, raw: Tabulated) -> Tabulated:
    if raw.is_text:
        raw = refined(raw, [as_key(each) for each in treatment.status])
    table = mapped(raw, treatment.of_outcome, treatment.type, treatment.optype)
    valid = tuple(each for each, status in treatment.status.items() if status == "valid")
    return replace(table, order=valid if treatment.optype == "ordinal" else ())


class _Numbers:
    """The treatment of a number of which not all values are listed."""

    def __init__(self, treatment: Treatment, raw: Number, field: DataField, writer: Writer, *, is_row: bool) -> None:
        self.is_row = is_row
        self.treatment = treatment
        self.raw = raw
        self.field = field
        self.writer = writer
        column = raw.column
        self.register = (
            writer.lookup(column, list(column.keys)) if isinstance(column, CodeColumn) else writer.register(column)
        )

    def value(self) -> Value:
        """The field as the model sees it."""
        treatment = self.treatment
        treats = bool(treatment.status or treatment.spans or treatment.low is not None or treatment.high is not None)
        if treatment.type == "float" and treats:
            raise self.field.element.refused("is a float whose values are checked, which is not supported")
        whole = treatment.type == "integer" and self.is_row
        if self.raw.type not in (treatment.type, "integer" if treatment.type == "double" else treatment.type):
            raise self.field.element.refused(f"is a {self.raw.type} and a {treatment.type}, which is not supported")
        if not treats and (not whole or treatment.unfit.kind == "fails"):
            return self._filled(whole=whole)
        if treatment.status and not treatment.spans and treatment.low is None and treatment.high is None and not whole:
            return self._listed()
        return self._regions(whole=whole)

    def _fails(self, *, whole: bool) -> tuple[Doubt, ...]:
        return (*self.raw.fails, *((Doubt(lambda: not_whole(self.register, self.writer)),) if whole else ()))

    def _filled(self, *, whole: bool) -> Number:
        """Nothing but missing values is treated."""
        treatment, column = self.treatment, self.raw.column
        outcome = treatment.for_missing
        fails = self._fails(whole=whole)
        if outcome.kind == "value" and self.raw.may_miss:
            filled = column.then(Operation("fill", float(outcome.value)))
            return Number(treatment.type, treatment.optype, filled, False, fails, self.raw.invalid)
        if outcome.kind == "fails" and self.raw.may_miss:
            fails = (*fails, Doubt(self._absent, shown=True))
        return Number(treatment.type, treatment.optype, column, self.raw.may_miss, fails, self.raw.invalid)

    def _absent(self) -> Tabulated:
        column = CodeColumn(self.register, (), np.zeros(0), 0.0, 1.0)
        mark = self.writer.lookup(column, [])
        return Tabulated("boolean", "categorical", mark, False, {0.0: of(value=False)}, of(value=True), NEVER)

    def _listed(self) -> Tabulated:
        """Some values are listed, and all others are treated alike."""
        treatment = self.treatment
        table = {as_key(each): treatment.of_outcome(of(each)) for each in treatment.status}
        other = treatment.for_invalid if treatment.has_valid else SAME
        return Tabulated(
            treatment.type, treatment.optype, self.register, False, table, other, treatment.of_outcome(MISSING)
        )

    def _regions(self, *, whole: bool) -> Value:
        """Numbers are treated by the interval in which they lie."""
        treatment, writer = self.treatment, self.writer
        edges = [intervals.Span(as_key(each), as_key(each)) for each in treatment.status]  # type: ignore[arg-type]
        edges += treatment.spans
        edges += [intervals.Span(treatment.low, inf)] if treatment.low is not None else []
        edges += [intervals.Span(-inf, treatment.high)] if treatment.high is not None else []
        edges += [intervals.Span(-END, nextafter(END, 0))] if whole else []
        single = {span.low for span in edges if span.low == span.high}

        def outcome(value: float) -> Outcome:
            if whole and not -END <= value < END:
                return treatment.unfit
            found = treatment.of_value(value)
            return of(cast(treatment.type, value)) if found == SAME and value in single else found

        code, rows = intervals.coded(self.register, intervals.starts(edges), outcome, treatment.for_missing, writer)
        region = Tabulated(
            "integer", "categorical", code, False, {float(n): of(n) for n in range(len(rows))}, NEVER, NEVER
        )
        if whole:
            rows.append(treatment.unfit)
            known: dict[Key, Outcome] = {0.0: of(value=False), 1.0: of(value=True)}
            is_fraction = Tabulated(
                "boolean", "categorical", fraction(self.register, writer), False, known, NEVER, NEVER
            )
            region = joined(
                [region, is_fraction], lambda row: of(len(rows) - 1) if row[1].value else row[0], "integer", writer,
                treatment.mining.path,
            )  # fmt: skip
        return self._spliced(region, rows)

    def _spliced(self, region: Tabulated, rows: list[Outcome]) -> Value:
        """The value that is, in each region, what the rows say: the number itself, another one, or none."""
        treatment, writer = self.treatment, self.writer

        def meant(outcome: Outcome) -> Outcome:
            return outcome if outcome.kind == "never" else rows[int(outcome.value)]

        if not any(each.kind == "same" for each in rows):
            return mapped(region, meant, treatment.type, treatment.optype)

        def written(number: Callable[[Outcome], float]) -> int:
            column = code_column(region, lambda outcome: number(meant(outcome)), writer)
            return writer.lookup(column, list(column.keys))

        mask = written(lambda each: 0.0 if each.kind == "same" else np.nan)
        register = writer.linear([self.register, mask], [1.0, 1.0])
        if any(each.kind == "value" for each in rows):
            own = written(lambda each: float(each.value) if each.kind == "value" else np.nan)
            register = least([register, own], writer)

        def where(test: Callable[[Outcome], bool]) -> Tabulated:
            return mapped(region, lambda outcome: of(test(meant(outcome))), "boolean")

        fails = self.raw.fails
        if any(each.kind == "fails" for each in rows):
            fails = (*fails, Doubt(lambda: where(lambda each: each.kind == "fails"), shown=True))
        invalid = self.raw.invalid
        if any(each.is_present and not each.is_valid for each in rows):
            invalid = Doubt(lambda: where(lambda each: each.is_present and not each.is_valid))
        may_miss = any(each.kind == "missing" for each in rows)
        return Number(treatment.type, treatment.optype, NumberColumn(register), may_miss, fails, invalid)
