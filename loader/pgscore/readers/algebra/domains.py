"""What an estimator accepts of each input: its checks, wherever they stand, folded back to the inputs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pgscore.errors import NotAProgramError

from .columns import BENT, CodeColumn, NumberColumn, Operation, TextColumn, applied
from .doubles import LARGEST, as_single, last_true

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from pgscore_runtime.contract import Contract

    from .columns import Column, FloatArray
    from .doubles import BoolArray

    _Predicate = Callable[[FloatArray], BoolArray]


@dataclass
class Domain:
    """What is accepted of one register: an input's, or one that steps compute.

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
    """The domains of registers: of all inputs of a contract, and of what steps compute and something later checks.

    Attributes:
        contract: the contract.
        examples: by register, texts that are known of an input.
        hashed: by register, those of them that are tested, of an input of which an estimator holds hashes alone.
        of: a domain for each register.
        finite: registers that have to be checked for missing and infinite values later on, and the part that made them:
            where they overflow they are infinite, and the estimator has NaN.
        inexact: registers whose last bits may be others than the estimator's.
        rough: registers whose rounding errors can be large, and the part that made them: of no use for tests.
        marks: registers that steps compute and that are booleans to the estimator.
    """

    def __init__(self, contract: Contract, examples: Mapping[str, Collection[str]] | None = None) -> None:
        self.contract = contract
        given = examples or {}
        self.examples = {n: given[each.name] for n, each in enumerate(contract.inputs) if each.name in given}
        self.hashed: defaultdict[int, set[str]] = defaultdict(set)
        self.of: defaultdict[int, Domain] = defaultdict(Domain)
        self.finite: dict[int, str] = {}
        self.inexact: set[int] = set()
        self.rough: dict[int, str] = {}
        self.marks: set[int] = set()
        self._deferred: list[tuple[str, NumberColumn, _Predicate]] = []

    def is_boolean(self, register: int) -> bool:
        """Whether a register is an input that is true or false, or a mark of something missing."""
        inputs = self.contract.inputs
        return register in self.marks or (register < len(inputs) and inputs[register].type == "boolean")

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
        largest = float(np.finfo(np.float32).max) if single else LARGEST
        passes = partial(_finite, missing=missing, single=single)
        if single:
            # The last double that is still rounded down to the largest float32.
            largest = float(last_true(passes, np.array([largest]), np.array([np.inf]))[0])
        rest = []
        for column in columns:
            if isinstance(column, NumberColumn) and not column.operations:
                domain = self.of[column.source]
                domain.nullable &= missing
                domain.minimum, domain.maximum = max(domain.minimum, -largest), min(domain.maximum, largest)
            else:
                rest.append(column)
        self.accept(part, rest, passes)

    def accept(self, part: str, columns: Iterable[Column], passes: _Predicate, pivot: float = 0.0) -> None:
        """Narrows the domains to what passes any check that numbers of one interval pass, and maybe NaN.

        Args:
            part: who checks.
            columns: what is checked.
            passes: the check.
            pivot: a number that passes, or where those begin that do.

        Raises:
            NotAProgramError: a column is a text, or what passes cannot be said of the input.
        """
        computed: list[NumberColumn] = []
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
            if column.has_logarithm and passes(np.array([np.nan]))[0]:
                # What passes may be two intervals: when all other checks are known, it may be one.
                self._deferred.append((part, column, passes))
            else:
                computed.append(column)
        for alike in _side_by_side(computed):
            _narrow(part, [self.of[column.source] for column in alike], alike, passes, pivot)

    def settle(self, write: Callable[[NumberColumn], int]) -> None:
        """Takes up the checks that were put off: of the input where that is possible, else of what steps compute.

        Args:
            write: writes a column, and gives its register.
        """
        for part, column, passes in self._deferred:
            domain = self.of[column.source]
            if column.defined(domain.minimum, domain.maximum):
                _narrow(part, [domain], [column], passes)
            else:
                computed = NumberColumn(write(column))
                _narrow(part, [self.of[computed.source]], [computed], passes)
        self._deferred = []

    def refuse_rough(self, *registers: int) -> None:
        """Refuses to test registers of which one is rough.

        Raises:
            NotAProgramError: naming the part that made it so.
        """
        for register in registers:
            if register in self.rough:
                raise NotAProgramError(
                    self.rough[register], "rounds its sums otherwise, and what tests or bends them might end elsewhere"
                )

    def refuse_infinite(self, read: Iterable[int]) -> None:
        """Refuses registers that should be checked for missing and infinite values and are not.

        Args:
            read: those that a step reads, or that are checked.

        Raises:
            NotAProgramError: naming the part that made one.
        """
        for register in read:
            if register not in self.finite:
                continue
            if self.of[register].nullable:
                raise NotAProgramError(
                    self.finite[register], "overflows to NaN, which what follows takes for a missing value"
                )
            if self.of[register].maximum == np.inf:
                raise NotAProgramError(self.finite[register], "overflows to NaN, and what follows takes infinity")

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


def _finite(values: FloatArray, *, missing: bool, single: bool) -> BoolArray:
    """A check for finite numbers."""
    rounded = as_single(values) if single else values
    found: BoolArray = np.isfinite(rounded) | (np.isnan(rounded) if missing else False)
    return found


def _side_by_side(columns: Iterable[NumberColumn]) -> Iterator[list[NumberColumn]]:
    """Columns whose operations differ in their operands only, each of another input: they are searched together."""
    groups: dict[Any, list[NumberColumn]] = {}
    times: dict[int, int] = {}
    for column in columns:
        times[column.source] = times.get(column.source, 0) + 1
        names = ((each.name, id(each.curve)) for each in column.operations)
        groups.setdefault((times[column.source], *names), []).append(column)
    yield from groups.values()


def _narrow(
    part: str, domains: Sequence[Domain], columns: Sequence[NumberColumn], passes: _Predicate, pivot: float = 0.0
) -> None:
    """Narrows domains to where a chain passes, which is an interval around where the chain is the pivot."""
    # An operand for each of the columns.
    operations = [
        Operation(alike[0].name, cast("float", np.array([each.operand for each in alike])), alike[0].curve)
        for alike in zip(*(column.operations for column in columns), strict=True)
    ]

    def accepted(values: FloatArray) -> BoolArray:
        return passes(applied(operations, values))

    low = np.array([domain.minimum for domain in domains])
    high = np.array([domain.maximum for domain in domains])
    centre, found = np.zeros(len(domains)), np.zeros(len(domains), dtype=bool)
    for candidate, possible in _centres(operations, low, high, pivot):
        chosen = ~found & possible & accepted(candidate)
        centre, found = np.where(chosen, candidate, centre), found | chosen
    if not found.all():
        raise NotAProgramError(part, "accepts no number")
    minima, maxima = last_true(accepted, centre, low), last_true(accepted, centre, high)
    for domain, minimum, maximum in zip(domains, minima.tolist(), maxima.tolist(), strict=True):
        domain.minimum, domain.maximum = minimum, maximum


def _centres(
    operations: Sequence[Operation], low: FloatArray, high: FloatArray, pivot: float
) -> Iterator[tuple[FloatArray, BoolArray]]:
    """Where chains are nearest to 0, or the pivot: the doubles on both sides of where what is monotone of them is.

    Each with whether there is such a place.
    """
    before = operations[: next((n for n, each in enumerate(operations) if each.name in BENT), len(operations))]

    def negative(values: FloatArray) -> BoolArray:
        found: BoolArray = applied(before, values) <= pivot
        return found

    rising = negative(low)
    start, end = np.where(rising, low, high), np.where(rising, high, low)
    changes = negative(start)
    last = last_true(negative, start, end)
    yield last, changes
    yield np.nextafter(last, end), changes
    yield low, np.ones_like(changes)
    yield high, np.ones_like(changes)
