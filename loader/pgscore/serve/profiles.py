"""Profiles by their keys, as they stand in the database, with the rights of the service's login."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from psycopg2 import sql

from pgscore.bundle.requests import parsed

from .problems import Problem

if TYPE_CHECKING:
    from pgscore.served import Served

    from .pool import Pool

# Tables of bindings, and the types of their keys; what is there of a table anybody may know.
_COLUMNS = """
    select a.attname::text, format_type(a.atttypid, null)
    from pg_attribute a
    where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
"""
_KEY_TYPES = ("smallint", "integer", "bigint", "uuid", "text", "character varying")


class ProfileTable(NamedTuple):
    """A profile table of a model.

    Attributes:
        name: as SQL writes it.
        binding: a binding that ties it.
        key: the columns that name a profile.
        types: those of these columns.
        columns: what the model reads and the bindings move, and the key.
        inputs: those that the model reads.
    """

    name: str
    binding: str
    key: tuple[str, ...]
    types: tuple[str, ...]
    columns: tuple[str, ...]
    inputs: tuple[str, ...]


def profile_tables(served: Served) -> dict[str, ProfileTable]:
    """The profile tables of a model's bindings, by their names."""
    inputs = [each["name"] for each in (served.contract or {}).get("inputs", ())]
    found: dict[str, ProfileTable] = {}
    for each in served.bindings:
        former = found.get(each["profile"])
        moved = [one["column"] for one in each["reducers"]]
        columns = dict.fromkeys([*(former.columns if former else each["profile_key"]), *inputs, *moved])
        found[each["profile"]] = ProfileTable(
            each["profile"],
            former.binding if former else each["name"],
            former.key if former else tuple(each["profile_key"]),
            former.types if former else tuple(each["profile_columns"][name]["type"] for name in each["profile_key"]),
            tuple(columns),
            tuple(inputs),
        )
    return found


def chosen_table(served: Served, wanted: str | None) -> ProfileTable:
    """The profile table that a caller means.

    Raises:
        Problem: there is none, or several and none is named.
    """
    tables = profile_tables(served)
    if not tables:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "no-profiles",
            f"model {served.model!r} is attached to no table, so it has no profiles",
        )
    if wanted is None and len(tables) == 1:
        return next(iter(tables.values()))
    if wanted is None or wanted not in tables:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "which-profile",
            f"name one of the profile tables with ?profile=: {', '.join(tables)}",
        )
    return tables[wanted]


def key_of(segments: list[bytes]) -> list[str]:
    """The values of a key, of segments of a path: percent-encoded, so a slash in a value is %2F.

    Raises:
        Problem: they are no text that a database holds.
    """
    try:
        values = [unquote_to_bytes(each).decode() for each in segments]
    except UnicodeDecodeError:
        raise Problem(HTTPStatus.NOT_FOUND, "no-profile", "there is no profile of that key") from None
    if any("\0" in each for each in values):
        raise Problem(HTTPStatus.NOT_FOUND, "no-profile", "there is no profile of that key")
    return values


async def profile(pool: Pool, served: Served, table: ProfileTable, values: list[str], *, inputs: bool) -> str:
    """A profile as JSON: its columns by their names, as PostgreSQL writes them.

    Args:
        pool: the database.
        served: the model.
        table: the table.
        values: those of its key.
        inputs: whether only what the model reads.

    Raises:
        Problem: there is no such profile, or the database is away, or the login may not read it.
    """
    if len(values) != len(table.key):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "no-profile",
            f"a key of {table.name} has {len(table.key)} parts, each a segment of the path: {', '.join(table.key)}",
        )
    columns = table.inputs if inputs else table.columns
    types: dict[str, str] = dict(await pool.rows(_COLUMNS, (table.name,)))
    missing = [name for name in (*columns, *table.key) if name not in types]
    if missing:
        raise Problem(
            HTTPStatus.CONFLICT,
            "no-column",
            f"{table.name} has no column {missing[0]}, which version {served.version} of model {served.model!r} reads",
        )
    query = sql.SQL("select to_jsonb(p)::text from (select {columns} from {table} where {key}) p").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        # As PostgreSQL has quoted it.
        table=sql.SQL(table.name),
        key=sql.SQL(" and ").join(_equal(name, types[name]) for name in table.key),
    )
    given = [_key_value(value, types[name]) for value, name in zip(values, table.key, strict=True)]
    found = [] if None in given else await pool.rows(query, given)
    if not found:
        raise Problem(HTTPStatus.NOT_FOUND, "no-profile", f"there is no profile of that key in {table.name}")
    text: str = found[0][0]
    return text


def read(text: str) -> dict[str, Any]:
    """A profile as a row that can be scored; its numerics may have more digits than Python reads."""
    return parsed(text)


def _equal(name: str, kind: str) -> sql.Composable:
    cast = kind if kind in _KEY_TYPES else "text"
    return sql.SQL("{} = %s::{}").format(sql.Identifier(name), sql.SQL(cast))


def _key_value(value: str, kind: str) -> str | None:
    """A value that the type has, so that no cast fails; None where it has none like it."""
    if kind in _LARGEST:
        plain = value.removeprefix("-")
        if not (plain.isascii() and plain.isdigit() and len(plain) < 20):  # noqa: PLR2004  more than any of them
            return None
        return value if -_LARGEST[kind] - 1 <= int(value) <= _LARGEST[kind] else None
    if kind == "uuid":
        from uuid import UUID

        try:
            return str(UUID(value))
        except ValueError:
            return None
    return value


_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
