"""Taking messages from the broker: what comes, its errors, ends of partitions, and pauses in which nothing is taken."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

from . import client
from .batch import Batch, place_of
from .messages import Dead, Raw, understood
from .offsets import Place
from .rate import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.changes import Stop

    from .order import Order
    from .partitions import Partitions
    from .topics import Topics

_POLL = 0.5
_MOST_BYTES = 16 * 2**20


class Taking:
    """Takes the messages of a worker's partitions, in batches."""

    def __init__(self, order: Order, partitions: Partitions, topics: Topics, stop: Stop) -> None:
        self._kafka = client.confluent()
        self._order, self._partitions, self._topics, self._stop = order, partitions, topics, stop
        self._rate = Rate(order)
        self._consumer: Any = None
        self._held: list[Raw] = []
        self._failed: BaseException | None = None

    def begin(self, consumer: Any) -> None:  # noqa: ANN401
        """Takes from another client of the broker's from now on."""
        self._consumer, self._failed = consumer, None

    def collect(self) -> Batch:
        """Takes what is there; waits for a first message for a moment."""
        allowed = self._rate.allowed()
        if allowed < 1:
            self._stop.wait(min(_POLL, 1 / (self._order.rate or 1)))
            return Batch()
        raws, self._held = self._held, []
        if not raws:
            first = self._consumer.poll(_POLL)
            raws = self._raws([] if first is None else [first])
        size = sum(len(each.content or b"") for each in raws)
        while raws and len(raws) < allowed and size < _MOST_BYTES:
            more = self._raws(self._consumer.consume(min(allowed - len(raws), 100), timeout=0))
            if not more:
                break
            raws += more
            size += sum(len(each.content or b"") for each in more)
        self._raise()
        self._topics.look()
        batch = self._batch(raws)
        self._rate.took(len(batch))
        return batch

    def pause(self, seconds: float) -> None:
        """Waits, and stays a member of the group: partitions are paused, and whatever comes is held back."""
        ends = time.monotonic() + seconds
        with suppress(self._kafka.KafkaException):
            self._consumer.pause(self._consumer.assignment())
        while not self._stop.asked and (left := ends - time.monotonic()) > 0:
            message = self._consumer.poll(min(left, _POLL))
            if message is not None:
                self._held += self._raws([message])
        self._raise()

    def resume(self) -> None:
        """Ends a pause."""
        with suppress(self._kafka.KafkaException):
            self._consumer.resume(self._consumer.assignment())

    def fail(self, error: BaseException) -> None:
        """Remembers the first thing that is to end this."""
        self._failed = self._failed or error

    def _raise(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def _batch(self, raws: Sequence[Raw]) -> Batch:
        batch, positions = Batch(), self._partitions.positions
        for raw in raws:
            place = place_of(raw)
            # What was fetched before a rebalance may come after it.
            if place not in self._partitions.claims or raw.offset < batch.ends.get(place, positions[place]):
                continue
            batch.begins.setdefault(place, positions[place])
            batch.ends[place] = raw.offset + 1
            found = understood(raw, self._order.decode)
            if isinstance(found, Dead):
                batch.dead.append(found)
            else:
                batch.messages.append(found)
        return batch

    def _raws(self, found: Sequence[Any]) -> list[Raw]:
        raws = []
        for each in found:
            error = each.error()
            if error is not None:
                self._meet(each, error)
                continue
            place = Place(each.topic(), each.partition())
            self._partitions.mark(place, at_end=False)
            kind, at = each.timestamp()
            raws.append(
                Raw(
                    *place,
                    each.offset(),
                    each.key(),
                    each.value(),
                    None if kind == self._kafka.TIMESTAMP_NOT_AVAILABLE else at / 1000,
                    tuple(each.headers() or ()),
                )
            )
        return raws

    def _meet(self, message: Any, error: Any) -> None:  # noqa: ANN401
        codes = self._kafka.KafkaError
        place = Place(message.topic(), message.partition())
        if error.code() == codes._PARTITION_EOF:
            self._partitions.mark(place, at_end=True)
            return
        if error.code() in (codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE):
            self.fail(
                PgscoreError(
                    f"{place} has no message at offset {self._partitions.positions.get(place)} any more: it was deleted"
                    " before it was read, or the topic was made anew",
                    f"--reset forgets how far group {self._order.group} had come, and begins at --from.",
                )
            )
        elif error.code() in (codes.UNKNOWN_TOPIC_OR_PART, codes._UNKNOWN_TOPIC):
            self._topics.doubt()
        elif error.fatal() or not error.retriable():
            self.fail(client.refusal(error, self._order.settings, place.topic))
