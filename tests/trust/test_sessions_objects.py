"""What a session has in its temporary schema, or first in its path, never runs with other rights than its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore.doctor import examine

from tests.support.database import OPERATOR

from .world import TRAPS, call

if TYPE_CHECKING:
    from tests.support.database import Session

    from .world import World

# Names of types that SQL writes without thinking. Words of the grammar among them matter where something quotes them.
_TYPES = [
    *("text", "name", "varchar", "bpchar", "char", "bool", "boolean", "int2", "int4"),
    *("int8", "smallint", "integer", "bigint", "float4", "float8", "numeric", "oid", "xid"),
    *("xid8", "json", "jsonb", "bytea", "uuid", "date", "timestamp", "timestamptz", "interval"),
    *("regclass", "regrole", "regtype", "regproc", "regprocedure", "regnamespace", "record", "trigger", "void"),
]
# What a domain of that name is made of, where the catalog has another name for it, or no value of it can be stored.
_BASES = {
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "record": "text",
    "trigger": "text",
    "void": "text",
}
# Relations that pgscore reads and writes, under their bare names.
_RELATIONS = """
    select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where (n.nspname ~ '^pgscore' or (n.nspname in ('sa', 'sb') and c.relname ~ 'pgscore')) and c.relkind in ('r', 'v')
    union select unnest(array['ev', 'pr', 'pgscore_new', 'pgscore_old', 'pg_class', 'pg_proc', 'pg_trigger'])
"""
# Each function and operator of pg_catalog that pgscore's own text names, with the same arguments, as a trap.
_FUNCTIONS = """
    do $do$
    declare
        f record;
    begin
        for f in
            select p.proname, pg_get_function_identity_arguments(p.oid) as arguments, p.prorettype::regtype as result,
                (select string_agg('$' || i, ', ') from generate_series(1, p.pronargs) i) as given
            from pg_catalog.pg_proc p
            where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and p.provariadic = 0
                and p.proargmodes is null and not p.proretset and p.pronargs between 1 and 4
                and not (p.proargtypes::oid[] || p.prorettype) && array[
                    'internal', 'cstring', '"any"', 'trigger', 'event_trigger', 'record', 'void'
                ]::regtype[]::oid[]
                and p.proname::text in (
                    select w.word[1]
                    from pg_catalog.pg_proc o
                    join pg_catalog.pg_namespace n on n.oid = o.pronamespace
                    cross join regexp_matches(o.prosrc, '\\w+', 'g') as w (word)
                    where n.nspname ~ '^pgscore' or o.proname ~ '^_pgscore'
                )
        loop
            begin
                execute format(
                    'create function lure.%I(%s) returns %s language plpgsql as '
                    '$$begin perform evil.strike(); return pg_catalog.%1$I(%4$s); end$$',
                    f.proname, f.arguments, f.result, f.given
                );
            exception when others then
                continue;
            end;
        end loop;
    end
    $do$
"""
_OPERATORS = """
    do $do$
    declare
        o record;
    begin
        for o in
            select p.oprname, p.oprleft::regtype as l, p.oprright::regtype as r, p.oprresult::regtype as result,
                'operator_' || p.oid as name
            from pg_catalog.pg_operator p
            where p.oprnamespace = 'pg_catalog'::regnamespace and p.oprkind = 'b'
                and p.oprleft = any (array[
                    'text', 'name', 'bool', 'int4', 'int8', 'float8', 'numeric', 'jsonb', 'oid', 'xid8', 'timestamptz',
                    'interval', 'anyarray', 'record', '"char"', 'regclass'
                ]::regtype[])
        loop
            begin
                execute format(
                    'create function lure.%I(%s, %s) returns %s language plpgsql as '
                    '$$begin perform evil.strike(); return $1 operator(pg_catalog.%s) $2; end$$',
                    o.name, o.l, o.r, o.result, o.oprname
                );
                execute format(
                    'create operator lure.%s (leftarg = %s, rightarg = %s, function = lure.%I)',
                    o.oprname, o.l, o.r, o.name
                );
            exception when others then
                continue;
            end;
        end loop;
    end
    $do$
"""


def _domains(session: Session, place: str) -> None:
    for name in _TYPES:
        base = _BASES.get(name, name)
        session.run(f'create domain {place}."{name}" as pg_catalog."{base}" check ({place}.trap(value))')


def _enums(session: Session, place: str) -> None:
    for name in _TYPES:
        session.run(f"create type {place}.\"{name}\" as enum ('1', 'k1')")


def _ranges(session: Session, place: str) -> None:
    session.run(
        f"create function {place}.far(a pg_catalog.int8, b pg_catalog.int8) returns pg_catalog.float8 language plpgsql"
        " immutable as $$begin perform evil.strike(); return b - a; end$$"
    )
    for name in _TYPES:
        session.run(
            f'create type {place}."{name}" as range (subtype = pg_catalog.int8, subtype_diff = {place}.far,'
            f' multirange_type_name = {place}."several {name}")'
        )


def _rows(session: Session, place: str) -> None:
    for name in (*_TYPES, "binding", "work", "scored"):
        session.run(f'create type {place}."{name}" as (a pg_catalog.int4)')


def _casts(session: Session, place: str) -> None:
    """An own type, with a cast to each that values may meet on their way."""
    session.run(f"create type {place}.own as (a pg_catalog.int4)")
    for name in ("text", "int8", "float8", "numeric", "name", "jsonb"):
        session.run(
            f"create function {place}.to_{name}(v {place}.own) returns pg_catalog.{name} language plpgsql immutable as"
            " $$begin perform evil.strike(); return null; end$$"
        )
        session.run(f"create cast ({place}.own as pg_catalog.{name}) with function {place}.to_{name} as implicit")


def _views(session: Session, place: str) -> None:
    for name in _relations(session):
        session.run(f'create view {place}."{name}" as select {place}.trap() as k, {place}.trap() as v')


def _tables(session: Session, place: str) -> None:
    for name in _relations(session):
        session.run(f'create table {place}."{name}" (k pg_catalog.text, binding pg_catalog.int4, x pg_catalog.bool)')
        session.run(
            f'create trigger trap before insert or update or delete on {place}."{name}" for each row'
            f" execute function {place}.trap_trigger()"
        )


def _functions(session: Session, place: str) -> None:
    assert place == "lure"
    session.run(_FUNCTIONS)
    assert session.value("select count(*) from pg_proc where pronamespace = 'lure'::regnamespace") > 50


def _operators(session: Session, place: str) -> None:
    assert place == "lure"
    session.run(_OPERATORS)
    assert session.value("select count(*) from pg_operator where oprnamespace = 'lure'::regnamespace") > 50


def _relations(session: Session) -> list[str]:
    return [name for (name,) in session.run(_RELATIONS)]


_EVERYWHERE = {
    "domains": _domains,
    "enums": _enums,
    "ranges": _ranges,
    "rows": _rows,
    "casts": _casts,
    "views": _views,
    "tables": _tables,
}
# Functions and operators of a temporary schema are found under its name only.
_IN_A_PATH = {**_EVERYWHERE, "functions": _functions, "operators": _operators}
_KINDS = [(kind, "pg_temp") for kind in _EVERYWHERE] + [(kind, "lure") for kind in _IN_A_PATH]


def _lay(session: Session, kind: str, place: str) -> None:
    """Makes things of a kind, in the session's temporary schema or in a schema that it puts first in its path."""
    session.run(TRAPS.format(space=place))
    _IN_A_PATH[kind](session, place)


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize(("kind", "place"), _KINDS)
def test_who_may_only_insert(world: World, kind: str, place: str, timing: str) -> None:
    world.attach("alice", timing=timing)
    _lay(world.app, kind, place)
    world.app.run(f"set search_path = {place}, pg_catalog")
    world.app.run("insert into sa.ev (k, v) values ('k1', 1), ('k2', 2)")
    world.app.run("begin")
    world.app.run("insert into sa.ev (k, v) values ('k1', 1)")
    world.app.run("set constraints all immediate")
    world.app.run("insert into sa.ev (k, v) values ('k3', 1), ('nobody', 1)")
    world.app.run("commit")
    world.assert_counted("sa")
    world.assert_ran_only_as("app")


@pytest.mark.parametrize("kind", _IN_A_PATH)
@pytest.mark.parametrize("victim", ["bob", "root"])
def test_who_has_anothers_schema_first_in_the_path(world: World, kind: str, victim: str) -> None:
    """Whoever does all that owners do runs nothing of it."""
    _lay(world.app, kind, "lure")
    session: Session = getattr(world, victim)
    if victim == "root":
        world.root.run("alter table sb.ev owner to current_user; alter table sb.pr owner to current_user")
    session.run("set search_path = lure, pg_catalog")
    for what in ("attach", "attach", "reattach", "reconcile"):
        call(session, what, "sb")
    session.run("insert into sb.ev (k, v) values ('k1', 1), ('k2', 2)")
    session.run("insert into sb.pr (k) values ('k6')")
    session.run("update sb.pr set n = 7")
    session.run("select pgscore.score('m', p), pgscore.score('m', pg_catalog.to_jsonb(p)) from sb.pr p")
    session.run("update sb.ev set k = 'k6'")
    session.run("delete from sb.ev")
    session.run("truncate sb.ev")
    session.run("insert into sb.ev (k, v) values ('k1', 1), ('k2', 2)")
    call(session, "reconcile", "sb")
    if victim == "root":
        session.run("select pgscore.promote('m', 2)")
        session.run("select pgscore.rollback('m')")
        session.run("select pgscore.verify('m')")
        session.run("select pgscore.retire('m', 2)")
    session.run("reset search_path")
    world.assert_counted("sb")
    session.run("set search_path = lure, pg_catalog")
    call(session, "detach", "sb")
    session.run("reset search_path")
    world.assert_ran_only_as()


@pytest.mark.parametrize("kind", ["functions", "operators", "domains"])
def test_a_release_with_anothers_schema_first_in_the_path(world: World, kind: str) -> None:
    world.attach("bob")
    _lay(world.app, kind, "lure")
    operator = world.database.session(OPERATOR)
    operator.run("set search_path = lure, pg_catalog")
    for statement in ("promote('m', 2)", "rollback('m')", "verify('m')", "retire('m', 2)"):
        operator.run(f"select pgscore.{statement}")
    world.assert_ran_only_as()


@pytest.mark.parametrize("kind", ["functions", "operators", "domains", "views"])
def test_the_doctor_with_anothers_schema_first_in_the_path(world: World, kind: str) -> None:
    world.attach("bob")
    _lay(world.app, kind, "lure")
    examine(f"{world.database.dsn()}?options=-csearch_path%3Dlure,pg_catalog")
    world.assert_ran_only_as()
