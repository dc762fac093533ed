"""The `pgscore` command, which stops at a step of its producer, says so, and waits to be killed or told to go on.

`python -m tests.streams.paused STEP NUMBER stream publish …`: at the NUMBERth time, counted from 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from confluent_kafka import Producer
from pgscore.command import run
from pgscore.stream import kept, producing

STEPS = ("begun", "loaded", "transaction", "produced", "before commit", "committed")

_wanted, _number = sys.argv[1], int(sys.argv[2])
_seen: Counter[str] = Counter()


def _step(name: str) -> None:
    assert name in STEPS
    _seen[name] += 1
    if name == _wanted and _seen[name] == _number:
        print(f"paused {name}", flush=True)
        sys.stdin.readline()


class _PausedProducer(Producer):
    def init_transactions(self, *arguments: Any) -> None:  # noqa: ANN401
        super().init_transactions(*arguments)
        _step("begun")

    def begin_transaction(self) -> None:
        super().begin_transaction()
        _step("transaction")

    def produce(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().produce(*arguments, **named)
        # Sent, and not only queued.
        if _wanted == "produced":
            self.flush()
        _step("produced")

    def commit_transaction(self, *arguments: Any) -> None:  # noqa: ANN401
        self.flush()
        _step("before commit")
        super().commit_transaction(*arguments)
        _step("committed")


_load = kept.KeptInTopic.load


def _loaded(self: kept.KeptInTopic) -> str | None:
    position = _load(self)
    _step("loaded")
    return position


if __name__ == "__main__":
    setattr(producing, "Producer", _PausedProducer)  # noqa: B010
    kept.KeptInTopic.load = _loaded  # type: ignore[method-assign]
    sys.exit(run(sys.argv[3:]))
