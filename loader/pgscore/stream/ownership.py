"""Whose a group of consumers is: what stands with the offsets that the broker is told of."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

from . import client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .offsets import Place
    from .order import Order


def own(order: Order, consumer: Any, places: Sequence[Place], whose: Mapping[str, str]) -> None:  # noqa: ANN401
    """Refuses a group with which another database, or another role, consumes.

    Args:
        order: what is consumed.
        consumer: a client of the broker's in the group.
        places: the partitions.
        whose: this database and this role: `offsets.whose`.

    Raises:
        PgscoreError: it is another one's.
    """
    if order.take_over:
        return
    kafka = client.confluent()
    try:
        found = consumer.committed([kafka.TopicPartition(*place) for place in places], timeout=15)
    except kafka.KafkaException as error:
        raise client.refusal(error.args[0], order.settings) from None
    for each in found:
        with suppress(ValueError, TypeError):
            said = json.loads(each.metadata or "null")
            if isinstance(said, dict) and said.get("pgscore") not in (None, whose["pgscore"]):
                raise PgscoreError(
                    f"group {order.group} was consumed as {said.get('role')} into database"
                    f" {said.get('database')}, and this is {whose['role']} in {whose['database']}:"
                    " two that share a group share its messages out",
                    "Name another --group; or --take-over, where this is what the other one has become.",
                )


def signed(positions: Mapping[Place, int], whose: Mapping[str, str]) -> list[Any]:
    """Offsets as the broker is told of them, with whose they are."""
    kafka, signature = client.confluent(), json.dumps(whose)
    return [kafka.TopicPartition(*place, offset, signature) for place, offset in positions.items()]
