"""Messages that nothing can be done with, and codecs."""

from __future__ import annotations

import json
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.models import assert_counters_are_right, counters

from .working import EVENTS, LOGIN, Streams, complaints, grant, read, send, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

_CODECS = """
import io
import fastavro
from google.protobuf.struct_pb2 import Struct

SCHEMA = fastavro.parse_schema({"type": "record", "name": "Complaint", "fields": [
    {"name": "customer_id", "type": "long"}, {"name": "kind", "type": "string"}, {"name": "body", "type": "string"},
    {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]})

def read_avro(content):
    return fastavro.schemaless_reader(io.BytesIO(content), SCHEMA, None)

def read_protobuf(content):
    found = Struct()
    found.ParseFromString(content)
    # A Struct's numbers are doubles.
    return {**found, "customer_id": int(found["customer_id"])}
"""


@pytest.fixture
def working(broker: PrivateBroker, installed: Database, tmp_path: Path) -> Iterator[Streams]:
    with streams(broker, grant(installed), tmp_path) as made:
        yield made


GOOD = {"customer_id": 1, "kind": "billing", "body": "good"}
POISON: list[tuple[Any, str]] = [
    (None, "it has no value"),
    (b"\xff\xfe", "it cannot be read: 'utf-8' codec"),
    (b"{", "it cannot be read: "),
    (b"[1]", "it is no object with names, but of type list"),
    (b"[" * 100_000, "it cannot be read: it is nested too deeply"),
    (b'{"customer_id": NaN, "kind": "x"}', "it cannot be read: NaN is no number of JSON's"),
    (b'{"customer_id": 1, "kind": ' + b"9" * 5000 + b"}", "it cannot be read: "),
    (b'{"nothing": 1}', f"it has no column's name of table {EVENTS}"),
    (b'{"customer_id": 1, "kind": "\\u0000"}', "unsupported Unicode escape sequence"),
    (b'{"customer_id": 1, "kind": "\\ud800"}', "invalid input syntax for type json"),
    ({"customer_id": "one", "kind": "x"}, 'invalid input syntax for type bigint: "one"'),
    ({"customer_id": 2**63, "kind": "x"}, 'value "9223372036854775808" is out of range for type bigint'),
    (b'{"customer_id": 1e200000, "kind": "x"}', "value overflows numeric format"),
    ({"customer_id": 1}, 'null value in column "kind"'),
    ({"customer_id": 10**6, "kind": "x"}, "violates foreign key constraint"),
    ({"customer_id": 1, "kind": "x", "created_at": "yesterday-ish"}, "invalid input syntax for type timestamp"),
]


def test_a_trigger_of_the_tables_finds_what_it_names(working: Streams, topic: MakeTopic, installed: Database) -> None:
    session = installed.session()
    session.run(
        "create table public.seen (kind text); grant insert on public.seen to public;"
        # By the path of whoever inserts, as most triggers are written.
        " create function churn.see() returns trigger language plpgsql as"
        " $$ begin insert into seen values (new.kind); return new; end $$;"
        f" create trigger see before insert on {EVENTS} for each row execute function churn.see()"
    )
    events = topic("events", 1)
    send(working.broker, events, complaints(3))
    assert working.run(events)["stored"] == 3
    assert session.run("select kind from seen") == [("billing",)] * 3
    session.close()


def test_poison_goes_to_the_dead_letters_and_the_rest_is_stored(
    working: Streams, topic: MakeTopic, installed: Database
) -> None:
    session = installed.session()
    start = counters(session)
    events, dead = topic("events", 1), topic("dead", 1)
    messages = [each for content, _ in POISON for each in (content, GOOD)]
    send(working.broker, events, messages, key="one")
    said = working.run(events, "--dead-letters", dead)
    assert (said["messages"], said["dead"], said["stored"]) == (len(messages), len(POISON), len(POISON))
    found = {}
    for each in read(working.broker, dead, len(POISON)):
        headers = dict(each.headers())
        assert headers["pgscore-topic"].decode() == events
        found[int(headers["pgscore-offset"])] = (each.value(), headers["pgscore-reason"].decode())
    for number, (content, reason) in enumerate(POISON):
        value, why = found[2 * number]
        assert reason in why
        assert value == (content if content is None or isinstance(content, bytes) else json.dumps(content).encode())
    assert_counters_are_right(session, start)


def test_without_a_topic_for_dead_letters_the_first_one_ends_it(
    working: Streams, topic: MakeTopic, installed: Database
) -> None:
    session = installed.session()
    events = topic("events", 1)
    send(working.broker, events, [GOOD, b"{"])
    said = working.run(events, expect=1)
    assert said["error"].startswith(f"nothing can be done with message 1 of partition 0 of topic {events}: it cannot")
    assert session.value(f"select count(*) from {EVENTS}") == 0


def test_an_event_that_comes_twice_is_stored_once_by_its_identifier(
    working: Streams, topic: MakeTopic, installed: Database
) -> None:
    session = installed.session()
    start = counters(session)
    events = topic("events", 1)
    send(working.broker, events, [GOOD, GOOD, {**GOOD, "body": "other"}])
    assert "no unique index is on column body" in working.run(events, "--id", "body", expect=1)["error"]
    session.run(f"create unique index on {EVENTS} (body)")
    assert "you may not read column body" in working.run(events, "--id", "body", expect=1)["error"]
    session.run(f"grant select (body) on {EVENTS} to {LOGIN}")
    said = working.run(events, "--id", "body")
    assert (said["stored"], said["repeated"]) == (2, 1)
    assert_counters_are_right(session, start)


def test_codecs_are_a_function(
    working: Streams, topic: MakeTopic, installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import runpy
    from datetime import UTC, datetime

    import fastavro
    from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]

    (tmp_path / "stream_codecs.py").write_text(_CODECS)
    schema = runpy.run_path(str(tmp_path / "stream_codecs.py"))["SCHEMA"]
    content = io.BytesIO()
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    fastavro.schemaless_writer(content, schema, {**GOOD, "created_at": at})
    avro, protobuf = topic("avro", 1), topic("protobuf", 1)
    message = Struct()
    message.update({**GOOD, "body": "protobuf"})
    send(working.broker, avro, [content.getvalue()], key="1")
    send(working.broker, protobuf, [message.SerializeToString()], key="1")
    path = {"PYTHONPATH": str(tmp_path)}
    assert working.run(avro, "--decode", "stream_codecs:read_avro", variables=path)["stored"] == 1
    assert working.run(protobuf, "--decode", "stream_codecs:read_protobuf", variables=path)["stored"] == 1
    session = installed.session()
    assert session.run(f"select body, created_at = %s from {EVENTS} order by body", at) == [
        ("good", True),
        ("protobuf", False),
    ]
    assert (
        "has no function nothing"
        in working.run(avro, "--decode", "stream_codecs:nothing", expect=1, variables=path)["error"]
    )


def test_it_is_slowed_down_measured_and_stopped(working: Streams, topic: MakeTopic, installed: Database) -> None:
    events = topic("events", 1)
    send(working.broker, events, complaints(500))
    worker = working.predict(events, "--rate", "20", "--metrics", "0", "--every", "0.5")
    worker.wait_for("metrics at ")
    (address,) = [line.split("metrics at ")[1] for line in worker.lines if "metrics at " in line]
    worker.wait_for("step told 3")
    worker.wait_for("lag ")
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    said = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if not line.startswith("#")}
    done, lag = said["pgscore_stream_messages_total"], said[f'pgscore_stream_lag{{partition="0",topic="{events}"}}']
    assert 0 < done < 400
    assert 0 < lag < 500
    worker.signal(signal.SIGINT)
    worker.end()
    stored = installed.session().value(f"select count(*) from {EVENTS}")
    assert done <= stored < 500


def test_a_login_without_rights_is_told_what_is_missing(
    working: Streams, topic: MakeTopic, installed: Database
) -> None:
    events = topic("events", 1)
    session = installed.session()
    session.run(f"revoke insert on {EVENTS} from {LOGIN}")
    said = working.run(events, expect=1)
    assert said["error"] == f"you may not insert into {EVENTS}"
    session.run(f"grant insert on {EVENTS} to {LOGIN}")
    assert working.run("none", expect=1)["error"] == "the broker has no topic none"
    # Offsets of others are neither seen nor moved.
    working.run(events)
    session.run("grant pgscore_reader to test_nobody")
    other = installed.session("test_nobody")
    assert other.run("select * from pgscore.stream_offset") == []
    assert other.run("update pgscore.stream_offset set next_offset = 0 returning 1") == []
    session.run("revoke pgscore_reader from test_nobody")
