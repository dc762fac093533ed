"""Profiles that a batch of messages moves: reading them, and storing counters and scores together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore.database import row, rows
from pgscore.errors import PgscoreError
from pgscore.stream.definition import prepare, refuse_attached

from .storing import find_table, input_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Input
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.stream.definition import Prepared

    from .tables import Table, TableColumn

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


@dataclass(frozen=True)
class Mover:
    """The profile table, and SQL for it.

    Attributes:
        model: the model that scores.
        there: the definition, beside the table.
    """

    model: str
    there: Prepared
    _read: str
    _add: str
    _store: str

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

    def refuse_attached(self, connection: Connection) -> None:
        """Refuses columns that a binding moves by now; behind `store`, so that whoever attaches meanwhile waits for it.

        Raises:
            PgscoreError: there is one.
        """
        there = self.there
        stored = {each for each in (there.score, there.version, there.scored_at) if each is not None}
        refuse_attached(connection, there.oid, there.shown, set(there.binding.columns), stored, self.model)


def find_mover(
    connection: Connection, model: str, inputs: Sequence[Input], definition: dict[str, Any], path: list[str]
) -> Mover:
    """Finds out how messages move profiles, with the caller's rights; pins the path.

    Args:
        connection: where the profiles are.
        model: the model.
        inputs: what it reads.
        definition: `read_definition`.
        path: the schemas where the profile table is looked for.

    Raises:
        NotFoundError: there is no such table.
        DeniedError: the caller is a superuser, and the table another role's; or may not read or update it.
        PgscoreError: the definition does not fit, a binding moves its columns, or the database generates an input.
    """
    there = prepare(connection, definition, path, tuple(each.name for each in inputs), model)
    table = find_table(connection, there.table, [of for _, of in there.keys])
    others = [each for each in inputs if each.name not in there.binding.columns]
    _check_generated(connection, table, [each.name for each in others])
    read = [(each, input_sql(connection, table, each)) for each in others]
    named = {
        **_of_table(table, there),
        **_of_moved([table.columns[name] for name in there.binding.columns], there),
        "inputs": _object([(each.name, f"({sql}) <> 0" if each.type == "boolean" else sql) for each, sql in read]),
        "sets": ", ".join(_sets(table, there)),
    }
    return Mover(
        model,
        there,
        _filled(_READ, named, "w"),
        _filled(_ADD, named | {"order": "u.profile"}, ""),
        _filled(_STORE, named, "g"),
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


def _sets(table: Table, there: Prepared) -> list[str]:
    """What the UPDATE sets. A row that the model refuses has no score, and the version that gave none beside it."""
    stored: dict[str | None, str] = {
        **{name: f"l.value_{n}" for n, name in enumerate(there.binding.columns)},
        there.score: "l.score",
        there.version: "l.version",
        there.scored_at: "now()",
    }
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


def _check_generated(connection: Connection, table: Table, names: Sequence[str]) -> None:
    found = row(
        connection,
        "select array(select a.attname::text from pg_catalog.pg_attribute a"
        " where a.attrelid = %s and a.attname = any (%s) and a.attgenerated <> '') as generated",
        (table.oid, list(names)),
    )["generated"]
    if found:
        raise PgscoreError(
            f'column "{found[0]}" of table {table.name} is generated by the database, so no worker knows it for'
            " a profile that moves",
            "into='events' stores the events, and the binding does the rest.",
        )
