"""Tables of all kinds are rescored: keys, partitions, several models, triggers of the application, other sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pgscore
import pytest
from sklearn.linear_model import LogisticRegression

from tests.bindings import shop
from tests.bindings.keys import KEYS
from tests.support import models

from .rescored import CALL, JOB, assert_rescored, load, promote, versions

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COLUMNS = "select pgscore._into_columns_sql('churn.customer_profile')"


@pytest.mark.parametrize("kind", ["odd text", "uuid", "integer, text", "narrow profiles", "partitions"])
def test_keys_of_all_kinds(shopping: Database, kind: str) -> None:
    root = shopping.session()
    root.run('drop schema "Shop" cascade')
    tables = KEYS["bigint" if kind == "partitions" else kind]
    tables.build(root, profile_partitioned=kind == "partitions")
    tables.attach(root)
    for value in tables.values:
        root.run(f"insert into {shop.PROFILE} ({tables.profile}) values ({value})")
    if kind == "partitions":
        load(root, 300, 10)
    many = root.value(f"select count(*) from {shop.PROFILE}")
    promote(root, 2)
    root.run(f"update {shop.PROFILE} set note = 'not an input'")
    assert versions(root) == {1: many}
    # Row by row, then in pages that end within the table.
    owner = shopping.session(shop.OWNER)
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 1)")
    assert versions(root) == {2: many}
    assert assert_rescored(root, version=2) == many
    promote(root, 1)
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 3, whole => true)")
    assert root.row(JOB) == (1, 2, many, many, 0, 0, True)
    assert assert_rescored(root, version=1) == many


def test_no_rows_and_no_version(root: Session, owner: Session) -> None:
    owner.run(CALL)
    assert root.row(JOB) == (1, 2, 0, 0, 0, 0, True)
    assert assert_rescored(root, version=1) == 0


def test_without_a_version_column_scores_are_compared(root: Session, shopping: Database) -> None:
    shop.detach(root)
    shop.run_as_owner(
        root,
        "select pgscore.attach('shop', %s, %s, 'Customer Id', 'id', %s, 'Score', log => false)",
        shop.EVENTS,
        shop.PROFILE,
        json.dumps(shop.REDUCERS),
    )
    load(root, 50)
    promote(root, 2)
    owner = shopping.session(shop.OWNER)
    owner.run(CALL)
    assert root.row(JOB)[2:4] == (50, 50)
    owner.run(CALL)
    assert root.row(JOB)[2:4] == (50, 0)
    wrong = f"select count(*) from {shop.PROFILE} c where \"Score\" is distinct from pgscore.score('shop', c)"
    assert root.value(wrong) == 0
    assert root.value("select count(*) from pgscore.prediction_log") == 0


def test_a_trigger_of_the_application_is_heard(root: Session, owner: Session) -> None:
    """It changes what the model reads, so the row is scored once more, as it is stored."""
    load(root, 20)
    promote(root, 2)
    root.run(
        'create function "Shop".older() returns trigger language plpgsql as $$begin new."Age" := new."Age" + 1;'
        f" return new; end$$; create trigger older before update on {shop.PROFILE}"
        ' for each row execute function "Shop".older()'
    )
    owner.run(CALL)
    assert root.value(f'select sum("Age") from {shop.PROFILE}') == sum(range(1, 21)) + 20
    assert assert_rescored(root, version=2) == 20


def test_a_model_that_reads_the_score_of_another_one(root: Session, owner: Session, shopping: Database) -> None:
    root.run(
        f"set role {shop.OWNER};"
        ' create table "Shop".visits (id integer primary key, who bigint);'
        f" alter table {shop.PROFILE} add column visits bigint not null default 0, add column second double precision;"
        " reset role"
    )
    frame = pd.DataFrame({"visits": [0.0, 1, 2, 3], "Score": [0.1, 0.9, 0.3, 0.2]})
    second = LogisticRegression().fit(frame, [0, 0, 1, 1])
    pgscore.publish(shopping.dsn(), "second", second, profile=shop.PROFILE, golden=frame, promoted=True)
    shop.run_as_owner(
        root,
        "select pgscore.attach('second', '\"Shop\".visits', %s, 'who', 'id', %s, 'second')",
        shop.PROFILE,
        '[{"column": "visits", "aggregate": "count"}]',
    )
    load(root, 20)
    promote(root, 2)
    owner.run(CALL)
    assert assert_rescored(root, version=2) == 20
    wrong = f"select count(*) from {shop.PROFILE} c where second is distinct from pgscore.score('second', c)"
    assert root.value(wrong) == 0
    # And the other one, which has no version beside it.
    root.run(
        f"set session_replication_role = replica; update {shop.PROFILE} set second = 0; reset session_replication_role"
    )
    owner.run(f"call pgscore.rescore('second', '{shop.PROFILE}')")
    assert root.value(wrong) == 0
    assert assert_rescored(root, version=2) == 20


def test_any_session_settings(root: Session, shopping: Database) -> None:
    """REPEATABLE READ by default, a path with others' objects in front, settings that change texts and plans."""
    load(root, 40)
    promote(root, 2)
    root.run(
        f"""
        create schema lure authorization {shop.OWNER};
        set role {shop.OWNER};
        create function lure.evil(text, text) returns boolean language plpgsql immutable as
            $$begin raise exception 'hijacked'; end$$;
        create operator lure.= (leftarg = text, rightarg = text, function = lure.evil);
        create function lure.set_config(text, text, boolean) returns text language plpgsql as
            $$begin raise exception 'hijacked'; end$$;
        create domain lure.int8 as bigint check (value = 0);
        create domain lure.text as pg_catalog.text check (value = '');
        create table lure.job (id bigint);
        reset role
        """
    )
    owner = shopping.session(shop.OWNER)
    owner.run(
        "create temporary table job (id bigint); create domain pg_temp.text as pg_catalog.text check (value = '')"
    )
    owner.run(
        "set default_transaction_isolation = 'repeatable read'; set search_path = pg_temp, lure, pg_catalog;"
        " set datestyle = 'German'; set extra_float_digits = 0; set intervalstyle = 'iso_8601'; set jit = on;"
        " set jit_above_cost = 0; set standard_conforming_strings = off; set enable_indexscan = off;"
        " set plan_cache_mode = force_custom_plan; set default_transaction_deferrable = on"
    )
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 7)")
    assert assert_rescored(root, version=2) == 40
    owner.run("set default_transaction_isolation = 'serializable'")
    promote(root, 1)
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 7)")
    assert assert_rescored(root, version=1) == 40


def test_the_function_is_made_when_it_is_called(root: Session, owner: Session) -> None:
    """Events need none, and the first release made none; attach drops it, and a job that runs makes it anew."""
    load(root, 5)
    promote(root, 2)
    exists = 'select to_regproc(\'"Shop"."_pgscore_Customer_rescore"\') is not null'
    assert not root.value(exists)
    job = owner.value("select id from pgscore._start_job('shop', %s, batch => 3)", shop.PROFILE)
    assert root.value(exists)
    assert root.run("select state from pgscore._outdated_bindings()") == []
    shop.reattach(root)
    assert not root.value(exists)
    while owner.value("select state from pgscore._rescore_step(%s)", job) != "finished":
        pass
    assert assert_rescored(root, version=2) == 5
    assert root.run("select state from pgscore._outdated_bindings()") == []
    # What was changed by hand is told, and made anew by who calls.
    body = root.value("select prosrc from pg_proc where proname = '_pgscore_Customer_rescore'")
    signature = root.value("select oid::regprocedure::text from pg_proc where proname = '_pgscore_Customer_rescore'")
    root.run(f"alter function {signature} security invoker")
    assert root.run("select state from pgscore._outdated_bindings()") == [("edited",)]
    owner.run(CALL)
    assert root.run("select state from pgscore._outdated_bindings()") == []
    assert root.value("select prosrc from pg_proc where proname = '_pgscore_Customer_rescore'") == body
    shop.detach(root)
    assert not root.value(exists)
    assert root.run("select * from pgscore.job") == []


def test_a_model_that_only_its_artifact_scores(opaque: Database) -> None:
    """Whole arrays are handed to the estimator; what it refuses is listed, and NULL in another table."""
    root, owner = opaque.session(), opaque.session()
    root.run("update churn.customer_profile set total_day_minutes = 'infinity' where customer_id = 7")
    root.run("delete from pgscore.stale_row; delete from pgscore.prediction_log")
    owner.run("set session authorization churn_owner")
    owner.run("call pgscore.rescore('churn', 'churn.customer_profile', whole => true, batch => 25)")
    assert models.assert_scores_are_right(root, {3: models.opaque_pipeline()}) == models.CUSTOMERS - 1
    assert root.run("select key from pgscore.stale_row") == [("7",)]
    assert root.value("select refused from pgscore.job") == 1
    owner.run(f"create table churn.scores ({owner.value(_COLUMNS)})")
    owner.run("call pgscore.rescore('churn', 'churn.customer_profile', target => 'churn.scores', batch => 25)")
    wrong = """
        select customer_id from churn.customer_profile c full join churn.scores s using (customer_id)
        where (s.score, s.version) is distinct from (c.churn_score, c.churn_model_version) order by 1
    """
    assert root.run(wrong) == [(7,)]
    assert root.row("select score, version from churn.scores where customer_id = 7") == (None, 3)
