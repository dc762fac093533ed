"""Messages that a consumer writes: dead letters, and what its app has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.errors import BusyError, PgscoreError

from . import client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .apps import Done
    from .messages import Dead

# What may pass: a broker that is away, or is looking for another one to lead.
_PATIENCE = 20.0
_OURS = {"enable.idempotence": "true", "message.timeout.ms": "15000"}


def dead_headers(dead: Dead, group: str) -> list[tuple[str, bytes | None]]:
    """The headers of a dead letter: its own, why it is one, and of which message."""
    return [
        *dead.raw.headers,
        ("pgscore-reason", dead.reason.encode()),
        ("pgscore-topic", dead.raw.topic.encode()),
        ("pgscore-partition", str(dead.raw.partition).encode()),
        ("pgscore-offset", str(dead.raw.offset).encode()),
        ("pgscore-group", group.encode()),
    ]


class Outputs:
    """Writes what a batch says, and returns when the broker has it.

    That is before the transaction commits. So nothing is lost, and after a crash, or where the transaction is tried
    again, it is written once more: the headers `pgscore-topic`, `pgscore-partition` and `pgscore-offset` tell of which
    message it is.
    """

    def __init__(self, settings: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._producer: Any = None
        self._failed: list[Any] = []

    def write(self, done: Done, dead_letters: str, group: str) -> None:
        """Writes dead letters and outputs.

        Raises:
            BusyError: the broker does not take them now.
            PgscoreError: it never will.
        """
        kafka = client.confluent()
        if self._producer is None:
            self._producer = kafka.Producer({"client.id": "pgscore", "log_level": 0, **self._settings, **_OURS})
        self._failed.clear()
        for each in done.dead:
            self._produce(kafka, dead_letters, each.raw.content, each.raw.key, dead_headers(each, group))
        for output in done.outputs:
            self._produce(kafka, output.topic, output.content, output.key, list(output.headers))
        left = self._producer.flush(_PATIENCE)
        if left or self._failed:
            self._fail(kafka, left)

    def close(self) -> None:
        """Waits for nothing: what was written was waited for."""
        self._producer = None

    def _produce(self, kafka: Any, topic: str, content: bytes | None, key: bytes | None, headers: list[Any]) -> None:  # noqa: ANN401
        while True:
            try:
                self._producer.produce(topic, content, key, headers=headers, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(1)
            except kafka.KafkaException as error:
                raise client.refusal(error.args[0], self._settings, topic) from None
            else:
                self._producer.poll(0)
                return

    def _delivered(self, error: Any, _message: Any) -> None:  # noqa: ANN401
        if error is not None:
            self._failed.append((error, _message.topic()))

    def _fail(self, kafka: Any, left: int) -> None:  # noqa: ANN401
        # What is still in its queue would be written later, in whatever order.
        self._producer.purge()
        self._producer.flush(1)
        self._producer = None
        for error, topic in self._failed:
            passing = (kafka.KafkaError._MSG_TIMED_OUT, kafka.KafkaError._PURGE_QUEUE, kafka.KafkaError._PURGE_INFLIGHT)
            if error.code() not in passing and not error.retriable():
                refused: PgscoreError = client.refusal(error, self._settings, topic)
                raise refused
        raise BusyError(f"the broker takes no messages now, {left or len(self._failed):,} wait")
