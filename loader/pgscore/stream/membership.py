"""A worker as a member of its group: it joins, is given partitions and claims them, loses them, and leaves."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pgscore.database import transaction

from . import client
from .offsets import Claims, Place
from .ownership import own, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pgscore.changes import Stop

    from .metrics import Metrics
    from .order import Order
    from .partitions import Partitions
    from .retrying import Retrying
    from .storing import Storing
    from .taking import Taking
    from .topics import Topics

_TRIES = 5
_OURS = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    # Where messages were deleted it ends with a sentence, and passes nothing over.
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",
    "enable.partition.eof": "true",
}
_DEFAULTS = {"client.id": "pgscore", "queued.max.messages.kbytes": "16384", "log_level": "0"}


class Membership:
    """One membership of the group after the other.

    Attributes:
        was_assigned: whether partitions were given since it joined, though maybe none.
    """

    def __init__(
        self,
        order: Order,
        partitions: Partitions,
        topics: Topics,
        *,
        taking: Taking,
        storing: Storing,
        retrying: Retrying,
        metrics: Metrics,
        stop: Stop,
        say: Callable[[str], None],
        step: Callable[[str], None],
    ) -> None:
        self.was_assigned = False
        self._kafka = client.confluent()
        self._order, self._partitions, self._topics = order, partitions, topics
        self._taking, self._storing, self._retrying = taking, storing, retrying
        self._metrics, self._stop, self._say, self._step = metrics, stop, say, step
        self._consumer: Any = None

    def join(self) -> None:
        """Joins the group; partitions are given while messages are taken."""
        self.was_assigned = False
        self._consumer = self._kafka.Consumer(
            {
                **_DEFAULTS,
                **self._order.settings,
                **_OURS,
                "group.id": self._order.group,
                "error_cb": self._hear,
            }
        )
        self._taking.begin(self._consumer)
        self._consumer.subscribe(
            list(self._order.topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def leave(self) -> None:
        """Leaves the group, if it is in it."""
        if self._consumer is not None:
            with suppress(self._kafka.KafkaException, RuntimeError):
                self._consumer.close()
        self._consumer = None
        self._forget(set(self._partitions.claims))

    def sign(self) -> None:
        """Tells the broker whose group it is, before anything is stored.

        What the broker refuses, while a rebalance is under way or it is away, is told later, whether messages come or
        not: what is stored is no less right for it.
        """
        new = self._partitions.new
        is_paused = False
        for attempt in range(_TRIES):
            # Anew each time: a pause may bring partitions and take others away.
            places = set(new)
            if not places:
                break
            try:
                self._consumer.commit(offsets=self._signed(places), asynchronous=False)
            except self._kafka.KafkaException:
                self._taking.pause(0.1 * (attempt + 1))
                is_paused = True
            else:
                new -= places
                break
        if is_paused:
            self._taking.resume()

    def tell(self, places: Iterable[Place]) -> None:
        """Tells the broker how far partitions are; it does not wait for an answer."""
        with suppress(self._kafka.KafkaException):
            self._consumer.commit(
                offsets=self._signed([place for place in places if place in self._partitions.claims]),
                asynchronous=True,
            )

    def measure(self) -> None:
        """Counts how many messages each partition has that were not done yet."""
        for place, position in self._partitions.positions.items():
            low, high = self._consumer.get_watermark_offsets(self._kafka.TopicPartition(*place), cached=True)
            known = high >= max(low, 0) and not self._partitions.at_end.get(place, False)
            self._metrics.lag[place] = max(0, high - position) if known else 0

    def _signed(self, places: Iterable[Place]) -> list[Any]:
        return signed({place: self._partitions.positions[place] for place in places}, self._storing.whose)

    # What the client calls, while messages are taken.

    def _hear(self, error: Any) -> None:  # noqa: ANN401  KafkaError
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN:
            self._say("no broker answers; it is tried again")
        elif error.fatal():
            self._taking.fail(client.refusal(error, self._order.settings))

    def _assigned(self, consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401
        try:
            places = [Place(each.topic, each.partition) for each in partitions]
            positions = self._claim(consumer, places) if places else {}
            consumer.incremental_assign([self._kafka.TopicPartition(*p, offset) for p, offset in positions.items()])
            self.was_assigned = True
        # An exception here would be lost in the client.
        except BaseException as error:
            self._taking.fail(error)

    def _revoked(self, _consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401
        self._forget({Place(each.topic, each.partition) for each in partitions})

    def _forget(self, places: set[Place]) -> None:
        for place in places:
            self._metrics.lag.pop(place, None)
        self._partitions.forget(places)

    def _claim(self, consumer: Any, places: Sequence[Place]) -> dict[Place, int]:  # noqa: ANN401
        claims = Claims(self._order.group, self._order.from_latest, self._order.reset)

        def take() -> tuple[dict[Place, str], dict[Place, int]]:
            self._topics.ask()
            found = client.ranges(consumer, places)
            connection = self._storing.database()
            own(self._order, consumer, places, self._storing.whose)
            with transaction(connection):
                return claims.take(connection, found, self._topics.ids)

        taken, positions = self._retrying.run(take, self._wait)
        self._partitions.add(taken, positions)
        self._step("claimed")
        return positions

    def _wait(self, seconds: float) -> None:
        self._stop.wait(seconds)
