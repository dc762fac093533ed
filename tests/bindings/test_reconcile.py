"""Comparing counters with events: what no trigger saw is found, said, and mended."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.database import wait_until_blocked, wait_until_gone

from . import shop
from .keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

_STATE = "select repair, checked, differing, finished is not null from pgscore.reconciliation where binding = 2"
_NAME = '"Shop"."Order Lines"'


@contextmanager
def _without_triggers(session: Session) -> Iterator[None]:
    session.run("set session_replication_role = replica")
    yield
    session.run("set session_replication_role = origin")


def _load(session: Session, profiles: int, events: int) -> None:
    """Puts rows into both tables as a restore does: no trigger sees them."""
    with _without_triggers(session):
        session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, %s)", profiles)
        session.run(
            f"""
            insert into {shop.EVENTS} (id, "Customer Id", "Kind", rush, amount, pieces, weight, at)
            select n, 1 + n %% %s, case n %% 3 when 0 then 'billing' when 1 then 'other' end, n %% 2 = 0, n %% 7,
                n %% 5, n / 4.0, n %% 11
            from generate_series(1, %s) n
            """,
            profiles,
            events,
        )


def test_a_bulk_load_without_triggers_is_mended_in_batches(owner: Session) -> None:
    """Three batches of 500 and a rest; every profile gets its first score."""
    _load(owner, 1600, 3000)
    with owner.said() as said:
        shop.reconcile(owner)
    assert shop.assert_right(owner) == 1600
    assert owner.row(_STATE) == (True, 1600, 1600, True)
    assert said[-1] == ("INFO", f"{_NAME}: 1600 profiles compared, 1600 differed and were mended")
    differing = [text for severity, text in said if severity == "NOTICE"]
    assert len(differing) == 4
    assert differing[0].startswith(f"{_NAME} differ: 1: n is 0 and the events give 1; ")
    assert differing[0].count(" | ") == 9  # ten profiles of each batch are shown
    with owner.said() as said:
        shop.reconcile(owner)
    assert said == [("INFO", f"{_NAME}: 1600 profiles compared, 0 differed")]
    assert owner.row(_STATE) == (True, 1600, 0, True)


def test_without_repair_it_only_says(owner: Session) -> None:
    _load(owner, 3, 5)
    before = owner.run(f"select xmin::text, p.* from {shop.PROFILE} p order by id")
    with owner.said() as said:
        shop.reconcile(owner, repair=False)
    assert said[-1] == ("INFO", f"{_NAME}: 3 profiles compared, 3 differed and were left as they are")
    assert owner.run(f"select xmin::text, p.* from {shop.PROFILE} p order by id") == before
    assert owner.row(_STATE) == (False, 3, 3, True)
    shop.reconcile(owner)
    assert shop.assert_right(owner) == 3


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_events_of_a_disabled_trigger_are_found(shopping: Database, timing: str) -> None:
    session = shopping.session()
    shop.attach(session, timing=timing)
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2), (3)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount, weight) values (1, 1, 3, 0.1), (2, 2, 4, 0.2)')
    session.run(f"alter table {shop.EVENTS} disable trigger user")
    session.run(f"delete from {shop.EVENTS} where id = 1")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (3, 3, 8)')
    session.run(f"alter table {shop.EVENTS} enable trigger user")
    untouched = session.value(f"select xmin::text from {shop.PROFILE} where id = 2")
    with session.said() as said:
        shop.reconcile(session)
    assert "1: n is 1 and the events give 0; Total is 3 and the events give 0" in said[0][1]
    assert session.row(_STATE) == (True, 3, 2, True)
    assert session.value(f"select xmin::text from {shop.PROFILE} where id = 2") == untouched
    assert shop.assert_right(session) == 3


def test_a_partition_that_was_detached_and_one_that_was_attached(serving: Database, key: Path) -> None:
    session = serving.session()
    shop.build(session, partitioned=True)
    shop.attach(session)
    shop.publish(serving.dsn(), key)
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 1, 3), (60, 1, 4), (70, 2, 4)')
    session.run(f'alter table {shop.EVENTS} detach partition "Shop".high')
    shop.reconcile(session)
    assert session.row(_STATE) == (True, 2, 2, True)
    assert shop.assert_right(session) == 2
    session.run(f'alter table {shop.EVENTS} attach partition "Shop".high for values from (50) to (90)')
    shop.reconcile(session)
    assert shop.assert_right(session) == 2
    session.run('drop table "Shop".low')
    shop.reconcile(session)
    assert session.run(f"select n from {shop.PROFILE} order by id") == [(1,), (1,)]
    assert shop.assert_right(session) == 2


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_it_goes_on_where_it_was_interrupted(shopping: Database, how: str) -> None:
    """A row of the third batch is held: the first two stand, and the second call begins with the third."""
    observer, holder, worker = shopping.session(), shopping.session(), shopping.session()
    shop.attach(observer)
    _load(observer, 1600, 1700)
    holder.run("begin")
    holder.run(f"select from {shop.PROFILE} where id = 1200 for no key update")
    calling = worker.work(shop.reconcile, worker)
    wait_until_blocked(observer, worker.pid, by=holder.pid)
    observer.run(f"select pg_{ {'killed': 'terminate', 'cancelled': 'cancel'}[how] }_backend(%s)", worker.pid)
    assert calling.exception() is not None
    if how == "killed":
        wait_until_gone(observer, worker.pid)
    holder.run("rollback")
    assert observer.row(_STATE) == (True, 1000, 1000, False)
    assert observer.value(f"select count(*) from {shop.PROFILE} where n > 0") == 1000
    # What was mended and goes wrong again is not looked at twice.
    with _without_triggers(observer):
        observer.run(f"update {shop.PROFILE} set n = 99 where id = 1")
    shop.reconcile(observer)
    assert observer.row(_STATE) == (True, 1600, 1600, True)
    assert observer.value(f"select n from {shop.PROFILE} where id = 1") == 99
    shop.reconcile(observer)
    assert observer.row(_STATE) == (True, 1600, 1, True)
    assert shop.assert_right(observer) == 1600


def test_counters_that_ignore_deletes_are_left_alone(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(
        session,
        reducers=[
            {"column": "n", "aggregate": "count", "deletes": "ignore"},
            {"column": "Total", "aggregate": "sum", "of": "amount"},
        ],
    )
    session.run(f"insert into {shop.PROFILE} (id, n) values (1, 40)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 1, 3)')
    with _without_triggers(session):
        session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (2, 1, 3)')
    shop.reconcile(session)
    assert session.run(f'select n, "Total" from {shop.PROFILE}') == [(41, 6)]


@pytest.mark.parametrize("kind", ["odd text", "uuid", "text, integer", "integer, text", "narrow profiles"])
def test_keys_of_all_kinds(serving: Database, key: Path, kind: str) -> None:
    tables = KEYS[kind]
    session = serving.session()
    tables.build(session)
    tables.attach(session)
    shop.publish(serving.dsn(), key)
    with _without_triggers(session):
        for number, value in enumerate(tables.values):
            session.run(f"insert into {shop.PROFILE} ({tables.profile}) values ({value})")
            session.run(f"insert into {shop.EVENTS} (id, {tables.event}, amount) values ({number}, {value}, 2)")
    # One row, then two, then the rest: there are keys to go on from.
    shop.reconcile_step(session, 1)
    shop.reconcile_step(session, 2)
    shop.reconcile(session)
    assert session.row(_STATE) == (True, 4, 4, True)
    assert tables.assert_right(session) == 4


def test_events_that_commit_meanwhile_are_no_difference(shopping: Database) -> None:
    """Its batch waits for a profile that an application holds, and then counts what that application brought."""
    observer, application, worker = shopping.session(), shopping.session(), shopping.session()
    shop.attach(observer)
    _load(observer, 3, 6)
    application.run("begin")
    application.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (100, 2, 5)')
    application.run("set constraints all immediate")
    calling = worker.work(shop.reconcile, worker)
    wait_until_blocked(observer, worker.pid, by=application.pid)
    application.run("commit")
    calling.result()
    assert shop.assert_right(observer) == 3
    assert observer.value(f"select n from {shop.PROFILE} where id = 2") == 3
