"""Messages straight to profiles: reducers move them and the version that answers scores them, without an event table.

Of an enriched message, `{"event": …, "profile": …}`, nothing is looked up: the profile is taken as the message has it,
and written where the row still stands so. Where it does not, the row is locked and read, as for any other message.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.database import row
from pgscore.errors import NotFoundError, PgscoreError
from pgscore.served import fetch, marks

from .apps import Done, Output
from .definition import Prepared, prepare, refuse_attached
from .messages import Dead
from .profile_rows import Change, ProfileRows
from .settling import settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.bundle import Bundle
    from pgscore.served import Mark

    from .messages import Message
    from .profile_rows import Key


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

    @property
    def _rows(self) -> ProfileRows:
        return ProfileRows(self._prepared, self._inputs(), None if self._bundle is None else self._bundle.version)

    def _inputs(self) -> tuple[str, ...]:
        return () if self._bundle is None else self._bundle.inputs

    def _follow(self, connection: Connection) -> None:
        """Takes the version that answers now: each transaction looks, so a promotion is followed at once."""
        mark = marks(connection, [self._model]).get(self._model)
        if mark is None:
            raise NotFoundError(f"model {self._model!r} is unknown", "`pgscore list` shows the models.")
        if mark == self._mark:
            return
        if mark.version is None:
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
        names = [*there.binding.columns, *(each for each in self._inputs() if each not in there.binding.columns)]
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
            self._rows.make(connection, list(pending))
        rows, unreadable = self._rows.lock(connection, list(pending))
        moved: dict[Key, _Moved] = {}
        for key, events in pending.items():
            if key not in rows:
                problem = unreadable.get(key) or f"table {there.shown} has no row whose {self._named(key)}"
                done.dead += [Dead(each.message.raw, str(problem)) for each in events]
                continue
            one = self._moved(rows[key], events, done)
            if one is not None:
                moved[key] = one
        written = self._write(connection, moved, (), done) if moved else set()
        # None of them can have gone since it was locked.
        for key in moved.keys() - written:
            vetoed = f"a trigger of table {there.shown} keeps the row whose {self._named(key)} from being changed"
            known = {each.raw for each in done.dead}
            done.dead += [Dead(each.message.raw, vetoed) for each in pending[key] if each.message.raw not in known]
        done.add(Done(counts={"profiles": len(written)}))

    def _named(self, key: Key) -> str:
        return ", ".join(f"{of} is {part}" for (_, of), part in zip(self._prepared.keys, key, strict=True))

    def _write(self, connection: Connection, moved: dict[Key, _Moved], told: Sequence[str], done: Done) -> set[Key]:
        """Counters and scores of rows; with `told` of those only whose columns are as they were told."""
        bundle, rows = self._bundle, self._rows
        changes = {
            key: Change(one.before, one.after, None if bundle is None else bundle.score(rows.inputs(one.after)))
            for key, one in moved.items()
        }
        written = rows.write(connection, changes, told)
        if bundle is None or not written:
            return written
        scores = self._settled(connection, bundle, {key: changes[key].score for key in changes if key in written})
        done.add(Done(counts={"refused": sum(score is None for score in scores.values())}))
        if self._to is not None:
            done.outputs += [
                self._output(self._to, key, score, bundle.version, moved[key].last) for key, score in scores.items()
            ]
        return written

    def _settled(
        self, connection: Connection, bundle: Bundle, scores: dict[Key, float | None]
    ) -> dict[Key, float | None]:
        """The scores of rows as the database has left them: generated columns, and triggers of the table's."""
        rows = self._rows

        def again(keys: list[Key]) -> dict[Key, float | None]:
            stand, unreadable = rows.lock(connection, keys)
            for problem in unreadable.values():
                raise problem
            return {key: bundle.score(rows.inputs(stand[key])) for key in keys if key in stand}

        return settled(
            connection,
            self._prepared,
            self._model,
            self._inputs(),
            scores,
            again=again,
            write=lambda others: rows.write_scores(connection, others),
        )

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
