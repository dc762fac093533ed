"""`pgscore stream publish`: each event once and in order by key, whatever is killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from pgscore.errors import UnreachableError
from pgscore.stream.kept import KeptInTopic

from tests.streams.processes import messages, running, values
from tests.support.command import run, run_json

if TYPE_CHECKING:
    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.streams.processes import Process
    from tests.support.database import Database, Session

_TABLE = """
    create schema shop;
    create table shop.complaints (
        id bigint generated always as identity primary key,
        customer_id integer,
        kind text,
        amount numeric,
        at timestamptz,
        transaction xid8 not null default pg_current_xact_id()
    );
    create index on shop.complaints (transaction)
"""
_ATTACH = """
    set role churn_owner;
    select pgscore.attach(
        'churn', 'churn.complaints', 'churn.customer_profile', 'customer_id', 'customer_id',
        '[{"column": "number_customer_service_calls", "aggregate": "count", "deletes": "ignore"}]',
        'churn_score', 'churn_model_version', 'churn_scored_at', changes => true
    );
    reset role
"""
_INSERT = "insert into shop.complaints (customer_id, kind) values (%s, %s)"
# As many batches as there are steps to be killed at.
_BATCH = ("--batch", "4")


@pytest.fixture
def shop(empty: Database) -> Session:
    """A database with a table of complaints; pgscore need not be there."""
    session = empty.session()
    session.run(_TABLE)
    return session


def _arguments(broker: PrivateBroker, topic: str, *further: str) -> list[str]:
    table = ["stream", "publish", "shop.complaints", "--key", "customer_id", "--topic", topic]
    return [*table, "--brokers", broker.servers, *further]


def _fill(shop: Session, count: int = 12) -> None:
    shop.run(
        "insert into shop.complaints (customer_id, kind) select n %% 3, 'kind ' || n from generate_series(1, %s) n",
        count,
    )


def _check(shop: Session, broker: PrivateBroker, topic: str) -> None:
    """Each row is a message, once, and those of a key are in order."""
    found = messages(broker.servers, topic)
    by_key: dict[bytes | None, list[int]] = {}
    for message in found:
        by_key.setdefault(message.key(), []).append(json.loads(message.value() or b"")["id"])
    wanted: dict[bytes | None, list[int]] = {}
    for number, customer in shop.run("select id, customer_id from shop.complaints order by id"):
        wanted.setdefault(str(customer).encode(), []).append(number)
    assert by_key == wanted


def test_each_row_is_sent_once(empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic) -> None:
    events = topic("events", 3)
    shop.run(
        "insert into shop.complaints (customer_id, kind, amount, at)"
        " values (7, 'B\N{LATIN SMALL LETTER A WITH DIAERESIS}r', 12345678901234567890.10, '2026-01-31 12:00+02')"
    )
    done = run_json(empty.dsn(), *_arguments(broker, events, "--once"))
    assert done == {"source": "shop.complaints", "topic": events, "messages": 1}
    (message,) = messages(broker.servers, events)
    assert message.key() == b"7"
    assert (message.value() or b"").decode() == (
        '{"id":1,"customer_id":7,"kind":"B\N{LATIN SMALL LETTER A WITH DIAERESIS}r",'
        '"amount":12345678901234567890.10,"at":"2026-01-31T10:00:00+00:00"}'
    )
    shop.run("delete from shop.complaints")
    _fill(shop, 50)
    assert run_json(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH))["messages"] == 50
    # Named otherwise it is the same table.
    shop.run(f"alter database {empty.name} set search_path = shop")
    again = [each.replace("shop.complaints", "complaints") for each in _arguments(broker, events, "--once")]
    assert run_json(empty.dsn(), *again)["messages"] == 0
    assert [each["id"] for each in values(broker.servers, events) if each["customer_id"] == 1] == list(range(2, 52, 3))


def test_a_transaction_that_commits_later_is_not_passed_over(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic
) -> None:
    events, other = topic(), empty.session()

    def publish() -> list[str]:
        run(empty.dsn(), *_arguments(broker, events, "--once"))
        return [each["kind"] for each in values(broker.servers, events)]

    shop.run("begin")
    shop.run(_INSERT, 1, "first number, last commit")
    other.run(_INSERT, 1, "second number, first commit")
    assert publish() == ["second number, first commit"]
    other.run("begin")
    other.run("savepoint s")
    other.run(_INSERT, 2, "in a savepoint")
    other.run("release savepoint s")
    shop.run("commit")
    assert publish() == ["second number, first commit", "first number, last commit"]
    other.run(_INSERT, 2, "after it")
    other.run("commit")
    shop.run("begin")
    shop.run(_INSERT, 3, "never")
    shop.run("rollback")
    assert publish()[2:] == ["in a savepoint", "after it"]


def test_one_who_wrote_earlier_and_inserted_after_a_commit_comes_after_it(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic
) -> None:
    events, other = topic(), empty.session()
    other.run("begin")
    other.run("select pg_current_xact_id()")
    shop.run(_INSERT, 1, "committed")
    other.run(_INSERT, 1, "sees the one before, with a lower number of its transaction")
    other.run("commit")
    run(empty.dsn(), *_arguments(broker, events, "--once"))
    _check(shop, broker, events)


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("begun", 1),
        ("loaded", 1),
        ("committed", 1),  # the position of the beginning
        ("transaction", 3),
        ("produced", 8),
        ("before commit", 3),
        ("committed", 3),
    ],
)
def test_killed_at_a_step_nothing_is_lost_or_sent_twice(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic, step: str, number: int
) -> None:
    events = topic("events", 2)
    _fill(shop)
    with running(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH), pause=(step, number)) as first:
        first.paused()
        first.kill()
    _fill(shop, 3)
    run(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH))
    _check(shop, broker, events)


@pytest.mark.parametrize(("step", "number"), [("loaded", 1), ("produced", 8), ("before commit", 3), ("committed", 2)])
def test_a_second_one_takes_over(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic, step: str, number: int
) -> None:
    events = topic("events", 2)
    _fill(shop)
    with running(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH), pause=(step, number)) as first:
        first.paused()
        run(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH))
        _fill(shop, 3)
        first.go_on()
        code, _, err = first.ended()
    assert code == 1, err
    assert err.startswith("pgscore: somebody else has begun")
    run(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH))
    _check(shop, broker, events)


def _wait(publisher: Process, broker: PrivateBroker, count: int) -> None:
    """Returns when so many messages are there, and the position behind them: no mark of a commit is still to come."""
    while len(messages(broker.servers, "events")) < count or _is_open(broker.servers, "events.positions"):
        assert publisher.runs(), publisher.ended()


def _is_open(servers: str, topic: str) -> bool:
    """Whether a transaction is open there; one that is not committed yet, or one whose mark is not written yet."""
    return len(messages(servers, topic)) < len(messages(servers, topic, isolation="read_uncommitted"))


def test_it_goes_on_when_broker_and_database_come_back_and_ends_when_it_is_asked_to(
    empty: Database, shop: Session, own_broker: PrivateBroker
) -> None:
    own_broker.create("events", 2)
    _fill(shop)
    theirs = f"from pg_stat_activity where datname = '{empty.name}' and application_name = 'pgscore'"
    with running(empty.dsn(), *_arguments(own_broker, "events", "--interval", "0.01", *_BATCH)) as publisher:
        _wait(publisher, own_broker, 12)
        own_broker.kill()
        _fill(shop, 3)
        shop.run(f"select pg_terminate_backend(pid) {theirs}")
        own_broker.restart()
        _fill(shop, 3)
        _wait(publisher, own_broker, 18)
        publisher.terminate()
        code, out, err = publisher.ended()
    assert code == 0, err
    assert "messages of shop.complaints are in topic events" in out
    _check(shop, own_broker, "events")


def test_a_transaction_that_stays_open_before_the_position_is_said(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic
) -> None:
    """As Kafka 4.3 leaves one behind that was killed (KAFKA-20734): here it is another name's."""
    events = topic("events", 1)
    _fill(shop)
    run(empty.dsn(), *_arguments(broker, events, "--once", *_BATCH))
    settings, positions = {"bootstrap.servers": broker.servers}, f"{events}.positions"
    other = Producer({**settings, "transactional.id": f"{events}.other"})
    other.init_transactions(60)
    other.begin_transaction()
    other.produce(positions, "", "other")
    assert other.flush(60) == 0
    with pytest.raises(UnreachableError, match="cannot be read to its end: a transaction is open") as caught:
        KeptInTopic(settings, positions, "pgscore.publish", seconds=1).load()
    assert "find-hanging" in caught.value.hint
    other.abort_transaction(60)


def _publish(database: Database, arguments: list[str], count: int) -> None:
    """Publishes until so many were; the outbox waits for whatever transaction the cluster has open, as autovacuum's."""
    while count > 0:
        count -= run_json(database.dsn(), *arguments)["messages"]
    assert count == 0


def test_scores_that_change_are_sent(serving: Database, broker: PrivateBroker, topic: MakeTopic) -> None:
    events, session = topic("scores", 2), serving.session()
    arguments = ["stream", "publish", "--scores", "--topic", events, "--brokers", broker.servers, "--once"]
    session.run(_ATTACH)
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'billing'), (2, 'billing')")
    told = "select count(*) from pgscore.score_change"
    first = session.value(told)
    _publish(serving, arguments, first)
    session.run("insert into churn.complaints (customer_id, kind) select 1, 'billing' from generate_series(1, 5)")
    assert session.value(told) > first >= 2
    _publish(serving, arguments, session.value(told) - first)
    scores = dict(session.run("select customer_id::text, churn_score from churn.customer_profile"))
    last = {each["key"]: each for each in values(broker.servers, events)}
    assert {key: each["score"] for key, each in last.items()} == {key: scores[key] for key in ("1", "2")}
    assert last["1"]["former"] is not None
    assert set(last["1"]) == {"binding", "model", "key", "former", "score", "version", "at"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("alter table shop.complaints drop column transaction", "add column transaction xid8 not null default"),
        ("drop index shop.complaints_transaction_idx", "create index concurrently on shop.complaints (transaction)"),
        ("alter table shop.complaints drop constraint complaints_pkey", "no column that counts its rows"),
        ("alter table shop.complaints alter column id set cache 20", "hands out 20 numbers at a time"),
        (
            "insert into shop.complaints (transaction) values ('10000000000')",
            "holds rows of transactions that are yet to come",
        ),
        ("drop table shop.complaints", "there is no table shop.complaints"),
        ("alter table shop.complaints rename column customer_id to customer", "has no column customer_id"),
    ],
)
def test_a_table_that_does_not_tell_its_order_is_refused(
    empty: Database, shop: Session, broker: PrivateBroker, topic: MakeTopic, change: str, says: str
) -> None:
    shop.run(change)
    assert says in run(empty.dsn(), *_arguments(broker, topic(), "--once"), expect=1).stderr
