"""`pgscore stream predict --definition`: straight to profiles, without an event table."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.models import COUNTER, assert_scores_are_right, counters, light_pipeline, pipeline

from .working import LOGIN, Streams, complaints, grant, offsets, read, send, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

DEFINITION: dict[str, Any] = {
    "profile": "churn.customer_profile",
    "event_key": ["customer_id"],
    "profile_key": ["customer_id"],
    "event_columns": {"customer_id": "bigint not null", "kind": "text", "amount": "numeric(10,2)"},
    "reducers": [
        {"column": COUNTER, "aggregate": "count"},
        {"column": "paid", "aggregate": "sum", "of": "amount"},
        {"column": "urgent", "aggregate": "count", "where": {"kind": "urgent"}},
    ],
    "score": "churn_score",
    "version": "churn_model_version",
    "scored_at": "churn_scored_at",
}


@pytest.fixture
def working(broker: PrivateBroker, serving: Database, tmp_path: Path) -> Iterator[Streams]:
    session = serving.session()
    dsn = grant(serving)
    session.run(
        "alter table churn.customer_profile add paid numeric not null default 0, add urgent bigint not null default 0"
    )
    session.run(f"grant select, update on churn.customer_profile to {LOGIN}")
    (tmp_path / "definition.json").write_text(json.dumps(DEFINITION))
    with streams(broker, dsn, tmp_path) as made:
        yield made


def _detach(database: Database) -> None:
    session = database.session()
    session.run("alter role churn_owner login; grant pgscore_reader to churn_owner")
    session.run("set session authorization churn_owner; select pgscore.detach('churn.complaints')")
    session.close()


def _events(count: int) -> list[dict[str, Any]]:
    return [
        {**each, "kind": "urgent" if n % 3 == 0 else "other", "amount": n / 4}
        for n, each in enumerate(complaints(count))
    ]


def test_columns_of_a_binding_are_refused(working: Streams, topic: MakeTopic) -> None:
    said = working.straight(topic(), expect=1)
    assert said["error"] == (
        f'column "{COUNTER}" of churn.customer_profile is moved by the binding churn.complaints: reconcile would undo'
        " what messages bring"
    )


@pytest.mark.parametrize("step", ["applied", "moved", "stored"])
def test_profiles_move_once(working: Streams, topic: MakeTopic, serving: Database, step: str) -> None:
    _detach(serving)
    session = serving.session()
    start = counters(session)
    events, scores = topic("events", 1), topic("scores", 1)
    send(working.broker, events, _events(150))
    worker = working.start(*working.straightly(events), "--to", scores, "--batch", "40", kill=f"{step}:2")
    worker.end(expect=-9)
    assert sum(counters(session).values()) - sum(start.values()) == sum(offsets(session, events).values())
    said = working.straight(events, "--to", scores)
    assert said["dead"] == 0
    assert {key: value - start[key] for key, value in counters(session).items()} == {n: 2 + (n <= 30) for n in start}
    assert session.row("select sum(paid), sum(urgent) from churn.customer_profile") == (
        sum(n for n in range(150)) / 4,
        50,
    )
    assert assert_scores_are_right(session, {1: pipeline()}) == 60
    last = {}
    for each in read(working.broker, scores, 60):
        document = json.loads(each.value())
        last[document["key"]["customer_id"]] = document
    assert {each["version"] for each in last.values()} == {1}


def test_a_promotion_is_followed_and_dead_letters_say_why(
    working: Streams, topic: MakeTopic, serving: Database
) -> None:
    _detach(serving)
    session = serving.session()
    events, dead = topic("events", 1), topic("dead", 1)
    worker = working.start(*working.straightly(events), "--dead-letters", dead)
    send(working.broker, events, [{"customer_id": 1}])
    worker.wait_for("step stored 1")
    assert session.value("select churn_model_version from churn.customer_profile where customer_id = 1") == 1
    session.run("select pgscore.promote('churn', 2, max_seconds => 300)")
    send(working.broker, events, [{"customer_id": 1}, {"customer_id": 9999}, {"customer_id": "x"}, {"amount": 1}])
    worker.wait_for("step stored 2")
    worker.stop()
    assert session.value("select churn_model_version from churn.customer_profile where customer_id = 1") == 2
    assert_scores_are_right(session, {1: pipeline(), 2: light_pipeline()})
    reasons = [dict(each.headers())["pgscore-reason"].decode() for each in read(working.broker, dead, 2)]
    assert sorted(reasons) == [
        "column \"customer_id\" is of type bigint, and 'x' is no value of it",
        "table churn.customer_profile has no row whose customer_id is 9999",
    ]


@pytest.mark.parametrize("step", ["held", "applied", "moved"])
def test_a_promotion_in_the_middle_of_a_transaction(
    working: Streams, topic: MakeTopic, serving: Database, step: str
) -> None:
    """What was begun with a version is of that version, as the row says; what follows is of the next one."""
    _detach(serving)
    session = serving.session()
    events, scores = topic("events", 1), topic("scores", 1)
    send(working.broker, events, _events(40), key="all")
    worker = working.start(*working.straightly(events), "--batch", "10", "--to", scores, stop=f"{step}:2")
    worker.wait_for(f"step {step} 2")
    session.run("select pgscore.promote('churn', 2, max_seconds => 300)")
    worker.signal(signal.SIGCONT)
    worker.wait_for("step stored 4")
    worker.stop()
    # At "held" the transaction has not asked yet which version answers.
    former = 10 if step == "held" else 20
    found = session.run(
        "select customer_id <= %s, churn_model_version, count(*) from churn.customer_profile"
        " where churn_model_version is not null group by 1, 2",
        former,
    )
    assert sorted(found) == [(False, 2, 40 - former), (True, 1, former)]
    assert assert_scores_are_right(session, {1: pipeline(), 2: light_pipeline()}) == 40
    said = [json.loads(each.value()) for each in read(working.broker, scores, 40)]
    stored = session.run("select customer_id, churn_score, churn_model_version from churn.customer_profile")
    assert {(each["key"]["customer_id"], each["score"], each["version"]) for each in said} == {
        row for row in stored if row[2] is not None
    }


def test_enriched_messages_need_no_look_up_while_they_are_true(
    working: Streams, topic: MakeTopic, serving: Database
) -> None:
    _detach(serving)
    session = serving.session()
    start = counters(session)
    rows = dict(session.run("select customer_id, to_jsonb(p) from churn.customer_profile p"))
    events, scores = topic("events", 1), topic("scores", 1)
    messages = [{"event": {"customer_id": n}, "profile": rows[n]} for n in (1, 2, 1, 3)]
    messages += [{"event": {"customer_id": 4}, "profile": None}]
    session.run(f"update churn.customer_profile set {COUNTER} = {COUNTER} + 5 where customer_id = 3")
    send(working.broker, events, messages, key="all")
    said = working.straight(events, "--enriched", "--to", scores)
    assert (said["profiles_as_told"], said["profiles"], said["dead"]) == (2, 2, 0)
    assert {n: counters(session)[n] - start[n] for n in (1, 2, 3, 4, 5)} == {1: 2, 2: 1, 3: 6, 4: 1, 5: 0}
    assert assert_scores_are_right(session, {1: pipeline()}) == 4
    found = {
        json.loads(each.value())["key"]["customer_id"]: json.loads(each.value())
        for each in read(working.broker, scores, 4)
    }
    assert {key: each["score"] for key, each in found.items()} == dict(
        session.run("select customer_id, churn_score from churn.customer_profile where customer_id <= 4")
    )


@pytest.mark.parametrize(
    ("reducer", "why"),
    [
        ({"column": "urgent", "aggregate": "distinct", "of": "kind"}, "which values there were is not in it"),
        ({"column": "paid", "aggregate": "avg", "of": "amount"}, "it takes a sum"),
    ],
)
def test_what_cannot_be_followed_is_refused_at_the_start(
    working: Streams, topic: MakeTopic, serving: Database, reducer: dict[str, Any], why: str
) -> None:
    _detach(serving)
    working.definition.write_text(json.dumps({**DEFINITION, "reducers": [reducer]}))
    said = working.straight(topic(), expect=1)
    assert why in said["error"]
