"""Profiles that a batch of messages moves: reading them, and storing counters and scores together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore.database import rows
from pgscore.stream.definition import prepare, refuse_attached
from pgscore.stream.settling import settled

from .storing import find_table, input_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore_runtime.contract import Input
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.stream.definition import Prepared

    from .tables import Table, TableColumn

    Scores = Sequence[float | None]

# A row's place changes with each change of the row, and a place that is used again has another transaction.
_PLACE = "p.tableoid::text || ' ' || p.ctid::text || ' ' || p.xmin::text"
_READ = """
with wanted as materialized (
    select u.profile, {wanted}
    from unnest(%s::text[]) as u (profile)
)
select w.profile, json_build_object('place', {place}, 'profile', {columns}, 'inputs', {inputs})::text as state
from wanted w
join {table} p on {match}
order by {order}
{lock}
"""
_ADD = """
insert into {table} ({made}) overriding system value
select {wanted}, {begin} from unnest(%s::text[]) as u (profile) order by {order}
on conflict ({keys}) do nothing
"""
# A row that somebody has changed since it was read is at another place, also when this has waited for them.
_STORE = """
with given as materialized (
    select u.place, u.score, u.version, {wanted}, {values}
    from unnest(%s::text[], %s::text[], %s::text[], %s::double precision[], %s::integer[])
        as u (profile, place, moved, score, version)
    cross join lateral json_to_record(u.moved::json) as m ({typed})
), locked as materialized (
    select p.tableoid as part, p.ctid as place, g.score, g.version, {kept}
    from given g
    join {table} p on {match} and {found} = g.place
    order by {order}
    for no key update of p
)
update {table} p
set {sets}
from locked l
where p.tableoid = l.part and p.ctid = l.place
"""
# Of rows that this transaction has written.
_SCORE = """
with l as materialized (
    select u.place, u.score, u.version, {wanted}
    from unnest(%s::text[], %s::text[], %s::double precision[], %s::integer[]) as u (profile, place, score, version)
)
update {table} p
set {scored}
from l
where {match} and {found} = l.place
"""


@dataclass(frozen=True)
class Mover:
    """The profile table, and SQL for it.

    Attributes:
        model: the model that scores.
        version: the version that answers; None: none does, and profiles move unscored.
        inputs: the columns that it reads.
        there: the definition, beside the table.
    """

    model: str
    version: int | None
    inputs: tuple[str, ...]
    there: Prepared
    _read: str
    _add: str
    _store: str
    _score: str | None

    @property
    def adds(self) -> bool:
        """Whether profiles that are not there are made; else messages that name them are refused."""
        return self.there.makes_profiles

    def read(self, connection: Connection, profiles: Sequence[str], *, lock: bool = False) -> list[dict[str, Any]]:
        """The profiles of these keys, as `profile` and `state`; locked in one order where they are to be."""
        keys = sorted(profiles)
        if lock and self.adds:
            with connection.cursor() as cursor:
                cursor.execute(self._add, (keys,))
                # What a binding counts for new profiles is counted now, and not behind what messages bring.
                cursor.execute("set constraints all immediate; set constraints all deferred")
        return rows(connection, self._read.replace("{lock}", "for no key update of p" if lock else ""), (keys,))

    def store(self, connection: Connection, moved: Sequence[dict[str, Any]]) -> int:
        """Stores counters, scores and versions of profiles that are as they were read; how many these are."""
        columns = [[each[name] for each in moved] for name in ("profile", "place", "moved", "score", "version")]
        with connection.cursor() as cursor:
            cursor.execute(self._store, columns)
            return int(cursor.rowcount)

    def settle(
        self, connection: Connection, moved: Sequence[dict[str, Any]], scored: Callable[[list[dict[str, Any]]], Scores]
    ) -> None:
        """Scores rows as the database has left them: generated columns, and triggers of the table's; behind `store`.

        Args:
            connection: in the transaction of `store`.
            moved: what was stored.
            scored: gives the scores of profiles, as `read` gives them.

        Raises:
            PgscoreError: the rows are others again whenever their scores are stored.
        """
        scores = {each["profile"]: each["score"] for each in moved}
        update = self._score
        if update is None or not scores:
            return
        places: dict[str, str] = {}

        def again(keys: list[str]) -> dict[str, float | None]:
            stand = self.read(connection, keys)
            places.update({each["profile"]: json.loads(each["state"])["place"] for each in stand})
            return dict(zip((each["profile"] for each in stand), scored(stand), strict=True))

        def write(others: dict[str, float | None]) -> None:
            columns = [list(others), [places[key] for key in others], list(others.values())]
            with connection.cursor() as cursor:
                cursor.execute(update, [*columns, [self.version] * len(others)])

        settled(connection, self.there, self.model, self.inputs, scores, again=again, write=write)

    def refuse_attached(self, connection: Connection) -> None:
        """Refuses columns that a binding moves by now; behind `store`, so that whoever attaches meanwhile waits for it.

        Raises:
            PgscoreError: there is one.
        """
        there = self.there
        stored = {each for each in (there.score, there.version, there.scored_at) if each is not None}
        refuse_attached(connection, there.oid, there.shown, set(there.binding.columns), stored, self.model)


def find_mover(
    connection: Connection,
    model: str,
    answers: tuple[int, Sequence[Input]] | None,
    definition: dict[str, Any],
    path: list[str],
) -> Mover:
    """Finds out how messages move profiles, with the caller's rights; pins the path.

    Args:
        connection: where the profiles are.
        model: the model.
        answers: the version that answers, and what it reads; None: none does.
        definition: `read_definition`.
        path: the schemas where the profile table is looked for.

    Raises:
        NotFoundError: there is no such table.
        DeniedError: the caller is a superuser, and the table another role's; or may not read or update it.
        PgscoreError: the definition does not fit, or a binding moves its columns.
    """
    version, inputs = answers or (None, ())
    there = prepare(connection, definition, path, tuple(each.name for each in inputs), model)
    table = find_table(connection, there.table, [of for _, of in there.keys])
    others = [each for each in inputs if each.name not in there.binding.columns]
    read = [(each, input_sql(connection, table, each)) for each in others]
    named = {
        **_of_table(table, there),
        **_of_moved([table.columns[name] for name in there.binding.columns], there),
        "inputs": _object([(each.name, f"({sql}) <> 0" if each.type == "boolean" else sql) for each, sql in read]),
        "sets": ", ".join(_sets(table, _moved(there) | (_scored(there) if version is not None else {}))),
        "scored": ", ".join(_sets(table, _scored(there))),
    }
    return Mover(
        model,
        version,
        tuple(each.name for each in inputs),
        there,
        _filled(_READ, named, "w"),
        _filled(_ADD, named | {"order": "u.profile"}, ""),
        _filled(_STORE, named, "g"),
        _filled(_SCORE, named, "l") if version is not None and there.score is not None else None,
    )


def _of_table(table: Table, there: Prepared) -> dict[str, str]:
    """SQL for the table, the keys of its rows, and what of a row is reduced."""
    key = [table.columns[name] for name in table.key]
    columns = [table.columns[name] for name in dict.fromkeys([*table.key, *there.binding.columns])]
    return {
        "table": table.name,
        "place": _PLACE,
        "found": _PLACE,
        "wanted": ", ".join(f"(u.profile::json ->> {n})::{each.base} as key_{n}" for n, each in enumerate(key)),
        "match": " and ".join(f"p.{each.quoted} = {{source}}.key_{n}" for n, each in enumerate(key)),
        "order": ", ".join(f"p.{each.quoted}" + (' collate "C"' if each.category == "S" else "") for each in key),
        "columns": _object([(each.name, f"p.{each.quoted}") for each in columns]),
        "keys": ", ".join(each.quoted for each in key),
        "made": ", ".join([*(each.quoted for each in key), *(table.columns[n].quoted for n in there.binding.columns)]),
    }


def _of_moved(moved: Sequence[TableColumn], there: Prepared) -> dict[str, str]:
    """SQL for the columns that move: as they begin, and as workers give them."""
    return {
        "begin": ", ".join("0" if each.name in there.zero else "null" for each in moved),
        "values": ", ".join(f"m.{each.quoted} as value_{n}" for n, each in enumerate(moved)),
        "typed": ", ".join(f"{each.quoted} {each.declared}" for each in moved),
        "kept": ", ".join(f"g.value_{n}" for n in range(len(moved))),
    }


def _moved(there: Prepared) -> dict[str | None, str]:
    return {name: f"l.value_{n}" for n, name in enumerate(there.binding.columns)}


def _scored(there: Prepared) -> dict[str | None, str]:
    """A row that the model refuses has no score, and the version that gave none beside it."""
    return {there.score: "l.score", there.version: "l.version", there.scored_at: "now()"}


def _sets(table: Table, stored: dict[str | None, str]) -> list[str]:
    """What an UPDATE sets."""
    return [f"{table.columns[name].quoted} = {sql}" for name, sql in stored.items() if name is not None]


def _filled(template: str, named: dict[str, str], source: str) -> str:
    """A statement; what has percent signs in a name is one for the driver too."""
    given = {name: text.replace("%", "%%") for name, text in named.items()}
    given["match"] = given["match"].replace("{source}", source)
    return template.format(**given, lock="{lock}")


def _object(columns: Sequence[tuple[str, str]]) -> str:
    """SQL for an object of columns, however many they are."""
    if not columns:
        return "'{}'::json"
    parts = [columns[first : first + 40] for first in range(0, len(columns), 40)]
    objects = [", ".join(f"{_literal(name)}, {read}" for name, read in part) for part in parts]
    if len(objects) == 1:
        return f"json_build_object({objects[0]})"
    return "(" + " || ".join(f"jsonb_build_object({each})" for each in objects) + ")::json"


def _literal(text: str) -> str:
    escaped = text.replace("'", "''").replace("\\", "\\\\")
    return f" E'{escaped}'"
