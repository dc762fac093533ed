"""Making a bundle of a version, out of the registry."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from pgscore.database import Database, row, rows, transaction
from pgscore.errors import DeniedError, NotFoundError, PgscoreError

from .loading import load
from .seal import sealed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from psycopg2.extensions import connection as Connection  # noqa: N812


def make_bundle(
    database: Database,
    model: str,
    version: int | None = None,
    *,
    bindings: Sequence[tuple[str, str]] = (),
    golden: int | None = None,
    key: Path | None = None,
) -> str:
    """The bundle of a version, which evaluates it outside the database: `docs/bundle.md` says what is in it.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        version: the version's number; None: the one that answers.
        bindings: of this model, each as its event table and its profile table, named as in SQL.
        golden: how many golden rows it holds at most, spread over those that there are; None: all.
        key: the file of a private key, to sign it with.

    Returns:
        Its canonical text.

    Raises:
        NotFoundError: there is no such model, version, table or binding.
        DeniedError: the caller may not read golden rows, as pgscore_publisher and pgscore_operator do.
        PgscoreError: no version answers, the version is no program, or the key cannot be read.
    """
    if golden is not None and golden < 1:
        raise PgscoreError(f"a bundle holds at least one golden row, not {golden}", "It proves itself by them.")
    with transaction(database) as connection:
        numbers = [_binding_number(connection, model, *tables) for tables in bindings]
        pin(connection)
        described = _version(connection, model, version)
        document = {
            "bundle": 1,
            "model": model,
            "version": described["version"],
            "program": described["program"],
            "contract": described["contract"],
            "labels": described["labels"],
            "golden": _spread(_golden(connection, model, described["version"]), golden),
            "bindings": [binding_document(connection, number) for number in numbers],
        }
    text = sealed(document, key)
    # What nobody could load is not handed out.
    load(text.encode())
    return text


def pin(connection: Connection) -> None:
    """Until the transaction ends values and names are written the same way, whatever the session has set."""
    row(
        connection,
        "select set_config('search_path', 'pg_catalog, pg_temp', true), set_config('datestyle', 'ISO', true),"
        " set_config('timezone', 'UTC', true), set_config('intervalstyle', 'postgres', true),"
        " set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true)",
    )


def _version(connection: Connection, model: str, version: int | None) -> dict[str, Any]:
    found = rows(
        connection,
        """
        select m.serving, v.version, v.contract, p.program,
            array(select c from jsonb_array_elements_text(v.contract #> '{output,classes}') c) as labels
        from pgscore.model m
        left join pgscore.model_version v on v.model = m.name and v.version = coalesce(%(version)s, m.serving)
        left join pgscore.program p on p.model = v.model and p.version = v.version
        where m.name = %(model)s
        """,
        {"model": model, "version": version},
    )
    if not found:
        raise NotFoundError(f"model {model!r} is unknown", "`pgscore list` shows the models.")
    described = found[0]
    if described["version"] is None and version is None:
        raise PgscoreError(
            f"no version of model {model!r} answers yet",
            f"`pgscore promote {model} VERSION`, or name the version here.",
        )
    if described["version"] is None:
        raise NotFoundError(f"model {model!r} has no version {version}", f"`pgscore show {model}` lists its versions.")
    if described["program"] is None:
        raise PgscoreError(
            f"model {model!r} version {described['version']} is no program: its artifact alone gives its scores",
            "`pgscore publish` says what keeps it from becoming one.",
        )
    return described


def _golden(connection: Connection, model: str, version: int) -> list[dict[str, Any]]:
    if not row(connection, "select has_table_privilege('pgscore.golden_row', 'select') as may")["may"]:
        raise DeniedError(
            f"you may not read the golden rows of model {model!r}, which a bundle proves itself by",
            "They may be rows of real people: a member of pgscore_publisher or pgscore_operator makes bundles.",
        )
    found = rows(
        connection,
        "select inputs, expected, outputs, scale from pgscore.golden_row where model = %s and version = %s"
        " order by ordinal",
        (model, version),
    )
    return [
        {
            "inputs": {name: _plain(value) for name, value in each["inputs"].items()},
            "expected": _plain(each["expected"]),
            "outputs": None if each["outputs"] is None else [_plain(output) for output in each["outputs"]],
            "scale": each["scale"],
        }
        for each in found
    ]


def _spread(found: list[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    if most is None or most >= len(found):
        return found
    # From the first on, which are of the sample, to those at the borders of what is accepted.
    return [found[position * len(found) // most] for position in range(most)]


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A value as a bundle has it: infinite numbers, and those that no double holds, are texts."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, float) and not isfinite(value):
        return "Infinity" if value > 0 else "-Infinity" if value < 0 else None
    return value


_BINDING = """
    select b.name, b.events::oid as events_oid, b.profile::oid as profile_oid, b.event_key::text[],
        b.profile_key::text[],
        (
            select jsonb_agg(
                case when r ? 'where' then r || jsonb_build_object(
                    'where', (
                        select coalesce(jsonb_object_agg(w.key, w.value #>> '{}'), '{}')
                        from jsonb_each(r -> 'where') w
                    )
                ) else r end order by n
            )
            from jsonb_array_elements(b.reducers) with ordinality as e (r, n)
        ) as reducers, b.score::text, b.version::text, b.scored_at::text, b.on_missing,
        pgscore._primary_key(b.events)::text[] as primary_key,
        -- Qualified under the pinned path.
        b.events::regclass::text as events, b.profile::regclass::text as profile
    from pgscore.binding b
    where b.number = %s
"""
# Whose order is that of code points: what another collation makes of texts is known to its library alone. A column of a
# type that cannot be collated has none. Domains are taken for their base types.
_COLUMNS = """
    with recursive base (name, collated, not_null, type, modifier) as (
        select a.attname, a.attcollation, a.attnotnull, a.atttypid, a.atttypmod
        from pg_catalog.pg_attribute a
        where a.attrelid = %s and a.attnum > 0 and not a.attisdropped and a.attname = any (%s::name[])
        union all
        select b.name, b.collated, b.not_null or t.typnotnull, t.typbasetype, t.typtypmod
        from base b join pg_catalog.pg_type t on t.oid = b.type
        where t.typtype = 'd'
    )
    select b.name, format_type(b.type, b.modifier) as type, nullif(b.not_null, false) as not_null,
        t.typnamespace = 'pg_catalog'::regnamespace and t.typtype = 'b' as is_own,
        case
            when b.collated = 0 then null
            when (
                l.collname in ('C', 'POSIX', 'ucs_basic', 'pg_c_utf8', 'C.utf8')
                or l.collname = 'default' and coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') in ('c', 'b')
                    and d.datcollate in ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
            ) and pg_encoding_to_char(d.encoding) in ('UTF8', 'LATIN1') then 'C'
            when not l.collisdeterministic then 'nondeterministic'
            else case l.collname when 'default' then d.datcollate else l.collname end
        end as collation,
        (
            select array_agg(e.enumlabel::text order by e.enumsortorder)
            from pg_catalog.pg_enum e where e.enumtypid = t.oid
        ) as labels
    from base b
    join pg_catalog.pg_type t on t.oid = b.type and t.typtype <> 'd'
    join pg_catalog.pg_database d on d.datname = current_database()
    left join pg_catalog.pg_collation l on l.oid = b.collated
"""


def _binding_number(connection: Connection, model: str, events: str, profile: str) -> int:
    """Finds a binding by its tables, whose schemas the caller need not have the right to use."""
    found = rows(
        connection,
        """
        select b.number
        from pgscore.binding b
        join pg_catalog.pg_class e on e.oid = b.events join pg_catalog.pg_namespace en on en.oid = e.relnamespace
        join pg_catalog.pg_class p on p.oid = b.profile join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
        where b.model = %(model)s
            and (
                parse_ident(%(events)s) = array[en.nspname, e.relname]::text[]
                or parse_ident(%(events)s) = array[e.relname]::text[] and pg_table_is_visible(e.oid)
            )
            and (
                parse_ident(%(profile)s) = array[pn.nspname, p.relname]::text[]
                or parse_ident(%(profile)s) = array[p.relname]::text[] and pg_table_is_visible(p.oid)
            )
        """,
        {"model": model, "events": events, "profile": profile},
    )
    if not found:
        raise NotFoundError(
            f"no binding of model {model!r} attaches {events} to {profile}", "pgscore.binding lists what is attached."
        )
    number: int = found[0]["number"]
    return number


def binding_document(connection: Connection, number: int) -> dict[str, Any]:
    """A binding as a bundle has it."""
    (binding,) = rows(connection, _BINDING, (number,))
    reducers = binding["reducers"]
    if not all(isinstance(each, dict) and {"column", "aggregate"} <= each.keys() for each in reducers or [None]):
        raise PgscoreError(
            f"the reducers of binding {binding['name']} are malformed", "As its owner: detach and attach."
        )
    orders = any(each["aggregate"] == "last" for each in reducers)
    binding["primary_key"] = binding["primary_key"] if orders else None
    read = {
        name
        for each in reducers
        for name in (each.get("of"), each.get("order_by"), each.get("time"), *each.get("where", ()))
    }
    event_columns = described_columns(
        connection, binding["events_oid"], {*binding["event_key"], *(binding["primary_key"] or ()), *(read - {None})}
    )
    profile_columns = described_columns(
        connection, binding["profile_oid"], {*binding["profile_key"], *(each["column"] for each in reducers)}
    )
    missing = sorted((read - {None}) - event_columns.keys())
    if missing:
        raise PgscoreError(
            f"the binding of {binding['events']} does not fit its tables any more: it has no column {missing[0]}",
            "As its owner: pgscore reattach",
        )
    reducers = [written_reducer(connection, each, event_columns) for each in reducers]
    for each in (*event_columns.values(), *profile_columns.values()):
        del each["is_own"]
    return {
        **{name: value for name, value in binding.items() if value is not None and not name.endswith("_oid")},
        "reducers": reducers,
        "event_columns": event_columns,
        "profile_columns": profile_columns,
    }


def written_reducer(
    connection: Connection, reducer: dict[str, Any], columns: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """A reducer whose filters are texts as PostgreSQL writes values of their columns, so that others can read them."""
    if "where" not in reducer:
        return reducer
    where = {}
    for name, value in reducer["where"].items():
        # Of PostgreSQL's own types alone: what somebody has made of another one is not to run with our rights.
        if value is None or not columns[name]["is_own"]:
            where[name] = value
        else:
            query = f"select %s::{columns[name]['type']}::text as written"
            where[name] = row(connection, query, (value,))["written"]
    return {**reducer, "where": where}


def described_columns(connection: Connection, table: int, names: set[str]) -> dict[str, dict[str, Any]]:
    """Columns of a table as a bundle has them, and whether their type is PostgreSQL's own."""
    found = rows(connection, _COLUMNS, (table, sorted(names)))
    return {each.pop("name"): {name: value for name, value in each.items() if value is not None} for each in found}
