"""Attaching tables that applications use meanwhile, and bindings in the middle of their transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.database import refused, wait_until_blocked

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_EVENT = f'insert into {shop.EVENTS} (id, "Customer Id", amount, weight, at) values (%s, %s, 5, 0.1, 1)'
_LISTED = 'select key from pgscore.stale where binding = \'"Shop"."Order Lines"\' order by key'
_STATE = """
    select tgname::text || ' on ' || tgrelid::regclass from pg_trigger where not tgisinternal
    union all select oid::regprocedure::text from pg_proc where pronamespace = '"Shop"'::regnamespace
    union all select b::text from pgscore.binding b
    union all select s::text from pgscore.stale_row s
    order by 1
"""


def _fill(session: Session, profiles: int = 4) -> None:
    """Each profile with as many events as its number says."""
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, %s)", profiles)
    session.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) select 100 * p + n, p, n, n'
        " from generate_series(1, %s) p, generate_series(1, p) n",
        profiles,
    )


def _listed(session: Session) -> list[str]:
    return [key for (key,) in session.run(_LISTED)]


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_events_before_and_after_the_backfill_are_neither_lost_nor_doubled(shopping: Database, timing: str) -> None:
    session = shopping.session()
    _fill(session)
    with session.said() as said:
        shop.attach(session, backfill="false", timing=timing)
    assert said[0][1].startswith('events that "Shop"."Order Lines" holds already are not counted yet')
    assert _listed(session) == ["1", "2", "3", "4"]
    reason = session.value("select distinct reason from pgscore.stale")
    assert reason == (
        "events from before the tables were attached are not counted yet;"
        ' call pgscore.reconcile(\'"Shop"."Order Lines"\', \'"Shop"."Customer"\')'
    )
    session.run(_EVENT, 1, 1)
    session.run(_EVENT, 2, 3)
    session.run(f"delete from {shop.EVENTS} where id in (201, 301)")
    shop.reconcile_step(session, 2)
    assert _listed(session) == ["3", "4"]
    assert session.run(f"select id, n from {shop.PROFILE} where id < 3 order by id") == [(1, 2), (2, 1)]
    session.run(_EVENT, 3, 1)
    session.run(_EVENT, 4, 4)
    shop.reconcile(session)
    assert _listed(session) == []
    assert shop.assert_right(session) == 4
    assert session.run(f"select n from {shop.PROFILE} order by id") == [(3,), (1,), (3,), (5,)]


def test_profiles_that_come_and_go_before_the_backfill(shopping: Database) -> None:
    session = shopping.session()
    _fill(session)
    shop.attach(session, backfill="false")
    session.run(f"delete from {shop.PROFILE} where id = 1")
    session.run(f"insert into {shop.PROFILE} (id) values (7)")
    session.run(f"update {shop.PROFILE} set id = 8 where id = 2")
    session.run(_EVENT, 1, 8)
    assert _listed(session) == ["3", "4", "8"]
    shop.reconcile(session)
    assert _listed(session) == []
    assert shop.assert_right(session) == 4


def test_a_truncated_profile_table_has_no_stale_rows(shopping: Database) -> None:
    session = shopping.session()
    _fill(session)
    shop.attach(session, backfill="false")
    session.run(f"truncate {shop.PROFILE}")
    assert _listed(session) == []


def test_a_profile_that_commits_while_the_list_is_written(shopping: Database) -> None:
    """The list is written before the tables are locked, and this profile came in between."""
    first, second, observer = (shopping.session() for _ in range(3))
    _fill(observer)
    first.run("begin")
    first.run(_EVENT, 1, 9)
    first.run(f"insert into {shop.PROFILE} (id) values (9)")
    attaching = second.work(_attach_later, second)
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    attaching.result()
    assert _listed(observer) == ["1", "2", "3", "4", "9"]
    shop.reconcile(observer)
    assert shop.assert_right(observer) == 5


def _attach_later(session: Session) -> None:
    shop.attach(session, backfill="false")


def test_attach_that_waits_holds_nobody_up_and_gives_up(shopping: Database) -> None:
    long, short, worker, observer = (shopping.session() for _ in range(4))
    _fill(observer)
    before = observer.run(_STATE)
    long.run("begin")
    long.run(_EVENT, 1, 1)
    short.run("set lock_timeout = '2s'")
    attaching = worker.work(_attach_later, worker)
    wait_until_blocked(observer, worker.pid, by=long.pid)
    number = 1000
    while not attaching.done():
        short.run(_EVENT, number, 2)
        number += 1
        if number == 1002:
            assert not attaching.done()  # it lets others pass
    assert number > 1002
    with refused(
        "55P03", 'tables "Shop"."Order Lines", "Shop"."Customer" are in use: in ten attempts of half a second'
    ):
        attaching.result()
    long.run("commit")
    assert observer.run(_STATE) == before
    _attach_later(worker)
    shop.reconcile(worker)
    assert shop.assert_right(observer) == 4


def test_attach_again_keeps_what_is_not_counted_yet(shopping: Database) -> None:
    session = shopping.session()
    _fill(session)
    shop.attach(session, backfill="false")
    shop.attach(session, timing="statement", on_missing="insert")
    shop.reattach(session)
    assert _listed(session) == ["1", "2", "3", "4"]
    session.run(_EVENT, 1, 6)
    shop.reconcile(session)
    assert shop.assert_right(session) == 5


def test_attach_after_detach_counts_what_came_in_between(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(session)
    _fill(session)
    shop.detach(session)
    session.run(_EVENT, 1, 1)
    session.run(f"delete from {shop.EVENTS} where id = 402")
    shop.attach(session, timing="statement")
    assert shop.assert_right(session) == 4


@pytest.mark.parametrize("level", ["read committed", "repeatable read"])
def test_a_transaction_that_began_before_attach(shopping: Database, level: str) -> None:
    first, second = shopping.session(), shopping.session()
    _fill(second)
    first.run(f"begin isolation level {level}")
    first.run("select 1")
    first.run("select count(*) from pgscore.model")
    shop.attach(second)
    first.run(_EVENT, 1, 1)
    first.run(_EVENT, 2, 9)
    if level == "read committed":
        first.run("commit")
    else:
        with pytest.raises(psycopg2.errors.SerializationFailure):
            first.run("commit")
    assert shop.assert_right(second) == 4


def test_detach_waits_for_transactions_that_have_queued_work(shopping: Database) -> None:
    first, second, observer = (shopping.session() for _ in range(3))
    shop.attach(observer)
    _fill(observer)
    first.run("begin")
    first.run(_EVENT, 1, 1)
    detaching = second.work(shop.detach, second)
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    detaching.result()
    assert observer.value(f"select n from {shop.PROFILE} where id = 1") == 2
    first.run(_EVENT, 2, 1)
    assert observer.value(f"select n from {shop.PROFILE} where id = 1") == 2


def test_a_promotion_in_the_middle_of_a_transaction(shopping: Database) -> None:
    first, second = shopping.session(), shopping.session()
    shop.attach(second)
    _fill(second)
    first.run("begin")
    first.run(_EVENT, 1, 1)
    first.run(_EVENT, 2, 2)
    second.run("select pgscore.promote('shop', 1, 'interpreter')")
    second.run(_EVENT, 3, 3)
    first.run("commit")
    assert shop.assert_right(second) == 4
    second.run("select pgscore.promote('shop', 1)")
    first.run(_EVENT, 4, 1)
    assert shop.assert_right(second) == 4
