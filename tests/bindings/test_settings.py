"""Nothing that a session can set changes a counter, whatever its type."""

from __future__ import annotations

import json
from itertools import cycle, repeat
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.database import Database, Session

# Several that do not meet in one type.
_SETTINGS = [
    "datestyle = 'German'; set timezone = 'Asia/Kolkata'",
    "datestyle = 'SQL, DMY'; set timezone = 'America/New_York'",
    "datestyle = 'Postgres, MDY'; set timezone = 'UTC'; set extra_float_digits = 0",
    "extra_float_digits = -15; set quote_all_identifiers = on; set standard_conforming_strings = off",
    "intervalstyle = 'sql_standard'; set client_encoding = 'LATIN1'",
    "intervalstyle = 'iso_8601'; set timezone = 'America/New_York'; set bytea_output = 'escape'; set array_nulls = off",
    "jit = off; set plan_cache_mode = 'force_generic_plan'; set transform_null_equals = on",
    "search_path = mask, pg_catalog; set plan_cache_mode = 'force_custom_plan'",
    "datestyle = 'German'; set extra_float_digits = -15; set intervalstyle = 'sql_standard';"
    " set bytea_output = 'escape'; set timezone = 'Asia/Kolkata'; set client_encoding = 'LATIN1';"
    " set search_path = mask, pg_catalog",
]
_CHANGED = "select name, setting from pg_settings where source = 'session'"
_JIT = "jit = on; set jit_above_cost = 0; set jit_inline_above_cost = -1; set jit_optimize_above_cost = -1"
_VALUES = {
    "day": "date", "at": "timestamptz", "naive": "timestamp", "hour": "time", "span": "interval", "single": "real",
    "dbl": "double precision", "exact": "numeric", "whole": "integer", "raw": "bytea", "word": "text",
    "fixed": "char(4)", "tint": "zone.tint",
    "during": "tstzrange",
}  # fmt: skip
# Floats are sums of few powers of two: they add up to the same in any order, and their text is long. In New York two of
# the instants have one text but for the zone's short name, and Kolkata's is another zone's too. Days and months can be
# mistaken for each other.
_SEED = r"""
    create schema zone;
    create type zone.tint as enum ('red', 'green', 'blue');
    create table zone.seed (
        s integer, day date, at timestamptz, naive timestamp, hour time, span interval, single real,
        dbl double precision, exact numeric, whole integer, raw bytea, word text, fixed char(4), tint zone.tint,
        during tstzrange
    );
    insert into zone.seed values
        (0, '2026-02-03', '2026-11-01 05:30:00.123456Z', '2026-02-03 04:05:06.7', '04:05:06.789',
            '-1 mon +3 days -04:05:06', 1234.5625, 1234 + 2 ^ -29, 12345678901234567890.123456789, 7, '\x00ff41',
            'Ä', 'ab', 'red', '[2026-11-01 05:30Z,2026-11-01 06:30Z)'),
        (1, '2026-03-02', '2026-11-01 06:30:00.123456Z', '2026-03-02 04:05', '23:59:59.999999', '1 year 2 mons -3 days',
            2.75, 2 ^ -30, 0.10, -3, '\x5c', '€', 'Ä', 'blue', '(2026-02-03 00:00Z,)'),
        (2, '2025-12-11', '2025-12-11Z', '2025-12-11', '00:00', '-1 day 2 hours 0.000001 sec', 1234.5, -4096 - 2 ^ -28,
            1.10, 2147483, '', e'a\\b''c', 'ab c', 'green', 'empty'),
        (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
        (4, '0044-03-15 BC', '0044-03-15 12:00:00Z BC', '0044-03-15 BC', '12:00', '-178000 years', -1048575.9375, 0.75,
            -1e-20, -7, '\x27275c', '', '', 'green', '[2026-03-02 04:05Z,2026-03-03Z]'),
        (5, 'infinity', '-infinity', 'infinity', '24:00', '00:00:00.000001', 0.0625, -0.5, 0, 0, '\x61', 'a  ', 'zz',
            'red', '(,2025-12-11 12:00Z]'),
        (6, '1999-01-02', '1999-01-01 20:00Z', '1999-01-02 20:30', '20:30', '1 mon', 65536.0625, 2 ^ -31 + 512, 99.99,
            12, '\xc384', 'é', e'\\', null,
            '[2026-02-03 00:00:00.25Z,2026-02-04Z)');
    create schema mask;
    create domain mask.date as text;
    create domain mask.timestamptz as text;
    create domain mask.interval as text;
    create domain mask.numeric as text;
    create domain mask.bytea as text;
    create function mask.greatest(numeric, numeric) returns numeric language sql as 'select -1.0';
    create function mask.count(bigint) returns bigint language sql as 'select -1::bigint';
    create function mask.never(real, real) returns boolean language sql as 'select false';
    create function mask.never(bytea, bytea) returns boolean language sql as 'select false';
    create function mask.never(bigint, bigint) returns boolean language sql as 'select false';
    create function mask.never(timestamptz, timestamptz) returns boolean language sql as 'select false';
    create operator mask.= (function = mask.never, leftarg = real, rightarg = real);
    create operator mask.= (function = mask.never, leftarg = bytea, rightarg = bytea);
    create operator mask.= (function = mask.never, leftarg = bigint, rightarg = bigint);
    create operator mask.= (function = mask.never, leftarg = timestamptz, rightarg = timestamptz);
    create aggregate mask.sum(double precision) (sfunc = float8mi, stype = double precision);
    create aggregate mask.array_agg(anycompatible) (sfunc = array_append, stype = anycompatiblearray);
    create table mask.event (id integer);
    create table mask.profile (id integer);
"""
# A value as reducers write it, and as the oracle does.
_FILTERS: dict[str, tuple[object, str]] = {
    "day": ("2026-02-03", "date '2026-02-03'"),
    "at": ("2026-11-01 06:30:00.123456", "timestamptz '2026-11-01 06:30:00.123456Z'"),
    "naive": ("2026-03-02 04:05", "timestamp '2026-03-02 04:05'"),
    "hour": ("04:05:06.789", "time '04:05:06.789'"),
    "span": ("-1 day 2 hours 0.000001 sec", "interval '-1 day 2 hours 0.000001 sec'"),
    "single": (1234.5625, "1234.5625::real"),
    "dbl": (1234.0000000018626, "1234 + 2 ^ -29::double precision"),
    "exact": (1.1, "1.1"),
    "whole": (7, "7"),
    "raw": ("\\x00ff41", r"'\x00ff41'::bytea"),
    "word": ("Ä", "'Ä'"),
    "fixed": ("ab", "'ab'"),
    "tint": ("blue", "'blue'"),
    "during": ("[2026-03-02 04:05,2026-03-03]", "tstzrange '[2026-03-02 04:05Z,2026-03-03Z]'"),
}


class _Reducer(NamedTuple):
    """A reducer of one column, its column's type, and what SQL calls it."""

    fields: dict[str, object]
    type: str
    oracle: str


def _extremes() -> list[_Reducer]:
    return [
        _Reducer(
            {"aggregate": aggregate, "of": name, **({"order_by": "at"} if aggregate == "last" else {})},
            type_,
            f"(array_agg(e.{name} order by {order}){chosen})[1]",
        )
        for name, type_ in _VALUES.items()
        for aggregate, order, chosen in (
            ("min", f"e.{name}", f" filter (where e.{name} is not null)"),
            ("max", f"e.{name} desc", f" filter (where e.{name} is not null)"),
            ("last", "e.at desc nulls last, e.id desc", ""),
        )
    ]


def _sums() -> list[_Reducer]:
    floats = ("single", "dbl")
    return [
        _Reducer({"aggregate": "count"}, "bigint", "count(e.id)"),
        *(
            _Reducer(
                {"aggregate": "count", "where": {name: value}}, "bigint", f"count(*) filter (where e.{name} = {sql})"
            )
            for name, (value, sql) in _FILTERS.items()
        ),
        *(
            _Reducer(
                {"aggregate": aggregate, "of": name},
                "double precision" if name in floats else "numeric",
                f"coalesce(sum(e.{name}{cast}), 0)" if aggregate == "sum" else f"avg(e.{name})",
            )
            for name, cast in {"single": "::float8", "dbl": "", "exact": "", "whole": ""}.items()
            for aggregate in ("sum", "avg")
        ),
        *(
            _Reducer(
                {"aggregate": "sum", "of": "dbl", "where": {name: value}},
                "double precision",
                f"coalesce(sum(e.dbl) filter (where e.{name} = {sql}), 0)",
            )
            for name, (value, sql) in _FILTERS.items()
            if name in ("at", "dbl", "span")
        ),
        *(
            _Reducer({"aggregate": "distinct", "of": name}, "bigint", f"count(distinct e.{name})")
            for name in _VALUES
        ),
    ]  # fmt: skip


_MODELS = {"extremes": _extremes(), "sums": _sums()}


class _Tables(NamedTuple):
    """Tables in a schema of their own.

    Attributes:
        schema: the schema.
        key: the type of the key.
        keys: four of them, as SQL.
        timing: when work is done.
        partitioned: whether events are.
        of: columns whose reducers are all that there are; none: all reducers.
    """

    schema: str
    key: str
    keys: list[str]
    timing: str
    partitioned: bool
    of: tuple[str, ...] = ()

    def reducers(self, model: str) -> dict[str, _Reducer]:
        """The reducers that are attached for a model, by their columns."""
        named = {f"{model}_{number}": each for number, each in enumerate(_MODELS[model])}
        return {name: each for name, each in named.items() if not self.of or each.fields.get("of") in self.of}

    @property
    def columns(self) -> dict[str, _Reducer]:
        """All that are attached."""
        return {name: each for model in _MODELS for name, each in self.reducers(model).items()}


def _uuid(number: int) -> str:
    return f"'{number:08}-0000-0000-0000-000000000000'"


# Both timings, both kinds of tables, and every type of key.
_TABLES = [
    _Tables("z0", "bigint", ["1", "2", "-3", "9007199254740993"], "commit", partitioned=False),
    _Tables("z1", "uuid", [_uuid(n) for n in range(4)], "commit", partitioned=True),
    _Tables("z2", "text", ["'Ä'", "'€'", "e'a\\\\b'", "''"], "statement", partitioned=False),
    _Tables("z3", "varchar(9)", ["'1.0'", "'1'", "'1 '", "'03.02.26'"], "statement", partitioned=True),
]
_FEW = [
    _Tables("z4", "smallint", ["1", "2", "-3", "32767"], "statement", partitioned=False, of=("exact", "raw")),
    _Tables("z5", "integer", ["1", "2", "-3", "1000000"], "commit", partitioned=False, of=("single", "at")),
]


def _build(session: Session, tables: _Tables) -> None:
    counters = ", ".join(f"{name} {each.type}" for name, each in tables.columns.items())
    values = ", ".join(f"{name} {type_}" for name, type_ in _VALUES.items())
    partitioned = "partition by range (id)" if tables.partitioned else ""
    schema = tables.schema
    session.run(
        f"""
        create schema {schema};
        grant usage on schema {schema} to pgscore_owner;
        create table {schema}.profile (
            id {tables.key} primary key, {counters}, score_extremes double precision, score_sums double precision
        );
        create table {schema}.event (id integer primary key, who {tables.key}, {values}) {partitioned};
        create index on {schema}.event (who);
        insert into {schema}.profile (id) select * from unnest(array[{", ".join(tables.keys)}]::{tables.key}[]);
        """
    )
    if tables.partitioned:
        session.run(f"create table {schema}.low partition of {schema}.event for values from (minvalue) to (50)")
        session.run(f"create table {schema}.high partition of {schema}.event for values from (50) to (maxvalue)")


def _attach(session: Session, tables: _Tables) -> None:
    for model in _MODELS:
        reducers = tables.reducers(model)
        session.run(
            "select pgscore.attach(%s, %s, %s, 'who', 'id', %s, %s, timing => %s)",
            model,
            f"{tables.schema}.event",
            f"{tables.schema}.profile",
            json.dumps([{**each.fields, "column": name} for name, each in reducers.items()]),
            f"score_{model}",
            tables.timing,
        )


def _steps(tables: _Tables) -> tuple[list[str], ...]:
    """What comes, what changes and goes, and what changes in the last digits and nowhere else."""
    event, (one, two, three, four), names = f"{tables.schema}.event", tables.keys, ", ".join(_VALUES)

    def rows(*placed: tuple[int, str, int]) -> str:
        listed = ", ".join(f"({n}, {who}, {seed})" for n, who, seed in placed)
        chosen = ", ".join(f"s.{name}" for name in _VALUES)
        return (
            f"insert into {event} (id, who, {names}) select v.id, v.who::{tables.key}, {chosen}"
            f" from (values {listed}) v (id, who, seed) join zone.seed s on s.s operator(pg_catalog.=) v.seed"
        )

    values = f"({names}) = (select {names} from zone.seed s where s.s operator(pg_catalog.=) (e.id + 3) % 7)"
    return [
        "begin",
        rows((1, one, 0)),
        rows((2, one, 1), (3, two, 2), (4, two, 3), (5, three, 4), (50, "null", 5)),
        rows((6, three, 5)),
        rows((7, one, 6)),
        rows((51, two, 0)),
        "commit",
        rows((52, four, 0)),
        rows((53, four, 1)),
        rows((54, four, 6), (55, four, 4), (56, two, 1)),
    ], [
        f"update {event} e set {values} where id operator(pg_catalog.<) 52",
        "begin",
        f"update {event} set who = {two} where id operator(pg_catalog.<) 3",
        rows((57, two, 4)),
        "set constraints all immediate",
        f"update {event} set who = {one}, id = id + 60 where id operator(pg_catalog.<) 5",
        f"delete from {event} where id operator(pg_catalog.=) any ('{{6, 57}}')",
        f"update {event} set single = single + 16",
        f"update {event} set at = at - make_interval(secs => 0.25), day = day + 1",
        f"update {event} set dbl = dbl * 2",
        rows((58, three, 2)),
        "commit",
        f"{rows((58, four, 3), (59, one, 6))} on conflict (id) do update set who = excluded.who, raw = excluded.raw",
        f"delete from {event} where id operator(pg_catalog.>=) 52 and id operator(pg_catalog.<) 55",
        f"delete from {event} where who operator(pg_catalog.=) {one}::{tables.key}",
        rows((80, one, 6), (81, one, 0)),
    ], [
        f"update {event} set single = single + 16 where id operator(pg_catalog.=) 80",
    ], [
        f"update {event} set dbl = dbl + 2 ^ -29 where id operator(pg_catalog.=) 81",
    ]  # fmt: skip


def _wrong(session: Session, tables: _Tables) -> list[tuple[object, ...]]:
    """Counters that are not what GROUP BY says: the key, the column, what is stored and what is expected."""
    schema = tables.schema
    compared = ", ".join(
        f"('{name}', p.{name} is not distinct from g.{name}, p.{name}::text, g.{name}::text)" for name in tables.columns
    )
    return session.run(
        f"""
        select p.id, c.name, c.stored, c.expected
        from (
            select c.id, {", ".join(f"{each.oracle} as {name}" for name, each in tables.columns.items())}
            from {schema}.profile c left join {schema}.event e on e.who = c.id group by c.id
        ) g join {schema}.profile p on p.id = g.id,
            lateral (values {compared}) c (name, same, stored, expected)
        where not c.same
        """
    )


@pytest.fixture
def observer(installed: Database) -> Session:
    """A session with defaults, where the tables are made; each is attached in a session with other settings."""
    session = installed.session()
    session.run(_SEED)
    for number, each in enumerate([*_TABLES, *_FEW]):
        _build(session, each)
        attaching = installed.session()
        attaching.run(f"set {_SETTINGS[number]}")
        _attach(attaching, each)
        attaching.close()
    return session


def _hold(session: Session, observer: Session, tables: _Tables, settings: Iterable[str | None]) -> None:
    """Runs the steps, each after a setting, if there is one, and holds invariant 1 now and then."""
    session.run(f"truncate {tables.schema}.event")
    for part in _steps(tables):
        for step, setting in zip(part, settings, strict=False):
            if setting:
                session.run(f"set {setting}")
            session.run(step)
        assert _wrong(observer, tables) == [], (tables, session.run(_CHANGED))


def test_invariant_1_no_setting_changes_a_counter(installed: Database, observer: Session) -> None:
    """What a session brings along, from its first statement on."""
    for setting in _SETTINGS:
        session = installed.session()
        session.run(f"set {setting}")
        for tables in _TABLES:
            _hold(session, observer, tables, repeat(None))
        session.close()
    # Plans were made under other settings than those under which they are used.
    session = installed.session()
    for tables in [*_TABLES, *_FEW]:
        _hold(session, observer, tables, cycle(_SETTINGS))
    # Of many reducers a plan takes seconds to be compiled.
    session = installed.session()
    session.run(f"set {_JIT}")
    for tables in _FEW:
        _hold(session, observer, tables, repeat(None))
