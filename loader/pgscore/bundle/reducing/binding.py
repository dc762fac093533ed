"""A binding of a bundle: its keys, its columns, its reducers; and reducing events by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore_runtime.checks import choice, fields, items, refuse, shown, text

from pgscore.errors import PgscoreError

from .foreseeing import unforeseen
from .reducers import Reducer, Situation, moved
from .values import ColumnType, column_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[str, Any]

_REQUIRED = ("name", "events", "profile", "event_key", "profile_key", "event_columns", "profile_columns", "reducers")
_OTHERS = ("primary_key", "version", "scored_at")
_MOST_REDUCERS, _MOST_KEYS, _MOST_COLUMNS, _MOST_LABELS = 50, 32, 1600, 10_000
_AGGREGATES = ("count", "sum", "min", "max", "last", "avg", "distinct", "due")
_MISSING = ("ignore", "insert", "error")


class Binding:
    """How events move profiles.

    Attributes:
        name: its name.
        columns: the profile's columns that it moves.
    """

    def __init__(self, found: Any, place: str) -> None:  # noqa: ANN401
        """Reads a binding of a bundle.

        Raises:
            Refusal: it is malformed; the message names the place.
        """
        fields(found, place, (*_REQUIRED, "score", "on_missing"), _OTHERS)
        for name in ("name", "events", "profile", "score", *(set(_OTHERS[1:]) & found.keys())):
            text(found[name], f"{place}.{name}")
        choice(found["on_missing"], f"{place}.on_missing", _MISSING)
        self.name: str = found["name"]
        self._events: str = found["events"]
        self._of_events = _columns(found["event_columns"], f"{place}.event_columns")
        self._of_profile = _columns(found["profile_columns"], f"{place}.profile_columns")
        self._not_null = {name for name, each in found["event_columns"].items() if each.get("not_null")}
        self._keys = list(
            zip(
                _names(found["event_key"], f"{place}.event_key", self._of_events),
                _names(found["profile_key"], f"{place}.profile_key", self._of_profile),
                strict=False,
            )
        )
        if len(found["event_key"]) != len(found["profile_key"]):
            refuse(place, "has keys of different lengths")
        self._primary_key = _names(found.get("primary_key", []), f"{place}.primary_key", self._of_events)
        listed = items(found["reducers"], f"{place}.reducers", _MOST_REDUCERS)
        self._reducers = [self._reducer(each, f"{place}.reducers[{n}]") for n, each in enumerate(listed)]
        self.columns = tuple(each.column for each in self._reducers)
        if len(set(self.columns)) != len(self.columns):
            refuse(f"{place}.reducers", "move a column twice")

    @property
    def unforeseen(self) -> str | None:
        """What the profile alone will not tell of new events, however they come; None where it always does."""
        return unforeseen(self._reducers, self._of_events, self._of_profile, self._not_null, self._primary_key)

    def reduce(self, profile: Row, events: Iterable[Row], columns: Sequence[str] | None = None) -> dict[str, Any]:
        """The profile after these events.

        Args:
            profile: its columns; those of the key only where events name theirs.
            events: in the order in which they came.
            columns: which of the binding's columns to move; the others are not in what comes back. None: all.

        Raises:
            PgscoreError: a value cannot be known, or is none of its column's type.
        """
        unknown = [name for name in columns or () if name not in self.columns]
        if unknown:
            raise PgscoreError(
                f'binding {self.name} moves no column "{unknown[0]}"', f"It moves {', '.join(self.columns)}."
            )
        chosen = [each for each in self._reducers if columns is None or each.column in columns]
        left_out = {each.column for each in self._reducers} - {each.column for each in chosen}
        given = dict(profile)
        own = [event for n, event in enumerate(events, start=1) if self._is_own(event, n, given)]
        if own:
            given |= self._moved(given, own, chosen)
        return {name: value for name, value in given.items() if name not in left_out}

    def _moved(self, profile: Row, events: Sequence[Row], chosen: Sequence[Reducer]) -> dict[str, Any]:
        read: set[str] = set()
        for each in chosen:
            read |= each.reads
        typed = [
            {name: self._value(event, name, f'column "{name}" of event {n}') for name in read}
            for n, event in enumerate(events, start=1)
        ]
        keys = [self._primary(event, n) for n, event in enumerate(events, start=1)]
        situation = Situation(
            reducers=self._reducers,
            events=typed,
            keys=keys,
            primary_key=self._primary_key,
            event_types=self._of_events,
            profile_types=self._of_profile,
            not_null=self._not_null,
            profile=profile,
        )
        return {each.column: moved(each, situation) for each in chosen}

    def _is_own(self, event: Row, number: int, profile: Row) -> bool:
        """Whether an event is one of this profile's."""
        named = [name for name, _ in self._keys if name in event]
        if not named:
            return True
        own = True
        for of_event, of_profile in self._keys:
            if of_event not in event:
                raise PgscoreError(
                    f'event {number} names its profile by {", ".join(named)}, and has no column "{of_event}"',
                    "Give all of its key, or none of it where the event is this profile's.",
                )
            if of_profile not in profile:
                raise PgscoreError(
                    f'event {number} names its profile, and the profile has no column "{of_profile}"',
                    "Give the profile its key, or the event none of it.",
                )
            theirs = self._value(event, of_event, f'column "{of_event}" of event {number}')
            ours = self._of_profile[of_profile].read(profile[of_profile], f'column "{of_profile}" of the profile')
            own = own and theirs is not None and theirs == ours
        return own

    def _value(self, event: Row, name: str, place: str) -> Any:  # noqa: ANN401
        if name not in event:
            raise PgscoreError(
                f"{place} is not there, and binding {self.name} reads it",
                "Give it as null where it is NULL: the table's defaults are not in a bundle.",
            )
        value = self._of_events[name].read(event[name], place)
        if value is None and name in self._not_null:
            raise PgscoreError(f"{place} is null, and the column of table {self._events} holds no NULL")
        return value

    def _primary(self, event: Row, number: int) -> tuple[Any, ...] | None:
        """The event's primary key as it is ordered; None where it is not there."""
        if not self._primary_key or any(event.get(name) is None for name in self._primary_key):
            return None
        return tuple(self._value(event, name, f'column "{name}" of event {number}') for name in self._primary_key)

    def _reducer(self, found: Any, place: str) -> Reducer:  # noqa: ANN401
        fields(found, place, ("column", "aggregate"), ("of", "order_by", "where", "deletes", "window", "time"))
        aggregate = choice(found["aggregate"], f"{place}.aggregate", _AGGREGATES)
        _names([found["column"]], f"{place}.column", self._of_profile)
        wanted = {"count": (), "due": (), "last": ("of", "order_by")}.get(aggregate, ("of",))
        for name in ("of", "order_by"):
            if (name in found) != (name in wanted):
                refuse(place, f"is a {aggregate}, and has {'no' if name in wanted else 'an'} {name}")
        of, order_by = (
            _names([found[name]], f"{place}.{name}", self._of_events)[0] if name in found else None
            for name in ("of", "order_by")
        )
        if ("window" in found) != ("time" in found):
            refuse(place, "has one of window and time")
        time = _names([found["time"]], f"{place}.time", self._of_events)[0] if "time" in found else None
        text(found.get("window", ""), f"{place}.window")
        if found.get("deletes", "ignore") != "ignore":
            refuse(f"{place}.deletes", f"is {shown(found['deletes'])}")
        where = found.get("where", {})
        if type(where) is not dict:
            refuse(f"{place}.where", f"is {shown(where)}, not an object")
        for name, value in where.items():
            _names([name], f"{place}.where", self._of_events)
            if value is not None:
                text(value, f"{place}.where.{name}")
        return Reducer(found["column"], aggregate, of, order_by, where, "deletes" in found, time)


def _names(found: Any, place: str, columns: Mapping[str, ColumnType]) -> list[str]:  # noqa: ANN401
    names = [text(each, place) for each in items(found, place, _MOST_KEYS)]
    for name in names:
        if name not in columns:
            refuse(place, f"names {shown(name)}, and its table's columns have none of that name")
    return names


def _columns(found: Any, place: str) -> dict[str, ColumnType]:  # noqa: ANN401
    if type(found) is not dict or len(found) > _MOST_COLUMNS:
        refuse(place, f"is {shown(found)}, not an object of columns")
    columns = {}
    for name, each in found.items():
        its_place = f"{place}.{text(name, place)}"
        fields(each, its_place, ("type",), ("collation", "labels", "not_null"))
        text(each["type"], f"{its_place}.type")
        if "collation" in each:
            text(each["collation"], f"{its_place}.collation")
        if "labels" in each:
            for label in items(each["labels"], f"{its_place}.labels", _MOST_LABELS):
                text(label, f"{its_place}.labels")
        if each.get("not_null", True) is not True:
            refuse(f"{its_place}.not_null", "is not true")
        columns[name] = column_type(each)
    return columns
