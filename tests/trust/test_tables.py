"""Which tables can be tied, by whom, and what stands in the catalog then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.database import refused

from .world import CALLS, MODEL, assert_one_sentence, call

if TYPE_CHECKING:
    from tests.support.database import Session

    from .world import World

_COUNT = '[{"column": "n", "aggregate": "count"}]'
_ATTACH = f"select pgscore.attach('{MODEL}', %s, %s, 'k', 'k', '{_COUNT}', 'score')"
_READ = "select k, n, score from sa.pr"
# What is no ordinary table of alice's: how it is made, and its name. Reading them runs her code.
_NO_TABLES = {
    "view": ("create view sa.x as select k, 1::bigint as n, 1::float8 as score from sa.pr where sa.trap(k)", "sa.x"),
    "materialized view": (f"create materialized view sa.x as {_READ}; create unique index on sa.x (k)", "sa.x"),
    "foreign table": ("create foreign table sa.x (k text, n bigint, score float8) server nowhere", "sa.x"),
    "sequence": ("create sequence sa.x", "sa.x"),
    "row type": ("create type sa.x as (k text, n bigint, score float8)", "sa.x"),
    "index": ("create index x on sa.pr (n)", "sa.x"),
    "partition": (
        "create table sa.parent (k text primary key, n bigint, score float8) partition by list (k);"
        "create table sa.x partition of sa.parent default",
        "sa.x",
    ),
    "inner partition": (
        "create table sa.parent (k text primary key, n bigint, score float8) partition by list (k);"
        "create table sa.x partition of sa.parent default partition by list (k);"
        "create table sa.leaf partition of sa.x default",
        "sa.x",
    ),
    "temporary table": (
        "create temporary table x (k text primary key, n bigint not null default 0, score float8)",
        "pg_temp.x",
    ),
    "table of the catalog": ("select 1", "pg_catalog.pg_class"),
    "table of pgscore": ("select 1", "pgscore.binding"),
    "table of types": (
        "create view sa.y as select 1; create rule trap as on insert to sa.ev do also select sa.trap();"
        "create table sa.x as table sa.y",
        "sa.x",
    ),
}


@pytest.mark.parametrize("side", ["events", "profile"])
@pytest.mark.parametrize("kind", _NO_TABLES)
def test_what_is_no_table_of_the_callers(world: World, kind: str, side: str) -> None:
    made, name = _NO_TABLES[kind]
    world.root.run("create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing")
    world.root.run("grant usage on foreign server nowhere to alice")
    world.alice.run(made)
    world.forget()
    given = (name, "sa.pr") if side == "events" else ("sa.ev", name)
    for session in (world.alice, world.member):
        if session is world.member and name.startswith("pg_temp"):
            continue
        with pytest.raises(psycopg2.Error) as caught:
            session.run(_ATTACH, *given)
        assert caught.value.pgcode in ("22023", "42809", "42501", "0A000", "42703", "55000"), caught.value
        assert_one_sentence(caught.value)
    world.assert_ran_only_as()
    assert world.root.run("select 1 from pgscore.binding where model = %s", MODEL) == []
    world.insert("sa")


@pytest.mark.parametrize("side", ["events", "profile"])
@pytest.mark.parametrize("grant", ["", "grant all on sb.ev, sb.pr to alice"])
def test_tables_of_two_owners(world: World, side: str, grant: str) -> None:
    """Whatever one may do with the other's table: each would get the other's rights."""
    world.bob.run(grant or "select 1")
    given = ("sb.ev", "sa.pr") if side == "events" else ("sa.ev", "sb.pr")
    with pytest.raises(psycopg2.Error) as caught:
        world.alice.run(_ATTACH, *given)
    assert caught.value.pgcode in ("42501", "22023"), caught.value
    assert_one_sentence(caught.value)
    assert world.root.run("select 1 from pgscore.binding where model = %s", MODEL) == []


@pytest.mark.parametrize("side", ["events", "profile"])
def test_a_member_of_two_owners_is_told_what_to_do(world: World, side: str) -> None:
    world.root.run("grant alice, bob to carol")
    given = ("sb.ev", "sa.pr") if side == "events" else ("sa.ev", "sb.pr")
    with pytest.raises(psycopg2.Error) as caught:
        world.carol.run(_ATTACH, *given)
    hint = (caught.value.diag.message_hint or "").lower()
    assert "alter table" in hint, caught.value
    assert "owner to" in hint, caught.value
    assert_one_sentence(caught.value)


def test_a_second_event_table_of_another_owner(world: World) -> None:
    world.attach("alice")
    world.root.run(
        "create table sa.more (k text); alter table sa.more owner to bob; grant alice to carol; grant bob to carol"
    )
    with pytest.raises(psycopg2.Error) as caught:
        world.carol.run(_ATTACH, "sa.more", "sa.pr")
    assert "owner to" in (caught.value.diag.message_hint or "").lower()
    world.insert("sa")
    world.assert_counted("sa")


def test_a_superusers_own_tables(world: World) -> None:
    world.root.run("alter schema sb owner to current_user")
    world.root.run("alter table sb.ev owner to current_user; alter table sb.pr owner to current_user")
    for what in ("attach", "attach", "reattach"):
        call(world.root, what, "sb")
    world.insert("sb", 2)
    call(world.root, "reconcile", "sb")
    world.assert_counted("sb")
    for what in ("attach", *CALLS):
        with pytest.raises(psycopg2.Error) as caught:
            call(world.bob, what, "sb")
        assert caught.value.pgcode == "42501"
    call(world.root, "detach", "sb")
    assert world.root.run("select 1 from pgscore.binding where model = %s", MODEL) == []
    world.insert("sb")


@pytest.mark.parametrize("what", ["attach", *CALLS])
def test_a_superuser_for_somebody_else(world: World, what: str) -> None:
    """One sentence, with what to do."""
    if what != "attach":
        world.attach("alice")
    with pytest.raises(psycopg2.Error) as caught:
        call(world.root, what, "sa")
    said = f"{caught.value.diag.message_primary} {caught.value.diag.message_hint or ''}"
    assert caught.value.pgcode == "42501"
    assert "alice" in said
    assert "connect" in said.lower(), said
    assert_one_sentence(caught.value)


def test_a_member_ties_for_the_owner(world: World) -> None:
    call(world.member, "attach", "sa")
    world.insert("sa", 2)
    world.assert_counted("sa")
    assert _owners(world.root) == [("alice",)]
    for what in ("reattach", "reconcile"):
        call(world.alice, what, "sa")
        call(world.member, what, "sa")
    world.assert_counted("sa")
    assert _owners(world.root) == [("alice",)]
    call(world.member, "detach", "sa")


def test_who_is_a_member_without_inheriting(world: World) -> None:
    """Such a member says SET ROLE first; nothing in between is done."""
    world.root.run("alter role member noinherit")
    try:
        with pytest.raises(psycopg2.Error) as caught:
            call(world.member, "attach", "sa")
        assert caught.value.pgcode == "42501"
        world.member.run("set role alice")
        call(world.member, "attach", "sa")
        world.insert("sa")
        world.assert_counted("sa")
        assert _owners(world.root) == [("alice",)]
    finally:
        world.root.run("alter role member inherit")


def test_an_owner_who_is_no_reader(world: World) -> None:
    world.root.run("revoke pgscore_reader from alice")
    try:
        with refused("42501", "permission denied"):
            world.attach("alice")
    finally:
        world.root.run("grant pgscore_reader to alice")


def test_what_stands_in_the_catalog(world: World) -> None:
    """What is generated belongs to the owner of the tables, and no role of pgscore stands between."""
    for owner in ("alice", "bob"):
        world.attach(owner)
    root = world.root
    assert root.value("select to_regrole('pgscore_applier')") is None
    strangers = root.run(
        "select p.oid::regprocedure::text, p.proowner::regrole::text from pg_proc p"
        " join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname in ('sa', 'sb') and p.proowner <> n.nspowner"
    )
    assert strangers == []
    triggers = root.run(
        "select t.tgname::text, p.proowner::regrole::text from pg_trigger t join pg_class c on c.oid = t.tgrelid"
        " join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname !~ '^pgscore' and not t.tgisinternal and p.proowner <> c.relowner"
    )
    assert triggers == [], "triggers work with the rights of the table's owner"
    ours = root.run(
        "select c.oid::regclass::text, t.tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid"
        " join pg_proc p on p.oid = t.tgfoid where p.proowner::regrole::text ~ '^pgscore' and not t.tgisinternal"
        " and c.relowner::regrole::text !~ '^pgscore'"
    )
    assert ours == [], "no trigger function of pgscore's on a user's table"


def test_nothing_of_pgscore_is_writable_by_public(world: World) -> None:
    world.attach("alice")
    assert (
        world.root.run(
            "select c.oid::regclass::text, a.privilege_type from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace,"
            " aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a"
            " where (n.nspname ~ '^pgscore' or c.relname ~ '^_pgscore') and a.grantee = 0"
            " union all select n.nspname::text, a.privilege_type from pg_namespace n,"
            " aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a"
            " where n.nspname ~ '^pgscore' and a.grantee = 0"
            " union all select p.oid::regprocedure::text, a.privilege_type from pg_proc p"
            " join pg_namespace n on n.oid = p.pronamespace,"
            " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
            " where (n.nspname ~ '^pgscore' or p.proname ~ '^_pgscore') and a.grantee = 0"
            # A trigger's condition, which whoever writes evaluates: they say yes or no.
            " and not (p.proname ~ '_(is_marked|has_mark)$' and p.pronargs = 0 and p.prorettype = 'boolean'::regtype)"
        )
        == []
    )


# A call in the text of a function: a schema, a dot, a name, a parenthesis.
_CALLS_OF = r"\m([a-z_][a-z_0-9]*|\"[^\"]+\")\.([a-z_][a-z_0-9]*|\"[^\"]+\")\s*\("


def test_no_definer_function_of_pgscore_names_a_users_table(world: World) -> None:
    """Nor does it call a function outside of pgscore's schemas and the catalog."""
    world.attach("alice")
    world.attach("bob")
    root = world.root
    definers = (
        "select p.oid::regprocedure::text as name, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body"
        " from pg_proc p where p.prosecdef and p.proowner::regrole::text ~ '^pgscore'"
    )
    assert root.value(f"select count(*) from ({definers}) d") > 10
    tables = root.run(
        f"select d.name, c.oid::regclass::text from ({definers}) d, pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('sa', 'sb', 'churn') and c.relkind in ('r', 'p')"
        " and position(c.oid::regclass::text in d.body) > 0"
    )
    assert tables == []
    # alias.column (…) is no call of a function; a schema that exists is one.
    called = root.run(
        f"select distinct d.name, m[1] || '.' || m[2] from ({definers}) d, regexp_matches(d.body, %s, 'g') m"
        " where exists (select from pg_namespace n where quote_ident(n.nspname) = m[1])"
        " and m[1] !~ '^pgscore(_models|_trusted)?$' and m[1] <> 'pg_catalog'",
        _CALLS_OF,
    )
    assert called == []


def _owners(session: Session) -> list[tuple[str]]:
    """Who owns what was generated beside alice's tables."""
    return session.run(
        "select distinct o::regrole::text from ("
        "select proowner from pg_proc where pronamespace = 'sa'::regnamespace"
        " union all select relowner from pg_class where relnamespace = 'sa'::regnamespace"
        " union all select typowner from pg_type where typnamespace = 'sa'::regnamespace) s (o)"
    )
