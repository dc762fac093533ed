"""What each reducer makes of new events, where the profile's row tells it: docs/guide/reduce.md has the table."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.errors import PgscoreError

from .division import average, is_told
from .values import EXACT, ColumnType, Float, shortest_single

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence, Set

_HINT = "columns=[…] moves the others; the database looks it up in the events. docs/guide/reduce.md says what it takes."
WINDOW = "its window moves on with time, and which events have left it is not in the profile"
# Of a sum of two numbers the order does not matter.
_MOST_UNORDERED = 2


class Reducer(NamedTuple):
    """A reducer, as a bundle has it.

    Attributes:
        column: the profile's column.
        aggregate: which it is.
        of: the events' column, or None.
        order_by: the events' column that says which is last, or None.
        where: for each filtered column the text of a value, or None for NULL.
        ignores_deletes: whether events that went are in it.
        time: the events' column that says whether one is in its window; None where it has none.
    """

    column: str
    aggregate: str
    of: str | None
    order_by: str | None
    where: Mapping[str, str | None]
    ignores_deletes: bool
    time: str | None = None

    @property
    def reads(self) -> Set[str]:
        """The events' columns that it reads."""
        return {each for each in (self.of, self.order_by, self.time) if each is not None} | self.where.keys()

    @property
    def moves_on(self) -> bool:
        """Whether time alone changes it: then it says nothing about all events that there were."""
        return self.time is not None or self.aggregate == "due"


class Situation(NamedTuple):
    """A profile and what has come.

    Attributes:
        reducers: all of the binding's, also those that are not moved.
        events: those of the profile, in their order, with the columns that are read as their types hold them.
        keys: for each its primary key; None where it is not known.
        primary_key: the columns of that.
        event_types: the types of the events' columns.
        profile_types: the types of the profile's.
        not_null: the events' columns that hold no NULL.
        profile: as it was given.
    """

    reducers: Sequence[Reducer]
    events: Sequence[Mapping[str, Any]]
    keys: Sequence[tuple[Any, ...] | None]
    primary_key: Sequence[str]
    event_types: Mapping[str, ColumnType]
    profile_types: Mapping[str, ColumnType]
    not_null: Set[str]
    profile: Mapping[str, Any]

    def present(self, reducer: Reducer) -> Any:  # noqa: ANN401
        """The profile's value, as its column's type holds it."""
        place = f'column "{reducer.column}" of the profile'
        if reducer.column not in self.profile:
            raise PgscoreError(f"{place} is not there, and events move it", "Give the profile as it stands.")
        value = self.profile_types[reducer.column].read(self.profile[reducer.column], place)
        if value is None and reducer.aggregate in ("count", "sum", "distinct"):
            raise PgscoreError(
                f"{place} is null, and a {reducer.aggregate} is a number", "pgscore.reconcile puts the profile right."
            )
        return value

    def positions(self, reducer: Reducer) -> list[int]:
        """Which events its filter takes."""
        filters = [
            (name, self.event_types[name], None if text is None else self._filter(name, text))
            for name, text in reducer.where.items()
        ]
        return [
            position
            for position, event in enumerate(self.events)
            if all(
                event[name] is None if wanted is None else event[name] is not None and kind.key(event[name]) == wanted
                for name, kind, wanted in filters
            )
        ]

    def _filter(self, name: str, text: str) -> Any:  # noqa: ANN401
        kind = self.event_types[name]
        return kind.key(kind.written(text, f'the filter of column "{name}"'))

    def values(self, reducer: Reducer) -> list[Any]:
        """What the events that its filter takes bring to it; NULLs are left out."""
        found = [self.events[position][reducer.of or ""] for position in self.positions(reducer)]
        return [value for value in found if value is not None]

    def was_empty(self, reducer: Reducer) -> bool:
        """Whether it is known that no event was there that its filter takes."""
        return any(
            each.aggregate == "count"
            and not each.ignores_deletes
            and not each.moves_on
            and (not each.where or each.where == reducer.where)
            and each.column in self.profile
            and self.present(each) == 0
            for each in self.reducers
        )

    def beside(self, reducer: Reducer, aggregate: str, of: str | None, order_by: str | None = None) -> Reducer | None:
        """Another reducer of the binding that sees the same events; None where there is none."""
        return next(
            (
                each
                for each in self.reducers
                if (each.aggregate, each.of, each.order_by) == (aggregate, of, order_by)
                and each.where == reducer.where
                and not each.ignores_deletes
                and not each.moves_on
            ),
            None,
        )


def moved(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """The profile's column after the events, as Python has it.

    Raises:
        PgscoreError: the profile's row does not tell it, or its type does not hold it.
    """
    if reducer.moves_on:
        raise _unknown(reducer, WINDOW)
    kind = here.profile_types[reducer.column]
    value = kind.read(_REDUCERS[reducer.aggregate](reducer, here), f'column "{reducer.column}" of the profile')
    return shortest_single(value) if isinstance(kind, Float) and kind.is_single and value is not None else value


def _unknown(reducer: Reducer, why: str) -> PgscoreError:
    return PgscoreError(
        f'the {reducer.aggregate} "{reducer.column}" cannot be told from the profile alone: {why}', _HINT
    )


def _ordered(kind: ColumnType, reducer: Reducer, name: str) -> Callable[[Any], Any]:
    if not kind.has_order:
        raise _unknown(reducer, f'the order of "{name}", a {kind.name}, is known to the database alone')
    return kind.key


def _count(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """One for each event."""
    return EXACT.add(Decimal(here.present(reducer)), Decimal(len(here.positions(reducer))))


def _sum(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """The values, one after the other: each event might be the one that no longer fits."""
    total, kind = here.present(reducer), here.profile_types[reducer.column]
    for value in here.values(reducer):
        if isinstance(kind, Float):
            added = total + value
            if not isfinite(added) and isfinite(total) and isfinite(value):
                raise PgscoreError(f'the sum "{reducer.column}" is past the largest double')
            total = added
        else:
            exact = EXACT.add(Decimal(total), Decimal(value))
            total = kind.read(exact, f'the sum "{reducer.column}"')
    return total


def _extreme(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """The smallest or the largest; of equal ones the first."""
    best = here.present(reducer)
    values = here.values(reducer)
    if not values:
        return best
    target = here.profile_types[reducer.column]
    key = _ordered(target, reducer, reducer.of or "")
    for value in values:
        held = target.read(value, f'column "{reducer.column}" of the profile')
        if best is None or (key(held) < key(best) if reducer.aggregate == "min" else key(held) > key(best)):
            best = held
    return best


def _last(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """The value of the event that comes last: NULL before all others, and the primary key between equals."""
    positions = here.positions(reducer)
    present = here.present(reducer)
    if not positions:
        return present
    order_by = reducer.order_by or ""
    key = _ordered(here.event_types[order_by], reducer, order_by)
    orders = {n: None if here.events[n][order_by] is None else key(here.events[n][order_by]) for n in positions}
    known = [order for order in orders.values() if order is not None]
    highest = max(known) if known else None
    former = None if here.was_empty(reducer) else _former_order(reducer, here, highest)
    if former is not None and (highest is None or highest < former):
        return present
    latest = _latest(reducer, here, [n for n in positions if orders[n] == highest])
    if former is not None and highest == former and not _comes_after(reducer, here, latest):
        return present
    return here.events[latest][reducer.of or ""]


def _latest(reducer: Reducer, here: Situation, equals: Sequence[int]) -> int:
    if len(equals) == 1:
        return equals[0]
    return max(equals, key=lambda position: _key_of(reducer, here, position))


def _key_of(reducer: Reducer, here: Situation, position: int) -> list[Any]:
    key = here.keys[position]
    if key is None:
        names = ", ".join(here.primary_key)
        raise _unknown(reducer, f"two events are the last at one time, and the primary key, {names}, is not given")
    return [
        _ordered(here.event_types[name], reducer, name)(value)
        for name, value in zip(here.primary_key, key, strict=True)
    ]


def _former_order(reducer: Reducer, here: Situation, highest: Any) -> Any:  # noqa: ANN401
    """Where in the order the last event stood; None where it is known to come before the new ones."""
    order_by = reducer.order_by or ""
    beside = here.beside(reducer, "max", order_by)
    if beside is None:
        raise _unknown(reducer, f'it takes a max of "{order_by}" with the same filter')
    former = here.present(beside)
    if former is None:
        # All that were there have NULL in the order.
        if highest is None:
            raise _unknown(reducer, f'"{order_by}" is NULL in the event, and whether there were others is not known')
        return None
    return here.event_types[order_by].key(
        here.event_types[order_by].read(former, f'column "{beside.column}" of the profile')
    )


def _comes_after(reducer: Reducer, here: Situation, position: int) -> bool:
    """Whether an event comes after the last one, at the same time, by its primary key."""
    former = []
    for name in here.primary_key:
        beside = here.beside(reducer, "last", name, reducer.order_by)
        if beside is None:
            raise _unknown(reducer, f'an event comes at the same time as the last one, and it takes a last of "{name}"')
        kind = here.event_types[name]
        former.append(_ordered(kind, reducer, name)(kind.read(here.present(beside), f'column "{beside.column}"')))
    return _key_of(reducer, here, position) > former


def _avg(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """The average: from sum and count beside it, or of events that are the first."""
    present, values = here.present(reducer), here.values(reducer)
    if not values:
        return present
    is_float = isinstance(here.event_types[reducer.of or ""], Float)
    if here.was_empty(reducer):
        return _float_average(reducer, values) if is_float else _first_average(values)
    if is_float:
        raise _unknown(reducer, "an average of floats is a sum over the events as they stand")
    total, count = here.beside(reducer, "sum", reducer.of), here.beside(reducer, "count", None)
    if total is None or count is None:
        raise _unknown(reducer, f'it takes a sum of "{reducer.of}" and a count, both with the same filter')
    if reducer.of not in here.not_null:
        raise _unknown(reducer, f'"{reducer.of}" may be NULL, so a count of events is none of its values')
    exact, number = Decimal(_sum(total, here)), int(_count(count, here))
    if not is_told(exact, number):
        raise _unknown(reducer, "it has so many digits that those of events that have gone matter")
    return average(exact, number)


def _first_average(values: Sequence[Any]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, Decimal(value))
    return average(total, len(values))


def _float_average(reducer: Reducer, values: Sequence[float]) -> float:
    if len(values) > _MOST_UNORDERED:
        raise _unknown(reducer, "the order in which the database adds up floats decides about its last digits")
    total = values[0] + values[-1] if len(values) == _MOST_UNORDERED else values[0]
    if not isfinite(total) and all(map(isfinite, values)):
        raise PgscoreError(f'the average "{reducer.column}" is past the largest double')
    found = total / len(values)
    if found == 0 and total != 0:
        raise PgscoreError(f'the average "{reducer.column}" is below the least double')
    return found


def _distinct(reducer: Reducer, here: Situation) -> Any:  # noqa: ANN401
    """How many different values there are, of events that are the first."""
    present, values = here.present(reducer), here.values(reducer)
    if not values:
        return present
    if not here.was_empty(reducer):
        raise _unknown(reducer, "which values there were is not in it")
    kind = here.event_types[reducer.of or ""]
    return len({kind.key(value) for value in values})


_REDUCERS: dict[str, Callable[[Reducer, Situation], Any]] = {
    "count": _count,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "last": _last,
    "avg": _avg,
    "distinct": _distinct,
}
