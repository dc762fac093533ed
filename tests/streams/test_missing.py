"""`"on_missing": "insert"`: profiles that messages make, each once, with their scores."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.bindings import shop
from tests.support.database import wait_until_blocked

from .straight import LOGIN, Straight, grant, straight
from .working import send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

_MAY = f'grant insert (id, n, billed, "Total") on {shop.PROFILE} to {LOGIN}'
_FILLS = f"""
    create function "Shop".filling() returns trigger language plpgsql as 'begin new.home := 1; return new; end';
    create trigger filling before insert on {shop.PROFILE} for each row execute function "Shop".filling()
"""


@pytest.fixture
def told(broker: PrivateBroker, shopping: Database, tmp_path: Path) -> Iterator[Straight]:
    session = shopping.session()
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    grant(session)
    session.run(_MAY)
    with straight(broker, shopping, tmp_path) as made:
        made.define(on_missing="insert")
        yield made


@pytest.mark.parametrize("step", ["applied", "moved"])
def test_two_workers_make_a_profile(told: Straight, topic: MakeTopic, step: str) -> None:
    """One has made it and not committed; the other waits for it, and then counts on."""
    topics = topic("first"), topic("second")
    for each in topics:
        send(told.working.broker, each, [{"Customer Id": n, "amount": n} for n in (7, 2, 7, 1)], key="all")
    first = told.working.start(*told.arguments(topics[0]), stop=f"{step}:1")
    first.wait_for(f"step {step} 1")
    second = told.working.start(*told.arguments(topics[1]))
    second.wait_for("step held 1")
    (waiting,) = told.session.row(
        "select pid from pg_stat_activity where application_name = 'pgscore' and datname = current_database()"
        " order by backend_start desc limit 1"
    )
    wait_until_blocked(told.session, waiting)
    first.signal(signal.SIGCONT)
    for worker in (first, second):
        worker.wait_for("step stored 1")
        worker.stop()
    assert told.session.run(f'select id, n, "Total" from {shop.PROFILE} order by id') == [
        (1, 2, 2),
        (2, 2, 4),
        (7, 4, 28),
    ]
    told.assert_right()


def test_a_key_that_the_table_numbers_itself(told: Straight, topic: MakeTopic) -> None:
    shop.run_as_owner(told.session, f"alter table {shop.PROFILE} alter id add generated always as identity")
    events = topic("events")
    send(told.working.broker, events, [{"Customer Id": 5, "amount": 1}], key="all")
    assert told.run(events)["profiles"] == 1
    told.assert_right()


@pytest.mark.parametrize(
    ("change", "definition", "why"),
    [
        ("add home integer not null", {}, 'no value for column "home"'),
        ("add home integer not null generated always as identity", {}, None),
        ("add home integer not null default 3", {}, None),
        (f"add home integer not null; {_FILLS}", {}, None),
        ('alter "Score" set not null', {}, 'no value for column "Score"'),
        (
            "alter least set default 0, alter least set not null",
            {"reducers": [{"column": "least", "aggregate": "min", "of": "amount"}]},
            'no value for column "least"',
        ),
        ("add home integer not null", {"on_missing": "error"}, None),
    ],
)
def test_what_cannot_be_made_is_refused_at_the_start(
    told: Straight, topic: MakeTopic, change: str, definition: dict[str, Any], why: str | None
) -> None:
    told.session.run(f"truncate {shop.PROFILE}")
    shop.run_as_owner(told.session, f"alter table {shop.PROFILE} {change}")
    told.session.run(f"grant select, insert, update on {shop.PROFILE} to {LOGIN}")
    told.define(**({"on_missing": "insert"} | definition))
    events = topic("events")
    said = told.run(events, expect=0 if why is None else 1)
    assert why is None or why in said["error"]


def test_the_right_to_insert_is_asked_for(told: Straight, topic: MakeTopic) -> None:
    told.session.run(f'revoke insert ("Total") on {shop.PROFILE} from {LOGIN}')
    said = told.run(topic(), expect=1)
    assert said["error"] == f'you may not insert column "Total" of {shop.PROFILE}'
    told.define()
    told.run(topic())


def test_what_another_rule_of_the_table_refuses_is_a_dead_letter(told: Straight, topic: MakeTopic) -> None:
    shop.run_as_owner(told.session, f"alter table {shop.PROFILE} add check (id < 100)")
    events, dead = topic("events"), topic("dead")
    send(told.working.broker, events, [{"Customer Id": n, "amount": 1} for n in (3, 100, 4, 3)], key="all")
    assert told.run(events, "--dead-letters", dead)["dead"] == 1
    assert told.session.run(f"select id, n from {shop.PROFILE} order by id") == [(1, 0), (3, 2), (4, 1)]
    told.assert_right()
