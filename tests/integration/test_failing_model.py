"""A model that cannot be loaded, or that refuses a row: what `keep` and `abort` do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.support.database import APPLICATION, Database, Session, refused, wait_until_blocked
from tests.support.models import (
    COUNTER,
    ENGINES,
    assert_scores_are_right,
    counters,
    opaque_pipeline,
    pipeline,
    probability,
    profiles,
    serve,
)

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"
_REVOKE = "update pgscore_trusted.trusted_key set revoked_at = now()"
_TRUST = "update pgscore_trusted.trusted_key set revoked_at = null"
_STALE = "select binding, key, reason from pgscore.stale order by key"


# What the engines say of a row with infinity in total_day_minutes.
_REFUSAL = {
    "sql": 'input "total_day_minutes" is Infinity, beyond what the estimator accepts',
    "interpreter": 'input "total_day_minutes" is Infinity, beyond what the estimator accepts',
    "estimator": "Input X contains infinity or a value too large for dtype('float64').",
}
_in_each_engine = pytest.mark.parametrize("scored", ENGINES, indirect=True)


@pytest.fixture
def scored(serving: Database, request: pytest.FixtureRequest) -> Session:
    """A session with `pipeline()`, in the engine that the test asks for; customer 1 has a score."""
    session = serving.session()
    engine = getattr(request, "param", None)
    if engine:
        serve(session, "churn", 1, engine)
    session.run(_COMPLAIN, 1)
    return session


@pytest.fixture
def loaded(opaque: Database) -> Session:
    """A session that keeps `opaque_pipeline()` loaded; customer 1 has a score."""
    session = opaque.session()
    session.run(_COMPLAIN, 1)
    return session


def _abort(session: Session) -> None:
    """Attaches the tables once more, as their owner does, with another policy."""
    session.run("set role churn_owner")
    session.run(
        "select pgscore.attach(model, events, profile, event_key, profile_key, reducers, score, version, scored_at,"
        " on_error => 'abort') from pgscore.binding where name = 'churn.complaints'"
    )
    session.run("reset role")


def _engine(session: Session) -> str:
    """The engine that serves one row and many."""
    one, many = session.row("select one_engine, many_engine from pgscore.model where name = 'churn'")
    assert one == many
    return str(one)


def test_invariant_4_with_keep_a_model_that_cannot_be_loaded_fails_no_insert(opaque: Database, loaded: Session) -> None:
    start = counters(loaded)
    before = profiles(loaded)
    loaded.run(_REVOKE)

    # A backend of its own, which has not loaded the model.
    application = opaque.session(APPLICATION)
    application.run(_COMPLAIN, 1)
    application.run("insert into churn.complaints (customer_id, kind) values (2, 'a'), (2, 'b')")

    assert counters(loaded) == {**start, 1: start[1] + 1, 2: start[2] + 2}
    reason = 'model "churn" version 3 cannot be loaded: the artifact is signed with key '
    stale = loaded.run(_STALE)
    assert [each[:2] for each in stale] == [("churn.complaints", "1"), ("churn.complaints", "2")]
    assert all(each[2].startswith(reason) and each[2].endswith("does not trust") for each in stale)
    after = profiles(loaded)
    for column in ("churn_score", "churn_scored_at", "churn_model_version"):
        assert after[column].equals(before[column])
    assert loaded.value("select count(*) from pgscore.prediction_log") == 1
    assert loaded.value("select count(*) from churn._pgscore_customer_profile_queue") == 0

    # The time of the first failure stands; the reason is that of the last.
    since = loaded.value("select since from pgscore.stale where key = '1'")
    application.run(_COMPLAIN, 1)
    assert loaded.value("select since from pgscore.stale where key = '1'") == since

    # A later success takes the row off the list, and only that row.
    loaded.run(_TRUST)
    application.run(_COMPLAIN, 1)
    assert [each[1] for each in loaded.run(_STALE)] == ["2"]
    assert counters(loaded)[1] == start[1] + 3
    assert assert_scores_are_right(loaded, {3: opaque_pipeline()}) == 1


def test_invariant_4_with_abort_the_transaction_fails_with_the_reason(opaque: Database, loaded: Session) -> None:
    start = profiles(loaded)
    _abort(loaded)
    loaded.run(_REVOKE)
    application = opaque.session(APPLICATION)
    reason = 'could not score 1 of 1 rows for churn.complaints: model "churn" version 3 cannot be loaded'
    with refused("22000", reason):
        application.run(_COMPLAIN, 1)
    application.run("begin")
    application.run(_COMPLAIN, 2)
    with refused("22000", reason):
        application.run("commit")
    assert profiles(loaded).equals(start)
    assert loaded.value("select count(*) from churn.complaints") == 1
    assert loaded.value("select count(*) from pgscore.stale") == 0
    assert loaded.value("select count(*) from churn._pgscore_customer_profile_queue") == 0
    loaded.run(_TRUST)
    application.run(_COMPLAIN, 1)
    assert counters(loaded)[1] == start[COUNTER][0] + 1


@_in_each_engine
def test_invariant_4_only_the_row_that_the_estimator_refuses_is_stale(scored: Session) -> None:
    scored.run("update churn.customer_profile set total_day_minutes = 'infinity' where customer_id = 3")
    start = counters(scored)
    scored.run("insert into churn.complaints (customer_id, kind) select i, 'x' from generate_series(1, 20) i")
    assert counters(scored) == {k: v + (k <= 20) for k, v in start.items()}
    ((binding, key, reason),) = scored.run(_STALE)
    assert (binding, key) == ("churn.complaints", "3")
    assert reason == _REFUSAL[_engine(scored)]
    assert assert_scores_are_right(scored, {1: pipeline()}) == 19
    assert scored.row("select churn_score, churn_model_version from churn.customer_profile where customer_id = 3") == (
        None,
        None,
    )
    logged = scored.run("select key::int from pgscore.prediction_log where id > 1 order by 1")
    assert [key for (key,) in logged] == [key for key in range(1, 21) if key != 3]

    scored.run("update churn.customer_profile set total_day_minutes = 100 where customer_id = 3")
    scored.run(_COMPLAIN, 3)
    assert scored.run(_STALE) == []
    assert assert_scores_are_right(scored, {1: pipeline()}) == 20


@_in_each_engine
def test_with_abort_one_refused_row_fails_the_batch(scored: Session) -> None:
    scored.run("update churn.customer_profile set total_day_minutes = 'infinity' where customer_id = 3")
    _abort(scored)
    start = counters(scored)
    with refused("22000", f"could not score 1 of 4 rows for churn.complaints: {_REFUSAL[_engine(scored)]}"):
        scored.run("insert into churn.complaints (customer_id, kind) select i, 'x' from generate_series(1, 4) i")
    assert counters(scored) == start


@_in_each_engine
def test_null_in_a_feature_that_the_model_does_not_accept_scores_null(scored: Session) -> None:
    scored.run("alter table churn.customer_profile alter column total_day_minutes drop not null")
    scored.run("update churn.customer_profile set total_day_minutes = null where customer_id = 1")
    before = counters(scored)[1]
    scored.run("insert into churn.complaints (customer_id, kind) values (1, 'a'), (2, 'b')")
    row = "select churn_score, churn_model_version from churn.customer_profile where customer_id = 1"
    assert scored.row(row) == (None, 1)
    assert counters(scored)[1] == before + 1
    assert scored.run(_STALE) == []
    second = profiles(scored, "p.customer_id = 2")
    assert second["churn_score"][0] == pytest.approx(probability(pipeline(), second)[0], abs=1e-12)


@_in_each_engine
def test_null_in_a_text_that_the_model_accepts_is_scored_as_missing(scored: Session) -> None:
    scored.run("alter table churn.customer_profile alter column state drop not null")
    scored.run("update churn.customer_profile set state = null where customer_id = 1")
    scored.run(_COMPLAIN, 1)
    row = profiles(scored, "p.customer_id = 1")
    row["state"] = pd.Series([np.nan], dtype=object)
    assert row["churn_score"][0] == pytest.approx(probability(pipeline(), row)[0], abs=1e-12)
    assert scored.run(_STALE) == []


@_in_each_engine
def test_invariant_4_a_dropped_column_is_a_stale_row(serving: Database, scored: Session) -> None:
    scored.run("alter table churn.customer_profile drop column total_eve_charge")
    start = counters(scored)
    serving.session(APPLICATION).run(_COMPLAIN, 2)
    assert counters(scored) == {**start, 2: start[2] + 1}
    ((_, key, reason),) = scored.run(_STALE)
    assert (key, "total_eve_charge" in reason) == ("2", True)


def test_a_cancelled_commit_is_no_failure_of_the_model(serving: Database, scored: Session) -> None:
    """With keep, only the model's failures are kept: a commit that is cancelled while it waits fails as any other."""
    waiting, observer = serving.session(), serving.session()
    start = counters(scored)
    scored.run("begin")
    scored.run("select from churn.customer_profile where customer_id = 2 for no key update")
    complaining = waiting.start(_COMPLAIN, 2)
    wait_until_blocked(observer, waiting.pid, by=scored.pid)
    observer.run("select pg_cancel_backend(%s)", waiting.pid)
    with refused("57014", "canceling statement due to user request"):
        complaining.result()
    waiting.run("set lock_timeout = '1ms'")
    with refused("55P03", "canceling statement due to lock timeout"):
        waiting.run(_COMPLAIN, 2)
    scored.run("rollback")
    assert counters(scored) == start
    assert scored.run(_STALE) == []
