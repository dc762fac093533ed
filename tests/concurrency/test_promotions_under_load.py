"""Promotions while applications insert and analysts ask: nothing fails, and no score is of neither version."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from tests.support.database import ANALYST, APPLICATION, OPERATOR, wait_until_blocked
from tests.support.models import (
    ENGINES,
    assert_counters_are_right,
    assert_scores_are_right,
    counters,
    customers,
    light_pipeline,
    pipeline,
    probability,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.database import Database, Session

_PROMOTIONS = 12
_COMPLAIN = (
    "insert into churn.complaints (customer_id, kind) select 1 + (%s * 7 + i) %% 20, 'x' from generate_series(1, 3) i"
)
_FORMS = (
    "select pgscore.score('churn', p) from churn.customer_profile p where p.customer_id > 50 order by p.customer_id",
    "select pgscore.score('churn', s) from (select * from churn.customer_profile where customer_id > 50) s"
    " order by s.customer_id",
    "with c as materialized (select * from churn.customer_profile where customer_id > 50)"
    " select pgscore.score('churn', c) from c order by c.customer_id",
    "select pgscore.score('churn', to_jsonb(p)) from churn.customer_profile p where customer_id > 50"
    " order by customer_id",
    "select pgscore.score('churn', v) from customers v where customer_id > 50 order by customer_id",
    "execute typed",
)


def _insert(session: Session, stop: Event, done: list[int]) -> None:
    while not stop.is_set():
        session.run(_COMPLAIN, len(done))
        done.append(1)


def _ask(session: Session, stop: Event, done: list[int]) -> None:
    frame = customers().tail(10)
    right = [pytest.approx(probability(model, frame), abs=1e-12) for model in (pipeline(), light_pipeline())]
    session.run(f"prepare typed as {_FORMS[0]}")
    while not stop.is_set():
        for form in _FORMS:
            found = [score for (score,) in session.run(form)]
            assert found in right, form
            done.append(1)


def test_promotions_disturb_neither_inserts_nor_queries(serving: Database) -> None:
    operator, observer = serving.session(OPERATOR), serving.session()
    observer.run("create view public.customers as select * from churn.customer_profile")
    observer.run(f"grant usage on schema public to {ANALYST}; grant select on public.customers to {ANALYST}")
    start = counters(observer)
    stop = Event()
    jobs: list[tuple[Session, Callable[[Session, Event, list[int]], None], list[int]]] = [
        (serving.session(APPLICATION), _insert, []),
        (serving.session(APPLICATION), _insert, []),
        (serving.session(ANALYST), _ask, []),
    ]
    running = [session.work(job, session, stop, done) for session, job, done in jobs]
    try:
        for number in range(_PROMOTIONS):
            # Each promotion meets all of them at work.
            engine = ENGINES[number // 2 % len(ENGINES)]
            operator.run("select pgscore.promote('churn', %s, %s)", 2 - number % 2, engine)
            # And each has done something that began after it. A row at which a session loads a model is of the version
            # before, where a promotion commits meanwhile, and the next rows of a record are not (docs/guide/limits.md).
            before = [len(done) for _, _, done in jobs]
            while any(len(done) < n + 2 for (_, _, done), n in zip(jobs, before, strict=True)):
                # None ends by itself, but by an error, which this raises.
                assert [each.result() for each in running if each.done()] == []
    finally:
        stop.set()
    for each in running:
        each.result()
    assert_counters_are_right(observer, start)
    assert assert_scores_are_right(observer, {1: pipeline(), 2: light_pipeline()}) > 0
    assert observer.run("select * from pgscore.stale") == []


def test_a_promotion_in_flight_lets_inserts_and_queries_go_on(serving: Database) -> None:
    """The locks of a promotion that has done its work and not committed yet."""
    operator, session = serving.session(OPERATOR), serving.session(APPLICATION)
    operator.run("begin")
    operator.run("select pgscore.promote('churn', 2)")
    session.run("set lock_timeout = '1ms'")
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'x')")
    analyst = serving.session(ANALYST)
    analyst.run("set lock_timeout = '1ms'")
    assert analyst.value("select pgscore.score('churn', p) from churn.customer_profile p where customer_id = 60")
    tables = operator.run(
        "select c.relname::text, l.mode from pg_locks l join pg_class c on c.oid = l.relation"
        " where l.pid = pg_backend_pid() and c.relnamespace = 'churn'::regnamespace and l.mode <> 'AccessShareLock'"
    )
    assert tables == []
    operator.run("rollback")


def test_a_promotion_that_waits_too_long_says_so(serving: Database) -> None:
    first, second, observer = serving.session(OPERATOR), serving.session(OPERATOR), serving.session()
    observer.run(
        "alter function pgscore.promote(text, integer, text, double precision, boolean) set lock_timeout = '50ms'"
    )
    first.run("begin")
    first.run("select pgscore.promote('churn', 2)")
    waiting = second.start("select pgscore.promote('churn', 1)")
    with pytest.raises(Exception, match="lock timeout"):
        waiting.result()
    first.run("commit")
    assert observer.value("select serving from pgscore.model") == 2


def test_nobody_retires_a_version_while_it_is_promoted(serving: Database) -> None:
    first, second, observer = serving.session(OPERATOR), serving.session(OPERATOR), serving.session()
    first.run("begin")
    first.run("select pgscore.promote('churn', 2)")
    retiring = second.start("select pgscore.retire('churn', 2)")
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    with pytest.raises(Exception, match="version 2 serves: it cannot be retired"):
        retiring.result()
