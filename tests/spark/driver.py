"""A driver of its own process, for tests that kill it: `python -m tests.spark.driver` with its options as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import pgscore.spark

from tests.spark.conftest import built


def main(options: dict[str, Any], step: str, folder: str) -> None:
    """Runs a query until now, and kills it at a step that it can know by itself."""
    spark = built(folder)
    group = os.getpgrp()

    def dying(value: bytes) -> dict[str, Any]:
        os.killpg(group, signal.SIGKILL)
        found: dict[str, Any] = json.loads(value)
        return found

    def behind(_: pgscore.spark.Batch) -> None:
        os.killpg(group, signal.SIGKILL)

    if step == "while workers read":
        options["decode"] = dying
    if step == "behind the commit":
        options["on_batch"] = behind
    pgscore.spark.stream(spark, **options).awaitTermination()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
