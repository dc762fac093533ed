"""A promotion reaches every session at its commit, and stands in nobody's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import APPLICATION, NOBODY, OPERATOR, SCIENTIST, refused, wait_until_blocked
from tests.support.models import (
    assert_scores_are_right,
    customers,
    light_pipeline,
    pipeline,
    probability,
)

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"
_SCORES = "select pgscore.score('churn', p) from churn.customer_profile p order by p.customer_id"
_FORMS = (
    _SCORES,
    "execute typed",
    "select pgscore.score('churn', to_jsonb(p)) from churn.customer_profile p order by p.customer_id",
    "select pgscore.score('churn', s) from (select * from churn.customer_profile) s order by s.customer_id",
)


def _answers(session: Session) -> int:
    """The version that answers in all forms."""
    by_version = {v: probability(m, customers()) for v, m in ((1, pipeline()), (2, light_pipeline()))}
    versions = set()
    for form in _FORMS:
        found = [score for (score,) in session.run(form)]
        versions |= {v for v, expected in by_version.items() if found == pytest.approx(expected, abs=1e-12, rel=0)}
    (version,) = versions
    return version


def test_a_promotion_reaches_open_sessions_and_prepared_statements_at_its_commit(serving: Database) -> None:
    session, operator = serving.session(), serving.session(OPERATOR)
    session.run(f"prepare typed as {_SCORES}")
    for _ in range(6):  # past the fifth the plan is generic, and cached
        session.run("execute typed")
    assert _answers(session) == 1
    session.run(_COMPLAIN, 1)

    operator.run("begin")
    operator.run("select pgscore.promote('churn', 2)")
    assert _answers(session) == 1
    session.run(_COMPLAIN, 2)
    operator.run("rollback")
    assert _answers(session) == 1

    operator.run("begin")
    operator.run("select pgscore.promote('churn', 2)")
    operator.run("commit")
    session.run(_COMPLAIN, 3)
    assert session.run("select churn_model_version from churn.customer_profile where customer_id < 4 order by 1") == [
        (1,),
        (1,),
        (2,),
    ]
    assert assert_scores_are_right(session, {1: pipeline(), 2: light_pipeline()}) == 3
    session.run("alter table churn.complaints disable trigger all")
    session.run(
        "update churn.customer_profile p set number_customer_service_calls = number_customer_service_calls - 1"
        " where customer_id < 4"
    )
    assert _answers(session) == 2


def test_two_promotions_at_once_wait_for_each_other(serving: Database) -> None:
    first, second, observer = serving.session(OPERATOR), serving.session(OPERATOR), serving.session()
    first.run("begin")
    first.run("select pgscore.promote('churn', 2)")
    running = second.start("select pgscore.promote('churn', 1)")
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    running.result()
    assert observer.value("select serving from pgscore.model") == 1


def test_a_promotion_beside_a_complaint_in_flight(serving: Database) -> None:
    session, operator = serving.session(), serving.session(OPERATOR)
    session.run("begin")
    session.run(_COMPLAIN, 1)
    operator.run("select pgscore.promote('churn', 2)")
    session.run("commit")
    assert session.value("select churn_model_version from churn.customer_profile where customer_id = 1") == 2
    assert assert_scores_are_right(session, {2: light_pipeline()}) == 1


def test_invariant_2_version_and_score_match_in_a_repeatable_read_transaction(serving: Database) -> None:
    session, operator = serving.session(), serving.session(OPERATOR)
    session.run("begin isolation level repeatable read")
    session.run("select serving from pgscore.model")
    operator.run("select pgscore.promote('churn', 2)")
    session.run(_COMPLAIN, 1)
    session.run("commit")
    assert assert_scores_are_right(session, {1: pipeline(), 2: light_pipeline()}) == 1


@pytest.mark.parametrize(
    "change",
    [
        "add column region text not null default 'unknown'",
        "add column wanted_id bigint generated always as identity",
        "alter column account_length type bigint",
        "alter column total_day_minutes type real",
    ],
)
def test_the_profile_table_can_be_altered_under_a_promoted_model(serving: Database, change: str) -> None:
    session, application = serving.session(), serving.session(APPLICATION)
    session.run(_COMPLAIN, 1)
    application.run(_COMPLAIN, 1)
    session.run(f"alter table churn.customer_profile {change}")
    application.run(_COMPLAIN, 1)
    application.run(_COMPLAIN, 2)
    session.run(_COMPLAIN, 3)
    assert session.run("select * from pgscore.stale") == []
    assert session.run(
        "select number_customer_service_calls - %s from churn.customer_profile where customer_id = 1",
        int(customers()["number_customer_service_calls"][0]),
    ) == [(3,)]
    expected = session.run(_SCORES)[:3]
    stored = session.run("select churn_score from churn.customer_profile order by customer_id limit 3")
    assert [s for (s,) in stored] == pytest.approx([s for (s,) in expected], abs=1e-12)


def test_an_unpromoted_version_does_not_answer(session: Session) -> None:
    assert session.value("select serving from pgscore.model") == 1
    with refused("42704", 'model "churn" has no version 3'):
        session.run("select pgscore.promote('churn', 3)")
    with refused("42704", 'model "churn" has no version'):
        session.run("select pgscore.promote('churn', null)")
    with refused("42704", 'model "nothing" is unknown'):
        session.run("select pgscore.promote('nothing', 1)")
    assert session.value("select serving from pgscore.model") == 1


def test_invariant_5_a_version_that_differs_on_a_golden_row_is_not_promoted(session: Session) -> None:
    session.run("alter table pgscore.golden_row disable trigger immutable")
    session.run("update pgscore.golden_row set expected = expected + 1e-9 where version = 2 and ordinal = 7")
    with refused("22000", 'model "churn" version 2 is not promoted: golden row 7 gives '):
        session.run("select pgscore.promote('churn', 2)")
    assert session.value("select serving from pgscore.model") == 1
    for _, _, difference, ok in session.run("select * from pgscore.verify('churn', 2)"):
        assert (difference, ok) == (pytest.approx(1e-9, rel=1e-3), False)


def test_invariant_7_who_promotes(serving: Database) -> None:
    for login in (APPLICATION, NOBODY, SCIENTIST):
        with refused("42501", "permission denied"):
            serving.session(login).run("select pgscore.promote('churn', 2)")
    serving.session(OPERATOR).run("select pgscore.promote('churn', 2)")
