"""Profiles that a batch of messages moves: reading them, and storing counters and scores together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgscore_runtime.errors import Refusal

from pgscore.bundle.make import binding_document
from pgscore.bundle.opened import as_malformed
from pgscore.bundle.reducing.binding import Binding
from pgscore.database import row, rows
from pgscore.errors import NotFoundError, PgscoreError

from .storing import find_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Input
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .storing import Target

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
insert into {table} ({keys}) overriding system value
select {wanted} from unnest(%s::text[]) as u (profile) order by {order}
on conflict do nothing
"""
# A row that somebody has changed since it was read is at another place, also when this has waited for them.
_STORE = """
with given as materialized (
    select u.place, u.score, u.version, u.refused, {wanted}, {values}
    from unnest(%s::text[], %s::text[], %s::text[], %s::double precision[], %s::integer[], %s::boolean[])
        as u (profile, place, moved, score, version, refused)
    cross join lateral json_to_record(u.moved::json) as m ({typed})
), locked as materialized (
    select p.tableoid as part, p.ctid as place, g.score, g.version, g.refused, {kept}
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
        target: where scores go.
        binding: the binding, as a bundle has it.
        adds: whether profiles that are not there are made.
        refuses: whether messages without a profile are refused.
    """

    target: Target
    binding: dict[str, Any]
    adds: bool
    refuses: bool
    _read: str
    _add: str
    _store: str

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
            cursor.execute(self._store, (*columns, [each["refused"] is not None for each in moved]))
            return int(cursor.rowcount)


def find_binding(connection: Connection, model: str, events: str, profile: str) -> int:
    """The number of a binding.

    Raises:
        NotFoundError: there is none of this model between these tables.
    """
    found = rows(
        connection,
        "select b.number from pgscore.binding b"
        " where b.model = %s and b.events = to_regclass(%s) and b.profile = to_regclass(%s)",
        (model, events, profile),
    )
    if not found:
        raise NotFoundError(
            f"no binding of model {model} attaches {events} to {profile}", "pgscore.binding lists what is attached."
        )
    number: int = found[0]["number"]
    return number


def find_mover(
    connection: Connection, model: str, inputs: Sequence[Input], given: tuple[str, str] | Mapping[str, Any]
) -> Mover:
    """Finds out how messages move profiles, with the caller's rights; under a path that is pinned already.

    Args:
        connection: where the profiles are.
        model: the model.
        inputs: what it reads.
        given: a binding's event table and profile table; or the binding as a bundle has it.

    Raises:
        NotFoundError: there is no such binding or table.
        DeniedError: the caller is a superuser, and the table another role's.
        PgscoreError: the binding names no column for the version, or an input follows from columns that move.
    """
    binding, into = _described(connection, model, given)
    target = find_target(connection, model, binding["profile"], inputs, into, binding["profile_key"], ())
    moved = [each["column"] for each in binding["reducers"]]
    _check_generated(connection, target, [each.name for each in inputs if each.name not in moved])
    table, key = target.table, target.key
    columns = table.checked(list(dict.fromkeys([*binding["profile_key"], *moved])), "its binding names")
    moving = table.checked(moved, "its binding moves")
    inputs_read = [
        (each.name, f"({read}) <> 0" if each.type == "boolean" else read)
        for each, read in zip(inputs, target.read, strict=True)
        if each.name not in moved
    ]
    score, version = target.into[:2]
    named = {
        "table": table.name,
        "place": _PLACE,
        "found": _PLACE,
        "wanted": ", ".join(f"(u.profile::json ->> {n})::{each.base} as key_{n}" for n, each in enumerate(key)),
        "match": " and ".join(f"p.{each.quoted} = {{source}}.key_{n}" for n, each in enumerate(key)),
        "order": ", ".join(f"p.{each.quoted}" + (' collate "C"' if each.category == "S" else "") for each in key),
        "columns": _object([(each.name, f"p.{each.quoted}") for each in columns]),
        "inputs": _object(inputs_read),
        "keys": ", ".join(each.quoted for each in key),
        "values": ", ".join(f"m.{each.quoted} as value_{n}" for n, each in enumerate(moving)),
        "typed": ", ".join(f"{each.quoted} {each.declared}" for each in moving),
        "kept": ", ".join(f"g.value_{n}" for n in range(len(moving))),
        "sets": ", ".join(
            [
                *(f"{each.quoted} = l.value_{n}" for n, each in enumerate(moving)),
                # What the model refuses keeps its score, as a binding has it.
                f"{score.quoted} = case when l.refused then p.{score.quoted} else l.score end",
                f"{version.quoted} = case when l.refused then p.{version.quoted} else l.version end",
                *(
                    f"{each.quoted} = case when l.refused then p.{each.quoted} else now() end"
                    for each in target.into[2:]
                ),
            ]
        ),
    }
    return Mover(
        target,
        binding,
        binding["on_missing"] == "insert",
        binding["on_missing"] == "error",
        _filled(_READ, named, "w"),
        _filled(_ADD, named | {"order": "u.profile"}, ""),
        _filled(_STORE, named, "g"),
    )


def _described(
    connection: Connection, model: str, given: tuple[str, str] | Mapping[str, Any]
) -> tuple[dict[str, Any], list[str] | None]:
    """The binding as a bundle has it, and the columns for scores where the database does not know them."""
    if not isinstance(given, Mapping):
        events, profile = given
        return binding_document(connection, find_binding(connection, model, events, profile)), None
    try:
        Binding(given, "the binding")
    except Refusal as refusal:
        raise as_malformed(refusal) from None
    return dict(given), [given[name] for name in ("score", "version", "scored_at") if name in given]


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


def _check_generated(connection: Connection, target: Target, names: Sequence[str]) -> None:
    found = row(
        connection,
        "select array(select a.attname::text from pg_catalog.pg_attribute a"
        " where a.attrelid = %s and a.attname = any (%s) and a.attgenerated <> '') as generated",
        (target.table.oid, list(names)),
    )["generated"]
    if found:
        raise PgscoreError(
            f'column "{found[0]}" of table {target.table.name} is generated by the database, so no worker knows it for'
            " a profile that moves",
            "into='events' stores the events, and the binding does the rest.",
        )
