"""Scores on Spark are those of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pgscore
import pgscore.spark
import pyarrow as pa
import pytest
from pgscore.spark.session import told
from pyspark.errors import PySparkException
from pyspark.sql import functions

if TYPE_CHECKING:
    from pathlib import Path

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


def test_an_artifact_goes_to_who_trusts_its_key(spark: SparkSession, opaque: Database, key: Path) -> None:
    frame = pgscore.spark.profile(spark, opaque.dsn(), "churn.customer_profile")
    with pytest.raises(pgscore.DeniedError, match="none that you trust"):
        pgscore.spark.score(frame, opaque.dsn(), "churn")
    scored = pgscore.spark.score(frame, opaque.dsn(), "churn", trusted=[key.with_name(key.name + ".pub")])
    expected = opaque.session().run("select customer_id, pgscore.score('churn', p) from churn.customer_profile p")
    assert {row.customer_id: row.score for row in scored.collect()} == dict(expected)


def test_a_version_is_evaluated_once_for_each_row(spark: SparkSession, shared: Database) -> None:
    frame = pgscore.spark.profile(spark, shared.dsn(), "churn.customer_profile", partitions=1)
    scored = pgscore.spark.score(frame, shared.dsn(), "churn").where("score > 0.5 and reason is null")
    plan = scored._jdf.queryExecution().executedPlan().toString()
    assert plan.count("ArrowEvalPython") == 1, plan


def test_where_nothing_can_be_read(spark: SparkSession, shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = shared.dsn()
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"dsn": "postgresql://127.0.0.1:1/nothing"}, pgscore.UnreachableError, "cannot be reached"),
        ({"table": "churn.nothing"}, pgscore.NotFoundError, "there is no table churn.nothing"),
        ({"columns": ["nothing"]}, pgscore.PgscoreError, "has no column nothing"),
        ({"key": ["nothing"]}, pgscore.PgscoreError, "has no column nothing, which is to be its key"),
        ({"partitions": 0}, pgscore.PgscoreError, "in 0 parts"),
        ({"table": "pgscore.stale", "partitions": 2}, pgscore.PgscoreError, "no primary key to read it in 2 parts by"),
        ({"spark": None}, pgscore.PgscoreError, "nothing is given for Spark's session"),
        ({"spark": "local"}, pgscore.PgscoreError, "a str is given for Spark's session"),
    ]
    for given, error, message in refused:
        options = {"spark": spark, "dsn": dsn, "table": "churn.customer_profile"} | given
        with pytest.raises(error, match=message):
            pgscore.spark.profile(**options)
    for model, message in (("nothing", "is unknown"), ("churn", "has no version 9")):
        with pytest.raises(pgscore.NotFoundError, match=message):
            pgscore.spark.score(spark.range(1), dsn, model, version=9)
    monkeypatch.setattr(spark.sparkContext, "_jsc", None)
    with pytest.raises(pgscore.PgscoreError, match="session has ended"):
        pgscore.spark.profile(spark, dsn, "churn.customer_profile")


def test_what_spark_says_is_one_sentence(spark: SparkSession) -> None:
    said = "An error occurred.\n: java.lang.ClassNotFoundException: org.postgresql.Driver\n\tat somewhere"
    with pytest.raises(pgscore.PgscoreError, match="has no driver for PostgreSQL") as caught, told("reading"):
        raise PySparkException(said)
    assert "libpostgresql-jdbc-java" in caught.value.hint
    with pytest.raises(pgscore.PgscoreError) as caught, told("reading t", "postgresql://me:se%40cret@host/db"):
        spark.sql("select raise_error('no se@cret here')").collect()
    assert "se@cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("reading t failed: ")

    def failing(values: pa.Array) -> pa.Array:
        return pa.array([1 // value for value in values.to_pylist()])

    failing.__annotations__ = {"values": pa.Array, "return": pa.Array}
    fails = functions.arrow_udf(failing, "long")
    with pytest.raises(pgscore.PgscoreError, match=r"^reading failed: ZeroDivisionError: [^\n]*$"), told("reading"):
        spark.range(1).select(fails("id")).collect()
