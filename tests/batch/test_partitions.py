"""The prediction log by partitions: made ahead, dropped when they are old, and nothing lost where there is none."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import psycopg2
import pytest
from pytest_postgresql.janitor import DatabaseJanitor

from tests.support import migrate
from tests.support.database import OPERATOR, SCIENTIST, Database, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

_LOG = "insert into pgscore.prediction_log (model, version, key, logged_at) values ('m', 1, %s, %s)"
_BOUNDS = "select lower::text, upper::text from pgscore._partition_bounds('pgscore.prediction_log')"
_KEPT = "select string_agg(key, ',' order by key) from pgscore.prediction_log where model = 'm'"


@pytest.fixture(scope="module")
def logging(cluster: PrivateCluster, installed_template: NoopExecutor) -> Iterator[Database]:
    """A database with a log; each test begins with one partition to a week, four of them ahead, and no row."""
    janitor = DatabaseJanitor(
        user=cluster.user,
        host=cluster.host,
        port=cluster.port,
        password=cluster.password,
        dbname="partitions",
        template_dbname=installed_template.template_dbname,
    )
    with janitor:
        database = Database(cluster, "partitions")
        yield database
        database.close()


@pytest.fixture
def session(logging: Database) -> Session:
    session = logging.session()
    session.run("set timezone = 'UTC'; truncate pgscore.prediction_log")
    for (partition,) in session.run("select partition from pgscore._partition_bounds('pgscore.prediction_log')"):
        session.run(f"drop table {partition}")
    assert session.value("select pgscore._make_partitions('prediction_log', '7 days', 4)") == 5
    return session


def test_they_are_made_ahead_without_a_gap(session: Session) -> None:
    bounds = session.run(_BOUNDS)
    assert len(bounds) == 5
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    assert session.value("select %s::timestamptz <= now() and %s > now()", bounds[0][0], bounds[0][1])
    assert session.value("select pgscore._make_partitions('prediction_log', '7 days', 4)") == 0
    # Of another length they fill what is left, and go on from there.
    made = session.value("select pgscore._make_partitions('prediction_log', '1 month', 2)")
    bounds = session.run(_BOUNDS)
    assert len(bounds) == 5 + made
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    assert session.value("select date_trunc('month', %s::timestamptz) = %s", bounds[-1][1], bounds[-1][1])
    assert session.value("select pgscore._make_partitions('prediction_log', '1 hour', 2)") == 0
    assert session.value(
        "select max(upper) = %s from pgscore._partition_bounds('pgscore.prediction_log')", bounds[-1][1]
    )


@pytest.mark.parametrize(
    ("call", "sqlstate", "sentence"),
    [
        ("_make_partitions('model', '7 days', 4)", "42P01", "pgscore has no table model that is partitioned by time"),
        ("_make_partitions('x; drop table pgscore.model', '7 days', 4)", "42P01", "pgscore has no table"),
        ("_make_partitions(null, '7 days', 4)", "42P01", "pgscore has no table NULL"),
        ("_make_partitions('prediction_log', '1 minute', 4)", "22023", "and not 00:01:00"),
        ("_make_partitions('prediction_log', '1 month 3 days', 4)", "22023", "hours, days or whole months"),
        ("_make_partitions('prediction_log', '7 days', 100000)", "22023", "from 0 to 1000 partitions"),
        ("_drop_partitions('prediction_log', null)", "22023", "and not than NULL"),
        ("_drop_partitions('prediction_log', '-1 day')", "22023", "older than an age"),
        ("_drop_partitions('model', '1 day')", "42P01", "pgscore has no table model"),
        ("_drop_partitions_beyond('prediction_log', -1)", "22023", "the number of rows to keep is not -1"),
    ],
)
def test_what_is_refused(logging: Database, call: str, sqlstate: str, sentence: str) -> None:
    with refused(sqlstate, sentence):
        logging.session().run(f"select pgscore.{call}")


def test_rows_without_a_partition_are_kept_and_move_when_one_is_made(logging: Database, session: Session) -> None:
    later = session.value("select max(upper) from pgscore._partition_bounds('pgscore.prediction_log')")
    session.run(_LOG, "early", "1969-01-01")
    session.run(_LOG, "late", later)
    before = session.run("select id, key, logged_at from pgscore.prediction_log order by id")
    assert session.value("select count(*) from pgscore.prediction_log_default") == 2
    assert session.value("select in_default from pgscore._partition_state('prediction_log')") == 2
    # Somebody is writing there: nobody waits for long, and nothing is changed.
    writer = logging.session()
    writer.run("begin")
    writer.run(_LOG, "meanwhile", later)
    with refused("55P03", "somebody holds table pgscore.prediction_log", hint="Nothing is lost"):
        session.run("select pgscore._make_partitions('prediction_log', '7 days', 5)")
    writer.run("commit")
    assert session.value("select pgscore._make_partitions('prediction_log', '7 days', 5)") == 1
    assert session.value("select count(*) from pgscore.prediction_log_default") == 1
    found = session.run("select id, key, logged_at from pgscore.prediction_log where key <> 'meanwhile' order by id")
    assert found == before
    assert session.value(_KEPT) == "early,late,meanwhile"


def test_rows_of_weeks_that_are_over_move_when_somebody_comes_by_at_last(logging: Database, session: Session) -> None:
    # The partition that holds now is older than what was left: a week of another length, and a gap before it.
    first = session.value("select min(lower) from pgscore._partition_bounds('pgscore.prediction_log')")
    days = range(1, 23)
    for day in days:
        session.run(_LOG, f"{day:02}", session.value("select %s - make_interval(days => %s)", first, day))
    for at in ("infinity", "-infinity", "4713-01-01 BC", "294276-12-31"):
        session.run(_LOG, at, at)
    assert session.value("select pgscore._make_partitions('prediction_log', '1 day', 0)") == len(days)
    assert session.value("select pgscore._make_partitions('prediction_log', '7 days', 4)") == 0
    kept = 'select key from pgscore.prediction_log_default order by key collate "C"'
    assert [key for (key,) in session.run(kept)] == ["-infinity", "294276-12-31", "4713-01-01 BC", "infinity"]
    assert session.value("select count(*) from pgscore.prediction_log") == len(days) + 4
    session.run("truncate pgscore.prediction_log")
    # Between partitions of other lengths, only what is free is filled.
    middle = session.value("select %s - interval '10 days'", first)
    (taken,) = (
        name
        for name, lower in session.run(
            "select partition::text, lower from pgscore._partition_bounds('pgscore.prediction_log')"
        )
        if lower == middle
    )
    session.run(f"drop table {taken}")
    session.run(_LOG, "middle", middle)
    assert session.value("select pgscore._make_partitions('prediction_log', '3 days', 0)") == 1
    assert session.value("select count(*) from pgscore.prediction_log_default") == 0
    bounds = session.run(_BOUNDS)
    assert all(before[1] <= after[0] for before, after in pairwise(bounds))


def test_whoever_logs_does_not_wait_while_they_are_made(logging: Database, session: Session) -> None:
    session.run("begin")
    assert session.value("select pgscore._make_partitions('prediction_log', '7 days', 6)") == 2
    writer = logging.session()
    writer.run("set lock_timeout = '1s'; set statement_timeout = '1s'")
    writer.run(_LOG, "now", writer.value("select now()"))
    session.run("commit")
    assert session.value(_KEPT) == "now"


def test_old_ones_are_dropped_by_age_and_by_count(logging: Database, session: Session) -> None:
    session.run(
        """
        set role pgscore_owner;
        create table pgscore.prediction_log_old partition of pgscore.prediction_log
            for values from ('2020-01-06 00:00+00') to ('2020-01-13 00:00+00');
        create table pgscore.prediction_log_older partition of pgscore.prediction_log
            for values from ('2020-01-01 00:00+00') to ('2020-01-06 00:00+00');
        reset role
        """
    )
    for key, at in (("a", "1999-01-01"), ("b", "2020-01-02"), ("c", "2020-01-07"), ("d", "2020-01-08")):
        session.run(_LOG, key, at)
    session.run(_LOG, "e", session.value("select now()"))
    # Somebody reads: they stay, and can be dropped later.
    reader = logging.session()
    reader.run("begin; lock table pgscore.prediction_log in access share mode")
    with refused("55P03", "no partition of it was dropped"):
        session.run("select pgscore._drop_partitions('prediction_log', '1 year')")
    reader.run("rollback")
    assert session.value(_KEPT) == "a,b,c,d,e"
    assert session.value("select pgscore._drop_partitions_beyond('prediction_log', 2)") == 1
    assert session.value(_KEPT) == "a,c,d,e"
    # What the latest hold is kept, and so is the one of now, of whatever number.
    assert session.value("select pgscore._drop_partitions_beyond('prediction_log', 2)") == 0
    assert session.value("select pgscore._drop_partitions('prediction_log', '1 year')") == 1
    assert session.value(_KEPT) == "e"
    assert session.value("select pgscore._drop_partitions_beyond('prediction_log', 0)") == 0


def test_invariant_7_nobody_reaches_a_partition_but_by_the_log(logging: Database, session: Session) -> None:
    session.run(_LOG, "secret", session.value("select now()"))
    partition = session.value("select tableoid::regclass::text from pgscore.prediction_log where key = 'secret'")
    grants = """
        select c.relname, a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.relnamespace = 'pgscore'::regnamespace and c.relispartition and a.grantee <> c.relowner
    """
    assert session.run(grants) == []
    assert session.value(
        "select bool_and(relrowsecurity) from pg_class"
        " where relnamespace = 'pgscore'::regnamespace and relispartition and relkind = 'r'"
    )
    operator = logging.session(OPERATOR)
    assert operator.value(_KEPT) == "secret"
    for sql in (f"select * from {partition}", f"insert into {partition} values (1)", f"drop table {partition}"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            operator.run(sql)
    assert operator.value("select pgscore._make_partitions('prediction_log', '7 days', 4)") == 0
    scientist = logging.session(SCIENTIST)
    for call in ("_make_partitions('prediction_log', '7 days', 4)", "_drop_partitions('prediction_log', '1 day')"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            scientist.run(f"select pgscore.{call}")


def test_the_log_of_the_first_release_becomes_a_partition_and_goes_back(empty: Database) -> None:
    dsn = empty.dsn()
    migrate.upgrade(dsn, "0001_core")
    former, session = migrate.schema(dsn), empty.session()
    session.run(_LOG, "old", "2026-01-01")
    session.run(_LOG, "future", session.value("select now() + interval '30 days'"))
    session.run("create view public.watching as select * from pgscore.prediction_log")
    with pytest.raises(Exception, match=r"rule _RETURN on view public.watching reads pgscore.prediction_log"):
        migrate.upgrade(dsn, "core@head")
    session.run("drop view public.watching")
    # What generated functions of the first release have planned in this session goes on.
    session.run(
        "create function pg_temp.logs(key text) returns void language plpgsql as"
        " 'begin insert into pgscore.prediction_log (model, version, key) values (''m'', 1, $1); end'"
    )
    session.run("select pg_temp.logs('planned')")
    rows = session.run("select * from pgscore.prediction_log order by id")
    number = session.value("select oid from pg_class where oid = 'pgscore.prediction_log'::regclass")
    migrate.upgrade(dsn, "core@head")
    assert session.run("select * from pgscore.prediction_log order by id") == rows
    # The same table as before, and not a copy.
    assert session.value("select 'pgscore.prediction_log_before'::regclass::oid") == number
    session.run("select pg_temp.logs('new')")
    assert session.value("select max(id) from pgscore.prediction_log") == 4
    assert session.value("select count(*) from pgscore.prediction_log_default") == 0
    migrate.downgrade(dsn, "core@0001_core")
    assert session.value(_KEPT) == "future,new,old,planned"
    assert migrate.schema(dsn) == former
    session.run("select pg_temp.logs('last')")
    assert session.value("select max(id) from pgscore.prediction_log") == 5
