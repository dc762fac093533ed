"""`pgscore stream enrich`: each message once with its profile, whatever is killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.streams.processes import messages, running, values
from tests.support.command import run, run_json

from .working import complaints, send

if TYPE_CHECKING:
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database, Session


@pytest.fixture
def shop(empty: Database) -> Session:
    """A database with profiles; pgscore need not be there."""
    session = empty.session()
    session.run(
        "create schema shop; create table shop.customer (no bigint primary key, name text, paid numeric);"
        "insert into shop.customer select n, 'customer ' || n, n + 0.10 from generate_series(1, 5) n"
    )
    return session


@pytest.fixture
def arguments(broker: PrivateBroker, tmp_path: Path) -> list[str]:
    settings = tmp_path / "settings"
    settings.write_text("session.timeout.ms=1500\nheartbeat.interval.ms=300\ntransaction.timeout.ms=2000\n")
    keys = ["--profile", "shop.customer", "--event-key", "customer_id", "--profile-key", "no"]
    return ["stream", "enrich", *keys, "--brokers", broker.servers, "--kafka-settings", str(settings), "--once"]


def _check(broker: PrivateBroker, topic: str, sent: list[dict[str, Any]]) -> None:
    """Each message is there once, and those of a key are in order."""
    by_key: dict[bytes | None, list[str]] = {}
    for message in messages(broker.servers, topic):
        by_key.setdefault(message.key(), []).append(json.loads(message.value() or b"")["event"]["body"])
    wanted: dict[bytes | None, list[str]] = {}
    for each in sent:
        wanted.setdefault(str(each["customer_id"]).encode(), []).append(each["body"])
    assert by_key == wanted


def test_messages_have_their_profiles(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic, arguments: list[str]
) -> None:
    events, rich, dead = topic("events", 2), topic("rich", 2), topic("dead")
    sent = complaints(12, customers=6)
    send(broker, events, [*sent, b"no json", {"customer_id": "x", "body": "no number"}, {"body": "of nobody"}])
    where = ["--topic", events, "--to", rich, "--dead-letters", dead]
    done = run_json(empty.dsn(), *arguments, *where)
    assert (done["messages"], done["written"], done["without_profile"], done["dead"]) == (15, 13, 3, 2)
    found = {each["event"]["body"]: each for each in values(broker.servers, rich)}
    assert found["0"]["profile"] == {"no": 1, "name": "customer 1", "paid": 1.1}
    assert found["5"]["profile"] is None
    assert found["of nobody"]["profile"] is None
    reasons = sorted(str(dict(each.headers() or ())["pgscore-reason"]) for each in messages(broker.servers, dead))
    assert "invalid input syntax for type bigint" in reasons[0]
    again = run_json(empty.dsn(), *arguments, *where, "--rate", "1000", "--metrics", "0", "--every", "0.01")
    assert (again["messages"], again["written"], again["lag"]) == (0, 0, 0)
    refused = run(empty.dsn(), *arguments, "--topic", events, "--to", rich, "--group", "other", expect=1).stderr
    assert "nothing can be done with message" in refused


@pytest.mark.parametrize(("step", "number"), [("produced", 6), ("before commit", 2), ("committed", 2)])
def test_killed_at_a_step_nothing_is_lost_or_written_twice(
    empty: Database,
    shop: Session,
    broker: PrivateBroker,
    topic: MakeTopic,
    arguments: list[str],
    step: str,
    number: int,
) -> None:
    events, rich = topic("events", 2), topic("rich", 3)
    sent = complaints(12, customers=3)
    send(broker, events, sent)
    further = ["--topic", events, "--to", rich, "--batch", "4"]
    with running(empty.dsn(), *arguments, *further, pause=(step, number)) as first:
        first.paused()
        first.kill()
    run(empty.dsn(), *arguments, *further)
    _check(broker, rich, sent)


def test_one_whose_partitions_went_to_another_writes_nothing(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic, arguments: list[str]
) -> None:
    events, rich = topic("events", 1), topic("rich", 1)
    sent = complaints(12, customers=3)
    send(broker, events, sent)
    further = ["--topic", events, "--to", rich, "--batch", "4"]
    with running(empty.dsn(), *arguments, *further, pause=("produced", 6)) as first:
        first.paused()
        first.stopped()
        run(empty.dsn(), *arguments, *further)
        first.continued()
        first.go_on()
        code, _, err = first.ended()
        assert code == 0, err
    _check(broker, rich, sent)
