"""How far a streaming query has come: rows of `pgscore.stream_offset` and `pgscore.stream_batch`.

Both move in the transaction that stores what messages do. The offsets say which messages are done, whoever has done
them, and hold other drivers of the query back; the batch says whether a checkpoint of Spark's goes on where this
database is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg2.extras

from pgscore.database import row, rows
from pgscore.errors import PgscoreError
from pgscore.stream.offsets import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from psycopg2.extensions import connection as Connection  # noqa: N812

    Offsets = dict[Place, int]


class Step(NamedTuple):
    """A batch of Spark's, among others.

    Attributes:
        group: the query's name, a group of consumers.
        checkpoint: the query's identifier, which its checkpoint keeps.
        batch: its number there.
    """

    group: str
    checkpoint: str
    batch: int


def read_offsets(connection: Connection, group: str, topic_ids: Mapping[str, str]) -> Offsets:
    """The next offset of each partition of these topics that the group has come to.

    Raises:
        PgscoreError: a topic was made anew since.
    """
    found = rows(
        connection,
        "select topic, partition, topic_id, next_offset from pgscore.stream_offset"
        " where consumer = to_regrole(quote_ident(current_user)) and consumer_group = %s and topic = any (%s)",
        (group, list(topic_ids)),
    )
    for each in found:
        if each["topic_id"] != topic_ids[each["topic"]]:
            raise PgscoreError(
                f"topic {each['topic']} was made anew since group {group} read it: its offsets mean other messages",
                "Another group begins at its beginning: group='…', with a checkpoint of its own.",
            )
    return {Place(each["topic"], each["partition"]): each["next_offset"] for each in found}


def hold(connection: Connection, step: Step, partitions: Collection[Place], topic_ids: Mapping[str, str]) -> Offsets:
    """Locks partitions for a transaction, and tells how far they are.

    Whoever held them before loses them: what they would store is stored by this batch.
    """
    if not partitions:
        return {}
    values = [
        (step.group, topic, partition, topic_ids[topic], 0, step.checkpoint) for topic, partition in sorted(partitions)
    ]
    with connection.cursor() as cursor:
        found = psycopg2.extras.execute_values(
            cursor,
            "insert into pgscore.stream_offset as o (consumer_group, topic, partition, topic_id, next_offset, claim)"
            " values %s on conflict (consumer, consumer_group, topic, partition)"
            " do update set claim = excluded.claim returning topic, partition, next_offset",
            values,
            template="(%s, %s, %s, %s, %s, %s::uuid)",
            page_size=len(values),
            fetch=True,
        )
    return {Place(topic, partition): offset for topic, partition, offset in found}


def take_batch(connection: Connection, step: Step) -> bool:
    """Notes that a batch is stored if this transaction commits.

    Returns:
        Whether it is to be stored: not where it was stored before.

    Raises:
        PgscoreError: batches before it are not in this database.
    """
    last: int = row(
        connection,
        "select coalesce(max(batch), -1) as batch from pgscore.stream_batch"
        " where consumer = to_regrole(quote_ident(current_user)) and consumer_group = %s and checkpoint = %s",
        (step.group, step.checkpoint),
    )["batch"]
    if step.batch <= last:
        return False
    if step.batch > last + 1:
        known = "no batch" if last < 0 else f"batches up to {last}"
        raise PgscoreError(
            f"the checkpoint of query {step.group} goes on at batch {step.batch}, and this database has stored"
            f" {known} of it: what came between would be lost",
            "It is another database, or one that was restored: with an empty checkpoint the query goes on where this"
            " database is.",
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into pgscore.stream_batch (consumer_group, checkpoint, batch) values (%s, %s, %s)"
            " on conflict (consumer, consumer_group, checkpoint) do update set batch = excluded.batch, stored = now()",
            step,
        )
    return True
