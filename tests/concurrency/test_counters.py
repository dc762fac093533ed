"""Counters against plain GROUP BY, over random histories of several sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.support.examples import examples
from tests.support.models import assert_scores_are_right, counters, pipeline

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_CUSTOMERS = st.integers(1, 5)
_SESSIONS = st.integers(0, 2)


class _Histories(RuleBasedStateMachine):
    """Three sessions insert, roll back, and set savepoints, in any order in which none has to wait.

    A commit applies at once, and nothing locks a profile before it, so no step waits and one thread is enough.
    """

    sessions: list[Session]
    start: dict[int, int]
    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.observer = self.sessions[-1]
        self.observer.run("truncate churn.complaints, pgscore.prediction_log")
        self.begun = counters(self.observer)
        self.savepoints: list[list[str] | None] = [None, None, None]

    @rule(who=_SESSIONS, customers=st.lists(_CUSTOMERS, min_size=1, max_size=6))
    def complain(self, who: int, customers: list[int]) -> None:
        self.sessions[who].run(
            "insert into churn.complaints (customer_id, kind) select c, 'x' from unnest(%s) as c", customers
        )

    @rule(who=_SESSIONS, customers=st.lists(_CUSTOMERS, max_size=6))
    def copy(self, who: int, customers: list[int]) -> None:
        lines = "".join(f"{customer},x\n" for customer in customers)
        self.sessions[who].copy("copy churn.complaints (customer_id, kind) from stdin csv", lines)

    @rule(who=_SESSIONS)
    def begin(self, who: int) -> None:
        if self.savepoints[who] is None:
            self.sessions[who].run("begin")
            self.savepoints[who] = []

    @rule(who=_SESSIONS, how=st.sampled_from(["commit", "commit", "rollback"]))
    def end(self, who: int, how: str) -> None:
        if self.savepoints[who] is not None:
            self.sessions[who].run(how)
            self.savepoints[who] = None

    @rule(who=_SESSIONS)
    def savepoint(self, who: int) -> None:
        names = self.savepoints[who]
        if names is not None:
            names.append(f"s{len(names)}")
            self.sessions[who].run(f"savepoint {names[-1]}")

    @rule(who=_SESSIONS, data=st.data(), how=st.sampled_from(["rollback to", "release"]))
    def leave_savepoint(self, who: int, data: st.DataObject, how: str) -> None:
        names = self.savepoints[who]
        if names:
            name = data.draw(st.sampled_from(names))
            self.sessions[who].run(f"{how} savepoint {name}")
            del names[names.index(name) + (how == "rollback to") :]

    @precondition(lambda self: all(each is None for each in self.savepoints))
    @rule(who=_SESSIONS, customers=st.lists(_CUSTOMERS, min_size=1, max_size=3))
    def look_inside(self, who: int, customers: list[int]) -> None:
        """SET CONSTRAINTS locks profiles, so it is asked for only while the others are idle."""
        session = self.sessions[who]
        session.run("begin")
        for customer in customers:
            session.run("insert into churn.complaints (customer_id, kind) values (%s, 'x')", customer)
            session.run("set constraints all immediate")
            session.run("set constraints all deferred")
        self._check(session)
        session.run("commit")

    @invariant()
    def invariant_1(self) -> None:
        self._check(self.observer)

    def _check(self, session: Session) -> None:
        events = dict(session.run("select customer_id, count(*) from churn.complaints group by 1"))
        assert counters(session) == {key: value + events.get(key, 0) for key, value in self.begun.items()}

    def teardown(self) -> None:
        for who, names in enumerate(self.savepoints):
            if names is not None:
                self.sessions[who].run("commit")
        self.invariant_1()
        assert_scores_are_right(self.observer, {1: pipeline()})
        assert self.observer.value("select count(*) from churn._pgscore_customer_profile_queue") == 0
        assert self.observer.value("select count(*) from pgscore.stale") == 0


@pytest.mark.long
def test_invariants_1_and_2_random_histories(serving: Database) -> None:
    opened = [serving.session() for _ in range(4)]
    # The profiles' own counters move on from example to example.
    machine: Any = type("Histories", (_Histories,), {"sessions": opened})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(25),
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
