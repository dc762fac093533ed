"""Metrics for Prometheus, of all workers together."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .answers import Call

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@contextmanager
def shared_by_workers(workers: int) -> Iterator[None]:
    """A folder by which several workers count together; to be entered before anything counts."""
    if workers < 2 or _FOLDER in os.environ:  # noqa: PLR2004
        yield
        return
    folder = tempfile.mkdtemp(prefix="pgscore-serve-")
    os.environ[_FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


class Metrics:
    """What a service counts."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._requests = Counter(
            "pgscore_requests", "Requests that were answered.", ("route", "model", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "pgscore_request_seconds", "How long answers took.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self._rows = Counter("pgscore_rows", "Rows that were scored.", ("model",), registry=self._registry)
        self._version = Gauge(
            "pgscore_served_version",
            "The version that answers.",
            ("model",),
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._database = Gauge(
            "pgscore_database_up",
            "Whether the database was there when it was last looked at.",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        # Children are looked up by names each time, which costs more than to count.
        self._of_requests: dict[tuple[str, str | None, int], Counter] = {}
        self._of_seconds: dict[str, Histogram] = {}
        self._of_rows: dict[str, Counter] = {}

    def count(self, call: Call, status: int, seconds: float) -> None:
        """Counts a request."""
        key = (call.route, call.model, status)
        counter = self._of_requests.get(key)
        if counter is None:
            counter = self._of_requests[key] = self._requests.labels(call.route, call.model or "", str(status))
        counter.inc()
        histogram = self._of_seconds.get(call.route)
        if histogram is None:
            histogram = self._of_seconds[call.route] = self._seconds.labels(call.route)
        histogram.observe(seconds)
        if call.rows and call.model is not None:
            rows = self._of_rows.get(call.model)
            if rows is None:
                rows = self._of_rows[call.model] = self._rows.labels(call.model)
            rows.inc(call.rows)

    def serves(self, model: str, version: int | None) -> None:
        """Notes which version answers."""
        self._version.labels(model).set(version or 0)

    def text(self, *, connected: bool) -> tuple[bytes, bytes]:
        """All of it, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

        self._database.set(int(connected))
        registry = self._registry
        if _FOLDER in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST.encode()
