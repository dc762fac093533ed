"""Scores are stored in rows that are still what was scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pgscore
import pgscore.spark
import pytest
from pyspark.sql import functions

from tests.bindings import shop

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from tests.support.database import Database, Session

# The table has columns for them already.
_COLUMNS = ("new_score", "new_version", "reason")
_STAGE = '"Shop"."pgscore_Customer_shop_staging"'


@pytest.fixture
def shopping(serving: Database) -> Database:
    """The shop's tables, attached, with 200 customers who have no score."""
    session = serving.session()
    shop.build(session)
    shop.publish(serving.dsn(), None)
    shop.attach(session)
    session.run(
        f"""insert into {shop.PROFILE} (id, "Age", n, "Total", note)
        select i, i % 80, i % 7, i / 3.0, 'a%' from generate_series(1, 200) i"""
    )
    # Stored as an application that knows nothing of pgscore stores them.
    session.run(f'set session_replication_role = replica; update {shop.PROFILE} set "Score" = null, "Version" = null')
    session.run("set session_replication_role = origin")
    return serving


def _scored(spark: SparkSession, database: Database, **options: Any) -> DataFrame:  # noqa: ANN401
    frame = pgscore.spark.profile(spark, database.dsn(shop.OWNER), shop.PROFILE, **options)
    return pgscore.spark.score(frame, database.dsn(shop.OWNER), "shop", columns=_COLUMNS)


def _write(scored: DataFrame, database: Database, **options: Any) -> pgscore.spark.Written:  # noqa: ANN401
    given = {"dsn": database.dsn(shop.OWNER), "model": "shop", "table": shop.PROFILE, "columns": _COLUMNS} | options
    return pgscore.spark.write(scored, **given)


def _wrong(session: Session) -> int:
    """How many rows have another score than the database gives."""
    return int(
        session.value(
            f"""select count(*) from {shop.PROFILE} p where p."Version" is distinct from 1 or p."Score" is null
            or abs(p."Score" - pgscore.score('shop', p)) > 1e-12"""
        )
    )


def test_scores_are_stored(spark: SparkSession, shopping: Database) -> None:
    session = shopping.session()
    scored = _scored(spark, shopping, partitions=4)
    written = _write(scored, shopping)
    assert written == pgscore.spark.Written("shop", 1, 200, 0, 200, 0)
    assert _wrong(session) == 0
    assert session.value("select to_regclass(%s)", _STAGE) is None
    # What stands there already is written no second time.
    again = _write(scored, shopping)
    assert (again.written, again.left) == (0, 200)


def test_what_is_not_stored(spark: SparkSession, shopping: Database) -> None:
    session = shopping.session()
    scored = _scored(spark, shopping, partitions=1).cache()
    expected = session.run(f"select * from {shop.PROFILE} order by id")
    null_key = scored.withColumn("id", functions.when(functions.col("id") > 3, functions.col("id")))
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"scored": null_key}, pgscore.PgscoreError, "3 rows of the DataFrame have NULL in id, the key of"),
        ({"scored": scored.withColumn("new_version", functions.lit(7))}, pgscore.BusyError, "those of version 7 of"),
        ({"scored": scored.drop("reason")}, pgscore.PgscoreError, "the DataFrame has no column reason"),
        ({"scored": scored.drop("id")}, pgscore.PgscoreError, "no column id, which is in the key of the table"),
        ({"scored": scored.drop("Age")}, pgscore.PgscoreError, "no column Age, which the model reads"),
        ({"scored": None}, pgscore.PgscoreError, "a DataFrame of Spark's is wanted"),
        ({"model": "nothing"}, pgscore.NotFoundError, "is unknown"),
        ({"table": '"Shop".nothing'}, pgscore.NotFoundError, "there is no table"),
        ({"dsn": shopping.dsn()}, pgscore.DeniedError, "belongs to shop_owner"),
        ({"dsn": "postgresql://127.0.0.1:1/nothing"}, pgscore.UnreachableError, "cannot be reached"),
        ({"staging": "pgscore.mine"}, pgscore.DeniedError, "cannot be made: permission denied for schema pgscore"),
        ({"staging": "a b"}, pgscore.PgscoreError, "is not a valid identifier"),
    ]
    for given, error, message in refused:
        with pytest.raises(error, match=message):
            _write(**{"scored": scored, "database": shopping} | given)
        assert session.value("select to_regclass(%s)", _STAGE) is None
    session.run(f"create table {_STAGE} (mine integer)")
    with pytest.raises(pgscore.BusyError, match="exists: somebody else is writing scores") as caught:
        _write(scored, shopping)
    assert caught.value.hint == f"If nobody is: drop table {_STAGE}"
    assert session.value("select to_regclass(%s) is not null", _STAGE)
    session.run(f"drop table {_STAGE}")
    # A worker that fails takes the whole with it.
    failing = scored.withColumn("new_score", functions.expr("if(id = 150, raise_error('a test'), new_score)"))
    with pytest.raises(pgscore.PgscoreError, match=r"writing the scores failed: .*a test") as failed:
        _write(failing, shopping)
    assert "\n" not in str(failed.value)
    assert session.value("select to_regclass(%s)", _STAGE) is None
    assert session.run(f"select * from {shop.PROFILE} order by id") == expected
    # No rows are no error.
    assert _write(scored.where("false"), shopping) == pgscore.spark.Written("shop", 1, 0, 0, 0, 0)
