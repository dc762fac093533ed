"""The story that the demo tells, from two empty servers to scores that have moved."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pgscore
import psycopg2
from psycopg2.extras import execute_values
from rich.console import Console

from examples.churn.complaints import MismatchError
from examples.churn.customers import load_customers, read_customers
from examples.churn.model import fit
from examples.churn.setting import ROOT, connect, run
from examples.server.broker import PrivateBroker
from examples.server.cluster import PrivateCluster

from .applications import Applications
from .checks import check_dashboard, check_enriched, check_profiles, check_scores, value, wait_until

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from examples.server.signals import Signals

_out = Console(highlight=False, soft_wrap=True)
_TICKETS, _ENRICHED, _SCORES, _CHANGES = "tickets", "tickets-with-profiles", "scores", "scores-of-profiles"
_PARTITIONS = 3
_CUSTOMERS = 5000
_KINDS = ("billing", "coverage", "hotline")
_SUPPORT = """
    create schema support;
    create table support.ticket (
        ticket_id bigint generated always as identity primary key,
        customer_id integer not null,
        kind text not null,
        angry boolean not null,
        -- Which transaction inserted it: so the publisher passes nothing over.
        transaction xid8 not null default pg_current_xact_id()
    );
    create index on support.ticket (transaction);
    create table support.dashboard (
        counter text, kind text, number bigint not null, primary key (counter, kind)
    )
"""
# As the reference application has it, and its changes are told.
_TELL = """
    set local role churn_owner;
    select pgscore.attach(
        'churn', 'churn.complaints', 'churn.customer_profile', 'customer_id', 'customer_id',
        '[{"column": "number_customer_service_calls", "aggregate": "count", "deletes": "ignore"}]',
        'churn_score', 'churn_model_version', 'churn_scored_at', changes => true
    )
"""
# The same customers for an application that has no event table: messages move them.
_STANDING = {
    "profile": "support.customer",
    "event_key": ["customer_id"],
    "profile_key": ["customer_id"],
    "event_columns": {"customer_id": "bigint not null", "angry": "boolean"},
    "reducers": [
        {"column": "number_customer_service_calls", "aggregate": "count"},
        {"column": "angry", "aggregate": "count", "where": {"angry": True}},
    ],
    "score": "churn_score",
    "version": "churn_model_version",
    "scored_at": "churn_scored_at",
}
_COPY = """
    create table support.customer (like churn.customer_profile including all, angry bigint not null default 0);
    insert into support.customer select p.*, 0 from churn.customer_profile p;
    create table before as select customer_id, number_customer_service_calls as calls from churn.customer_profile
"""
_MOVED = """
    select sum(c.number_customer_service_calls - b.calls) from support.customer c join before b using (customer_id)
"""
_APPLICATIONS = {
    "publishing": ("publish", "support.ticket", "--key", "customer_id", "--topic", _TICKETS),
    "predicting": (
        *("predict", "churn", "--topic", _TICKETS, "--into", "churn.complaints"),
        *("--batch", "50", "--every", "0"),
    ),
    "counting": (
        *("count", "--topic", _TICKETS, "--into", "support.dashboard", "--by", "kind", "--every", "0"),
        *("--counter", "all", "--counter", "angry:angry=true"),
    ),
    "joining": (
        *("enrich", "--topic", _TICKETS, "--to", _ENRICHED),
        *("--profile", "support.customer", "--event-key", "customer_id"),
    ),
    "predicting without a look-up": (
        *("predict", "churn", "--topic", _ENRICHED, "--enriched", "--group", "enriched"),
        *("--definition", "standing.json", "--to", _SCORES, "--every", "0"),
    ),
}


def tell(signals: Signals, count: int) -> int:
    """Tells the story with so many complaints, and returns the exit code: 0 where all of it was true."""
    cluster = broker = None
    try:
        _heading("A private PostgreSQL, and a private Apache Kafka")
        with signals.held():
            cluster = PrivateCluster()
            cluster.start()
            broker = PrivateBroker()
            broker.start()
        for topic in (_TICKETS, _ENRICHED, _SCORES, _CHANGES):
            broker.create(topic, _PARTITIONS)
        _say(f"PostgreSQL on port {cluster.port}; Kafka on port {broker.port}, with four topics")
        _tell_in(cluster.dsn(), broker.servers, count)
    except (MismatchError, pgscore.PgscoreError, psycopg2.Error, LookupError, OSError) as error:
        print(f"demo-stream: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        with signals.held():
            for each in (broker, cluster):
                if each is not None:
                    each.stop()
    _out.print("\nok")
    return 0


def _tell_in(dsn: str, servers: str, count: int) -> None:
    _heading("A model, and a support system that knows nothing of it")
    run(dsn, ROOT, "alembic", "upgrade", "heads")
    customers = read_customers()
    with closing(connect(dsn)) as connection:
        load_customers(connection, customers)
        with connection, connection.cursor() as cursor:
            cursor.execute(_SUPPORT)
            cursor.execute(_COPY)
    pgscore.publish(dsn, "churn", fit(customers).pipeline, profile="churn.customer_profile", promoted=True)
    with closing(connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_TELL)
    _say("The model churn answers. Tickets are rows of support.ticket; profiles are in churn.customer_profile.")

    _heading("Five applications")
    with (
        tempfile.TemporaryDirectory(prefix="pgscore-demo-") as folder,
        closing(connect(dsn)) as connection,
        Applications(dsn, servers, folder) as applications,
    ):
        (Path(folder) / "standing.json").write_text(json.dumps(_STANDING))
        connection.autocommit = True
        for name, each in _APPLICATIONS.items():
            _say(f"$ pgscore stream {' '.join(each)}")
            applications.start(name, *each)
        _complain(connection, count // 2)
        wait_until(lambda: _stored(connection) > 0, applications.check)
        applications.kill("predicting")
        _say("One that predicts is killed with kill -9, while tickets go on coming, and is started again.")
        _complain(connection, count - count // 2)
        applications.start("predicting", *_APPLICATIONS["predicting"])
        wait_until(lambda: _stored(connection) >= count, applications.check)
        wait_until(lambda: _counted(connection) >= count, applications.check)
        wait_until(lambda: _moved(connection) >= count, applications.check)
        for name, line in applications.end().items():
            _say(f"{name}: {line}")
        publish = ("pgscore", "stream", "publish", "--scores", "--topic", _CHANGES, "--once", "--brokers", servers)
        _say(run(dsn, ROOT, *publish)[-1])
        _compare(connection, servers, count)


def _compare(connection: Connection, servers: str, count: int) -> None:
    _heading("Compared")
    if _stored(connection) != count:
        raise MismatchError(f"{_stored(connection)} events are stored, of {count}")
    for table in ("churn.customer_profile", "support.customer"):
        scores, difference = check_profiles(connection, table)
        _say(f"{table}: counters are a GROUP BY over {count:,} tickets, none lost or counted twice;")
        _say(f"    {scores:,} scores are what pgscore.score gives, to {difference:.0e}.")
    check_dashboard(connection)
    _say("support.dashboard: its counters are a GROUP BY too.")
    _say(f"{check_enriched(connection, servers, _ENRICHED):,} messages with profiles, each once and in order.")
    _say(
        f"The last scores of {check_scores(connection, servers, _CHANGES):,} customers in topic {_CHANGES} are theirs."
    )


def _complain(connection: Connection, count: int) -> None:
    """So many tickets, some in a transaction."""
    chance = random.Random(count)  # noqa: S311  whom it hits does not matter
    rows = [(chance.randint(1, _CUSTOMERS), chance.choice(_KINDS), chance.random() < 0.1) for _ in range(count)]  # noqa: PLR2004
    for start in range(0, count, 20):
        with connection.cursor() as cursor:
            execute_values(
                cursor, "insert into support.ticket (customer_id, kind, angry) values %s", rows[start : start + 20]
            )


def _stored(connection: Connection) -> int:
    return int(value(connection, "select count(*) from churn.complaints"))


def _counted(connection: Connection) -> int:
    return int(value(connection, "select coalesce(sum(number), 0) from support.dashboard where counter = 'all'"))


def _moved(connection: Connection) -> int:
    return int(value(connection, _MOVED))


def _heading(text: str) -> None:
    _out.print(f"\n[bold]{text}[/bold]")


def _say(text: str) -> None:
    _out.print(f"  {text}", markup=False)
