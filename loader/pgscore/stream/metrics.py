"""What a consumer counts: for its last line, and for Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .apps import Done
    from .messages import Message
    from .offsets import Place


class Metrics:
    """Counts of one worker since it began.

    Attributes:
        messages: how many were taken and done with.
        dead: how many of them nothing could be done with.
        batches: how many transactions that were.
        retries: how often something was tried again.
        fenced: how often a partition was found to be another worker's.
        counts: what the app counts, by name.
        lag: how many messages each partition has that were not done yet.
    """

    def __init__(self) -> None:
        self.messages = self.dead = self.batches = self.retries = self.fenced = 0
        self.counts: dict[str, int] = {}
        self.lag: dict[Place, int] = {}
        self._began = time.monotonic()
        self._seconds: Any = None
        self._age: Any = None

    def settled(self, taken: int, messages: Sequence[Message], done: Done, seconds: float) -> None:
        """Counts a batch: of how many messages, those of them that were understood, and how long it took."""
        self.batches += 1
        self.messages += taken
        self.dead += len(done.dead)
        for name, count in done.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        if self._seconds is not None:
            self._seconds.observe(seconds)
            now = time.time()
            for each in messages:
                if each.raw.at is not None:
                    self._age.observe(max(0.0, now - each.raw.at))

    def line(self) -> str:
        """How far it is, for people."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        return (
            f"{self.messages:,} messages in {self.batches:,} transactions, {self.messages / seconds:,.0f} a second;"
            f" lag {sum(self.lag.values()):,}; dead letters {self.dead:,}"
        )

    def summary(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "messages": self.messages,
            "batches": self.batches,
            "dead": self.dead,
            "retries": self.retries,
            "fenced": self.fenced,
            "lag": sum(self.lag.values()),
            **self.counts,
        }

    def serve(self, port: int, address: str = "127.0.0.1") -> int:
        """Serves them to Prometheus.

        Args:
            port: 0: any that is free.
            address: where to listen.

        Returns:
            The port.

        Raises:
            PgscoreError: the port is taken, or the library is not installed.
        """
        try:
            import prometheus_client
        except ModuleNotFoundError:
            raise PgscoreError(
                "--metrics needs prometheus-client, which this Python does not have",
                "pip install 'pgscore[stream]' brings it.",
            ) from None
        registry = prometheus_client.CollectorRegistry()
        self._seconds = prometheus_client.Histogram(
            "pgscore_stream_batch_seconds", "How long transactions took.", registry=registry
        )
        self._age = prometheus_client.Histogram(
            "pgscore_stream_age_seconds",
            "From the writing of a message to the commit of what it does.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
            registry=registry,
        )
        registry.register(_Counts(self))
        try:
            server, _ = prometheus_client.start_http_server(port, address, registry=registry)
        except OSError as error:
            raise PgscoreError(f"metrics cannot be served at port {port}: {error.strerror}") from None
        return int(server.server_port)


class _Counts:
    """The counts as Prometheus collects them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        """What stands now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        counts = self._metrics
        for name, text, value in (
            ("messages", "Messages that were done with.", counts.messages),
            ("dead_letters", "Messages that nothing could be done with.", counts.dead),
            ("batches", "Transactions.", counts.batches),
            ("retries", "Times that something was tried again.", counts.retries),
            ("fenced", "Times that a partition was found to be another worker's.", counts.fenced),
        ):
            yield CounterMetricFamily(f"pgscore_stream_{name}", text, value=value)
        of_app = CounterMetricFamily("pgscore_stream_done", "What the app counts.", labels=["what"])
        for name, count in list(counts.counts.items()):
            of_app.add_metric([name], count)
        yield of_app
        lag = GaugeMetricFamily("pgscore_stream_lag", "Messages that were not done yet.", labels=["topic", "partition"])
        for place, behind in list(counts.lag.items()):
            lag.add_metric([place.topic, str(place.partition)], behind)
        yield lag
