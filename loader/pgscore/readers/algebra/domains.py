"""What an estimator accepts of each input: its checks, wherever they stand, folded back to the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from math import nextafter
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

from .columns import FUNCTIONS, CodeColumn, NumberColumn, TextColumn, applied
from .doubles import LARGEST, as_single, last_true

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgscore_runtime.contract import Contract

    from .columns import Column, FloatArray
    from .doubles import BoolArray


@dataclass
class Domain:
    """What is accepted of one input.

    Attributes:
        minimum: the least number, minus infinity included.
        maximum: the largest.
        known: the only values, or None.
        nullable: whether a missing value is.
    """

    minimum: float = -np.inf
    maximum: float = np.inf
    known: frozenset[Any] | None = None
    nullable: bool = True

    def restrict(self, known: Iterable[Any]) -> None:
        """Accepts these values only."""
        self.known = frozenset(known) if self.known is None else self.known & frozenset(known)


class Domains:
    """The domains of all inputs of a contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.of = [Domain() for _ in contract.inputs]

    def require(self, part: str, columns: Iterable[Column], *, missing: bool, single: bool = False) -> None:
        """Narrows the domains to what passes a check for finite numbers, as scikit-learn makes it.

        Args:
            part: who checks.
            columns: what is checked.
            missing: whether NaN passes.
            single: whether numbers are rounded to float32 first.

        Raises:
            NotAProgramError: a column is a text, or what passes cannot be said of the input.
        """

        def passes(values: FloatArray) -> BoolArray:
            rounded = as_single(values) if single else values
            return np.isfinite(rounded) | (np.isnan(rounded) if missing else False)

        for column in columns:
            domain = self.of[column.source]
            if isinstance(column, TextColumn):
                raise NotAProgramError(part, "reads a text as a number, and a program does not")
            if isinstance(column, CodeColumn):
                ends = passes(np.array([column.unknown, column.missing]))
                domain.nullable &= bool(ends[1])
                self._restrict(part, column, passes(column.values), unknown=bool(ends[0]))
                continue
            domain.nullable &= bool(passes(applied(column.operations, np.array([np.nan])))[0])
            if column.operations:
                _narrow(part, domain, column, passes)
            else:
                largest = float(np.finfo(np.float32).max) if single else LARGEST
                if single:
                    # The last double that is still rounded down to the largest float32.
                    largest = float(last_true(passes, np.array([largest]), np.array([np.inf]))[0])
                domain.minimum, domain.maximum = max(domain.minimum, -largest), min(domain.maximum, largest)

    def _restrict(self, part: str, column: CodeColumn, passing: BoolArray, *, unknown: bool) -> None:
        domain = self.of[column.source]
        if unknown:
            if not passing.all() and not (domain.known is not None and self._covered(domain, column, passing)):
                raise NotAProgramError(part, "refuses some values of a category and accepts unknown ones")
            return
        domain.restrict(key for key, kept in zip(column.keys, passing, strict=True) if kept)

    @staticmethod
    def _covered(domain: Domain, column: CodeColumn, passing: BoolArray) -> bool:
        refused = {key for key, kept in zip(column.keys, passing, strict=True) if not kept}
        domain.restrict((domain.known or frozenset()) - refused)
        return True


def _narrow(part: str, domain: Domain, column: NumberColumn, passes: Any) -> None:  # noqa: ANN401
    """Narrows a domain to where a chain passes, which is an interval around the chain's zero."""

    def accepted(values: FloatArray) -> BoolArray:
        found: BoolArray = passes(applied(column.operations, values))
        return found

    low, high = np.array([domain.minimum]), np.array([domain.maximum])
    centre = next((each for each in _centres(column, low, high) if accepted(each)[0]), None)
    if centre is None:
        raise NotAProgramError(part, "accepts no number")
    domain.minimum = float(last_true(accepted, centre, low)[0])
    domain.maximum = float(last_true(accepted, centre, high)[0])


def _centres(column: NumberColumn, low: FloatArray, high: FloatArray) -> list[FloatArray]:
    """Where a chain is nearest to 0: the doubles on both sides of where what is monotone of it changes its sign."""
    operations = column.operations
    before = operations[: next((n for n, each in enumerate(operations) if each.name in FUNCTIONS), len(operations))]

    def negative(values: FloatArray) -> BoolArray:
        found: BoolArray = applied(before, values) <= 0
        return found

    start, end = (low, high) if negative(low)[0] else (high, low)
    if not negative(start)[0]:
        return [low, high]
    last = last_true(negative, start, end)
    beside = np.array([nextafter(float(last[0]), float(end[0]))])
    return [last, beside, low, high]
