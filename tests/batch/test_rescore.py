"""All rows of a table get the score of the version that serves, whatever runs beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bindings import shop
from tests.support.database import refused, wait_until_blocked, wait_until_gone

from .rescored import CALL, JOB, assert_rescored, load, promote, versions

if TYPE_CHECKING:
    from tests.support.database import Database, Session


def test_outdated_rows_get_the_score_of_the_version_that_serves(root: Session, owner: Session) -> None:
    load(root, 1203)
    promote(root, 2)
    assert versions(root) == {1: 1203}
    logged = root.value("select count(*) from pgscore.prediction_log")
    with owner.said() as said:
        owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 500)")
    assert said == [("INFO", f'{shop.PROFILE}: version 2 of model "shop": 1203 rows looked at, 1203 written')]
    assert assert_rescored(root, version=2) == 1203
    assert root.row(JOB) == (2, 2, 1203, 1203, 0, 0, True)
    assert root.value("select count(*) from pgscore.prediction_log where version = 2") == 1203
    assert root.value("select count(*) from pgscore.prediction_log") == logged + 1203
    assert root.run("select * from pgscore.job_part") == []
    # There is nothing more to do, and nothing is written.
    before = root.run(f"select xmin::text, c.* from {shop.PROFILE} c order by id")
    owner.run(CALL)
    assert root.row(JOB) == (2, 2, 0, 0, 0, 0, True)
    assert root.run(f"select xmin::text, c.* from {shop.PROFILE} c order by id") == before
    # Counters go on, and what is outdated is scored with an event as ever.
    root.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 7, 3)')
    assert assert_rescored(root, version=2) == 1203


def test_only_what_differs_is_written(root: Session, owner: Session) -> None:
    load(root, 30)
    promote(root, 2)
    owner.run(CALL)
    # A wrong score of the right version: only the whole table finds it.
    with_wrong = f'set session_replication_role = replica; update {shop.PROFILE} set "Score" = 0.5 where id in (3, 8)'
    root.run(f'{with_wrong}; update {shop.PROFILE} set "Score" = null where id = 9; reset session_replication_role')
    before = dict(root.run(f"select id, xmin::text from {shop.PROFILE}"))
    owner.run(CALL)
    assert root.row(JOB)[2:4] == (1, 1)
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', whole => true)")
    assert root.row(JOB)[2:4] == (30, 2)
    assert assert_rescored(root, version=2) == 30
    after = dict(root.run(f"select id, xmin::text from {shop.PROFILE}"))
    assert {key for key in after if after[key] != before[key]} == {3, 8, 9}


def test_refused_rows_are_listed_and_leave_the_list(root: Session, owner: Session) -> None:
    """Also where on_error is abort: here is no application's transaction."""
    shop.detach(root)
    shop.attach(root, on_error="abort")
    load(root, 5)
    promote(root, 2)
    root.run("set session_replication_role = replica")
    root.run(f"update {shop.PROFILE} set \"Total\" = 'infinity' where id in (2, 4)")
    root.run("reset session_replication_role")
    with owner.said() as said:
        owner.run(CALL)
    assert said[0][1].endswith("5 rows looked at, 3 written, 2 refused by the model (pgscore.stale lists them)")
    stale = root.run("select key, cause, reason from pgscore.stale_row order by key")
    assert [(key, cause) for key, cause, _ in stale] == [("2", "score"), ("4", "score")]
    assert all(reason for *_, reason in stale)
    assert versions(root) == {1: 2, 2: 3}
    assert assert_rescored(root, version=2) == 5
    since = root.run("select key, since, xmin::text from pgscore.stale_row order by key")
    owner.run(CALL)
    assert root.run("select key, since, xmin::text from pgscore.stale_row order by key") == since
    # Without the trigger, which would score it.
    root.run(f'set session_replication_role = replica; update {shop.PROFILE} set "Total" = 1 where id = 4')
    root.run("reset session_replication_role")
    owner.run(CALL)
    assert root.run("select key from pgscore.stale_row") == [("2",)]
    assert assert_rescored(root, version=2) == 5


def test_rows_that_others_hold_are_left_and_said(root: Session, owner: Session, shopping: Database) -> None:
    load(root, 20)
    promote(root, 2)
    holder = shopping.session()
    holder.run("begin")
    holder.run(f"select from {shop.PROFILE} where id in (3, 4) for no key update")
    with owner.said() as said:
        owner.run(CALL)
    assert said[1] == (
        "NOTICE",
        f"2 rows of {shop.PROFILE} were locked by others all the time and stand as they were: "
        "call it again when these have committed",
    )
    assert root.row(JOB)[3:] == (18, 0, 2, True)
    holder.run("rollback")
    owner.run(CALL)
    assert root.row(JOB)[2:] == (2, 2, 0, 0, True)
    assert assert_rescored(root, version=2) == 20


def test_rows_that_are_let_go_meanwhile_are_scored_as_they_stand(
    root: Session, owner: Session, shopping: Database
) -> None:
    """An event moves a counter while its row is held: the newer score stays."""
    load(root, 20)
    promote(root, 2)
    holder = shopping.session()
    holder.run("begin")
    holder.run(f'update {shop.PROFILE} set "Age" = 99 where id = 3')
    job = owner.value("select id from pgscore._start_job('shop', %s)", shop.PROFILE)
    step = "select state from pgscore._rescore_step(%s)"
    assert [owner.value(step, job) for _ in range(2)] == ["working", "working"]
    assert versions(root) == {1: 1, 2: 19}
    holder.run("commit")
    while owner.value(step, job) != "finished":
        pass
    assert root.value(f'select "Age" from {shop.PROFILE} where id = 3') == 99
    assert assert_rescored(root, version=2) == 20


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_it_goes_on_where_it_was_interrupted(root: Session, owner: Session, shopping: Database, how: str) -> None:
    """A lock on the second batch's log stops it there: the first stands, and the next call does the rest."""
    load(root, 300)
    promote(root, 2)
    call = f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 100)"
    root.run(
        f"create function stop() returns trigger language plpgsql as $$begin"
        f" if new.id = 150 then perform pg_advisory_xact_lock(5); end if; return null; end$$;"
        f" create trigger stop after update on {shop.PROFILE} for each row execute function stop()"
    )
    holder = shopping.session()
    holder.run("select pg_advisory_lock(5)")
    calling = owner.start(call)
    wait_until_blocked(root, owner.pid, by=holder.pid)
    root.run(f"select pg_{ {'killed': 'terminate', 'cancelled': 'cancel'}[how] }_backend(%s)", owner.pid)
    assert calling.exception() is not None
    if how == "killed":
        wait_until_gone(root, owner.pid)
    assert versions(root) == {1: 200, 2: 100}
    assert root.row(JOB)[2:] == (100, 100, 0, 0, False)
    holder.run("select pg_advisory_unlock(5)")
    again = shopping.session(shop.OWNER)
    again.run(call)
    assert root.row(JOB)[2:] == (300, 300, 0, 0, True)
    assert root.value("select count(*) from pgscore.job") == 1
    assert assert_rescored(root, version=2) == 300


def test_a_promotion_in_the_middle_begins_anew(root: Session, owner: Session) -> None:
    load(root, 100)
    promote(root, 2)
    job = owner.value("select id from pgscore._start_job('shop', %s, batch => 40)", shop.PROFILE)
    step = "select state from pgscore._rescore_step(%s)"
    assert [owner.value(step, job) for _ in range(2)] == ["working", "working"]
    assert versions(root) == {1: 60, 2: 40}
    promote(root, 1)
    assert owner.value(step, job) == "anew"
    owner.run(CALL)
    assert root.row(JOB)[2:] == (40, 40, 0, 0, True)
    assert owner.value(step, job) == "anew"
    assert assert_rescored(root, version=1) == 100


def test_what_cannot_be_rescored_is_refused_in_a_sentence(root: Session, owner: Session, shopping: Database) -> None:
    load(root, 3)
    oid = root.value("select %s::regclass::oid", shop.PROFILE)
    with refused("42501", "whose code would run with a superuser's rights", hint="Connect as shop_owner"):
        root.run(CALL)
    with refused("42501", "is no member of it"):
        shopping.session("test_analyst").run(f"call pgscore.rescore('shop', {oid}::regclass)")
    with refused("42704", 'model "none" is unknown'):
        owner.run(f"call pgscore.rescore('none', '{shop.PROFILE}')")
    with refused("42704", "is not attached for model", hint="target =>"):
        owner.run(f"call pgscore.rescore('shop', '{shop.EVENTS}')")
    with refused("22023", "batches of 1 to"):
        owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', batch => 0)")
    with refused("2D000", "invalid transaction termination"):
        owner.run(f"begin; {CALL}")
    owner.run("rollback")
    root.run(f"alter table {shop.PROFILE} rename column n to number")
    with refused("42703", 'no column "n"'):
        owner.run(CALL)
    root.run(f"alter table {shop.PROFILE} rename column number to n")
    root.run(f'alter table {shop.PROFILE} rename column "Score" to renamed')
    with refused("22023", "Score"):
        owner.run(CALL)
    root.run(f"drop table {shop.PROFILE} cascade")
    with refused("42P01", "was dropped"):
        owner.run(f"call pgscore.rescore('shop', {oid}::regclass)")
    assert root.value("select count(*) from pgscore.job") == 0
