"""Consuming a stream: batches, each one transaction that stores what its messages do and how far they have come.

What the database has stored is the truth. That the broker is told of it, afterwards, is for tools that show the lag.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pgscore.errors import BusyError, UnreachableError

from .membership import Membership
from .metrics import Metrics
from .offsets import FencedError
from .partitions import Partitions
from .retrying import Retrying
from .storing import Storing
from .taking import Taking
from .topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.changes import Stop

    from .apps import App, Done
    from .batch import Batch
    from .order import Order

_ANEW = 0.5


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
        self.metrics = metrics or Metrics()
        self._order, self._stop, self._say, self._step = order, stop, say, step
        self._partitions, self._topics = Partitions(), Topics(order)
        self._taking = Taking(order, self._partitions, self._topics, stop)
        self._storing = Storing(order, app, say, step)
        self._retrying = Retrying(stop, self.metrics, say, self._storing.disconnect)
        self._membership = Membership(
            order,
            self._partitions,
            self._topics,
            taking=self._taking,
            storing=self._storing,
            retrying=self._retrying,
            metrics=self.metrics,
            stop=stop,
            say=say,
            step=step,
        )
        self._told = time.monotonic()

    def run(self) -> Metrics:
        """Consumes.

        Returns:
            What was counted.

        Raises:
            UnreachableError: the database or the broker does not answer when it begins.
            PgscoreError: it cannot go on; all that was done is stored, and nothing is half done.
        """
        try:
            self._topics.ask()
            with suppress(FencedError):
                self._storing.database()
            while not self._stop.asked:
                try:
                    self._consume()
                except FencedError as error:
                    # The group is joined anew: who has the partition is the broker's to say.
                    self.metrics.fenced += 1
                    self._say(f"{error}; joining the group anew")
                    self._membership.leave()
                    self._stop.wait(_ANEW)
                else:
                    break
        finally:
            self._membership.leave()
            self._storing.close()
        return self.metrics

    def _consume(self) -> None:
        """One membership of the group."""
        self._membership.join()
        while not self._stop.asked:
            batch = self._taking.collect()
            self._membership.sign()
            if len(batch) > 0:
                self._settle(batch)
            self._report()
            if self._order.once and len(batch) == 0 and self._is_at_end():
                return

    def _is_at_end(self) -> bool:
        return self._membership.was_assigned and all(self._partitions.at_end.values())

    def _settle(self, batch: Batch) -> None:
        self._step("taken")
        began = time.monotonic()
        left = [batch]

        def store() -> Done | None:
            left[0] = left[0].without(left[0].ends.keys() - self._partitions.claims.keys())
            return self._storing.store(left[0], self._partitions.claims) if left[0].ends else None

        try:
            done = self._retrying.run(store, self._taking.pause)
        except (UnreachableError, BusyError):
            if self._stop.asked:
                self._say("the last messages were not stored, and are taken again")
                return
            raise
        self._taking.resume()
        if done is None:
            return
        self._step("stored")
        self._partitions.move(left[0].ends)
        self.metrics.settled(len(left[0]), left[0].messages, done, time.monotonic() - began)
        self._membership.tell(left[0].ends)
        self._step("told")

    def _report(self) -> None:
        self._membership.measure()
        if self._order.every is not None and time.monotonic() - self._told >= self._order.every:
            self._told = time.monotonic()
            self._say(self.metrics.line())
