"""`pgscore stream count`: counters equal a GROUP BY, whatever is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pgscore import PgscoreError
from pgscore.stream.counters import Filter

from .working import Streams, complaints, grant, send, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database, Session

COUNTERS = ("--counter", "all", "--counter", "billing:kind=billing", "--counter", "first:kind=billing,customer_id=1")


@pytest.fixture
def counting(broker: PrivateBroker, installed: Database, tmp_path: Path) -> Iterator[Streams]:
    dsn = grant(installed)
    session = installed.session()
    session.run(
        "create schema dash;"
        "create table dash.counts (counter text primary key, number bigint not null);"
        "create table dash.by_customer (counter text, customer_id integer, number bigint not null,"
        " primary key (customer_id, counter));"
        "grant usage on schema dash to test_stream;"
        "grant select, insert, update on all tables in schema dash to test_stream"
    )
    with streams(broker, dsn, tmp_path) as made:
        yield made


def _count(counting: Streams, topic: str, *arguments: str, **options: Any) -> Any:  # noqa: ANN401
    return counting.start("count", "--topic", topic, *COUNTERS, "--once", "--json", *arguments, **options)


def _counts(session: Session) -> dict[str, int]:
    return dict(session.run("select counter, number from dash.counts"))


def test_counters_are_those_of_a_group_by(
    counting: Streams, topic: MakeTopic, installed: Database, broker: PrivateBroker
) -> None:
    events = topic("events", 3)
    sent = complaints(300)
    for number, event in enumerate(sent):
        event["kind"] = ("billing", "coverage")[number % 7 % 2]
    send(broker, events, sent)
    _count(counting, events, "--into", "dash.counts").end()
    _count(counting, events, "--into", "dash.by_customer", "--by", "customer_id").end()
    session = installed.session()
    billing = [each for each in sent if each["kind"] == "billing"]
    assert _counts(session) == {
        "all": 300,
        "billing": len(billing),
        "first": sum(each["customer_id"] == 1 for each in billing),
    }
    by_customer = session.run("select customer_id, number from dash.by_customer where counter = 'billing'")
    assert dict(by_customer) == {
        n: sum(each["customer_id"] == n for each in billing)
        for n in range(1, 61)
        if any(each["customer_id"] == n for each in billing)
    }
    # What it counted stands; the second time there is nothing.
    _count(counting, events, "--into", "dash.counts").end()
    assert _counts(session)["all"] == 300


@pytest.mark.parametrize("step", ["claimed:1", "applied:2", "moved:2", "stored:2"])
def test_kill_9_counts_nothing_twice(
    counting: Streams, topic: MakeTopic, installed: Database, broker: PrivateBroker, step: str
) -> None:
    events = topic("events", 1)
    send(broker, events, complaints(60))
    _count(counting, events, "--into", "dash.counts", "--batch", "20", kill=step).end(expect=-9)
    _count(counting, events, "--into", "dash.counts", "--batch", "20").end()
    assert _counts(installed.session()) == {"all": 60, "billing": 60, "first": 1}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("dash.none", "create table dash.none (counter text not null, number bigint not null, primary key (counter));"),
        ("churn.customer_profile", "you may not count in churn.customer_profile"),
        ("dash.by_customer", "has no unique index on (counter)"),
    ],
)
def test_a_table_that_counts_nothing_is_refused(counting: Streams, topic: MakeTopic, table: str, says: str) -> None:
    worker = _count(counting, topic(), "--into", table)
    worker.end(expect=1)
    assert says in worker.lines[-1]


def test_filters() -> None:
    of = Filter.read('{"name": "a", "where": {"kind": "x,y", "gone": null, "number": 1.50}}')
    assert of.counts({"kind": "x,y", "gone": None, "number": 1.5})
    assert not of.counts({"kind": "x,y", "number": 1.5})
    assert Filter.read("a:number=1.5,yes=true").counts({"number": 1.5, "yes": True})
    assert not Filter.read("a:number=1").counts({"number": True})
    assert not Filter.read("a:number=x").counts({"number": 1})
    for wrong in ("", ":kind=a", "a:kind", "a:=b", '{"name": 1}', '{"name": "a", "were": {}}', "{"):
        with pytest.raises(PgscoreError):
            Filter.read(wrong)
