"""The queries that compare counters with events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .binding import Binding

# Of profiles taken anywhere, of those that have events, and of those that events in a new partition name.
_PROFILES, _OF_EVENTS, _OF_PARTITION = 60, 40, 20
# So many pages of a table are read at most to find them.
_PAGES = 1000
_PAGE, _PAGE_WITHOUT_INDEX = 1000, 10_000
# Identifiers and literals, as quote_ident and quote_literal write them, and the arguments beside them.
_QUOTED = r"""("(?:[^"]|"")*"|E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*')"""


@dataclass(frozen=True)
class Sight:
    """Whether the caller may look into the tables of a binding, and what queries on them are made of."""

    number: int
    obstacle: str | None
    because: str | None
    has_index: bool
    key_text: str
    key_present: str
    key_columns: str
    has_queue: bool
    queue: str
    new_partitions: list[str]


@dataclass(frozen=True)
class CounterSql:
    """A counter: what the events of a key give, and whether that differs from what stands there."""

    number: int
    ordinal: int
    target: str
    column_sql: str
    recounted: str
    differs: str
    source: str


@dataclass(frozen=True)
class KeySql:
    """A part of a key, as events are compared with it."""

    number: int
    ordinal: int
    argument: str
    profile_column: str
    event_column: str
    type: str
    profile_collation: str


@dataclass(frozen=True)
class DueSql:
    """Of a binding with windows: the column that says from when on a profile is due, and a time to compare it at."""

    number: int
    due_sql: str
    instant: str


class Comparison:
    """Queries that give a row for each profile compared: its key, and of each counter three columns.

    These say whether it differs, what stands there, and what the events give.
    """

    def __init__(
        self,
        binding: Binding,
        sight: Sight,
        counters: Sequence[CounterSql],
        keys: Sequence[KeySql],
        due: DueSql | None = None,
    ) -> None:
        self.binding = binding
        self.sight = sight
        self._counters = counters
        self._keys = keys
        self._due = due
        self.page_size = _PAGE if sight.has_index else _PAGE_WITHOUT_INDEX

    def sample(self, profile_pages: int, event_pages: int) -> str:
        """Compares profiles taken at random, and such as events name that were taken at random.

        Args:
            profile_pages: how many pages the profile table has.
            event_pages: how many the event table has.
        """
        sight, keys = self.sight, self._keys
        names = ", ".join(f"k{each.ordinal}" for each in keys)
        own = ", ".join(f"pgscore_row.{each.profile_column}::{each.type} as k{each.ordinal}" for each in keys)
        match = " and ".join(
            f"pgscore_row.{each.profile_column} = k.k{each.ordinal}{each.profile_collation}" for each in keys
        )
        of_events = [self._of_events(self.binding.events or "", part(event_pages), _OF_EVENTS)]
        of_events += [self._of_events(each, 100.0, _OF_PARTITION) for each in sight.new_partitions]
        sources = " union all ".join(of_events)
        return self._compared(
            f"""
            select pgscore_row.* from {self.binding.profile} as pgscore_row
            join (
                select distinct {names} from (
                    (
                        select {own} from {self.binding.profile} as pgscore_row
                            tablesample system ({part(profile_pages)})
                        where {sight.key_present} order by random() limit {_PROFILES}
                    )
                    union all {sources}
                ) s
            ) k on {match}
            where {self._counted}
            """,  # noqa: S608  the database has quoted the names
            "",
        )

    def page(self, *, is_first: bool) -> str:
        """Compares the next profiles in the order of their keys, after a key that is given as texts."""
        columns, order = self.sight.key_columns, ""
        if not is_first:
            after = ", ".join(f"%s::{each.type}{each.profile_collation}" for each in self._keys)
            order = f"and ({columns}) > ({after})"
        return self._compared(
            f"""
            select pgscore_row.* from {self.binding.profile} as pgscore_row
            where {self.sight.key_present} and {self._counted} {order}
            order by {columns} limit {self.page_size}
            """,  # noqa: S608  the database has quoted the names
            f"order by {columns}",
            is_parameterized=not is_first,
        )

    def differs(self, found: Sequence[Any]) -> bool:
        """Whether a row that was compared holds another counter than its events give."""
        return any(differs for differs, *_ in self._parts(found))

    def shown(self, found: Sequence[Any]) -> str:
        """A row that differs, in words."""
        said = "; ".join(
            f"{counter.target} is {_shown(present)} and the events give {_shown(given)}"
            for counter, (differs, present, given) in zip(self._counters, self._parts(found), strict=True)
            if differs
        )
        return f"{found[0]}: {said}"

    def key(self, found: Sequence[Any]) -> tuple[str, ...]:
        """The key of a row, as texts."""
        return tuple(found[1 : 1 + len(self._keys)])

    def _parts(self, found: Sequence[Any]) -> list[Sequence[Any]]:
        start = 1 + len(self._keys)
        return [found[n : n + 3] for n in range(start, start + 3 * len(self._counters), 3)]

    @property
    def _counted(self) -> str:
        """SQL that leaves out profiles whose events from before are not counted yet."""
        listed = f"s.binding = {self.sight.number} and s.cause = 'backfill' and s.key = {self.sight.key_text}"
        return f"not exists (select from pgscore.stale_row s where {listed})"

    def _of_events(self, table: str, part: float, limit: int) -> str:
        keys = ", ".join(f"e.{each.event_column}::{each.type} as k{each.ordinal}" for each in self._keys)
        present = " and ".join(f"e.{each.event_column} is not null" for each in self._keys)
        return f"(select {keys} from {table} e tablesample system ({part}) where {present} limit {limit})"  # noqa: S608

    def _compared(self, profiles: str, order: str, *, is_parameterized: bool = False) -> str:
        # As the function that recounts has them: the key, that everything is asked for, and when windows end.
        key = [*(each.argument for each in self._keys), "true", "pgscore_instant.at"]
        instant = f"cross join lateral (select {self._due.instant} as at) as pgscore_instant" if self._due else ""
        # Without an index the events of all profiles are read once, and kept by profile.
        source = None if self.sight.has_index else "from unnest(g.events) e where"
        given = ", ".join(
            f"({_with(each.recounted, key, each.source, source)}) as value_{each.ordinal}" for each in self._counters
        )
        events = "" if source is None else self._gathered()
        shown = ", ".join(
            f"{each.differs}, {_text(f'pgscore_row.{each.column_sql}')}, {_text(f'r.value_{each.ordinal}')}"
            for each in self._counters
        )
        keys = ", ".join(f"pgscore_row.{each.profile_column}::{each.type}::text" for each in self._keys)
        body = f"""
            select {self.sight.key_text}, {keys}, {shown}
            from pgscore_sample as pgscore_row {events} {instant}
            cross join lateral (select {given}) as r
            {order}
        """  # noqa: S608  the database has quoted the names
        if is_parameterized:
            profiles, body = _escaped(profiles, len(self._keys)), body.replace("%", "%%")
        return f"with pgscore_sample as materialized ({profiles}) {body}"

    def _gathered(self) -> str:
        match = " and ".join(f"e.{each.event_column} = {each.argument}" for each in self._keys)
        return f"""
            left join (
                select {self.sight.key_columns}, array_agg(e) as events
                from pgscore_sample as pgscore_row join {self.binding.events} e on {match}
                group by {self.sight.key_columns}
            ) g on ({self.sight.key_columns}) = ({self.sight.key_columns.replace("pgscore_row.", "g.")})
        """  # noqa: S608  the database has quoted the names


def _escaped(query: str, places: int) -> str:
    """A query for psycopg2 whose last so many `%s` are places, and all other percent signs themselves."""
    parts = query.rsplit("%s", places)
    return "%s".join(each.replace("%", "%%") for each in parts)


def part(pages: int) -> float:
    """Of so many pages the percentage that is read to find a sample."""
    return min(100.0, 100.0 * _PAGES / max(pages, 1))


def _text(value: str) -> str:
    """SQL for a value as its type writes it: a cast to text may be a function of the type's owner."""
    return f"case when {value} is not null then format('%s', {value}) end"


def _shown(text: str | None) -> str:
    return "NULL" if text is None else text


def _with(sql: str, key: Sequence[str], source: str, replacement: str | None) -> str:
    """SQL with its arguments, `$1` and so on, replaced by the parts of a key, and the events by what was gathered."""
    pattern = re.compile(rf"({re.escape(source)})|{_QUOTED}|\$(\d+)", re.DOTALL)

    def replaced(found: re.Match[str]) -> str:
        if found[1] is not None:
            return replacement or found[1]
        return found[2] if found[2] is not None else key[int(found[3]) - 1]

    return pattern.sub(replaced, sql)
