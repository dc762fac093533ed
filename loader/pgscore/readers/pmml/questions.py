"""What decisions ask of a row, with answers of three values, and what is known after an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Always:
    """A predicate that is true, or false, or (None) unknown, whatever the row; or ends the row without a prediction."""

    answer: bool | Literal["fails"] | None


@dataclass(frozen=True, eq=False)
class AtMost:
    """Whether a number is at most a bound; unknown where it is missing.

    Attributes:
        field: what is tested, by number.
        bound: a finite double.
        negated: whether the answer is turned round.
    """

    field: int
    bound: float
    negated: bool = False


@dataclass(frozen=True, eq=False)
class Among:
    """Whether a text or number is one of several; unknown where it is missing."""

    field: int
    members: frozenset[str | float]
    negated: bool = False


@dataclass(frozen=True, eq=False)
class Missing:
    """Whether a value is missing."""

    field: int
    negated: bool = False


@dataclass(frozen=True, eq=False)
class Compound:
    """Several predicates together: ``and``, ``or``, ``xor``, ``surrogate``."""

    operator: str
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, eq=False)
class Branch:
    """Another predicate for each answer of one."""

    test: Predicate
    yes: Predicate
    no: Predicate
    unknown: Predicate


Test = AtMost | Among | Missing
Predicate = Always | Test | Compound | Branch


def may_fail(predicate: Predicate) -> bool:
    """Whether asking a predicate may end the row without a prediction."""
    waiting = [predicate]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Always) and here.answer == "fails":
            return True
        if isinstance(here, Compound):
            waiting += here.parts
        if isinstance(here, Branch):
            waiting += [here.test, here.yes, here.no, here.unknown]
    return False


@dataclass(frozen=True)
class Region:
    """Which values a field may still have.

    Attributes:
        missing: whether it may be missing.
        low: numbers are above this, but for minus infinity itself where it is minus infinity.
        high: numbers are at most this.
        only: the only values, or None.
        excluded: values that it has not.
        present: whether it may be there at all.
    """

    missing: bool = True
    low: float = -np.inf
    high: float = np.inf
    only: frozenset[str | float] | None = None
    excluded: frozenset[str | float] = frozenset()
    present: bool = True

    def split(self, test: AtMost | Among) -> tuple[Region, Region]:
        """What is left where the test itself (not negated) holds, and where it does not; missing in neither."""
        if isinstance(test, AtMost):
            yes = Region(False, self.low, min(self.high, test.bound), self.only, self.excluded)
            no = Region(False, max(self.low, test.bound), self.high, self.only, self.excluded)
            return yes._settled(), no._settled()
        only = self.only
        inside = test.members if only is None else test.members & only
        outside = None if only is None else only - test.members
        yes = replace(self, missing=False, only=inside - self.excluded)
        no = replace(self, missing=False, only=outside, excluded=self.excluded | test.members)
        return yes._settled(), no._settled()

    def _settled(self) -> Region:
        """The same, with values left out that are not between its ends, and nothing at all where there is none."""
        only = self.only
        if only is None and self._has_room():
            return self
        if only is not None:
            only = frozenset(each for each in only if isinstance(each, str) or self._holds(each))
        present = self.present and (bool(only) if only is not None else self._has_room())
        return replace(self, only=only, present=present)

    def _has_room(self) -> bool:
        return self.low < self.high or self.low == -np.inf

    def _holds(self, number: float) -> bool:
        return number <= self.high and (number > self.low or self.low == -np.inf)

    def absent(self) -> Region:
        """What is left where it is missing."""
        return replace(self, present=False)

    def either(self, other: Region) -> Region:
        """What holds if one of two does; maybe more."""
        if not self.present or not other.present:
            there = self if self.present else other
            return replace(there, missing=self.missing or other.missing)
        both = self.only is not None and other.only is not None
        return Region(
            missing=self.missing or other.missing,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            only=(self.only or frozenset()) | (other.only or frozenset()) if both else None,
            excluded=(self.excluded & other.excluded) - (self.only or frozenset()) - (other.only or frozenset()),
        )


Known = dict[int, Region]
ANYTHING = Region()


def either(one: Known, other: Known) -> Known:
    """What holds if one of two does, by field."""
    return {
        number: one[number] if one[number] is other[number] else one[number].either(other[number])
        for number in one.keys() & other.keys()
    }


def possible_answers(test: Test, known: Known) -> list[Region | None]:
    """What is known of the tested field after true, false and unknown; None where that cannot be."""
    region = known.get(test.field, ANYTHING)
    absent = region.absent() if region.missing else None
    if isinstance(test, Missing):
        there = replace(region, missing=False) if region.present else None
        return [there, absent, None] if test.negated else [absent, there, None]
    if not region.present:
        return [None, None, absent]
    yes, no = region.split(test)
    if test.negated:
        yes, no = no, yes
    return [yes if yes.present else None, no if no.present else None, absent]
