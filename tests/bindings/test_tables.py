"""Partitions, foreign keys, and events without a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_EVENT = f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) values (%s, %s, 5, 1)'


def test_invariant_1_partitions_directly_and_through_their_parent(serving: Database, key: Path) -> None:
    session = serving.session()
    shop.build(session, partitioned=True)
    shop.attach(session)
    shop.publish(serving.dsn(), key)
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    for statement in (
        'insert into "Shop".low (id, "Customer Id", amount) values (1, 1, 5), (2, 2, 6)',
        f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (3, 1, 5), (60, 1, 6), (61, 2, 7)',
        f"update {shop.EVENTS} set id = id + 50 where id = 3",  # from one partition to the other
        'update "Shop".high set amount = amount + 1, "Customer Id" = 2',
        'delete from "Shop".low where id = 1',
        f"delete from {shop.EVENTS} where id = 60",
        'truncate "Shop".high',
        f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (70, 1, 5)',
        f"truncate {shop.EVENTS}",
    ):
        session.run(statement)
        assert shop.assert_right(session) == 2, statement
    session.copy('copy "Shop".high (id, "Customer Id", amount) from stdin csv', "90,1,2\n91,2,3\n92,1,4\n")
    assert shop.assert_right(session) == 2
    assert session.run(f"select n from {shop.PROFILE} order by id") == [(2,), (1,)]


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_invariant_1_cascades_and_deferred_foreign_keys(serving: Database, key: Path, timing: str) -> None:
    session = serving.session()
    shop.build(
        session,
        foreign_key=f"references {shop.PROFILE} on delete cascade on update cascade deferrable initially deferred",
    )
    shop.attach(session, timing=timing)
    shop.publish(serving.dsn(), key)
    session.run("begin")
    session.run(_EVENT, 1, 1)
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    session.run(_EVENT, 2, 1)
    session.run(_EVENT, 3, 2)
    session.run("commit")
    assert shop.assert_right(session) == 2
    session.run(f"update {shop.PROFILE} set id = 10 where id = 1")
    assert shop.assert_right(session) == 2
    assert session.run(f"select id, n from {shop.PROFILE} order by id") == [(2, 1), (10, 2)]
    session.run(f"delete from {shop.PROFILE} where id = 10")
    assert shop.assert_right(session) == 1
    assert session.value(f"select count(*) from {shop.EVENTS}") == 1
    session.run("begin")
    session.run(_EVENT, 4, 77)
    with refused("23503", "violates foreign key constraint"):
        session.run("commit")
    assert shop.assert_right(session) == 1


def test_counters_that_ignore_deletes_keep_what_was_purged(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(
        session,
        reducers=[
            {"column": "n", "aggregate": "count", "deletes": "ignore"},
            {"column": "Total", "aggregate": "sum", "of": "amount"},
        ],
    )
    session.run(f"insert into {shop.PROFILE} (id, n) values (1, 40)")
    stored = f'select n, "Total" from {shop.PROFILE} order by id'
    for number in (1, 2, 3):
        session.run(_EVENT, number, 1)
    session.run(f"delete from {shop.EVENTS} where id = 1")
    assert session.run(stored) == [(43, 10)]
    session.run(f"truncate {shop.EVENTS}")
    assert session.run(stored) == [(43, 0)]
    session.run(_EVENT, 4, 1)
    session.run(f"update {shop.PROFILE} set id = 2")
    assert session.run(stored) == [(44, 0)]  # the event stayed behind
    session.run(_EVENT, 5, 3)
    session.run(f"insert into {shop.PROFILE} (id, n) values (3, 7)")
    assert session.run(stored) == [(44, 0), (8, 5)]


def test_counters_that_ignore_deletes_are_left_by_reconcile(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(session, reducers=[{"column": "n", "aggregate": "count", "deletes": "ignore"}])
    session.run(f"insert into {shop.PROFILE} (id, n) values (1, 40)")
    session.run(_EVENT, 1, 1)
    shop.reconcile(session)
    assert session.run(f"select n from {shop.PROFILE}") == [(41,)]


def test_sums_that_hold_what_cannot_be_taken_away(owner: Session) -> None:
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    owner.run(_EVENT, 1, 1)
    owner.run(
        f"insert into {shop.EVENTS} (id, \"Customer Id\", amount, weight) values (2, 1, 'NaN', 1e16), (3, 1, 4, 0.1)"
    )
    assert str(owner.value(f'select "Total" from {shop.PROFILE}')) == "NaN"
    owner.run(f"delete from {shop.EVENTS} where id = 2")
    assert owner.row(f'select "Total", weight from {shop.PROFILE}') == (9, 0.1)
    assert shop.assert_right(owner) == 1


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_on_missing_insert_makes_profiles(shopping: Database, timing: str) -> None:
    session = shopping.session()
    shop.attach(session, on_missing="insert", timing=timing)
    session.run("begin")
    session.run(_EVENT, 1, 1)
    session.run(_EVENT, 2, 1)
    session.run(_EVENT, 3, 2)
    session.run(f"delete from {shop.EVENTS} where id = 3")
    session.run("commit")
    # At the end of each statement there was an event of the second customer.
    assert shop.assert_right(session) == {"commit": 1, "statement": 2}[timing]
    session.run(f"delete from {shop.PROFILE}")
    session.run(f"delete from {shop.EVENTS} where id = 2")
    assert shop.assert_right(session) == 1
    session.run(f"delete from {shop.EVENTS}")
    session.run(f"delete from {shop.PROFILE}")
    assert shop.assert_right(session) == 0


def test_on_missing_error_fails_the_transaction(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(session, on_missing="error")
    with refused(
        "23503", 'table "Shop"."Customer" has no row whose id is 1, which events of "Shop"."Order Lines" name'
    ):
        session.run(_EVENT, 1, 1)
    session.run("begin")
    session.run(_EVENT, 1, 1)
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    session.run("commit")
    assert shop.assert_right(session) == 1
    session.run(f"delete from {shop.EVENTS}")
    assert shop.assert_right(session) == 1


def test_a_prepared_transaction_has_its_score_when_it_is_committed(owner: Session) -> None:
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    owner.run("begin")
    owner.run(_EVENT, 1, 1)
    owner.run("prepare transaction 'one'")
    owner.run("commit prepared 'one'")
    assert shop.assert_right(owner) == 1
