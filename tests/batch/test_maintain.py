"""What is to be done from time to time: for operators, for owners, and by pg_cron."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest

from examples.server.cluster import PrivateCluster
from tests.bindings import shop
from tests.support import migrate
from tests.support.command import run, run_json
from tests.support.database import OPERATOR, Session, refused

from . import overviewed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_postgresql.executors import NoopExecutor

    from tests.support.database import Database

_LOG = "insert into pgscore.prediction_log (model, version, key, logged_at) values ('m', 1, %s, %s)"
_KEYS = "select string_agg(key, ',' order by key) from pgscore.prediction_log where model = 'm'"
_PATIENCE = 60.0


@pytest.fixture(scope="module")
def shopping(cluster: PrivateCluster, installed_template: NoopExecutor) -> Iterator[Database]:
    with overviewed.shopping(cluster, installed_template, "maintained") as database:
        yield database


@pytest.fixture
def root(shopping: Database) -> Session:
    """A superuser's session, where the log holds an old row, one of now, and one of a time without a partition."""
    session = shopping.session()
    session.run("truncate pgscore.prediction_log")
    for (partition,) in session.run("select partition from pgscore._partition_bounds('pgscore.prediction_log')"):
        session.run(f"drop table {partition}")
    for key, at in (("old", "now() - interval '2 years'"), ("now", "now()"), ("next", "now() + interval '20 days'")):
        session.run(
            f"insert into pgscore.prediction_log (model, version, key, logged_at) values ('m', 1, '{key}', {at})"
        )
    return session


def test_operators_keep_the_log(shopping: Database, root: Session) -> None:
    operator = shopping.session(OPERATOR)
    with operator.said() as said:
        operator.run("call pgscore.maintain()")
    assert ("INFO", "pgscore.prediction_log: 5 partitions made") in said
    assert ("INFO", "pgscore.prediction_log: 0 partitions dropped") in said
    # The default partition is pruned row by row.
    assert root.value(_KEYS) == "next,now"
    assert root.value("select count(*) from pgscore.prediction_log_default") == 0
    operator.run("call pgscore.maintain(keep => null, step => '1 month', ahead => 6)")
    assert root.value("select until > now() + interval '6 months' from pgscore._partition_state('prediction_log')")
    with refused("2D000", "invalid transaction termination"):
        operator.run("begin; call pgscore.maintain()")


def test_a_task_that_fails_leaves_the_others_to_be_done(shopping: Database, root: Session) -> None:
    holder = shopping.session()
    holder.run("begin")
    holder.run(_LOG, "held", holder.value("select now()"))
    operator = shopping.session(OPERATOR)
    with refused("P0001", "1 of 4 tasks failed: pgscore.prediction_log: somebody holds table"):
        operator.run("call pgscore.maintain(rescores => false)")
    assert root.value(_KEYS) == "next,now"
    prune, changes, partitions, jobs = pgscore.maintain(shopping.dsn(OPERATOR), keep=timedelta(days=365))
    assert (partitions.task, partitions.done) == ("partitions", None)
    assert (partitions.problem or "").startswith("somebody holds table pgscore.prediction_log")
    assert (prune.task, prune.done, prune.problem) == ("prune", "0 partitions dropped", None)
    assert (changes.relation, changes.done, jobs.task) == ("pgscore.score_change", "0 partitions dropped", "jobs")
    said = run(shopping.dsn(OPERATOR), "maintain", expect=1).stdout
    assert "somebody holds table" in said
    holder.run("commit")
    document = run_json(shopping.dsn(OPERATOR), "maintain", "--keep", "forever", "--keep-rows", "1", "--ahead", "1")
    assert document["ok"]
    assert root.value(_KEYS) == "held,next,now"


def test_whose_tables_are_whose_to_maintain(shopping: Database) -> None:
    owner, root = shopping.session(shop.OWNER), shopping.session()
    with owner.said() as said:
        owner.run("call pgscore.maintain()")
    assert [text for _, text in said] == [
        "pgscore.job: 0 jobs tidied away",
        f'{shop.PROFILE} by model "shop": 0 rows looked at, 0 written',
    ]
    assert root.run("select task from pgscore._maintenance_tasks() where task = 'rescore'") == []


def test_the_path_of_the_session_leads_nowhere(shopping: Database) -> None:
    """Procedures that commit cannot pin it: every name has its schema."""
    session = shopping.session(OPERATOR)
    session.run(
        """
        create function pg_temp.cardinality(anyarray) returns integer language plpgsql
            as 'begin raise exception ''called''; end';
        create domain pg_temp.text as pg_catalog.text check (false);
        set search_path = pg_temp, pg_catalog
        """
    )
    session.run("call pgscore.maintain(rescores => false)")


def test_outdated_rows_are_rescored(shopping: Database) -> None:
    root = shopping.session()
    pgscore.promote(shopping.dsn(), "shop", 2)
    done = pgscore.maintain(shopping.dsn(shop.OWNER))
    assert [(each.task, each.problem) for each in done] == [("jobs", None), ("rescore", None)]
    assert root.run(f'select distinct "Version" from {shop.PROFILE}') == [(2,)]
    # Nothing waits any more.
    assert [each.task for each in pgscore.maintain(shopping.dsn(shop.OWNER))] == ["jobs"]
    pgscore.rollback(shopping.dsn(), "shop")
    shopping.session(shop.OWNER).run("call pgscore.maintain()")
    assert root.run(f'select distinct "Version" from {shop.PROFILE}') == [(1,)]


def test_pg_cron_calls_it(cluster: PrivateCluster) -> None:
    with closing(Session(cluster.dsn())) as session:
        if not session.value("select exists (select from pg_available_extensions where name = 'pg_cron')"):
            pytest.skip("this server has no pg_cron")
    settings = {
        "shared_preload_libraries": "pg_cron",
        "cron.database_name": "postgres",
        "cron.use_background_workers": "on",
        "max_worker_processes": "20",
    }
    with PrivateCluster(settings) as scheduling:
        migrate.upgrade(scheduling.dsn(), "core@head")
        with closing(Session(scheduling.dsn())) as session:
            session.run("create extension pg_cron; create role keeper login; grant pgscore_operator to keeper")
            session.run("grant usage on schema cron to keeper")
            session.run(_LOG, "old", "1999-01-01")
            session.run("set role keeper")
            # The packaged version counts in minutes; this one runs when the server starts.
            session.run("select cron.schedule('pgscore', '17 3 * * *', 'call pgscore.maintain(ahead => 8)')")
            session.run("select cron.schedule('pgscore at once', '@reboot', 'call pgscore.maintain(ahead => 8)')")
        scheduling.restart()
        with closing(Session(scheduling.dsn())) as session:
            assert _ended(session) == ("succeeded", "keeper")
            assert session.value(_KEYS) is None
            assert session.value("select count(*) from pgscore._partition_bounds('pgscore.prediction_log')") == 9


def _ended(session: Session) -> tuple[str, str]:
    """How the job ended, and as whom, once it has."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = session.run("select status, username, return_message from cron.job_run_details")
        if found and found[0][0] in ("succeeded", "failed"):
            assert found[0][0] == "succeeded", found
            return found[0][0], found[0][1]
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_wrong_options_are_one_sentence(shopping: Database) -> None:
    dsn = shopping.dsn(OPERATOR)
    assert "--keep 'soon' is no age" in run(dsn, "maintain", "--keep", "soon", expect=2).stderr
    with pytest.raises(psycopg2.errors.RaiseException, match="a partition holds hours, days or whole months"):
        shopping.session(OPERATOR).run("call pgscore.maintain(step => '1 second')")
