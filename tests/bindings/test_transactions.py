"""Several statements for one customer in one transaction: one update at commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Session

_EVENT = f"""
    insert into {shop.EVENTS} (id, "Customer Id", amount, pieces, weight, at) values (%s, %s, %s, 2, 0.25, %s)
"""
_LOG = "select count(*) from pgscore.prediction_log where model = 'shop'"


@pytest.fixture
def attached(owner: Session) -> Session:
    """Two customers, with all reducers but the one that always looks at the events."""
    shop.detach(owner)
    shop.attach(owner, reducers=shop.REDUCERS[:-1])
    owner.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    return owner


def test_they_are_one_update(attached: Session) -> None:
    logged = attached.value(_LOG)
    attached.run("begin")
    for number, amount in enumerate((5, -3, None, 2.5), 1):
        attached.run(_EVENT, number, 1, amount, number)
    attached.run("commit")
    assert attached.value(_LOG) == logged + 1
    assert shop.assert_right(attached) == 2


@pytest.mark.parametrize("customer", [1, 2])
def test_the_first_of_them_is_rolled_back(attached: Session, customer: int) -> None:
    """It is the one that has the work done: the next one is to have it done instead."""
    attached.run("begin; savepoint one")
    attached.run(_EVENT, 1, 1, 5, 1)
    attached.run("savepoint two")
    attached.run(_EVENT, 2, 1, 5, 1)
    attached.run("rollback to one")
    attached.run(_EVENT, 3, customer, 7, 1)
    attached.run("savepoint three")
    attached.run(_EVENT, 4, 1, 7, 1)
    attached.run("rollback to three; commit")
    assert attached.value(f"select n from {shop.PROFILE} where id = %s", customer) == 1
    assert shop.assert_right(attached) == 2


def test_the_work_is_done_in_the_middle(attached: Session) -> None:
    attached.run("begin")
    attached.run(_EVENT, 1, 1, 5, 1)
    attached.run(_EVENT, 2, 1, 5, 2)
    attached.run("set constraints all immediate; set constraints all deferred")
    assert shop.assert_right(attached) == 2
    attached.run(_EVENT, 3, 1, 9, 3)
    attached.run(_EVENT, 4, 2, 9, 3)
    attached.run("commit")
    assert shop.assert_right(attached) == 2


def test_what_adds_nothing_up_changes_nothing(attached: Session) -> None:
    """Amounts that cancel out still count; a profile without its events is as it was."""
    attached.run("begin")
    attached.run(_EVENT, 1, 1, 5, 1)
    attached.run(_EVENT, 2, 1, -5, 1)
    attached.run("commit")
    assert shop.assert_right(attached) == 2
    attached.run("begin")
    attached.run(_EVENT, 3, 2, 5, 1)
    attached.run(f"delete from {shop.EVENTS} where id = 3; commit")
    assert attached.value(f"select n from {shop.PROFILE} where id = 2") == 0
    assert shop.assert_right(attached) == 2
