"""How far a group of consumers has come: rows of `pgscore.stream_offset`, which move with what the messages do.

A worker that is given a partition puts a claim of its own on the row. Whatever it stores for messages of the partition,
it stores in a transaction that holds the row, finds its claim there, and finds the offset where its messages begin. So
a worker that lost the partition without noticing stores nothing, and no message is done twice or passed over.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import psycopg2.extras

from pgscore.database import row, rows
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg2.extensions import connection as Connection  # noqa: N812


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"partition {self.partition} of topic {self.topic}"


class Range(NamedTuple):
    """What the broker has of a partition: the first message, and the one that comes next."""

    low: int
    high: int


class FencedError(PgscoreError):
    """A partition has been given to another worker, which stores what its messages do."""


@dataclass(frozen=True)
class Claims:
    """Taking partitions over.

    Attributes:
        group: the group of consumers.
        from_latest: whether a partition that has no offset yet begins with what comes from now on.
        reset: whether offsets that nothing can be gone on from are forgotten.
    """

    group: str
    from_latest: bool = False
    reset: bool = False

    def take(
        self, connection: Connection, found: Mapping[Place, Range], topic_ids: Mapping[str, str]
    ) -> tuple[dict[Place, str], dict[Place, int]]:
        """Claims partitions, in the caller's transaction.

        Returns:
            The claim of each, and the offset at which it goes on.

        Raises:
            PgscoreError: the messages at which one would go on are not there any more.
        """
        claims: dict[Place, str] = {}
        offsets: dict[Place, int] = {}
        for place in sorted(found):
            claim = str(uuid.uuid4())
            start = found[place].high if self.from_latest else found[place].low
            # Waits for the transaction of whoever has it: what that stores is not done again.
            stored = row(
                connection,
                "insert into pgscore.stream_offset as o"
                " (consumer_group, topic, partition, topic_id, next_offset, claim) values (%s, %s, %s, %s, %s, %s)"
                " on conflict (consumer, consumer_group, topic, partition)"
                " do update set claim = excluded.claim, claimed_at = now()"
                " returning o.topic_id, o.next_offset",
                (self.group, *place, topic_ids[place.topic], start, claim),
            )
            problem = self._problem(
                place, found[place], stored["topic_id"] == topic_ids[place.topic], stored["next_offset"]
            )
            if problem is not None and not self.reset:
                raise problem
            if problem is not None:
                stored["next_offset"] = start
                _run(
                    connection,
                    "update pgscore.stream_offset o set topic_id = %s, next_offset = %s"
                    " where o.consumer = to_regrole(quote_ident(current_user))"
                    " and (o.consumer_group, o.topic, o.partition) = (%s, %s, %s)",
                    (topic_ids[place.topic], start, self.group, *place),
                )
            claims[place], offsets[place] = claim, stored["next_offset"]
        return claims, offsets

    def _problem(self, place: Place, there: Range, is_same_topic: bool, stored: int) -> PgscoreError | None:
        hint = f"--reset forgets how far group {self.group} had come, and begins at --from."
        if not is_same_topic:
            return PgscoreError(
                f"topic {place.topic} was made anew since group {self.group} read it: its offsets mean other messages",
                hint,
            )
        if stored < there.low:
            return PgscoreError(
                f"{place} begins at offset {there.low}, and group {self.group} has come to {stored}: what is between"
                f" was deleted before it was read, {there.low - stored:,} offsets",
                f"{hint} What was deleted is lost to it.",
            )
        if stored > there.high:
            return PgscoreError(
                f"{place} ends at offset {there.high}, and group {self.group} has come to {stored}: the broker has"
                " lost messages, or is another one",
                hint,
            )
        return None


def hold(connection: Connection, group: str, claims: Mapping[Place, str]) -> dict[Place, int]:
    """Locks partitions for a transaction, and tells how far they are.

    Raises:
        FencedError: another worker has been given one of them.
    """
    found = rows(
        connection,
        "select o.topic, o.partition, o.next_offset, o.claim::text from pgscore.stream_offset o"
        " join unnest(%s::text[], %s::integer[]) as p (topic, partition) using (topic, partition)"
        " where o.consumer = to_regrole(quote_ident(current_user)) and o.consumer_group = %s"
        " order by o.topic, o.partition for update of o",
        ([each.topic for each in claims], [each.partition for each in claims], group),
    )
    held = {Place(each["topic"], each["partition"]): each for each in found}
    for place, claim in claims.items():
        if place not in held or held[place]["claim"] != claim:
            raise FencedError(f"{place} was given to another worker of group {group}")
    return {place: each["next_offset"] for place, each in held.items()}


def move(connection: Connection, group: str, offsets: Mapping[Place, int]) -> None:
    """Stores how far partitions are, which the transaction holds."""
    with connection.cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor,
            "update pgscore.stream_offset o set next_offset = n.next_offset, moved_at = now()"
            " from (values %s) as n (consumer_group, topic, partition, next_offset)"
            " where o.consumer = to_regrole(quote_ident(current_user))"
            " and (o.consumer_group, o.topic, o.partition) = (n.consumer_group, n.topic, n.partition)",
            [(group, *place, offset) for place, offset in sorted(offsets.items())],
            template="(%s, %s, %s::integer, %s::bigint)",
            page_size=len(offsets),
        )


def whose(connection: Connection) -> dict[str, str]:
    """What tells this database and this role from others, which would share the messages of a group out."""
    return row(
        connection,
        "select md5(concat_ws('/', (select c.system_identifier from pg_control_system() c), d.oid, r.oid)) as pgscore,"
        " d.datname::text as database, r.rolname::text as role"
        " from pg_database d, pg_roles r where d.datname = current_database() and r.rolname = current_user",
    )


def _run(connection: Connection, sql: str, parameters: tuple[object, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
