"""One Spark on two cores: prints the events/s of a query over each topic, as JSON. `spark_events.py` starts it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pgscore.spark
import pyspark

from .spark_session import started


def _connector() -> list[str]:
    """The jars of docker/spark-kafka.txt."""
    return sorted(str(jar) for jar in (Path(pyspark.__file__).parents[1] / "kafka").glob("*.jar"))


def main(servers: str, events: str, model: str, size: int, topics: list[str]) -> None:
    """Stores each topic's messages, as far as they go when its query begins."""
    spark = started(2, _connector())
    found: list[float] = []
    for topic in topics:
        commits: list[tuple[float, int]] = []

        def told(batch: pgscore.spark.Batch, commits: list[tuple[float, int]] = commits) -> None:
            commits.append((time.perf_counter(), batch.stored))

        with tempfile.TemporaryDirectory(prefix="pgscore-") as checkpoint:
            query = pgscore.spark.stream(
                spark, os.environ["PGSCORE_DSN"], model, brokers=servers, topics=[topic], group=topic, into=events,
                checkpoint=checkpoint, dead_letters=f"{topic}.dead", batch=size, until_now=True, on_batch=told,
            )  # fmt: skip
            query.awaitTermination()
        (first, _), (last, _) = commits[0], commits[-1]
        found.append(sum(stored for _, stored in commits[1:]) / (last - first))
    spark.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
