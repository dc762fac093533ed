"""A complaint moves a counter and a score, in its own transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import APPLICATION, refused
from tests.support.models import (
    COUNTER,
    assert_counters_are_right,
    assert_scores_are_right,
    counters,
    pipeline,
    probability,
    profiles,
)

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"
_PROFILE = (
    f"select {COUNTER}, churn_score, churn_model_version, churn_scored_at = now() as scored_now"
    " from churn.customer_profile where customer_id = %s"
)


def test_invariants_1_and_2_a_complaint_moves_counter_and_score(serving: Database) -> None:
    session = serving.session()
    before = profiles(session, "p.customer_id = 1")
    start = counters(session)

    serving.session(APPLICATION).run(_COMPLAIN, 1)

    after = profiles(session, "p.customer_id = 1")
    assert after[COUNTER][0] == before[COUNTER][0] + 1
    assert after["churn_score"][0] == pytest.approx(probability(pipeline(), after)[0], abs=1e-12, rel=0)
    assert after["churn_model_version"][0] == 1
    assert after["churn_scored_at"][0] == session.value("select created_at from churn.complaints")
    assert_counters_are_right(session, start)
    assert session.run("select model, version, binding, key, score from pgscore.prediction_log") == [
        ("churn", 1, "churn.complaints", "1", after["churn_score"][0])
    ]
    assert session.value("select count(*) from churn._pgscore_customer_profile_queue") == 0


def test_invariants_1_and_2_many_customers_many_transactions(session: Session) -> None:
    start = counters(session)
    for customer in (3, 1, 2, 2, 3, 3):
        session.run(_COMPLAIN, customer)
    session.run("insert into churn.complaints (customer_id, kind) select 1 + i % 40, 'x' from generate_series(1, 90) i")
    assert_counters_are_right(session, start)
    assert assert_scores_are_right(session, {1: pipeline()}) == 40
    assert session.value("select count(*) from pgscore.stale") == 0


def test_a_transaction_sees_its_score_after_set_constraints_and_others_at_commit(serving: Database) -> None:
    session, other = serving.session(), serving.session()
    (count,) = session.row(f"select {COUNTER} from churn.customer_profile where customer_id = 1")
    session.run("begin")
    session.run(_COMPLAIN, 1)
    assert session.row(_PROFILE, 1) == (count, None, None, None)
    session.run("set constraints all immediate")
    seen = session.row(_PROFILE, 1)
    assert seen == (count + 1, seen[1], 1, True)
    assert seen[1] == pytest.approx(probability(pipeline(), profiles(session, "p.customer_id = 1"))[0], abs=1e-12)
    assert other.row(_PROFILE, 1) == (count, None, None, None)
    session.run("commit")
    assert other.row(_PROFILE, 1)[:3] == seen[:3]


def test_a_rolled_back_complaint_leaves_nothing(session: Session) -> None:
    session.run(_COMPLAIN, 1)
    before = (profiles(session), session.run("select * from pgscore.prediction_log"))
    session.run("begin")
    session.run(_COMPLAIN, 1)
    session.run("set constraints all immediate")
    assert profiles(session)[COUNTER][0] == before[0][COUNTER][0] + 1
    session.run("rollback")
    assert profiles(session).equals(before[0])
    assert session.run("select * from pgscore.prediction_log") == before[1]
    assert session.value("select count(*) from churn._pgscore_customer_profile_queue") == 0


def test_invariant_1_a_savepoint_rolled_back_takes_its_complaints_with_it(session: Session) -> None:
    start = counters(session)
    session.run("begin")
    session.run(_COMPLAIN, 1)
    session.run("savepoint one")
    session.run(_COMPLAIN, 1)
    session.run(_COMPLAIN, 2)
    session.run("savepoint two")
    session.run(_COMPLAIN, 3)
    session.run("release savepoint two")
    session.run("rollback to savepoint one")
    session.run(_COMPLAIN, 4)
    session.run("commit")
    moved = {key: value - start[key] for key, value in counters(session).items() if value != start[key]}
    assert moved == {1: 1, 4: 1}
    assert assert_scores_are_right(session, {1: pipeline()}) == 2
    assert session.value("select count(*) from churn._pgscore_customer_profile_queue") == 0


def test_invariant_1_a_savepoint_rolled_back_after_set_constraints(session: Session) -> None:
    start = counters(session)
    session.run("begin")
    session.run(_COMPLAIN, 1)
    session.run("savepoint one")
    session.run("set constraints all immediate")
    session.run(_COMPLAIN, 2)
    session.run("rollback to savepoint one")
    session.run("commit")
    moved = {key: value - start[key] for key, value in counters(session).items() if value != start[key]}
    assert moved == {1: 1}
    assert assert_scores_are_right(session, {1: pipeline()}) == 1


def test_one_update_for_each_profile_row_and_transaction(session: Session) -> None:
    session.run(
        """
        create table updates (customer_id bigint);
        create function count_update() returns trigger language plpgsql as $$
        begin
            insert into public.updates values (new.customer_id);
            return null;
        end $$;
        alter table updates owner to churn_owner;
        create trigger counted after update on churn.customer_profile for each row execute function count_update();
        """
    )
    start = counters(session)
    session.run("begin")
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'a'), (1, 'b'), (2, 'c')")
    session.run(_COMPLAIN, 1)
    session.copy("copy churn.complaints (customer_id, kind) from stdin csv", "2,d\n1,e\n3,f\n")
    session.run("insert into churn.complaints (customer_id, kind) select 1, 'none' where false")
    session.run("commit")
    assert session.run("select customer_id, count(*) from updates group by 1 order by 1") == [(1, 1), (2, 1), (3, 1)]
    assert_counters_are_right(session, start)
    assert counters(session)[1] == start[1] + 4
    assert assert_scores_are_right(session, {1: pipeline()}) == 3


def test_copy_of_many_complaints(session: Session) -> None:
    start = counters(session)
    lines = "".join(f"{1 + i % 60},kind {i}\n" for i in range(3000))
    session.copy("copy churn.complaints (customer_id, kind) from stdin csv", lines)
    assert_counters_are_right(session, start)
    assert counters(session) == {key: value + 50 for key, value in start.items()}
    assert assert_scores_are_right(session, {1: pipeline()}) == 60


def test_invariant_1_before_a_promotion_counters_move_and_scores_are_null(installed: Database) -> None:
    session = installed.session()
    start = counters(session)
    installed.session(APPLICATION).run(_COMPLAIN, 1)
    assert_counters_are_right(session, start)
    assert session.row(_PROFILE, 1) == (start[1] + 1, None, None, None)
    assert session.value("select count(*) from pgscore.stale") == 0
    assert session.value("select count(*) from pgscore.prediction_log") == 0
    assert session.value("select count(*) from churn._pgscore_customer_profile_queue") == 0


def test_a_complaint_of_an_unknown_customer_is_refused_and_nothing_is_lost(installed: Database) -> None:
    session = installed.session()
    start = counters(session)
    with refused("23503", "violates foreign key constraint"):
        session.run(_COMPLAIN, 999999)
    with refused("23503", "violates foreign key constraint"):
        session.run("insert into churn.complaints (customer_id, kind) values (1, 'a'), (999999, 'b')")
    assert counters(session) == start
    session.run("begin")
    session.run(_COMPLAIN, 1)
    session.run("savepoint one")
    with refused("23503", "violates foreign key constraint"):
        session.run(_COMPLAIN, 999999)
    session.run("rollback to savepoint one")
    session.run("commit")
    assert counters(session) == {**start, 1: start[1] + 1}
    assert session.value("select count(*) from churn._pgscore_customer_profile_queue") == 0


def test_a_customer_who_complains_and_goes_in_one_transaction(session: Session) -> None:
    start = counters(session)
    session.run("begin")
    session.run(_COMPLAIN, 1)
    session.run(_COMPLAIN, 2)
    session.run("delete from churn.complaints where customer_id = 1")
    session.run("delete from churn.customer_profile where customer_id = 1")
    session.run("commit")
    assert counters(session)[2] == start[2] + 1
    assert session.value("select count(*) from churn.customer_profile where customer_id = 1") == 0
    assert session.value("select count(*) from pgscore.stale") == 0
    session.run("begin")
    session.run(_COMPLAIN, 3)
    session.run("delete from churn.complaints where customer_id = 3")
    session.run("delete from churn.customer_profile where customer_id = 3")
    session.run("commit")
    assert session.value("select count(*) from pgscore.stale") == 0
    assert assert_scores_are_right(session, {1: pipeline()}) == 1
