"""The schema pgscore is dropped by mistake, or a schema is copied without it: what is left fails every insert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest
from pgscore.doctor import examine

from tests.support import migrate
from tests.support.command import run as command
from tests.support.command import run_json
from tests.support.database import ANALYST, APPLICATION, refused
from tests.support.models import COUNTER, assert_counters_are_right, counters, light_pipeline

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"
_LEFT = """
    select count(*) from pg_proc p where p.proname like '\\_pgscore\\_%'
    union all select count(*) from pg_trigger t where t.tgname like '%pgscore\\_%' and not t.tgisinternal
    union all select count(*) from pg_class c where c.relname like '\\_pgscore\\_%'
"""
# What a user made, and called as pgscore calls its own.
_USERS_OWN = """
    create function churn._pgscore_complaints_note() returns trigger language plpgsql as 'begin return null; end';
    create trigger pgscore_note after insert on churn.complaints execute function churn._pgscore_complaints_note();
    create function churn._pgscore_my_score() returns trigger language plpgsql as 'begin return new; end';
    create trigger pgscore_mine before update on churn.complaints
        for each row execute function churn._pgscore_my_score();
    create table churn._pgscore_my_queue (id integer);
"""


def _left(session: Session) -> list[int]:
    return [count for (count,) in session.run(_LEFT)]


def test_after_the_schema_was_dropped_owners_insert_again_and_another_installation_goes_on(installed: Database) -> None:
    session, application = installed.session(), installed.session(APPLICATION)
    start = counters(session)
    application.run(_COMPLAIN, 1)
    session.run("grant connect on database " + installed.name + " to churn_owner")
    session.run("alter role churn_owner login password 'only for the private cluster'")
    try:
        owner = installed.dsn("churn_owner")
        assert command(owner, "rescue").stdout == "Nothing is left over.\n"
        session.run(_USERS_OWN)
        users_own = [2, 2, 1]
        session.run("drop schema pgscore cascade")
        with pytest.raises(psycopg2.Error):
            application.run(_COMPLAIN, 1)

        before = _left(session)
        listed = run_json(installed.dsn(ANALYST), "rescue")["found"]
        assert {(each["state"], each["owner"]) for each in listed} == {("not yours", "churn_owner")}
        assert {each["state"] for each in run_json(owner, "rescue", "--dry-run")["found"]} == {"left over"}
        assert _left(session) == before
        found = pgscore.rescue(owner)
        assert {each.state for each in found} == {"removed"}
        assert [each.object for each in found if each.kind == "trigger"][-1:] == ['"~pgscore_score"']
        assert _left(session) == users_own
        assert pgscore.rescue(installed.dsn()) == []
        application.run(_COMPLAIN, 2)
        assert session.value(f"select {COUNTER} from churn.customer_profile where customer_id = 1") == start[1] + 1

        # The rest of pgscore goes, and it is installed again.
        session.run("drop schema pgscore_models, pgscore_trusted cascade; drop table pgscore_alembic_version")
        migrate.upgrade(installed.dsn(), "core@head")
        published = pgscore.publish(
            installed.dsn(), "churn", light_pipeline(), profile="churn.customer_profile", promoted=True
        )
        assert published.promoted
        pgscore.attach(
            *(owner, "churn", "churn.complaints", "churn.customer_profile"),
            event_key="customer_id",
            profile_key="customer_id",
            reducers=[{"column": COUNTER, "aggregate": "count"}],
            score="churn_score",
            version="churn_model_version",
        )
        application.run(_COMPLAIN, 3)
        (done,) = pgscore.reconcile(owner, "churn.complaints", "churn.customer_profile")
        assert done.checked == len(start)
        assert_counters_are_right(session, dict.fromkeys(start, 0))
    finally:
        session.run("alter role churn_owner nologin password null")


def test_a_copy_of_a_schema_is_freed_and_what_is_attached_stays(installed: Database) -> None:
    session = installed.session()
    text = migrate.dump(installed.dsn(), "--schema-only", "--no-comments", "--schema=churn")
    migrate.psql(installed.dsn(), script=text.replace("churn.", "copied.").replace("SCHEMA churn;", "SCHEMA copied;"))
    before = _left(session)
    session.run("create view public.watching as select * from copied._pgscore_customer_profile_queue")
    # psql, as a DBA has it.
    said = migrate.psql(installed.dsn(), "-f", str(migrate.ROOT / "sql" / "rescue.sql"))
    assert "copied._pgscore_complaints_insert()" in said
    # What a user's view needs stays, and is said.
    assert command(installed.dsn(), "rescue", expect=1).stdout.splitlines()[1].split()[-2:] == ["in", "use"]
    assert "churn._pgscore" not in said
    session.run("drop view public.watching")
    assert [each.state for each in pgscore.rescue(installed.dsn())] == ["removed"]
    assert session.value("select count(*) from pg_proc where pronamespace = 'copied'::regnamespace") == 0
    assert [2 * after for after in _left(session)] == before
    installed.session(APPLICATION).run(_COMPLAIN, 1)
    assert session.value(f"select {COUNTER} from churn.customer_profile where customer_id = 1") > 0


def test_without_its_generated_functions_pgscore_makes_them_anew(installed: Database) -> None:
    session = installed.session()
    pgscore.publish(installed.dsn(), "churn", light_pipeline(), profile="churn.customer_profile", promoted=True)
    asked = "select array_agg(pgscore.score('churn', p) order by customer_id) from churn.customer_profile p"
    scores, engines = session.value(asked), "select one_engine, many_engine, serving from pgscore.model"
    chosen = session.row(engines)
    session.run("drop schema pgscore_models cascade")
    # Events go on, and their rows are listed.
    installed.session(APPLICATION).run(_COMPLAIN, 1)
    assert "pgscore_models" in session.value("select reason from pgscore.stale")
    assert [each.state for each in pgscore.rescue(installed.dsn(ANALYST))] == ["not yours"]
    assert [each.state for each in pgscore.rescue(installed.dsn(), dry_run=True)] == ["missing"]
    assert [each.state for each in pgscore.rescue(installed.dsn())] == ["made anew"]
    assert session.value(asked)[1:] == scores[1:]
    assert session.row(engines) == chosen
    assert installed.session(ANALYST).value(asked)[1:] == scores[1:]
    (stale,) = [each for each in examine(installed.dsn()) if "pgscore_models" in each.sentence]
    assert stale.code == "stale"


def test_who_may_not_read_the_bindings_removes_nothing(installed: Database) -> None:
    with refused("42501", "may not read which tables are attached"):
        installed.session("test_nobody").run((migrate.ROOT / "sql" / "rescue.sql").read_text())
