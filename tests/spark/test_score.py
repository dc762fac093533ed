"""Scores on Spark are those of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore.spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.support.database import Database


def test_a_profile_table_is_scored_as_in_the_database(spark: SparkSession, serving: Database) -> None:
    frame = pgscore.spark.profile(spark, serving.dsn(), "churn.customer_profile", partitions=3)
    assert frame.rdd.getNumPartitions() == 3
    found = {row.customer_id: row for row in pgscore.spark.score(frame, serving.dsn(), "churn").collect()}
    expected = dict(
        serving.session().run("select customer_id, pgscore.score('churn', p) from churn.customer_profile p")
    )
    assert {key: row.score for key, row in found.items()} == expected
    assert {(row.version, row.reason) for row in found.values()} == {(1, None)}
