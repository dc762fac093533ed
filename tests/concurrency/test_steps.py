"""Several sessions, step by step; locks decide who waits, not luck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.database import wait_until_blocked
from tests.support.models import (
    assert_counters_are_right,
    assert_scores_are_right,
    counters,
    light_pipeline,
    pipeline,
)

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'x')"
_MODELS = {1: pipeline(), 2: light_pipeline()}


@pytest.fixture
def sessions(serving: Database) -> tuple[Session, Session, Session]:
    """Two applications with the model loaded, and somebody who looks on."""
    first, second, observer = serving.session(), serving.session(), serving.session()
    loaded = "select pgscore.score('churn', p) from churn.customer_profile p where customer_id = 1"
    loading = [each.start(loaded) for each in (first, second)]
    for each in loading:
        each.result()
    return first, second, observer


def test_invariant_1_two_complaints_of_one_customer(sessions: tuple[Session, Session, Session]) -> None:
    first, second, observer = sessions
    start = counters(observer)
    first.run("begin")
    first.run(_COMPLAIN, 1)
    second.run("begin")
    second.run(_COMPLAIN, 1)  # nobody waits before the commit
    first.run("set constraints all immediate")
    committing = second.start("commit")
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    committing.result()
    assert counters(observer) == {**start, 1: start[1] + 2}
    assert assert_scores_are_right(observer, _MODELS) == 1
    assert observer.value("select count(*) from pgscore.prediction_log") == 2


def test_invariant_1_the_first_of_two_rolls_back(sessions: tuple[Session, Session, Session]) -> None:
    first, second, observer = sessions
    start = counters(observer)
    first.run("begin")
    first.run(_COMPLAIN, 1)
    first.run("set constraints all immediate")
    committing = second.start(_COMPLAIN, 1)
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("rollback")
    committing.result()
    assert counters(observer) == {**start, 1: start[1] + 1}
    assert assert_scores_are_right(observer, _MODELS) == 1


def test_invariant_3_opposite_orders_do_not_deadlock(sessions: tuple[Session, Session, Session]) -> None:
    first, second, observer = sessions
    start = counters(observer)
    # A third holds customer 2: both committers must come to a stop, the later behind the earlier at customer 1.
    observer.run("begin")
    observer.run("select from churn.customer_profile where customer_id = 2 for no key update")
    for session, order in ((first, (1, 2, 3)), (second, (3, 2, 1))):
        session.run("begin")
        for customer in order:
            session.run(_COMPLAIN, customer)
    committing = [first.start("commit")]
    wait_until_blocked(observer, first.pid, by=observer.pid)
    committing.append(second.start("commit"))
    wait_until_blocked(observer, second.pid, by=first.pid)
    observer.run("commit")
    for each in committing:
        each.result()
    assert counters(observer) == {**start, **{key: start[key] + 2 for key in (1, 2, 3)}}
    assert_counters_are_right(observer, start)
    assert assert_scores_are_right(observer, _MODELS) == 3


def test_a_promotion_between_two_commits(sessions: tuple[Session, Session, Session], serving: Database) -> None:
    first, second, observer = sessions
    operator = serving.session()
    start = counters(observer)
    first.run("begin")
    first.run(_COMPLAIN, 1)
    second.run("begin")
    second.run(_COMPLAIN, 1)
    first.run("set constraints all immediate")
    committing = second.start("commit")
    wait_until_blocked(observer, second.pid, by=first.pid)
    operator.run("select pgscore.promote('churn', 2)")  # waits for neither
    first.run("commit")
    committing.result()
    assert counters(observer) == {**start, 1: start[1] + 2}
    assert assert_scores_are_right(observer, _MODELS) == 1
    first.run(_COMPLAIN, 2)
    assert observer.value("select churn_model_version from churn.customer_profile where customer_id = 2") == 2


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_invariant_1_a_conflict_gives_40001_and_the_retry_works(
    sessions: tuple[Session, Session, Session], level: str
) -> None:
    first, second, observer = sessions
    start = counters(observer)
    first.run(f"begin isolation level {level}")
    first.run("select count(*) from churn.customer_profile")
    second.run(_COMPLAIN, 1)
    first.run(_COMPLAIN, 1)
    with pytest.raises(psycopg2.errors.SerializationFailure):
        first.run("commit")
    assert counters(observer) == {**start, 1: start[1] + 1}
    assert observer.run("select * from pgscore.stale") == []
    first.run(f"begin isolation level {level}")
    first.run(_COMPLAIN, 1)
    first.run("commit")
    assert counters(observer) == {**start, 1: start[1] + 2}
    assert_counters_are_right(observer, start)
    assert assert_scores_are_right(observer, _MODELS) == 1


def test_complaints_of_different_customers_do_not_wait(sessions: tuple[Session, Session, Session]) -> None:
    first, second, observer = sessions
    first.run("begin")
    first.run(_COMPLAIN, 1)
    first.run("set constraints all immediate")
    second.run("set lock_timeout = '1ms'")
    second.run(_COMPLAIN, 2)
    first.run("commit")
    assert assert_scores_are_right(observer, _MODELS) == 2


def test_a_backend_that_dies_in_its_commit_leaves_nothing(sessions: tuple[Session, Session, Session]) -> None:
    first, second, observer = sessions
    start = counters(observer)
    observer.run("begin")
    observer.run("select from churn.customer_profile where customer_id = 1 for no key update")
    committing = first.start(_COMPLAIN, 1)
    wait_until_blocked(observer, first.pid, by=observer.pid)
    second.run("select pg_terminate_backend(%s, 10000)", first.pid)
    with pytest.raises(psycopg2.OperationalError):
        committing.result()
    observer.run("rollback")
    assert counters(observer) == start
    assert observer.value("select count(*) from churn.complaints") == 0
    assert observer.value("select count(*) from churn._pgscore_customer_profile_queue") == 0
    second.run(_COMPLAIN, 1)
    assert counters(observer) == {**start, 1: start[1] + 1}
