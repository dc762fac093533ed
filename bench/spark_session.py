"""One Spark with so many cores: prints for each model the rows/s of several runs, as JSON. `spark.py` starts it."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import pgscore.spark
from pyspark.sql import SparkSession

from .customers import MANY, MANY_CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNS = 4
_DRIVER = "/usr/share/java/postgresql.jar"


def started(cores: int, jars: Sequence[str] = ()) -> SparkSession:
    """A Spark with so many cores, PostgreSQL's driver, and further jars."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.jars", ",".join([_DRIVER, *jars]))
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    return spark


def main(cores: int, models: list[str]) -> None:
    """Measures each model over the same rows, which Spark holds in memory."""
    dsn = os.environ["PGSCORE_DSN"]
    spark = started(cores)
    table = pgscore.spark.profile(spark, dsn, MANY_CUSTOMERS, partitions=8).drop("score")
    rows = table.cache()
    rows.count()
    found: dict[str, list[float]] = {}
    for model in models:
        scored = pgscore.spark.score(rows, dsn, model)
        # The first run starts the workers.
        for run in range(_RUNS + 1):
            start = time.perf_counter()
            scored.selectExpr("sum(score)").collect()
            if run:
                found.setdefault(model, []).append(MANY / (time.perf_counter() - start))
    spark.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
