"""What is exported: the binding that says where scores stand, its columns, and their rows as they are streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import extensions, sql

from pgscore.database import as_refusal, row, rows
from pgscore.errors import DeniedError, NotFoundError, PgscoreError

from .records import Column, Kind, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .target import Row

# What a session, a role or a database may have set must change nothing of what is exported.
_SETTINGS = """
    set local search_path = pg_catalog, pg_temp;
    set local datestyle = 'ISO';
    set local timezone = 'UTC';
    set local intervalstyle = 'iso_8601';
    set local extra_float_digits = 1;
    set local bytea_output = 'hex';
    set local row_security = on;
    set local idle_in_transaction_session_timeout = 0;
    set local statement_timeout = 0;
    set local jit = off
"""
_HAS_TRANSACTION_TIMEOUT = 170_000
_BINDINGS = """
    select min(b.number) as number, (array_agg(b.name order by b.number))[1] as name, b.profile::oid as profile,
        format('%%s.%%s', n.nspname, c.relname) as called, format('%%I.%%I', n.nspname, c.relname) as relation,
        b.profile_key::text[] as key, b.score, b.version, b.scored_at,
        row_security_active(b.profile::oid) as hides
    from pgscore.binding b
    join pg_class c on c.oid = b.profile
    join pg_namespace n on n.oid = c.relnamespace
    where b.model = %(model)s
        and (%(profile)s is null or c.oid = to_regclass(%(profile)s)) and (%(binding)s is null or b.name = %(binding)s)
    group by b.profile, n.nspname, c.relname, b.profile_key, b.score, b.version, b.scored_at
    order by number
"""
_KINDS: dict[int, tuple[Kind, bool]] = {
    16: ("boolean", False),
    20: ("integer", False),
    21: ("integer", True),
    23: ("integer", True),
    700: ("double", True),
    701: ("double", False),
    1700: ("decimal", False),
    1082: ("date", False),
    1114: ("time", False),
    1184: ("moment", False),
}
# Texts of any other type are as PostgreSQL writes them: JSON and arrays too, which psycopg2 would take apart.
_FETCHED = 2000
# What psycopg2 says of a numeric without declared digits.
_ANY = 65535


def settle(connection: Connection) -> None:
    """Begins a transaction with what exports depend on; behind a pooler a session is another one in the next."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
        if connection.server_version >= _HAS_TRANSACTION_TIMEOUT:
            cursor.execute("set local transaction_timeout = 0")


def find_plan(
    connection: Connection, model: str, profile: str | None, binding: str | None, further: Sequence[str]
) -> Plan:
    """What an export of a model's scores holds.

    Raises:
        NotFoundError: no binding stores such scores, or the profile table lacks a column.
        DeniedError: the caller may not read the profile table.
        PgscoreError: it is not clear which binding is meant, or columns would have the same name.
    """
    found = rows(connection, _BINDINGS, {"model": model, "profile": profile, "binding": binding})
    if not found:
        where = "".join([f" on {profile}" if profile else "", f" called {binding}" if binding else ""])
        raise NotFoundError(
            f'model "{model}" has no binding{where}, and so no table holds its scores',
            "`pgscore attach` makes one; `pgscore show` lists a model's tables.",
        )
    if len(found) > 1:
        listed = ", ".join(f"{each['name']} on {each['called']}" for each in found)
        several = len({each["profile"] for each in found}) > 1
        raise PgscoreError(
            f'the scores of model "{model}" stand in several places: {listed}',
            "Say which with --profile TABLE." if several else "Say which with --binding NAME.",
        )
    (one,) = found
    if one["hides"]:
        # Rows that come to be seen without being written would be missing from every export of changes.
        raise DeniedError(
            f"row-level security may hide rows of table {one['called']} from this role, and what is left looks whole",
            "Export as a role that sees all of them: the owner, or one with BYPASSRLS.",
            "42501",
        )
    names = [(column, column) for column in one["key"]]
    names += [(name, one[name]) for name in ("score", "version", "scored_at") if one[name] is not None]
    names += [(name, name) for name in dict.fromkeys(further)]
    called = [name for name, _ in names]
    twice = next((name for name in called if called.count(name) > 1), None)
    if twice is not None:
        raise PgscoreError(
            f'two columns of the export would be called "{twice}"',
            "Key, score, version and scored_at are exported already; a further column of such a name cannot be.",
        )
    columns = _columns(connection, one, names)
    return Plan(model, one["number"], one["called"], one["relation"], len(one["key"]), columns)


def _columns(connection: Connection, binding: dict[str, Any], names: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    known = {
        each["attname"]
        for each in rows(
            connection,
            "select attname from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped",
            (binding["profile"],),
        )
    }
    for _, source in names:
        if source not in known:
            raise NotFoundError(
                f'table {binding["called"]} has no column "{source}"',
                "`pgscore reattach` follows columns of a binding that were renamed.",
            )
    listed = sql.SQL(", ").join(sql.Identifier(source) for _, source in names)
    with connection.cursor() as cursor:
        try:
            # Of a domain this says what it is made of.
            cursor.execute(sql.SQL("select {} from {} limit 0").format(listed, sql.SQL(binding["relation"])))
        except psycopg2.errors.InsufficientPrivilege as error:
            raise unreadable(error, binding["relation"]) from None
        described = cursor.description or ()
    return tuple(_column(name, source, each) for (name, source), each in zip(names, described, strict=True))


def unreadable(error: psycopg2.Error, relation: str) -> PgscoreError:
    """The sentence for who may not read the table, or all of it."""
    said = as_refusal(error)
    return DeniedError(str(said), f"grant select on {relation} to the role that exports.", said.sqlstate)


def _column(name: str, source: str, described: extensions.Column) -> Column:
    kind, small = _KINDS.get(described.type_code, ("text", False))
    precision = None
    if kind == "decimal" and described.precision and described.precision < _ANY:
        precision = (described.precision, described.scale or 0)
    return Column(name, source, kind, precision, small)


def refuse_null_keys(connection: Connection, plan: Plan) -> int:
    """Refuses a profile whose key is NULL: it has no name where it goes.

    Returns:
        How many profiles there are.

    Raises:
        PgscoreError: there is one.
    """
    keys = [column.source for column in plan.columns[: plan.key]]
    missing = sql.SQL(" or ").join(sql.SQL("{} is null").format(sql.Identifier(key)) for key in keys)
    query = sql.SQL("select count(*) as rows, count(*) filter (where {}) as missing from {}")
    found = row(connection, query.format(missing, sql.SQL(plan.relation)).as_string(connection))
    if found["missing"]:
        raise PgscoreError(
            f"{found['missing']:,} rows of table {plan.profile} have NULL in their key, {', '.join(keys)}:"
            " nothing was exported",
            "Give them a key or delete them, and have the columns not null.",
        )
    return int(found["rows"])


def stream(connection: Connection, plan: Plan, conditions: Sequence[str]) -> Iterator[list[Row]]:
    """The rows in batches, from a cursor of the server's: memory holds one batch.

    Args:
        connection: in a transaction with the snapshot that is exported.
        plan: what is exported.
        conditions: SQL, all of which is true of the rows, `p`.
    """
    listed = sql.SQL(", ").join(sql.Identifier(column.source) for column in plan.columns)
    query = sql.SQL("select {} from {} p").format(listed, sql.SQL(plan.relation))
    if conditions:
        query += sql.SQL(" where " + " and ".join(conditions))
    # Where the export fails it goes with its transaction: a connection that is lost or interrupted closes nothing.
    cursor = connection.cursor("pgscore_export")
    _read_texts(cursor)
    cursor.execute(query)
    while batch := _fetched(cursor, plan):
        yield batch
    cursor.close()


def _fetched(cursor: extensions.cursor, plan: Plan) -> list[Row]:
    try:
        return cursor.fetchmany(_FETCHED)
    except UnicodeError:
        raise
    except (ValueError, psycopg2.DataError) as error:
        if isinstance(error, psycopg2.Error) and error.pgcode is not None:
            raise
        raise PgscoreError(
            f"a value of table {plan.profile} is beyond what Python can hold: {' '.join(str(error).split())}",
            "Dates and times lie between the years 1 and 9999.",
        ) from None


def _read_texts(cursor: extensions.cursor) -> None:
    """Has psycopg2 hand over as texts what it would take apart: JSON, arrays, and the like."""
    as_text = extensions.new_type(tuple(set(extensions.string_types) - set(_KINDS)), "AS_TEXT", _as_text)
    extensions.register_type(as_text, cursor)
    for kind, reads in _TIMES.items():
        extensions.register_type(extensions.new_type((kind,), "FINITE", _finite(reads)), cursor)


# psycopg2 has the last day of all for what is infinite, which would pass for a day.
_TIMES: dict[int, Any] = {1082: extensions.PYDATE, 1114: extensions.PYDATETIME, 1184: extensions.PYDATETIMETZ}


def _finite(reads: Any) -> Any:  # noqa: ANN401  psycopg2's own
    def read(value: str | None, cursor: extensions.cursor) -> Any:  # noqa: ANN401
        if value is not None and value.endswith("infinity"):
            raise ValueError(f"{value}, a time without end")
        return reads(value, cursor)

    return read


def _as_text(value: str | bytes | None, cursor: extensions.cursor) -> str | bytes | None:
    return value
