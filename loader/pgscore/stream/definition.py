"""How events of a topic move profiles that no event table stands behind: a JSON file, as `attach` would be told it.

`{"profile": "shop.customer", "event_key": ["customer_id"], "profile_key": ["id"],
"event_columns": {"customer_id": "bigint not null", "kind": "text"},
"reducers": [{"column": "complaints", "aggregate": "count"}], "score": "churn_score", "version": "churn_version"}`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from pgscore_runtime.errors import Refusal

from pgscore.bundle.make import described_columns, pin, written_reducer
from pgscore.bundle.reducing.binding import Binding
from pgscore.bundle.reducing.values import ColumnType, column_type
from pgscore.database import row, rows
from pgscore.errors import DeniedError, NotFoundError, PgscoreError

from .making import check_making

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg2.extensions import connection as Connection  # noqa: N812

_REQUIRED = ("profile", "event_key", "profile_key", "event_columns", "reducers")
_OTHERS = ("score", "version", "scored_at", "primary_key", "on_missing")
_ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "bool": "boolean",
    "decimal": "numeric",
    "varchar": "character varying",
    "char": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}
_TYPE = re.compile(r"([a-z0-9 ]+?)\s*(\([0-9, -]+\))?(\s+not null)?", re.IGNORECASE)
_KEYS = ("smallint", "integer", "bigint", "uuid", "text", "character varying")
_INTEGERS, _FLOATS = ("smallint", "integer", "bigint"), ("real", "double precision")
_TABLE = """
    select c.oid, c.oid::regclass::text as name, pg_get_userbyid(c.relowner)::text as owner,
        current_user::text as caller, (select r.rolsuper from pg_roles r where r.rolname = current_user) as is_superuser
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')
        and parse_ident(%(table)s) in (array[n.nspname, c.relname]::text[], array[c.relname]::text[])
        and (cardinality(parse_ident(%(table)s)) = 2 or n.nspname = any (%(path)s))
    order by array_position(%(path)s, n.nspname::text) limit 1
"""
_UNIQUE = """
    select exists (
        select from pg_index i
        where i.indrelid = %s and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
            and i.indexprs is null and (
                select array_agg(a.attname::text order by a.attname::text)
                from pg_attribute a where a.attrelid = i.indrelid
                    and a.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
            ) = (select array_agg(k order by k) from unnest(%s::text[]) k)
    ) as is_unique
"""
_ATTACHED = """
    select b.name, b.model, b.score::text, b.version::text, b.scored_at::text, b.reasons::text,
        array(select r ->> 'column' from jsonb_array_elements(b.reducers) r) as counted
    from pgscore.binding b where b.profile = %s order by b.number
"""


@dataclass(frozen=True)
class Prepared:
    """A definition beside its table.

    Attributes:
        oid: the profile table.
        table: its name, qualified.
        shown: its name, as the definition has it.
        keys: the event's and the profile's column of each part of the key.
        types: the types of the profile's columns that are read or written.
        names: how PostgreSQL writes these types.
        event_key_types: those of the event's columns of the key.
        event_columns: the names of the event's columns.
        binding: what reduces.
        document: the same as a bundle has it, for those who have no way to the database.
        score, version, scored_at: the profile's columns for them, or None.
        makes_profiles: whether a profile that is not there is made.
        zero: the columns that begin with 0 in a profile that is made.
    """

    oid: int
    table: str
    shown: str
    keys: list[tuple[str, str]]
    types: dict[str, ColumnType]
    names: dict[str, str]
    event_key_types: dict[str, ColumnType]
    event_columns: list[str]
    binding: Binding
    document: dict[str, Any]
    score: str | None
    version: str | None
    scored_at: str | None
    makes_profiles: bool
    zero: set[str]


def read_definition(given: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    """Reads a file, or takes what would stand in one.

    Raises:
        PgscoreError: it cannot be read, or is no definition.
    """
    path = "the definition" if isinstance(given, Mapping) else given
    try:
        # As JSON has it, and not the caller's own to change.
        text = json.dumps(dict(given)) if isinstance(given, Mapping) else Path(given).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise PgscoreError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise PgscoreError(f"{path} holds no object", "docs/guide/stream.md has an example.")
    for name in _REQUIRED:
        if name not in found:
            raise PgscoreError(f"{path} has no {name}", "docs/guide/stream.md has an example.")
    for name in found:
        if name not in (*_REQUIRED, *_OTHERS):
            raise PgscoreError(f"{path} has a {name}, which is none of {', '.join((*_REQUIRED, *_OTHERS))}")
    if found.get("on_missing", "error") not in ("error", "insert"):
        raise PgscoreError(
            f"{path} has an on_missing that is neither error nor insert",
            "An event whose profile comes later cannot wait: no event table holds it.",
        )
    for name in ("event_key", "profile_key", "primary_key"):
        found[name] = [found[name]] if isinstance(found.get(name), str) else found.get(name, [])
    _check_kinds(found, path)
    return found


def _check_kinds(found: dict[str, Any], path: object) -> None:
    hint = "docs/guide/stream.md has an example."
    for name in ("profile", "score", "version", "scored_at"):
        if not isinstance(found.get(name), str if name in _REQUIRED else str | None):
            raise PgscoreError(f"{path} has {name}, which is no name: {found[name]!r}", hint)
    for name in ("event_key", "profile_key", "primary_key"):
        if not isinstance(found[name], list) or not all(isinstance(each, str) for each in found[name]):
            raise PgscoreError(f"{path} has {name}, which is no list of names: {found[name]!r}", hint)
    if not isinstance(found["event_columns"], dict) or not isinstance(found["reducers"], list):
        raise PgscoreError(f"{path} has no object of event_columns, or no list of reducers", hint)


def prepare(
    connection: Connection, found: dict[str, Any], path: list[str], inputs: tuple[str, ...], model: str
) -> Prepared:
    """Puts a definition beside its table, which is looked for in these schemas.

    Raises:
        PgscoreError: it does not fit, or what it asks for cannot be followed from profiles alone.
    """
    pin(connection)
    try:
        tables = rows(connection, _TABLE, {"table": found["profile"], "path": path})
    except psycopg2.DataError:
        raise PgscoreError(f"{found['profile']!r} is no table's name") from None
    if not tables:
        raise NotFoundError(f"there is no table {found['profile']}", "profile names the profile table as SQL does.")
    oid, owner = tables[0]["oid"], tables[0]["owner"]
    if tables[0]["is_superuser"] and tables[0]["caller"] != owner:
        raise DeniedError(
            f"table {found['profile']} belongs to {owner}, and a superuser who changes it would run its triggers",
            f"Connect as {owner}, or as a role that may update it.",
        )
    events = {name: _event_column(name, each) for name, each in found["event_columns"].items()}
    stored = [found[name] for name in ("score", "version", "scored_at") if found.get(name)]
    counted = [str(each.get("column")) for each in found["reducers"] if isinstance(each, dict)]
    wanted = {str(name) for name in (*found["profile_key"], *counted, *inputs, *stored)}
    columns = described_columns(connection, oid, wanted)
    for name in sorted(wanted - columns.keys()):
        what = "version that answers reads it" if name in inputs else "definition names it"
        raise PgscoreError(f'table {found["profile"]} has no column "{name}", and the {what}')
    document, binding = _binding(connection, found, events, columns)
    if binding.unforeseen is not None:
        raise PgscoreError(binding.unforeseen, "Leave that column out, or send events into a table.")
    for each in found["reducers"]:
        _check_sum(found["profile"], each, events, columns[each["column"]]["type"])
    _check_key(connection, oid, found, columns)
    _check_right(connection, oid, found["profile"], "select", {*found["profile_key"], *counted, *inputs})
    _check_right(connection, oid, found["profile"], "update", {*counted, *stored})
    refuse_attached(connection, oid, found["profile"], set(counted), set(stored), model)
    zero = {each["column"] for each in found["reducers"] if each["aggregate"] in ("count", "sum", "distinct")}
    makes_profiles = found.get("on_missing") == "insert"
    if makes_profiles:
        made = {*found["profile_key"], *counted}
        _check_right(connection, oid, found["profile"], "insert", made)
        check_making(connection, oid, found["profile"], made, set(counted) - zero)
    return Prepared(
        oid,
        tables[0]["name"],
        found["profile"],
        list(zip(found["event_key"], found["profile_key"], strict=True)),
        {name: column_type(each) for name, each in columns.items()},
        {name: each["type"] for name, each in columns.items()},
        {name: column_type(events[name]) for name in found["event_key"]},
        list(events),
        binding,
        document,
        found.get("score"),
        found.get("version"),
        found.get("scored_at"),
        makes_profiles,
        zero,
    )


def _check_key(connection: Connection, oid: int, found: dict[str, Any], columns: dict[str, dict[str, Any]]) -> None:
    for name in found["profile_key"]:
        if columns[name]["type"].partition("(")[0] not in _KEYS:
            raise PgscoreError(f'the key "{name}" is of type {columns[name]["type"]}, and none of {", ".join(_KEYS)}')
        if columns[name].get("collation") == "nondeterministic":
            raise PgscoreError(f'keys with a nondeterministic collation such as "{name}" are not supported')
    if not row(connection, _UNIQUE, (oid, found["profile_key"]))["is_unique"]:
        raise PgscoreError(f"no unique index of {found['profile']} is on {', '.join(found['profile_key'])}")


def refuse_attached(
    connection: Connection, oid: int, table: str, counted: set[str], stored: set[str], model: str
) -> None:
    """Refuses columns that a binding moves itself: `reconcile` would undo what messages bring.

    Raises:
        PgscoreError: there is one.
    """
    for each in rows(connection, _ATTACHED, (oid,)):
        for name in sorted(counted & set(each["counted"])):
            raise PgscoreError(
                f'column "{name}" of {table} is moved by the binding {each["name"]}: reconcile would undo what messages'
                " bring",
                "Send events into its event table, or move another column.",
            )
        of_binding = {each["score"], each["version"], each["scored_at"], each["reasons"]}
        taken = (counted & of_binding) | (stored & of_binding if each["model"] != model else set())
        for name in sorted(taken):
            raise PgscoreError(f'column "{name}" of {table} belongs to the binding {each["name"]}', "Name another one.")


def _event_column(name: str, text: Any) -> dict[str, Any]:  # noqa: ANN401
    found = _TYPE.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise PgscoreError(f'event_columns has "{name}" of type {text!r}', 'For example "numeric(10,2) not null".')
    plain = _ALIASES.get(found[1].lower(), found[1].lower())
    kind = plain + (found[2] or "").replace(" ", "")
    described: dict[str, Any] = {"type": kind}
    if plain in ("text", "character varying", "character"):
        # Texts of a message have no collation, so code points order them.
        described["collation"] = "C"
    if not column_type(described).is_known:
        raise PgscoreError(f'event_columns has "{name}" of type {text}, whose values the database alone knows')
    return {**described, "not_null": True} if found[3] else described


def _binding(
    connection: Connection, found: dict[str, Any], events: dict[str, Any], columns: dict[str, Any]
) -> tuple[dict[str, Any], Binding]:
    own = {name: {**each, "is_own": True} for name, each in events.items()}
    try:
        read = {name for each in found["reducers"] for name in each.get("where", ())}
        if not read <= own.keys():
            raise PgscoreError(f"event_columns has no {sorted(read - own.keys())[0]}, by which a reducer filters")
        reducers = [written_reducer(connection, each, own) for each in found["reducers"]]
    except (AttributeError, TypeError):
        raise PgscoreError("the reducers are malformed", "docs/reducers.schema.json says how they look.") from None
    except psycopg2.DataError as error:
        raise PgscoreError(f"a filter has a value that is none of its column's: {error.diag.message_primary}") from None
    named = {*found["profile_key"], *(each["column"] for each in reducers if "column" in each)}
    document = {
        "name": f"topic:{found['profile']}",
        "events": "of the topic",
        "profile": found["profile"],
        "event_key": found["event_key"],
        "profile_key": found["profile_key"],
        "event_columns": events,
        "profile_columns": {
            name: {k: v for k, v in each.items() if k != "is_own"} for name, each in columns.items() if name in named
        },
        "primary_key": found["primary_key"],
        "reducers": reducers,
        "score": found.get("score") or "score",
        "on_missing": "ignore",
    }
    try:
        return document, Binding(document, "definition")
    except Refusal as refusal:
        raise PgscoreError(f"the definition is refused: {refusal.message}") from None


def _check_sum(table: str, reducer: dict[str, Any], events: dict[str, Any], held: str) -> None:
    """Refuses a column that cannot hold each count or sum, as `attach` does."""
    aggregate, column = reducer["aggregate"], reducer["column"]
    summed = events[reducer["of"]]["type"] if aggregate == "sum" else "bigint"
    if aggregate not in ("count", "sum", "distinct"):
        return
    plain = summed.partition("(")[0]
    if plain in _FLOATS:
        wanted: tuple[str, ...] = ("double precision",)
    elif plain == "numeric":
        wanted = ("numeric",)
    elif plain in _INTEGERS:
        wanted = ("bigint", "numeric")
    else:
        raise PgscoreError(f'column "{reducer["of"]}" of type {summed} cannot be summed')
    if held not in wanted:
        what = f'a sum of "{reducer["of"]}"' if aggregate == "sum" else f"a {aggregate}"
        raise PgscoreError(
            f'column "{column}" of {table} is of type {held}, which does not hold each value of {what}',
            f'As the table\'s owner: alter table {table} alter column "{column}" type {wanted[0]}',
        )


def _check_right(connection: Connection, oid: int, table: str, right: str, names: Collection[str]) -> None:
    for name in sorted(names):
        if not row(connection, "select has_column_privilege(%s::oid, %s, %s) as may", (oid, name, right))["may"]:
            raise DeniedError(
                f'you may not {right} column "{name}" of {table}',
                f"As its owner: grant {right} ({', '.join(sorted(names))}) on {table} to …",
            )
