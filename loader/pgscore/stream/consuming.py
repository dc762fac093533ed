"""Consuming a stream: batches, each one transaction that stores what its messages do and how far they have come.

What the database has stored is the truth. That the broker is told of it, afterwards, is for tools that show the lag.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pgscore.bundle.make import pin
from pgscore.database import connect, transaction
from pgscore.errors import BusyError, PgscoreError, UnreachableError

from . import client, offsets
from .apps import Done, apply
from .messages import Dead, Message, Raw, understood
from .metrics import Metrics
from .offsets import Claims, FencedError, Place
from .outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.changes import Stop

    from .apps import App
    from .messages import Decode

T = TypeVar("T")

_POLL = 0.5
_MOST_BYTES = 16 * 2**20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_TRIES = 5
# A topic that was made anew is looked for so often, in seconds.
_LOOK = 5.0
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


@dataclass(frozen=True)
class Order:
    """What is to be consumed, and how.

    Attributes:
        dsn: a connection string.
        settings: of the client of the broker: `client.settings`.
        group: the group of consumers, which share the partitions.
        topics: the topics.
        decode: what makes an event of a message's bytes; None: they are JSON.
        batch: how many messages a transaction takes at most.
        rate: how many messages a second are taken at most; None: as many as can be.
        from_latest: whether a partition that the group has not read begins with what comes from now on.
        reset: whether to begin anew where the group's offsets mean nothing any more.
        take_over: whether to go on although another database, or role, has consumed with this group.
        dead_letters: the topic for messages that nothing can be done with; None: the first one ends it.
        once: whether to end where there is nothing more.
        every: seconds between two lines about how far it is; None: none.
    """

    dsn: str
    settings: Mapping[str, str]
    group: str
    topics: Sequence[str]
    decode: Decode | None = None
    batch: int = 500
    rate: float | None = None
    from_latest: bool = False
    reset: bool = False
    take_over: bool = False
    dead_letters: str | None = None
    once: bool = False
    every: float | None = None


@dataclass
class _Batch:
    """Messages of a transaction.

    Attributes:
        begins: of each partition the offset up to which everything was done before.
        ends: of each partition the offset that is stored with them.
    """

    messages: list[Message] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    begins: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.messages) + len(self.dead)

    def without(self, lost: set[Place]) -> _Batch:
        """The same without some partitions, which are another worker's now."""
        return _Batch(
            [each for each in self.messages if _place(each.raw) not in lost],
            [each for each in self.dead if _place(each.raw) not in lost],
            {place: offset for place, offset in self.begins.items() if place not in lost},
            {place: offset for place, offset in self.ends.items() if place not in lost},
        )


def _nothing(_step: str) -> None:
    pass


def _say(sentence: str) -> None:
    print(f"pgscore: {' '.join(sentence.split())}", file=sys.stderr, flush=True)


class Consumer:
    """A worker of a group: `run` consumes until it is told to stop."""

    def __init__(
        self,
        order: Order,
        app: App,
        stop: Stop,
        *,
        metrics: Metrics | None = None,
        say: Callable[[str], None] = _say,
        step: Callable[[str], None] = _nothing,
    ) -> None:
        """Connects to nothing yet.

        Args:
            order: what is to be consumed.
            app: what is done with messages.
            stop: ends it after the batch at which it is.
            metrics: where it counts.
            say: is told what people who watch it should know.
            step: is told the name of each step of a batch when it is done: claimed, taken, held, applied, written,
                moved, stored, told.
        """
        self._kafka = client.confluent()
        self._order, self._app, self._stop, self._say, self._step = order, app, stop, say, step
        self.metrics = metrics or Metrics()
        self._outputs = Outputs(order.settings, self._say)
        self._connection: Connection | None = None
        self._consumer: Any = None
        self._claims: dict[Place, str] = {}
        self._positions: dict[Place, int] = {}
        self._at_end: dict[Place, bool] = {}
        self._held: list[Raw] = []
        self._topic_ids: dict[str, str] = {}
        self._looked = 0.0
        self._whose: dict[str, str] = {}
        self._new: set[Place] = set()
        self._was_assigned = False
        self._failed: BaseException | None = None
        self._began, self._taken, self._told = time.monotonic(), 0.0, time.monotonic()

    def run(self) -> Metrics:
        """Consumes.

        Returns:
            What was counted.

        Raises:
            UnreachableError: the database or the broker does not answer when it begins.
            PgscoreError: it cannot go on; all that was done is stored, and nothing is half done.
        """
        try:
            self._topic_ids = client.topic_ids(self._order.settings, self._order.topics)
            with suppress(FencedError):
                self._database()
            while not self._stop.asked:
                try:
                    self._consume()
                except FencedError as error:
                    # The group is joined anew: who has the partition is the broker's to say.
                    self.metrics.fenced += 1
                    self._say(f"{error}; joining the group anew")
                    self._leave()
                    self._stop.wait(_FIRST_PAUSE)
                else:
                    break
        finally:
            self._leave()
            self._outputs.close()
            if self._connection is not None:
                self._connection.close()
        return self.metrics

    # One membership of the group.

    def _consume(self) -> None:
        self._failed, self._was_assigned = None, False
        self._consumer = self._kafka.Consumer(
            {
                **_DEFAULTS,
                **self._order.settings,
                **_OURS,
                "group.id": self._order.group,
                "error_cb": self._hear,
            }
        )
        self._consumer.subscribe(
            list(self._order.topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        while not self._stop.asked:
            batch = self._collect()
            if self._new:
                self._sign()
            if len(batch) > 0:
                self._settle(batch)
            self._report()
            if self._order.once and self._was_assigned and len(batch) == 0 and all(self._at_end.values()):
                return

    def _leave(self) -> None:
        if self._consumer is not None:
            with suppress(self._kafka.KafkaException, RuntimeError):
                self._consumer.close()
        self._consumer = None
        self._forget(set(self._claims))

    def _hear(self, error: Any) -> None:  # noqa: ANN401  KafkaError
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN:
            self._say("no broker answers; it is tried again")
        elif error.fatal():
            self._fail(client.refusal(error, self._order.settings))

    def _assigned(self, consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401
        try:
            places = [Place(each.topic, each.partition) for each in partitions]
            positions = self._claim(consumer, places) if places else {}
            consumer.incremental_assign([self._kafka.TopicPartition(*p, offset) for p, offset in positions.items()])
            self._was_assigned = True
        # An exception here would be lost in the client.
        except BaseException as error:
            self._fail(error)

    def _revoked(self, _consumer: Any, partitions: Sequence[Any]) -> None:  # noqa: ANN401
        self._forget({Place(each.topic, each.partition) for each in partitions})

    def _forget(self, places: set[Place]) -> None:
        for place in places:
            self.metrics.lag.pop(place, None)
            for each in (self._claims, self._positions, self._at_end):
                each.pop(place, None)
        self._new -= places

    def _claim(self, consumer: Any, places: Sequence[Place]) -> dict[Place, int]:  # noqa: ANN401
        claims = Claims(self._order.group, self._order.from_latest, self._order.reset)

        def take() -> tuple[dict[Place, str], dict[Place, int]]:
            self._topic_ids = client.topic_ids(self._order.settings, self._order.topics)
            found = client.ranges(consumer, places)
            connection = self._database()
            self._own(consumer, places)
            with transaction(connection):
                return claims.take(connection, found, self._topic_ids)

        taken, positions = self._retrying(take, self._stop_wait)
        self._claims |= taken
        self._positions |= positions
        self._at_end |= dict.fromkeys(positions, False)
        self._new |= set(positions)
        self._step("claimed")
        return positions

    # Whose group it is.

    def _own(self, consumer: Any, places: Sequence[Place]) -> None:  # noqa: ANN401
        """Refuses a group with which another database, or another role, consumes."""
        if self._order.take_over:
            return
        try:
            found = consumer.committed([self._kafka.TopicPartition(*place) for place in places], timeout=15)
        except self._kafka.KafkaException as error:
            raise client.refusal(error.args[0], self._order.settings) from None
        for each in found:
            with suppress(ValueError, TypeError):
                said = json.loads(each.metadata or "null")
                if isinstance(said, dict) and said.get("pgscore") not in (None, self._whose["pgscore"]):
                    raise PgscoreError(
                        f"group {self._order.group} was consumed as {said.get('role')} into database"
                        f" {said.get('database')}, and this is {self._whose['role']} in {self._whose['database']}:"
                        " two that share a group share its messages out",
                        "Name another --group; or --take-over, where this is what the other one has become.",
                    )

    def _sign(self) -> None:
        """Tells the broker whose group it is, before anything is stored."""
        places = [place for place in self._new if place in self._positions]
        for attempt in range(_TRIES):
            try:
                if places:
                    self._consumer.commit(offsets=self._signed(places), asynchronous=False)
                break
            except self._kafka.KafkaException:
                # A rebalance is under way, or the broker is away: what is stored is no less right for it.
                self._pause(0.1 * (attempt + 1))
        self._new.clear()

    def _signed(self, places: Sequence[Place]) -> list[Any]:
        signature = json.dumps(self._whose)
        return [self._kafka.TopicPartition(*each, self._positions[each], signature) for each in places]

    # Batches.

    def _collect(self) -> _Batch:
        """Takes what is there; waits for a first message for a moment."""
        allowed = self._allowed()
        if allowed < 1:
            self._stop.wait(min(_POLL, 1 / (self._order.rate or 1)))
            return _Batch()
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
        self._look()
        batch = self._batch(raws)
        self._taken += len(batch)
        return batch

    def _batch(self, raws: Sequence[Raw]) -> _Batch:
        batch = _Batch()
        for raw in raws:
            place = _place(raw)
            # What was fetched before a rebalance may come after it.
            if place not in self._claims or raw.offset < batch.ends.get(place, self._positions[place]):
                continue
            batch.begins.setdefault(place, self._positions[place])
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
            if place in self._at_end:
                self._at_end[place] = False
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
            if place in self._at_end:
                self._at_end[place] = True
            return
        if error.code() in (codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE):
            self._fail(
                PgscoreError(
                    f"{place} has no message at offset {self._positions.get(place)} any more: it was deleted before it"
                    " was read, or the topic was made anew",
                    f"--reset forgets how far group {self._order.group} had come, and begins at --from.",
                )
            )
        elif error.code() in (codes.UNKNOWN_TOPIC_OR_PART, codes._UNKNOWN_TOPIC):
            self._looked = 0.0
        elif error.fatal() or not error.retriable():
            self._fail(client.refusal(error, self._order.settings, place.topic))

    def _look(self) -> None:
        """Looks whether topics are still those that were claimed."""
        if time.monotonic() - self._looked < _LOOK:
            return
        try:
            found = client.topic_ids(self._order.settings, self._order.topics)
        except UnreachableError:
            return
        self._looked = time.monotonic()
        for topic, identifier in found.items():
            if identifier != self._topic_ids[topic]:
                raise PgscoreError(
                    f"topic {topic} was made anew while group {self._order.group} read it: its offsets mean other"
                    " messages",
                    f"--reset forgets how far group {self._order.group} had come, and begins at --from.",
                )

    def _allowed(self) -> int:
        if self._order.rate is None:
            return self._order.batch
        # What was not used is not kept for longer than a second.
        earned = (time.monotonic() - self._began) * self._order.rate
        if earned - self._taken > self._order.rate:
            self._taken = earned - self._order.rate
        return min(self._order.batch, int(earned - self._taken))

    # A transaction.

    def _settle(self, batch: _Batch) -> None:
        self._step("taken")
        began = time.monotonic()
        left = [batch]

        def store() -> Done | None:
            left[0] = left[0].without(left[0].ends.keys() - self._claims.keys())
            return self._store(left[0]) if left[0].ends else None

        try:
            done = self._retrying(store, self._pause)
        except (UnreachableError, BusyError):
            if self._stop.asked:
                self._say("the last messages were not stored, and are taken again")
                return
            raise
        self._resume()
        if done is None:
            return
        self._step("stored")
        self._positions |= {place: end for place, end in left[0].ends.items() if place in self._positions}
        self.metrics.settled(len(left[0]), left[0].messages, done, time.monotonic() - began)
        with suppress(self._kafka.KafkaException):
            self._consumer.commit(
                offsets=self._signed([p for p in left[0].ends if p in self._claims]), asynchronous=True
            )
        self._step("told")

    def _store(self, batch: _Batch) -> Done:
        connection = self._database()
        with transaction(connection):
            held = offsets.hold(connection, self._order.group, {place: self._claims[place] for place in batch.ends})
            if held == batch.ends:
                # The answer to a COMMIT was lost, and it was done.
                return Done()
            if held != batch.begins:
                raise FencedError("somebody has moved the offsets of this group meanwhile")
            self._step("held")
            pin(connection)
            done = apply(self._app, connection, batch.messages)
            done.dead = [*batch.dead, *done.dead]
            self._step("applied")
            self._bury(done)
            self._step("written")
            offsets.move(connection, self._order.group, batch.ends)
            self._step("moved")
        return done

    def _bury(self, done: Done) -> None:
        if done.dead and self._order.dead_letters is None:
            first = done.dead[0]
            raise PgscoreError(
                f"nothing can be done with {first.raw.place}: {first.reason}",
                "--dead-letters TOPIC writes such messages there and goes on.",
            )
        if done.dead or done.outputs:
            self._outputs.write(done, self._order.dead_letters or "", self._order.group)

    def _database(self) -> Connection:
        if self._connection is not None and self._connection.closed:
            self._connection = None
        if self._connection is None:
            connection = connect(self._order.dsn)
            try:
                with transaction(connection):
                    self._whose = offsets.whose(connection)
                    self._app.begin(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    # Trying again.

    def _retrying(self, work: Callable[[], T], wait: Callable[[float], None]) -> T:
        import tenacity

        def warn(state: Any) -> None:  # noqa: ANN401
            error = state.outcome.exception()
            self.metrics.retries += 1
            if isinstance(error, UnreachableError) and self._connection is not None:
                self._connection.close()
            self._say(f"{error}; once more in {state.next_action.sleep:.1f} s")

        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((UnreachableError, BusyError)),
            stop=lambda _state: self._stop.asked,
            wait=tenacity.wait_exponential_jitter(initial=_FIRST_PAUSE, max=_LONGEST_PAUSE, jitter=_FIRST_PAUSE),
            sleep=wait,
            before_sleep=warn,
            reraise=True,
        )
        found: T = tries(work)
        return found

    def _stop_wait(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _pause(self, seconds: float) -> None:
        """Waits, and stays a member of the group: partitions are paused, and whatever comes is held back."""
        ends = time.monotonic() + seconds
        with suppress(self._kafka.KafkaException):
            self._consumer.pause(self._consumer.assignment())
        while not self._stop.asked and (left := ends - time.monotonic()) > 0:
            message = self._consumer.poll(min(left, _POLL))
            if message is not None:
                self._held += self._raws([message])
        self._raise()

    def _resume(self) -> None:
        with suppress(self._kafka.KafkaException):
            self._consumer.resume(self._consumer.assignment())

    def _fail(self, error: BaseException) -> None:
        """Remembers the first thing that is to end this."""
        self._failed = self._failed or error

    def _raise(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def _report(self) -> None:
        for place in self._positions:
            low, high = self._consumer.get_watermark_offsets(self._kafka.TopicPartition(*place), cached=True)
            known = high >= max(low, 0) and not self._at_end.get(place, False)
            self.metrics.lag[place] = max(0, high - self._positions[place]) if known else 0
        if self._order.every is not None and time.monotonic() - self._told >= self._order.every:
            self._told = time.monotonic()
            self._say(self.metrics.line())


def _place(raw: Raw) -> Place:
    return Place(raw.topic, raw.partition)
