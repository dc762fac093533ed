"""What a field or an expression may be of a row: a table over one register, or a number that steps compute.

jpmml-evaluator's values are typed, may be missing, may be invalid and passed on all the same, and asking for one may
fail, which ends the row without a prediction. It asks for a field only where something needs it, so that what fails is
a value's own: whoever asks decides whether the row ends (`Scope.refuse_failing`, or leaves that a tree gives).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from .types import NUMBERS, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pgscore_runtime.contract import ReasonCodes

    from pgscore.readers.algebra.columns import CodeColumn, NumberColumn
    from pgscore.readers.algebra.singles import Tolerance

# What a register of the program holds: a text, or a double.
Key = str | float


@dataclass(frozen=True)
class Outcome:
    """What a value is for some rows.

    Attributes:
        kind: ``value``, ``missing``, ``fails``; ``same``: what the source itself holds; ``never``: no row comes here.
        value: of a value, in the type of the field.
        is_valid: whether the evaluator holds it for a valid one.
    """

    kind: Literal["value", "missing", "fails", "same", "never"]
    value: Scalar = ""
    is_valid: bool = True

    @property
    def key(self) -> tuple[str, str, Scalar, bool]:
        """What tells it from others: 1, 1.0 and true are three."""
        return self.kind, type(self.value).__name__, self.value, self.is_valid

    @property
    def is_present(self) -> bool:
        """Whether it is a value."""
        return self.kind in ("value", "same")


MISSING, FAILS, SAME, NEVER = Outcome("missing"), Outcome("fails"), Outcome("same"), Outcome("never")


def of(value: Scalar, *, is_valid: bool = True) -> Outcome:
    """The outcome that is this value."""
    return Outcome("value", value, is_valid)


@dataclass(frozen=True, eq=False)
class Tabulated:
    """A value that is a table over one register.

    Attributes:
        type: its data type.
        optype: ``categorical``, ``ordinal`` or ``continuous``.
        source: the register; None for a constant, which is `other` whatever the row.
        is_text: whether the register holds a text.
        table: an outcome for each key, none of which is NaN.
        other: what any other key gives.
        missing: what a missing source gives.
        order: values of an ordinal field, from the least on.
    """

    type: str
    optype: str
    source: int | None
    is_text: bool
    table: Mapping[Key, Outcome]
    other: Outcome
    missing: Outcome
    order: tuple[Scalar, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All that it may be."""
        found = [*self.table.values(), self.other, self.missing]
        return tuple(each for each in found if each.kind != "never")

    @property
    def may_miss(self) -> bool:
        """Whether it is missing in some row."""
        return any(each.kind == "missing" for each in self.outcomes)

    @property
    def may_fail(self) -> bool:
        """Whether asking for it fails in some row."""
        return any(each.kind == "fails" for each in self.outcomes)

    def at(self, key: Key) -> Outcome:
        """What it is where the source holds this."""
        return self.table.get(key, self.other)


class Doubt:
    """A condition under which asking for a value fails: a table of true and false, written when it is asked for."""

    def __init__(
        self, write: Callable[[], Tabulated], *, shown: bool = False, kind: Literal["fails", "undefined"] = "fails"
    ) -> None:
        self._write = write
        # Whether it is a result that is undefined or no number, which expressions may treat as missing.
        self.kind = kind
        # Whether the number is NaN there anyway, so that what hands on NaN need not ask.
        self.shown = shown
        self._found: Tabulated | None = None

    @property
    def table(self) -> Tabulated:
        """The condition."""
        if self._found is None:
            self._found = self._write()
        return self._found


@dataclass(frozen=True, eq=False)
class Number:
    """A number that is computed.

    Attributes:
        type: ``double``, ``integer``, ``mixed``: either, by row, or ``float``: a double that is rounded to float32.
        optype: ``continuous``, or ``categorical``, which cannot be compared by order.
        column: what it is made of; NaN where the value is missing.
        may_miss: whether it may be missing.
        fails: conditions under which asking for it fails.
        invalid: the condition under which it is passed on although it is invalid.
        textual: the condition under which the evaluator holds it as a text, which reads as this number.
    """

    type: str
    optype: str
    column: NumberColumn | CodeColumn
    may_miss: bool = True
    fails: tuple[Doubt, ...] = ()
    invalid: Doubt | None = None
    textual: Doubt | None = None

    @property
    def may_fail(self) -> bool:
        """Whether asking for it may fail."""
        return bool(self.fails)


Value = Tabulated | Number


def constant(value: Scalar, kind: str, optype: str | None = None) -> Tabulated:
    """A value that is the same in every row."""
    return _constant(of(value), kind, optype)


def nothing(kind: str = "string", optype: str | None = None) -> Tabulated:
    """A value that is missing in every row."""
    return _constant(MISSING, kind, optype)


def _constant(outcome: Outcome, kind: str, optype: str | None) -> Tabulated:
    optype = optype or ("continuous" if kind in NUMBERS else "categorical")
    return Tabulated(kind, optype, None, is_text=False, table={}, other=outcome, missing=NEVER)


def is_constant(value: Value) -> bool:
    """Whether it is the same in every row."""
    return isinstance(value, Tabulated) and value.source is None


def as_key(value: Scalar) -> Key:
    """What a register holds of a value."""
    return value if isinstance(value, str) else float(value) + 0.0


def is_nan(outcome: Outcome) -> bool:
    """Whether it is the double that is no number."""
    return isinstance(outcome.value, float) and bool(np.isnan(outcome.value))


@dataclass
class Prediction:
    """What a model gives for a row.

    Attributes:
        kind: ``value``, or ``probability`` or ``votes`` of classes.
        scores: registers.
        link: what makes outputs of them, as in a program.
        classes: of a classification, in the order in which the evaluator reports them.
        decide: registers, the largest of which says which class is predicted, where that is not the output's.
        tie: which of equals, ``first`` or ``last``.
        type: the data type of what is predicted.
        tolerance: how far an output may be from the evaluator's; None: as doubles are.
        more: what a model says beside its prediction, by name: values that an Output may take.
        reason_codes: where a scorecard's reason codes come from.
    """

    kind: Literal["value", "probability", "votes"]
    scores: list[int]
    link: str = "identity"
    classes: tuple[Scalar, ...] = ()
    decide: list[int] | None = None
    tie: str = "first"
    type: str = "double"
    tolerance: Tolerance | None = None
    more: dict[str, Value] = field(default_factory=dict)
    reason_codes: ReasonCodes | None = None
