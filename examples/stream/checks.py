"""Whether what came out at the other end of Kafka is what it should be."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition

from examples.churn.complaints import TOLERANCE, MismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection as Connection  # noqa: N812

_PATIENCE = 180.0
_LOOK = 0.1
_COUNTERS = """
    select count(*) from (select customer_id, count(*) as complaints from support.ticket group by customer_id) t
    join {table} c using (customer_id)
    join before b using (customer_id)
    where c.number_customer_service_calls is distinct from b.calls + t.complaints
"""
_SCORES = """
    select count(*), max(abs(c.churn_score - pgscore.score('churn', c)))
    from {table} c where c.churn_score is not null
"""
_LAST = "select customer_id::text, churn_score from churn.customer_profile where churn_score is not null"
_DASHBOARD = """
    select count(*) from support.dashboard d
    full join (
        select 'all' as counter, kind, count(*) as number from support.ticket group by kind
        union all
        select 'angry', kind, count(*) from support.ticket where angry group by kind
    ) t using (counter, kind)
    where d.number is distinct from t.number
"""


def value(connection: Connection, query: str) -> Any:  # noqa: ANN401
    """The first value of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchone()
    return None if found is None else found[0]


def wait_until(is_done: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
    """Returns when something is so.

    Raises:
        MismatchError: it never was.
    """
    until = time.monotonic() + _PATIENCE
    while not is_done():
        meanwhile()
        if time.monotonic() > until:
            raise MismatchError(f"messages did not arrive in {_PATIENCE:.0f} s")
        time.sleep(_LOOK)


def check_profiles(connection: Connection, table: str) -> tuple[int, float]:
    """Compares a table's counters with a GROUP BY over the tickets, and scores with `pgscore.score`.

    Returns:
        How many scores there are, and the largest difference.

    Raises:
        MismatchError: they differ.
    """
    wrong = value(connection, _COUNTERS.format(table=table))
    if wrong:
        raise MismatchError(f"{wrong} customers of {table} have another counter than a GROUP BY gives")
    with connection.cursor() as cursor:
        cursor.execute(_SCORES.format(table=table))
        scores, difference = cursor.fetchone() or (0, None)
    if difference is None or not difference <= TOLERANCE:
        raise MismatchError(f"scores of {table} differ from pgscore.score by {difference}")
    return scores, difference


def check_dashboard(connection: Connection) -> None:
    """Compares the dashboard's counters with a GROUP BY over the tickets.

    Raises:
        MismatchError: they differ.
    """
    wrong = value(connection, _DASHBOARD)
    if wrong:
        raise MismatchError(f"{wrong} counters of the dashboard are others than a GROUP BY gives")


def read(servers: str, topic: str) -> list[tuple[str, dict[str, Any]]]:
    """The committed messages of a topic: keys and values, partition by partition."""
    settings = {
        "bootstrap.servers": servers,
        "group.id": "demo",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }
    found = []
    with closing(Consumer(settings)) as reader:
        for partition in reader.list_topics(topic, timeout=_PATIENCE).topics[topic].partitions:
            reader.assign([TopicPartition(topic, partition, 0)])
            while (message := reader.poll(_PATIENCE)) is not None and message.error() is None:
                found.append(((message.key() or b"").decode(), json.loads(message.value() or b"{}")))
    return found


def check_enriched(connection: Connection, servers: str, topic: str) -> int:
    """Sees that each ticket is there once, in the order of its customer's, with the right profile.

    Returns:
        How many messages there are.

    Raises:
        MismatchError: they differ.
    """
    found = read(servers, topic)
    tickets: dict[str, list[int]] = {}
    for key, each in found:
        tickets.setdefault(key, []).append(each["event"]["ticket_id"])
        if each["profile"]["customer_id"] != int(key):
            raise MismatchError(f"a message of customer {key} has the profile of {each['profile']['customer_id']}")
    with connection.cursor() as cursor:
        cursor.execute(
            "select customer_id::text, array_agg(ticket_id order by ticket_id) from support.ticket group by customer_id"
        )
        wanted = dict(cursor.fetchall())
    if tickets != wanted:
        raise MismatchError(f"topic {topic} does not hold each ticket once and in order")
    return len(found)


def check_scores(connection: Connection, servers: str, topic: str) -> int:
    """Sees that the last score that a topic has of each customer is the one in the profile.

    Returns:
        How many customers there are in the topic.

    Raises:
        MismatchError: they differ.
    """
    last = {key: each["score"] for key, each in read(servers, topic)}
    with connection.cursor() as cursor:
        cursor.execute(
            "select customer_id::text, churn_score from churn.customer_profile where churn_score is not null"
        )
        if last != dict(cursor.fetchall()):
            raise MismatchError(f"the last scores of topic {topic} are not those of the profiles")
    return len(last)
