"""Keys of two columns, one of them a text, one of which may be NULL: straight, enriched, counted, published."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.bindings import shop
from tests.streams.processes import messages, values
from tests.support.command import run, run_json

from .straight import DEFINITION, LOGIN, Straight, grant, straight
from .working import send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

_PARTS = ("a", "B", "é", "", 'x" \\ y', "10")
_KEYS = [("Customer Id", "id"), ("Part", "part")]
# Some name no profile, and some none of all.
_SENT: list[dict[str, Any]] = [
    {"Customer Id": 1 + n % 3, "Part": _PARTS[n % 5], "amount": n, "Kind": "billing", "rush": n % 2 == 0}
    for n in range(40)
]
_NOBODY: list[dict[str, Any]] = [{"Customer Id": 1}, {"Part": "a"}, {"Customer Id": None, "Part": "a"}]
_WANTED = Counter((each["Customer Id"], each["Part"]) for each in _SENT)


@pytest.fixture
def told(broker: PrivateBroker, shopping: Database, tmp_path: Path) -> Iterator[Straight]:
    session = shopping.session()
    shop.run_as_owner(
        session,
        f"alter table {shop.PROFILE} add part character varying(9) not null default '', add \"off%\" integer default 5;"
        f'alter table {shop.PROFILE} drop constraint "Customer_pkey", add primary key (id, part)',
    )
    for number in range(1, 4):
        session.run(
            f'insert into {shop.PROFILE} (id, part, "Age") select %s, p, 7 from unnest(%s) p', number, list(_PARTS)
        )
    grant(session, "id, part")
    with straight(broker, shopping, tmp_path) as made:
        yield made


def _counted(told: Straight) -> dict[tuple[int, str], int]:
    return {(row[0], row[1]): row[2] for row in told.session.run(f"select id, part, n from {shop.PROFILE} where n > 0")}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("way", ["locked", "told", "made"])
def test_profiles_move(told: Straight, topic: MakeTopic, order: int, way: str) -> None:
    events, scores, dead = topic("events"), topic("scores"), topic("dead")
    rows = {(row[0], row[1]): row[2] for row in told.session.run(f"select id, part, to_jsonb(p) from {shop.PROFILE} p")}
    keys = _KEYS[::order]
    told.define(
        event_key=[of for of, _ in keys],
        profile_key=[of for _, of in keys],
        event_columns=DEFINITION["event_columns"] | {"Part": "text"},
        **({"on_missing": "insert"} if way == "made" else {}),
    )
    if way == "made":
        told.session.run(f"delete from {shop.PROFILE} where part in ('a', 'é')")
        told.session.run(f'grant insert (id, part, n, billed, "Total") on {shop.PROFILE} to {LOGIN}')
    gone = {"Customer Id": 1, "Part": "longer than nine"}
    sent = [*_SENT, *_NOBODY, gone]
    if way == "told":
        key = ("Customer Id", "Part")
        found = [{"event": each, "profile": rows.get(tuple(map(each.get, key)))} for each in sent]  # type: ignore[arg-type]
        send(told.working.broker, events, found, key="all")
    else:
        send(told.working.broker, events, sent, key="all")
    said = told.run(events, "--to", scores, "--dead-letters", dead, *(["--enriched"] if way == "told" else []))
    assert (said["dead"], said["without_key"]) == (1, 3)
    assert said.get("profiles_as_told", 0) == (len(_WANTED) if way == "told" else 0)
    assert _counted(told) == _WANTED
    told.assert_right()
    said_scores = {
        (each["key"]["id"], each["key"]["part"]): each["score"] for each in values(told.working.broker.servers, scores)
    }
    stored = told.session.run(f'select id, part, "Score" from {shop.PROFILE} where n > 0')
    assert said_scores == {(number, part): score for number, part, score in stored}


def test_messages_have_their_profiles(told: Straight, topic: MakeTopic, broker: PrivateBroker) -> None:
    told.session.run(f'grant select ("off%") on {shop.PROFILE} to {LOGIN}')
    events, rich = topic("events"), topic("rich")
    send(broker, events, [*_SENT, *_NOBODY], key="all")
    keys = ["--event-key", "Part", "--event-key", "Customer Id", "--profile-key", "part", "--profile-key", "id"]
    arguments = ["stream", "enrich", "--profile", shop.PROFILE, *keys, "--brokers", broker.servers, "--once"]
    done = run_json(
        told.working.dsn,
        *arguments,
        "--columns",
        "id",
        "--columns",
        "part",
        "--columns",
        "off%",
        "--topic",
        events,
        "--to",
        rich,
    )
    assert (done["written"], done["without_profile"]) == (43, 3)
    for each in values(broker.servers, rich):
        event, profile = each["event"], each["profile"]
        assert profile == (None if event in _NOBODY else {"id": event["Customer Id"], "part": event["Part"], "off%": 5})


def test_counters_of_values_that_are_alike(told: Straight, topic: MakeTopic, broker: PrivateBroker) -> None:
    """A field is what the table's column holds of it: 1.50 and "1.5" are one number."""
    told.session.run(
        "create type mood as enum ('glad', 'angry');"
        'create table public.counts (counter text, "mood%" mood, price numeric, number bigint not null,'
        f' primary key (price, counter, "mood%")); grant select, insert, update on public.counts to {LOGIN};'
        f"grant usage on schema public to {LOGIN}"
    )
    events, dead = topic("events"), topic("dead")
    contents = [
        b'{"mood%": "glad", "price": 1.50}',
        b'{"mood%": "glad", "price": "1.5"}',
        b'{"mood%": "angry", "price": 1.5}',
        b'{"mood%": "glad", "price": 15e-1}',
        b'{"mood%": "sad", "price": 1}',
        b'{"mood%": "glad", "price": null}',
        b'{"mood%": "glad"}',
    ]
    send(broker, events, contents)
    worker = told.working.start(
        *("count", "--topic", events, "--into", "counts", "--by", "mood%", "--by", "price", "--counter", "all"),
        *("--once", "--json", "--dead-letters", dead),
    )
    said = json.loads(worker.end())
    assert (said["counted"], said["left_out"], said["dead"]) == (4, 2, 1)
    assert told.session.run('select "mood%"::text, price, number from counts order by 1 desc') == [
        ("glad", 1.5, 3),
        ("angry", 1.5, 1),
    ]


def test_published_keys(told: Straight, topic: MakeTopic, broker: PrivateBroker) -> None:
    told.session.run(
        "create table public.orders (no bigint generated always as identity primary key, customer bigint, part text,"
        ' "off%" integer, transaction xid8 not null default pg_current_xact_id());'
        "create index on public.orders (transaction);"
        'insert into public.orders (customer, part, "off%")'
        " values (1, 'a', 5), (1, null, 6), (null, E'x\" \\\\ \\u00e9', 7)"
    )
    events = topic("events")
    table = ["stream", "publish", "public.orders", "--topic", events, "--brokers", broker.servers, "--once"]
    run(told.dsn, *table, "--key", "customer", "--key", "part")
    found = [json.loads(each.key() or b"") for each in messages(broker.servers, events)]
    assert found == [[1, "a"], [1, None], [None, 'x" \\ é']]
    assert [each["off%"] for each in values(broker.servers, events)] == [5, 6, 7]
    refused = run(told.dsn, *table, "--key", "customer", "--key", "nothing", expect=1)
    assert "has no column nothing" in refused.stderr


def _root(told: Straight) -> str:
    return told.dsn
