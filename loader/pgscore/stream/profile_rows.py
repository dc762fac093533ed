"""Rows of a profile table that messages move: making, locking and writing them, many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2.extras

from pgscore.bundle.reducing.values import Float, shortest_single
from pgscore.errors import PgscoreError

from .quoting import quoted, without_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .definition import Prepared

    Key = tuple[Any, ...]
    Row = dict[str, Any]


class Change(NamedTuple):
    """A row as it was, as it is to be, and its score."""

    before: Row
    after: Row
    score: float | None


class ProfileRows:
    """The rows of a definition's profile table."""

    def __init__(self, there: Prepared, inputs: Sequence[str], version: int | None) -> None:
        """Connects to nothing.

        Args:
            there: the definition, beside its table.
            inputs: the columns that the version reads.
            version: the version that scores; None: none does, and scores are left as they are.
        """
        self._there, self._inputs, self._version = there, tuple(inputs), version

    def make(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Makes those that are not there, their counters at 0."""
        there = self._there
        typed, parts = self._of_keys(keys)
        counted = there.binding.columns
        of_key = [quoted(of) for _, of in there.keys]
        columns = ", ".join([*of_key, *map(quoted, counted)])
        values = ", ".join(
            [*(f"k.k{n}" for n in range(len(of_key))), *("0" if c in there.zero else "null" for c in counted)]
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"insert into {there.table} ({columns}) overriding system value select {values} from {typed}"  # noqa: S608
                f" on conflict ({', '.join(of_key)}) do nothing",
                parts,
            )

    def lock(self, connection: Connection, keys: Sequence[Key]) -> tuple[dict[Key, Row], dict[Key, PgscoreError]]:
        """Locks rows in the order of their keys, by code points, and reads what is reduced and scored of them.

        Returns:
            The rows that are there, and of those that hold what cannot be read the reason.
        """
        there = self._there
        typed, parts = self._of_keys(keys)
        names = list(dict.fromkeys([*(of for _, of in there.keys), *there.binding.columns, *self._inputs]))
        # Times as text: Python has none that are infinite.
        read = ", ".join(f"p.{quoted(n)}" + ("::text" if _is_time(there.names[n]) else "") for n in names)
        on = " and ".join(f"p.{quoted(of)} = k.k{n}" for n, (_, of) in enumerate(there.keys))
        order = ", ".join(
            f"k.k{n}" + (' collate "C"' if _is_text(there.names[of]) else "") for n, (_, of) in enumerate(there.keys)
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"select {read} from {there.table} p join {typed} on {on}"  # noqa: S608
                f" order by {order} for no key update of p",
                parts,
            )
            found, unreadable = {}, {}
            for values in cursor.fetchall():
                given = dict(zip(names, values, strict=True))
                key = tuple(there.types[of].read(given[of], f'column "{of}"') for _, of in there.keys)
                try:
                    found[key] = {n: there.types[n].read(v, f'column "{n}" of the profile') for n, v in given.items()}
                except PgscoreError as error:
                    unreadable[key] = error
        return found, unreadable

    def write(self, connection: Connection, changes: Mapping[Key, Change], told: Sequence[str]) -> set[Key]:
        """Writes counters, scores and the version by one UPDATE.

        Args:
            connection: in a transaction.
            changes: by their keys.
            told: the columns that are to be as they were; rows in which one is not are left.

        Returns:
            The keys of the rows that were written.
        """
        there = self._there
        counted = list(there.binding.columns)
        listed = [("c", n) for n in counted] + [("o", n) for n in told]
        rows = {
            key: [_text(one.after[n]) for n in counted]
            + [_text(one.before[n]) for n in told]
            + ([_text(one.score)] if self._version is not None else [])
            for key, one in changes.items()
        }
        columns = [(f"{kind}{place}", self._named(name)) for place, (kind, name) in enumerate(listed)]
        names = {each: columns[place][0] for place, each in enumerate(listed)}
        if self._version is not None:
            columns.append(("s", "double precision"))
        sets = [f"{quoted(n)} = v.{names['c', n]}" for n in counted] + self._scored()
        same = [f"{_as_is(n, there)} is not distinct from v.{names['o', n]}" for n in told]
        return self._update(connection, rows, columns, sets, same)

    def write_scores(self, connection: Connection, scores: Mapping[Key, float | None]) -> None:
        """Writes scores and the version."""
        rows = {key: [_text(score)] for key, score in scores.items()}
        self._update(connection, rows, [("s", "double precision")], self._scored(), [])

    def inputs(self, profile: Mapping[str, Any]) -> Row:
        """A row as the model takes it: a real is the decimal that it is shown as."""
        found = {}
        for name in self._inputs:
            value, kind = profile[name], self._there.types[name]
            found[name] = (
                shortest_single(value) if value is not None and isinstance(kind, Float) and kind.is_single else value
            )
        return found

    def _of_keys(self, keys: Iterable[Key]) -> tuple[str, list[list[str | None]]]:
        """SQL for a table `k` of keys, and its parameters."""
        types = ", ".join(f"%s::{self._named(of)}[]" for _, of in self._there.keys)
        named = ", ".join(f"k{n}" for n in range(len(self._there.keys)))
        return f"unnest({types}) as k ({named})", [[_text(p) for p in parts] for parts in zip(*keys, strict=True)]

    def _scored(self) -> list[str]:
        """What is set with a score."""
        there = self._there
        if self._version is None:
            return []
        given = ((there.score, "v.s"), (there.version, str(int(self._version))), (there.scored_at, "now()"))
        return [f"{quoted(name)} = {sql}" for name, sql in given if name is not None]

    def _update(
        self,
        connection: Connection,
        rows: Mapping[Key, list[str | None]],
        columns: list[tuple[str, str]],
        sets: list[str],
        conditions: list[str],
    ) -> set[Key]:
        there = self._there
        of_key = [of for _, of in there.keys]
        if not sets:
            return set(rows)
        columns = [*((f"k{n}", self._named(of)) for n, of in enumerate(of_key)), *columns]
        where = [f"p.{quoted(of)} = v.k{n}" for n, of in enumerate(of_key)] + conditions
        with connection.cursor() as cursor:
            found = psycopg2.extras.execute_values(
                cursor,
                f"update {there.table} as p set {', '.join(sets)}"  # noqa: S608
                f" from (values %s) as v ({', '.join(name for name, _ in columns)}) where {' and '.join(where)}"
                f" returning {', '.join(f'p.{quoted(of)}' for of in of_key)}",
                [[*map(_text, key), *values] for key, values in rows.items()],
                template=f"({', '.join(f'%s::{kind}' for _, kind in columns)})",
                page_size=len(rows),
                fetch=True,
            )
        return {tuple(there.types[n].read(v, n) for n, v in zip(of_key, each, strict=True)) for each in found}

    def _named(self, column: str) -> str:
        """The type of a column."""
        return without_parameters(self._there.names[column])


def _text(value: Any) -> str | None:  # noqa: ANN401
    """A value as PostgreSQL reads it, whatever its driver makes of numbers that are not finite."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _as_is(name: str, there: Prepared) -> str:
    return f"p.{quoted(name)}" + (' collate "C"' if _is_text(there.names[name]) else "")


def _is_text(kind: str) -> bool:
    return kind.partition("(")[0] in ("text", "character varying")


def _is_time(kind: str) -> bool:
    return kind == "date" or kind.startswith("timestamp")
