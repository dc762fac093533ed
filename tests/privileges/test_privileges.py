"""Invariant 7: every role can do what the design says, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.database import ANALYST, APPLICATION, LOGINS, NOBODY, OPERATOR, SCIENTIST, refused
from tests.support.models import customers, pipeline, probability

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_SNAPSHOT = Path(__file__).parent / "privileges.txt"
_UPDATE = "PGSCORE_UPDATE_SNAPSHOTS"  # set it to 1 to write the snapshot anew, and review the difference
_SCHEMAS = "('pgscore', 'pgscore_models', 'pgscore_trusted')"
_ROLES = (
    "('pgscore_reader'), ('pgscore_publisher'), ('pgscore_operator'), ('pgscore_owner'),"
    " ('churn_owner'), ('test_application'), ('test_nobody')"
)

_FUNCTIONS = f"""
    select r.name || ' ' || p.oid::regprocedure
    from (values {_ROLES}) as r (name), pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in {_SCHEMAS} and p.prorettype <> 'trigger'::regtype
        and has_schema_privilege(r.name, n.oid, 'usage') and has_function_privilege(r.name, p.oid, 'execute')
    order by 1
"""
_TABLES = f"""
    select r.name || ' ' || w.what || ' ' || c.oid::regclass
        || case when has_table_privilege(r.name, c.oid, w.what) then '' else
            ' (' || (
                select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and has_column_privilege(r.name, c.oid, a.attnum, w.what)
            ) || ')'
        end
    from (values {_ROLES}) as r (name),
        (values ('select'), ('insert'), ('update'), ('references')) as w (what),
        pg_class c join pg_namespace n on n.oid = c.relnamespace
    where (n.nspname in {_SCHEMAS} or n.nspname = 'churn') and c.relkind in ('r', 'p', 'v') and not c.relispartition
        and has_schema_privilege(r.name, n.oid, 'usage') and has_any_column_privilege(r.name, c.oid, w.what)
    union all
    select r.name || ' ' || w.what || ' ' || c.oid::regclass
    from (values {_ROLES}) as r (name), (values ('delete'), ('truncate'), ('trigger')) as w (what),
        pg_class c join pg_namespace n on n.oid = c.relnamespace
    where (n.nspname in {_SCHEMAS} or n.nspname = 'churn') and c.relkind in ('r', 'p', 'v') and not c.relispartition
        and has_schema_privilege(r.name, n.oid, 'usage') and has_table_privilege(r.name, c.oid, w.what)
    order by 1
"""
_CREATORS = f"""
    select r.name || ' creates in ' || n.nspname
    from (values {_ROLES}) as r (name), pg_namespace n
    where n.nspname in {_SCHEMAS} and has_schema_privilege(r.name, n.oid, 'create')
    order by 1
"""


def _texts(session: Session, query: str) -> list[str]:
    return [text for (text,) in session.run(query)]


@pytest.fixture
def session(shared_session: Session) -> Session:
    return shared_session


def test_invariant_7_who_may_do_what(serving: Database) -> None:
    session = serving.session()
    parts = {"CREATE": _CREATORS, "FUNCTIONS": _FUNCTIONS, "TABLES": _TABLES}
    found = "\n".join(f"{title}\n" + "".join(f"{t}\n" for t in _texts(session, sql)) for title, sql in parts.items())
    if os.environ.get(_UPDATE) == "1":
        _SNAPSHOT.write_text(found)
    assert found == _SNAPSHOT.read_text()


def test_invariant_7_public_has_nothing(session: Session) -> None:
    """Nobody, who is a member of no role, stands for PUBLIC."""
    assert (
        _texts(
            session,
            f"""
        select n.nspname || '.' || o.name from (
            select pronamespace as space, proname::text as name, coalesce(proacl, acldefault('f', proowner)) as acl
            from pg_proc
            union all
            select relnamespace, relname, coalesce(relacl, acldefault('r', relowner)) from pg_class
            union all
            select oid, 'the schema', coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace
            union all
            select t.typnamespace, t.typname, coalesce(t.typacl, acldefault('T', t.typowner))
            from pg_type t left join pg_class c on c.oid = t.typrelid
            where t.typelem = 0 and (t.typtype in ('d', 'e') or c.relkind = 'c')
        ) o join pg_namespace n on n.oid = o.space, aclexplode(o.acl) a
        where n.nspname in {_SCHEMAS} and a.grantee = 0
        order by 1
        """,
        )
        == []
    )


def test_invariant_7_security_definer_functions_pin_their_search_path(session: Session) -> None:
    query = """
        select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where (n.nspname like 'pgscore%' or n.nspname = 'churn') and p.prosecdef and {condition}
        order by 1
    """
    pinned = "exists (select from unnest(p.proconfig) c where c ~ '^search_path=(\"\"|pg_catalog, pg_temp)$')"
    assert _texts(session, query.format(condition=f"not {pinned}")) == []
    found = _texts(session, query.format(condition=pinned))
    assert "pgscore.promote(text,integer,text,double precision,boolean)" in found


def test_invariant_7_python_lives_in_pgscore_trusted_and_is_short(session: Session) -> None:
    found = session.run(
        """
        select p.oid::regprocedure::text, n.nspname, r.rolsuper, p.prosrc, p.proconfig
        from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        join pg_language l on l.oid = p.prolang
        join pg_roles r on r.oid = p.proowner
        where l.lanname = 'plpython3u' order by 1
        """
    )
    assert [name for name, *_ in found] == [
        "pgscore_trusted._count_row(double precision)",
        "pgscore_trusted._environment()",
        "pgscore_trusted._estimate_called(text,integer,double precision[],text[],boolean,boolean)",
        "pgscore_trusted._estimate_memory(text,integer,bytea,text[],boolean,boolean)",
        "pgscore_trusted._load_program(text)",
        "pgscore_trusted._load_reasons(text,integer)",
        "pgscore_trusted._load_received(text,bytea,text,text[],text[],bytea[],text[],bigint[])",
        "pgscore_trusted._receive(integer,bytea)",
        "pgscore_trusted._runtime()",
        "pgscore_trusted._walk(text,integer,double precision[],text[])",
        "pgscore_trusted._walk_outputs(text,double precision[],text[])",
        "pgscore_trusted._walk_reasons(text,double precision[],text[])",
    ]
    for name, schema, by_superuser, body, settings in found:
        # One asks the database nothing, and is called for each row.
        pinned = None if "._walk(" in name else ["search_path=pg_catalog, pg_temp"]
        assert (schema, by_superuser, settings) == ("pgscore_trusted", True, pinned)
        assert name.endswith("_runtime()") or len(body.strip().splitlines()) <= 5
    owned = "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where not r.rolsuper"
    assert session.value(f"{owned} and c.relnamespace = 'pgscore_trusted'::regnamespace") == 0


def test_invariant_7_no_role_of_ours_logs_in_or_is_more(session: Session) -> None:
    assert (
        session.run(
            "select rolname::text from pg_roles where (rolname like 'pgscore%' or rolname = 'churn_owner')"
            " and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication)"
        )
        == []
    )


def test_invariant_7_an_application_inserts_and_does_nothing_else(serving: Database) -> None:
    application = serving.session(APPLICATION)
    application.run("insert into churn.complaints (customer_id, kind) values (1, 'x')")
    for statement in (
        "select * from churn.complaints",
        "select * from churn.customer_profile",
        "update churn.customer_profile set churn_score = 0",
        "delete from churn.complaints",
        "truncate churn.complaints",
        "select churn._pgscore_customer_profile_apply(null)",
        "select churn._pgscore_customer_profile_commit()",
        "select churn._pgscore_customer_profile_score()",
        "select churn._pgscore_complaints_recount(1, true)",
        "select churn._pgscore_complaints_reconcile(500, true)",
        "select pgscore.detach('churn.complaints', 'churn.customer_profile')",
        "select pgscore.score('churn', '{}'::jsonb)",
        "insert into churn._pgscore_customer_profile_queue (pgscore_binding, pgscore_task) values (1, 'recount all')",
        "select * from churn._pgscore_customer_profile_queue",
        "select * from churn._pgscore_customer_profile_arrival",
        "delete from pgscore.binding",
        "insert into pgscore.stale_row (binding, key, reason) values (1, '1', 'x')",
        "select * from pgscore.model",
        "select * from pgscore.prediction_log",
    ):
        with refused("42501", "permission denied"):
            application.run(statement)


def test_invariant_7_a_reader_reads_no_artifact_and_changes_nothing(serving: Database) -> None:
    analyst = serving.session(ANALYST)
    assert analyst.value("select count(contract) from pgscore.model_version") == 2
    for statement in (
        "select content from pgscore.artifact_chunk",
        "select count(*) from pgscore.artifact_chunk",
        "select * from pgscore.golden_row",
        "select * from pgscore.prediction_log",
        "select * from pgscore.stale",
        "update pgscore.model set serving = 2",
        "select pgscore.promote('churn', 2)",
        "select pgscore._publish('x', '', '', 1, '', '{}', null, null, '{}', '[]', null)",
        "select pgscore._store_chunk('churn', 1, 'x')",
        "select pgscore.rollback('churn')",
        "select pgscore.retire('churn', 2)",
        "select pgscore.prune('churn')",
        "select pgscore.confirm('churn', 2)",
        "select pgscore._serve('churn', 2, null)",
        "select pgscore._load('churn', 1)",
        "select * from pgscore.verify('churn')",
        "select * from pgscore_trusted.trusted_key",
        "select pgscore_trusted._runtime()",
        "create function pgscore_models.churn(text) returns float8 language sql as 'select 1.0'",
    ):
        with refused("42501", "permission denied"):
            analyst.run(statement)


def test_invariant_7_a_reader_writes_bindings_of_its_own_tables_and_no_other(serving: Database) -> None:
    """They attach with rights of their own, and so write pgscore.binding: under row-level security."""
    serving.session().run(f"create schema analysis authorization {ANALYST}")
    analyst = serving.session(ANALYST)
    analyst.run("create table analysis.event (id integer); create table analysis.profile (id integer)")
    binding = """
        insert into pgscore.binding (
            name, owner, events, profile, model, event_key, profile_key, reducers, score, timing, on_error, on_missing,
            log, event_schema, event_prefix, profile_schema, profile_prefix
        )
        select 'mine', '{owner}', '{events}', '{profile}', 'mine', event_key, profile_key, reducers, score, timing,
            on_error, on_missing, log, '{schema}', event_prefix, '{schema}', profile_prefix
        from pgscore.binding where name = 'churn.complaints'
    """
    mine = {"owner": ANALYST, "events": "analysis.event", "profile": "analysis.profile", "schema": "analysis"}
    for changed in (
        {"owner": "churn_owner"},
        {"events": "churn.complaints"},
        {"profile": "churn.customer_profile"},
        {"owner": "churn_owner", "events": "churn.complaints", "profile": "churn.customer_profile"},
        {"owner": "pgscore_owner"},
    ):
        with refused("42501", "new row violates row-level security policy"):
            analyst.run(binding.format_map({**mine, **changed}))
    for statement in (
        "update pgscore.binding set model = 'x'",
        "update pgscore.binding set events = 'analysis.event'",
        "truncate pgscore.binding",
        "insert into pgscore.binding (number) overriding system value values (9)",
    ):
        with refused("42501", "permission denied"):
            analyst.run(statement)
    before = serving.session().run("select b::text from pgscore.binding b")
    analyst.run("update pgscore.binding set timing = 'statement', on_error = 'abort', log = false, reducers = '[]'")
    analyst.run("delete from pgscore.binding")
    assert serving.session().run("select b::text from pgscore.binding b") == before
    for statement in (
        "insert into pgscore.stale_row (binding, key, reason) values (1, '1', 'x')",
        "insert into pgscore.reconciliation (binding, repair) values (1, true)",
        "insert into pgscore.prediction_log (model, version, binding) values ('churn', 1, 'churn.complaints')",
    ):
        with refused("42501", "new row violates row-level security policy"):
            analyst.run(statement)
    assert analyst.run("select * from pgscore.stale_row") == analyst.run("select * from pgscore.reconciliation") == []
    analyst.run(binding.format_map(mine))
    with refused("42501", "new row violates row-level security policy"):
        analyst.run("update pgscore.binding set owner = 'churn_owner' where name = 'mine'")
    analyst.run("delete from pgscore.binding where name = 'mine'")
    assert serving.session().run("select b::text from pgscore.binding b") == before


def test_invariant_7_a_publisher_and_an_operator_change_no_table(serving: Database) -> None:
    for login in (SCIENTIST, OPERATOR):
        session = serving.session(login)
        for statement in (
            "insert into pgscore.model_version select * from pgscore.model_version",
            "insert into pgscore.model (name) values ('x')",
            "update pgscore.model set serving = 2",
            "delete from pgscore.golden_row",
            "insert into pgscore_trusted.trusted_key (public_key, holder) values ('\\x00', 'me')",
            "update pgscore_trusted.trusted_key set revoked_at = null",
            "select content from pgscore.artifact_chunk",
            "insert into pgscore.artifact_chunk values ('churn', 1, 99, 'x')",
            "insert into pgscore.confirmed_type values ('churn', 1, 'builtins.eval')",
            "insert into pgscore.promotion (model, version) values ('churn', 2)",
            "delete from pgscore.retirement",
            "select pgscore._load('churn', 1)",
            "select pgscore._serve('churn', 2, null)",
            "select pgscore._replace_profiles('churn')",
            "select pgscore._lock_releases()",
            "select pgscore_trusted._receive(1, 'x')",
            "select pgscore_trusted._load('', '', '', '{}')",
            "select pgscore_trusted._estimate('', 1, null, null, false)",
            "select pgscore_trusted._runtime()",
            "create or replace function pgscore_trusted._runtime() returns void language sql as ''",
            "create table pgscore_models.x ()",
            "create function pgscore_trusted.x() returns void language sql as ''",
        ):
            with refused("42501", "permission denied"):
                session.run(statement)


def test_invariant_7_the_owner_runs_no_python(serving: Database) -> None:
    session = serving.session()
    session.run("set role pgscore_owner")
    for statement in (
        "create function pgscore.x() returns void language plpython3u as 'pass'",
        "create or replace function pgscore_trusted._runtime() returns void language plpython3u as 'pass'",
        "drop function pgscore_trusted._runtime()",
        "drop schema pgscore_trusted cascade",
        "insert into pgscore_trusted.trusted_key (public_key, holder) values (repeat('x', 32)::bytea, 'me')",
        "alter function pgscore_trusted._environment() rename to x",
    ):
        with pytest.raises(Exception, match=r"permission denied|must be owner"):
            session.run(statement)


def test_versions_do_not_change_for_their_owner_either(serving: Database) -> None:
    session = serving.session()
    session.run("set role pgscore_owner")
    for statement in (
        "update pgscore.model_version set metrics = '{}'",
        "delete from pgscore.model_version",
        "truncate pgscore.model_version cascade",
        "update pgscore.golden_row set expected = 0",
        "delete from pgscore.golden_row",
        "truncate pgscore.golden_row",
        "update pgscore.artifact_chunk set content = 'x'",
        "truncate pgscore.artifact_chunk",
    ):
        with refused("55000", "is refused: what was published does not change"):
            session.run(statement)
    with refused("55000", 'model "churn" version 1 is not retired and pruned'):
        session.run("delete from pgscore.artifact_chunk where version = 1")


def test_invariant_7_a_caller_shadows_nothing(serving: Database) -> None:
    """Temporary objects and a search_path of the caller's change no result."""
    session = serving.session()
    for login in (ANALYST, APPLICATION):
        session.run(f"grant create, temporary on database {serving.name} to {login}")
    shadows = (
        "create temporary table queue (transaction xid8, binding text, keys text[], deltas bigint[])",
        "create temporary table model (name text, serving integer)",
        "create temporary table model_version (model text, version integer)",
        "create temporary table customer_profile (customer_id bigint)",
        "create temporary table trusted_key (key_id text, public_key bytea, revoked_at timestamptz)",
        "create schema shadow",
        "create function shadow.count(bigint) returns bigint language sql as 'select 1000::bigint'",
        "create function shadow.array_agg(text) returns text[] language sql as 'select null::text[]'",
        "create function shadow.sha256(bytea) returns bytea language sql as 'select null::bytea'",
        "create function shadow.unnest(text[]) returns setof text language sql as 'select null::text'",
        "create function shadow.now() returns timestamptz language sql as 'select null::timestamptz'",
        "set search_path = shadow, pg_temp, pg_catalog, public",
    )
    application = serving.session(APPLICATION)
    for statement in shadows:
        application.run(statement)
    application.run("insert into churn.complaints (customer_id, kind) values (1, 'x'), (1, 'y')")
    row = "select number_customer_service_calls, churn_score from churn.customer_profile where customer_id = 1"
    expected = customers().head(1)
    expected["number_customer_service_calls"] += 2
    score = pytest.approx(probability(pipeline(), expected)[0], abs=1e-12)
    assert session.row(row) == (expected["number_customer_service_calls"][0], score)

    analyst = serving.session(ANALYST)
    for statement in shadows:
        analyst.run(statement.replace("schema shadow", "schema if not exists shadow2").replace("shadow.", "shadow2."))
    analyst.run("set search_path = shadow2, pg_temp, pg_catalog, public")
    call = "select pgscore.score('churn', p) from churn.customer_profile p where p.customer_id = 1"
    assert analyst.value(call) == score
    assert analyst.value(call.replace("', p)", "', to_jsonb(p))")) == score


def test_the_login_roles_of_the_tests_are_no_superusers(session: Session) -> None:
    found = session.run("select rolname::text from pg_roles where rolname = any (%s) and not rolsuper", list(LOGINS))
    assert len(found) == len(LOGINS)
    assert (NOBODY,) in found
