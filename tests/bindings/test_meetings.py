"""Profiles that come, go, or get other keys while events of theirs are on the way: named steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.database import wait_until_blocked

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_TWO_EVENTS = f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 1, 5), (2, 1, 6)'
_GOES = {
    "deleted": f"delete from {shop.PROFILE} where id = 1",
    "another key": f"update {shop.PROFILE} set id = 9 where id = 1",
}


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("on_missing", ["ignore", "insert"])
@pytest.mark.parametrize("goes", list(_GOES))
def test_invariant_1_a_profile_is_made_anew_while_events_wait_for_it(
    shopping: Database, goes: str, on_missing: str, timing: str
) -> None:
    """The row that they waited for is gone, and the new one stands in no snapshot of theirs."""
    first, second, observer = (shopping.session() for _ in range(3))
    shop.attach(observer, on_missing=on_missing, timing=timing)
    observer.run(f"insert into {shop.PROFILE} (id) values (1)")
    first.run("begin")
    first.run(_GOES[goes])
    first.run(f"insert into {shop.PROFILE} (id) values (1)")
    inserting = second.start(_TWO_EVENTS)
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    inserting.result()
    assert observer.value(f"select n from {shop.PROFILE} where id = 1") == 2
    shop.assert_right(observer)


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("goes", list(_GOES))
def test_on_missing_insert_makes_a_profile_that_goes_while_events_wait_for_it(
    shopping: Database, goes: str, timing: str
) -> None:
    first, second, observer = (shopping.session() for _ in range(3))
    shop.attach(observer, on_missing="insert", timing=timing)
    observer.run(f"insert into {shop.PROFILE} (id) values (1)")
    first.run("begin")
    first.run(_GOES[goes])
    inserting = second.start(_TWO_EVENTS)
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    inserting.result()
    assert observer.value(f"select n from {shop.PROFILE} where id = 1") == 2
    shop.assert_right(observer)


def test_invariant_1_a_profile_that_is_taken_over_while_events_wait_for_it(shopping: Database) -> None:
    """One profile gives its key away, another takes it in a second transaction that commits after the events."""
    first, second, third, observer = (shopping.session() for _ in range(4))
    shop.attach(observer)
    observer.run(f"insert into {shop.PROFILE} (id) values (1), (5)")
    first.run("begin")
    first.run(_GOES["another key"])
    third.run("begin")
    taking = third.start(f"update {shop.PROFILE} set id = 1 where id = 5")
    wait_until_blocked(observer, third.pid, by=first.pid)
    second.run("begin")
    second.run(_TWO_EVENTS)
    committing = second.start("commit")
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    taking.result()
    committing.result()
    third.run("commit")
    assert observer.run(f"select id, n from {shop.PROFILE} order by id") == [(1, 2), (9, 0)]
    shop.assert_right(observer)


@pytest.mark.parametrize("on_missing", ["ignore", "insert"])
def test_invariant_3_events_without_profiles_in_opposite_orders(shopping: Database, on_missing: str) -> None:
    """They meet at the slots of their keys, which are taken in one order too."""
    sessions = [shopping.session() for _ in range(2)]
    holder, observer = shopping.session(), shopping.session()
    shop.attach(observer, on_missing=on_missing)
    holder.run("begin")
    # Both have to stop before the last slot, and both have what comes before it.
    holder.run('select from "Shop"."_pgscore_Customer_arrival" where slot = 63 for update')
    keys = list(range(1, 400))
    for number, session in enumerate(sessions):
        session.run("begin")
        for key in keys[::-1] if number else keys:
            session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (%s, %s)', 1000 * number + key, key)
    committing = [sessions[0].start("commit")]
    wait_until_blocked(observer, sessions[0].pid)
    committing.append(sessions[1].start("commit"))
    wait_until_blocked(observer, sessions[1].pid)
    holder.run("commit")
    for each in committing:
        each.result()
    observer.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 399) on conflict do nothing")
    assert observer.run(f"select distinct n from {shop.PROFILE}") == [(2,)]
    assert shop.assert_right(observer) == 399


def test_invariant_3_customers_in_opposite_orders(shopping: Database) -> None:
    """A middle one is held: the later committer stops at the first, so nobody holds what the other wants."""
    sessions = [shopping.session() for _ in range(2)]
    holder, observer = shopping.session(), shopping.session()
    shop.attach(observer)
    # The heap's order is not the keys' order.
    observer.run(f"insert into {shop.PROFILE} (id) select 7 - n from generate_series(1, 6) n")
    observer.run(f"analyze {shop.PROFILE}")
    holder.run("begin")
    holder.run(f"select from {shop.PROFILE} where id = 3 for no key update")
    for number, session in enumerate(sessions):
        session.run("begin")
        for key in range(6, 0, -1) if number else range(1, 7):
            session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (%s, %s)', 10 * number + key, key)
    committing = [sessions[0].start("commit")]
    wait_until_blocked(observer, sessions[0].pid, by=holder.pid)
    assert _is_held(observer, 1)
    assert not _is_held(observer, 6)
    committing.append(sessions[1].start("commit"))
    wait_until_blocked(observer, sessions[1].pid, by=sessions[0].pid)
    holder.run("commit")
    for each in committing:
        each.result()
    assert shop.assert_right(observer) == 6


def _is_held(observer: Session, customer: int) -> bool:
    free = f"select id from {shop.PROFILE} where id = %s for no key update skip locked"
    return not observer.run(free, customer)


_TO_NINE = f"update {shop.PROFILE} set id = 9 where id = 8"
_PROFILE_COMES = f"insert into {shop.PROFILE} (id) values (9)"
_EVENT_COMES = f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (9, 9, 5)'
_OLDER_SNAPSHOTS = {
    "events after the profile": ("select 1", _PROFILE_COMES, _EVENT_COMES),
    "the profile after events": ("select 1", _EVENT_COMES, _PROFILE_COMES),
    "truncate after the profile": (_EVENT_COMES, _PROFILE_COMES, f"truncate {shop.EVENTS}"),
    "the profile after truncate": (_EVENT_COMES, f"truncate {shop.EVENTS}", _PROFILE_COMES),
    "another key after events": (f"insert into {shop.PROFILE} (id) values (8)", _EVENT_COMES, _TO_NINE),
    "events after another key": (f"insert into {shop.PROFILE} (id) values (8)", _TO_NINE, _EVENT_COMES),
}


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
@pytest.mark.parametrize("steps", list(_OLDER_SNAPSHOTS))
def test_invariant_1_who_has_an_older_snapshot_sees_the_other_or_fails(
    shopping: Database, steps: str, level: str, timing: str
) -> None:
    """Neither row is in the other's snapshot: nothing but the slot of the key tells that somebody was there."""
    first, second = shopping.session(), shopping.session()
    shop.attach(second, timing=timing)
    before, theirs, mine = _OLDER_SNAPSHOTS[steps]
    second.run(before)
    first.run(f"begin isolation level {level}")
    first.run(f"select count(*) from {shop.PROFILE}")
    second.run(theirs)
    try:
        first.run(mine)
        first.run("commit")
    except psycopg2.errors.SerializationFailure:
        assert level != "read committed"
        first.run("rollback")
    else:
        assert level == "read committed"
    shop.assert_right(second)
