"""Messages straight to profiles: reducers move them and the version that answers scores them, without an event table.

Of an enriched message, `{"event": …, "profile": …}`, nothing is looked up: the profile is taken as the message has it,
and written where the row still stands so. Where it does not, the row is locked and read, as for any other message.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2.extras

from pgscore.bundle.reducing.values import Float
from pgscore.database import row
from pgscore.errors import PgscoreError
from pgscore.served import fetch, marks

from .apps import Done, Output
from .definition import Prepared, prepare, refuse_attached
from .messages import Dead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.bundle import Bundle
    from pgscore.served import Mark

    from .messages import Message

    Key = tuple[Any, ...]


class _Event(NamedTuple):
    message: Message
    event: dict[str, Any]
    profile: Mapping[str, Any] | None


class _Moved(NamedTuple):
    """A profile that moved: as it was, as it is, and the last message that moved it."""

    before: dict[str, Any]
    after: dict[str, Any]
    last: Message


class StraightToProfiles:
    """Moves and scores profiles.

    A profile that is not there is made where the definition says `"on_missing": "insert"`, and else makes a message a
    dead letter. A row that the model refuses has no score, and the version that gave none beside it.
    """

    def __init__(
        self, model: str, definition: dict[str, Any], *, enriched: bool = False, to: str | None = None
    ) -> None:
        """Knows nothing of the database before it begins.

        Args:
            model: the model that scores.
            definition: `definition.read_definition`.
            enriched: whether messages are an event and its profile.
            to: a topic for each score that is stored.
        """
        self._model, self._definition, self._enriched, self._to = model, definition, enriched, to
        self._path: list[str] = []
        self._there: Prepared | None = None
        self._mark: Mark | None = None
        self._bundle: Bundle | None = None
        self._said = False

    def begin(self, connection: Connection) -> None:
        """Looks at model and table.

        Raises:
            PgscoreError: it cannot work with them.
        """
        self._mark = None
        self._path = row(connection, "select current_schemas(true)::text[] as path")["path"]
        self._there = prepare(connection, self._definition, self._path, (), self._model)
        self._follow(connection)

    def apply(self, connection: Connection, messages: Sequence[Message]) -> Done:
        """Moves and scores the profiles of the messages."""
        self._follow(connection)
        done = Done()
        pending = self._by_key(messages, done)
        if self._enriched:
            pending = self._as_told(connection, pending, done)
        if pending:
            self._looked_up(connection, pending, done)
        # Behind what was written: whoever attaches meanwhile waits for this, or is seen by it.
        there = self._prepared
        stored = {each for each in (there.score, there.version, there.scored_at) if each is not None}
        refuse_attached(connection, there.oid, there.shown, set(there.binding.columns), stored, self._model)
        return done

    # The version that answers.

    @property
    def _prepared(self) -> Prepared:
        if self._there is None:
            raise PgscoreError("the app has not begun")
        return self._there

    def _follow(self, connection: Connection) -> None:
        """Takes the version that answers now: each transaction looks, so a promotion is followed at once."""
        mark = marks(connection, [self._model]).get(self._model)
        if mark is not None and mark == self._mark:
            return
        if mark is None or mark.version is None:
            if not self._said:
                self._said = True
                print(f"pgscore: no version of {self._model} answers yet: profiles move unscored", file=sys.stderr)
            self._bundle, self._mark = None, mark
            return
        served = fetch(connection, self._model, mark)
        if served.bundle is None:
            raise PgscoreError(served.problem or "", "--into has the database score.")
        self._there = prepare(connection, self._definition, self._path, served.bundle.inputs, self._model)
        self._bundle, self._mark = served.bundle, mark

    # Events.

    def _by_key(self, messages: Sequence[Message], done: Done) -> dict[Key, list[_Event]]:
        there = self._prepared
        found: dict[Key, list[_Event]] = {}
        for message in messages:
            try:
                event, profile = self._opened(message)
                key = tuple(
                    there.types[of_profile].read(
                        there.event_key_types[of_event].read(event.get(of_event), f'column "{of_event}"'),
                        f'column "{of_profile}"',
                    )
                    for of_event, of_profile in there.keys
                )
            except PgscoreError as error:
                done.dead.append(Dead(message.raw, str(error)))
                continue
            if None in key:
                done.add(Done(counts={"without_key": 1}))
                continue
            whole = {name: event.get(name) for name in there.event_columns}
            found.setdefault(key, []).append(_Event(message, whole, profile))
        # Rows are locked in the order of their keys, by code points.
        return dict(sorted(found.items()))

    def _opened(self, message: Message) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
        if not self._enriched:
            return message.event, None
        event, profile = message.event.get("event"), message.event.get("profile")
        if not isinstance(event, Mapping) or not (profile is None or isinstance(profile, Mapping)):
            raise PgscoreError("it is no enriched message, an object of event and profile")
        return event, profile

    def _moved(self, before: dict[str, Any], events: Sequence[_Event], done: Done) -> _Moved | None:
        """A profile after events, but for those that cannot be."""
        after, last = dict(before), None
        for each in events:
            try:
                after = self._prepared.binding.reduce(after, [each.event])
                last = each.message
            except PgscoreError as error:
                done.dead.append(Dead(each.message.raw, str(error)))
        return None if last is None else _Moved(before, after, last)

    # Rows.

    def _as_told(self, connection: Connection, pending: dict[Key, list[_Event]], done: Done) -> dict[Key, list[_Event]]:
        """Writes profiles that stand as their messages have them; those that do not are left."""
        there = self._prepared
        names = [*there.binding.columns, *(each for each in self._inputs if each not in there.binding.columns)]
        moved: dict[Key, _Moved] = {}
        found: dict[Key, Done] = {}
        for key, events in pending.items():
            profile = events[0].profile
            if profile is None or not profile.keys() >= set(names):
                continue
            try:
                before = {name: there.types[name].read(profile[name], f'column "{name}"') for name in names}
                before |= {of: part for (_, of), part in zip(there.keys, key, strict=True)}
            except PgscoreError:
                continue
            apart = Done()
            one = self._moved(before, events, apart)
            if one is not None:
                moved[key], found[key] = one, apart
        written = self._write(connection, moved, names, done) if moved else set()
        for key in written:
            done.add(found[key])
        done.add(Done(counts={"profiles_as_told": len(written)}))
        return {key: events for key, events in pending.items() if key not in written}

    def _looked_up(self, connection: Connection, pending: dict[Key, list[_Event]], done: Done) -> None:
        there = self._prepared
        if there.makes_profiles:
            self._make(connection, list(pending))
        rows = self._lock(connection, list(pending))
        moved: dict[Key, _Moved] = {}
        for key, events in pending.items():
            if key not in rows:
                named = ", ".join(f"{of} is {part}" for (_, of), part in zip(there.keys, key, strict=True))
                reason = f"table {there.shown} has no row whose {named}"
                done.dead += [Dead(each.message.raw, reason) for each in events]
                continue
            one = self._moved(rows[key], events, done)
            if one is not None:
                moved[key] = one
        if moved:
            self._write(connection, moved, (), done)
        done.add(Done(counts={"profiles": len(moved)}))

    @property
    def _inputs(self) -> tuple[str, ...]:
        return () if self._bundle is None else self._bundle.inputs

    def _key_rows(self, keys: Sequence[Key]) -> tuple[str, list[list[str | None]]]:
        types = ", ".join(f"%s::{self._prepared.names[of]}[]" for _, of in self._prepared.keys)
        return types, [[_text(part) for part in parts] for parts in zip(*keys, strict=True)]

    def _make(self, connection: Connection, keys: Sequence[Key]) -> None:
        there = self._prepared
        types, parts = self._key_rows(keys)
        counted = there.binding.columns
        of_key = [_quoted(of) for _, of in there.keys]
        columns = ", ".join([*of_key, *map(_quoted, counted)])
        values = ", ".join(
            [*(f"k.k{n}" for n in range(len(of_key))), *("0" if c in there.zero else "null" for c in counted)]
        )
        named = ", ".join(f"k{n}" for n in range(len(of_key)))
        _run(
            connection,
            f"insert into {there.table} ({columns}) select {values} from unnest({types}) as k ({named})"  # noqa: S608
            f" on conflict ({', '.join(of_key)}) do nothing",
            parts,
        )

    def _lock(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
        there = self._prepared
        types, parts = self._key_rows(keys)
        names = list(dict.fromkeys([*(of for _, of in there.keys), *there.binding.columns, *self._inputs]))
        # Times as text: Python has none that are infinite.
        read = ", ".join(f"p.{_quoted(n)}" + ("::text" if _is_time(there.names[n]) else "") for n in names)
        on = " and ".join(f"p.{_quoted(of)} = k.k{n}" for n, (_, of) in enumerate(there.keys))
        order = ", ".join(
            f"k.k{n}" + (' collate "C"' if _is_text(there.names[of]) else "") for n, (_, of) in enumerate(there.keys)
        )
        named = ", ".join(f"k{n}" for n in range(len(there.keys)))
        with connection.cursor() as cursor:
            cursor.execute(
                f"select {read} from {there.table} p join unnest({types}) as k ({named}) on {on}"  # noqa: S608
                f" order by {order} for no key update of p",
                parts,
            )
            found = {}
            for values in cursor.fetchall():
                one = {n: there.types[n].read(v, f'column "{n}"') for n, v in zip(names, values, strict=True)}
                found[tuple(one[of] for _, of in there.keys)] = one
        return found

    def _write(self, connection: Connection, moved: dict[Key, _Moved], told: Sequence[str], done: Done) -> set[Key]:
        """One UPDATE of counters, score and version; with `told` of rows only whose columns are as they were told."""
        there, bundle = self._prepared, self._bundle
        of_key = [of for _, of in there.keys]
        counted = list(there.binding.columns)
        scored = [(there.score, "double precision"), (there.version, "integer")] if bundle is not None else []
        listed = [("k", n) for n in of_key] + [("c", n) for n in counted] + [("o", n) for n in told]
        columns = [(f"{kind}{place}", there.names[name]) for place, (kind, name) in enumerate(listed)]
        columns += [(f"s{place}", kind) for place, (_, kind) in enumerate(scored)]
        places = {each: columns[place][0] for place, each in enumerate(listed)}
        rows, scores = [], {}
        for key, one in moved.items():
            score = None if bundle is None else bundle.score(self._row(one.after))
            scores[key] = score
            done.counts["refused"] = done.counts.get("refused", 0) + (bundle is not None and score is None)
            values = [*key, *(one.after[n] for n in counted), *(one.before[n] for n in told)]
            rows.append([_text(v) for v in values] + ([_text(score), str(bundle.version)] if bundle else []))
        sets = [f"{_quoted(n)} = v.{places['c', n]}" for n in counted]
        sets += [f"{_quoted(name)} = v.s{place}" for place, (name, _) in enumerate(scored) if name is not None]
        if bundle is not None and there.scored_at is not None:
            sets.append(f"{_quoted(there.scored_at)} = now()")
        where = [f"p.{_quoted(n)} = v.{places['k', n]}" for n in of_key]
        where += [f"{_as_is(n, there)} is not distinct from v.{places['o', n]}" for n in told]
        with connection.cursor() as cursor:
            found = psycopg2.extras.execute_values(
                cursor,
                f"update {there.table} as p set {', '.join(sets)}"  # noqa: S608
                f" from (values %s) as v ({', '.join(name for name, _ in columns)}) where {' and '.join(where)}"
                f" returning {', '.join(f'p.{_quoted(n)}' for n in of_key)}",
                rows,
                template=f"({', '.join(f'%s::{kind}' for _, kind in columns)})",
                page_size=len(rows),
                fetch=True,
            )
        written = {tuple(there.types[n].read(v, n) for n, v in zip(of_key, each, strict=True)) for each in found}
        if self._to is not None and bundle is not None:
            done.outputs += [self._output(self._to, key, scores[key], bundle.version, moved[key].last)
                             for key in moved if key in written]  # fmt: skip
        return written

    def _row(self, profile: Mapping[str, Any]) -> dict[str, Any]:
        """A profile as the model takes it: a real is the double that it holds, and not that of its digits."""
        found = {}
        for name in self._inputs:
            value, kind = profile[name], self._prepared.types[name]
            if value is not None and isinstance(kind, Float) and kind.is_single:
                value = struct.unpack("<f", struct.pack("<f", value))[0]
            found[name] = value
        return found

    def _output(self, topic: str, key: Key, score: float | None, version: int, message: Message) -> Output:
        named = {of: part for (_, of), part in zip(self._prepared.keys, key, strict=True)}
        shown = score if score is None or abs(score) < inf else "Infinity" if score > 0 else "-Infinity"
        said = {
            "model": self._model,
            "key": named,
            "score": shown,
            "version": version,
        }
        raw = message.raw
        headers = [("pgscore-topic", raw.topic.encode()), ("pgscore-partition", str(raw.partition).encode()),
                   ("pgscore-offset", str(raw.offset).encode())]  # fmt: skip
        return Output(topic, raw.key, json.dumps(said, ensure_ascii=False, default=str).encode(), headers)


def _text(value: Any) -> str | None:  # noqa: ANN401
    """A value as PostgreSQL reads it, whatever its driver makes of numbers that are not finite."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _quoted(name: str) -> str:
    # A percent sign would be a parameter.
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def _as_is(name: str, there: Prepared) -> str:
    return f"p.{_quoted(name)}" + (' collate "C"' if _is_text(there.names[name]) else "")


def _is_text(kind: str) -> bool:
    return kind.partition("(")[0] in ("text", "character varying")


def _is_time(kind: str) -> bool:
    return kind == "date" or kind.startswith("timestamp")


def _run(connection: Connection, sql: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
