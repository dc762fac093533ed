"""Columns of all types, on their way from a table to Spark and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pgscore
import pgscore.spark
import pytest
from pyspark.sql import functions

from tests.parity.cases import cases
from tests.support.models import LIGHT_INPUTS

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from tests.support.database import Database, Session

_TABLE = """
    create type kind as enum ('gold', 'silver', 'tin', 'it''s');
    create domain cash as numeric check (value <> -1);
    create domain whole as smallint;
    create table odd (
        "the % key" uuid default gen_random_uuid() primary key, amount cash, calls whole, shift real, plan kind,
        flag boolean, n integer, code char(4) default 'ab', notes jsonb default '{"a": 1}', raw bytea default '\\x00ff',
        at timestamptz default now(), day date default current_date, span interval default '1 day',
        list integer[] default '{1,2}', exact numeric(20,5) default 'NaN', "a.b" text default 'x',
        score double precision, version integer
    );
    insert into odd (n, amount, calls, shift, plan, flag)
    select i, i * 7.001, i % 11, i / 1e4 - 0.005, (enum_range(null::kind))[1 + i % 4], i % 3 = 1
    from generate_series(1, 100) i;
    update odd set amount = null where n = 1;
    update odd set amount = 'NaN' where n = 2;
    update odd set amount = '1e400' where n = 3;
    update odd set amount = '1e-400', shift = 1.1 where n = 4;
    update odd set calls = null, shift = null, plan = null, flag = null where n = 5
"""


@pytest.fixture
def odd(installed: Database, key: Path) -> Session:
    session = installed.session()
    session.run(_TABLE)
    estimator, sample = cases()["imputed_trees"].fitted()
    pgscore.publish(installed.dsn(), "odd", estimator, golden=sample, profile="odd", key=key, positive="class 1")
    # On a busy machine importing scikit-learn may take all the time that a promotion has by default.
    pgscore.promote(installed.dsn(), "odd", 1, max_seconds=300)
    return session


def test_columns_of_all_types(spark: SparkSession, installed: Database, odd: Session) -> None:
    frame = pgscore.spark.profile(spark, installed.dsn(), "odd", partitions=3)
    assert {name: kind for name, kind in frame.dtypes if name not in ("score", "version")} == {
        "the % key": "string", "amount": "double", "calls": "smallint", "shift": "float", "plan": "string",
        "flag": "boolean", "n": "int", "code": "string", "notes": "string", "raw": "string", "at": "timestamp",
        "day": "date", "span": "string", "list": "string", "exact": "double", "a.b": "string",
    }  # fmt: skip
    columns = ("s", "v", "why")
    scored = pgscore.spark.score(frame, installed.dsn(), "odd", columns=columns).cache()
    rows = {row.n: row for row in scored.collect()}
    assert len(rows) == 100
    expected = odd.run("select n, pgscore.score('odd', o), code::text || '  ' from odd o")
    assert {n: (row.s, row.code) for n, row in rows.items()} == {n: (score, code) for n, score, code in expected}
    assert rows[3].s is None
    assert rows[3].why.startswith("input amount is inf")
    assert [rows[n].why for n in (1, 2, 4, 5)] == [None] * 4
    written = pgscore.spark.write(
        scored, installed.dsn(), "odd", "odd", columns=columns, into=["score", "version"], staging="here"
    )
    assert written == pgscore.spark.Written("odd", 1, 100, 1, 99, 0)
    differ = "select n from odd o where score is distinct from pgscore.score('odd', o) or version is distinct from 1"
    assert odd.run(differ) == [(3,)]
    # Columns of one name that the model does not read are nobody's business.
    twice = frame.select("*", functions.col("n"))
    assert pgscore.spark.score(twice, installed.dsn(), "odd", columns=columns).columns.count("n") == 2
    # The same numbers in Spark's other types; NaN is NULL.
    other = frame.selectExpr(
        "n", "cast(amount as decimal(20, 3)) as amount", "cast(calls as tinyint) as calls",
        "if(n = 1, double('NaN'), shift) as shift", "cast(plan as varchar(9)) as plan", "flag",
    ).where("n between 10 and 90")  # fmt: skip
    found = {row.n: row.score for row in pgscore.spark.score(other, installed.dsn(), "odd").collect()}
    # A double that was a float is another number than the float is shown as.
    wanted = odd.run(
        "select n, pgscore.score('odd', jsonb_build_object('amount', amount, 'calls', calls, 'shift',"
        " shift::double precision, 'plan', plan, 'flag', flag)) from odd where n between 10 and 90"
    )
    assert found == dict(wanted)


def _light(spark: SparkSession, **types: str) -> DataFrame:
    kinds = dict.fromkeys(LIGHT_INPUTS, "double") | types
    return spark.sql("select " + ", ".join(f"cast(null as {kind}) as {name}" for name, kind in kinds.items()))


@pytest.mark.parametrize("kind", ["string", "boolean", "date", "timestamp", "binary", "array<double>", "interval day"])
def test_types_that_cannot_serve(spark: SparkSession, shared: Database, kind: str) -> None:
    frame = _light(spark, total_intl_calls=kind)
    with pytest.raises(pgscore.PgscoreError, match=r'"total_intl_calls" of the DataFrame is of type .*cannot serve'):
        pgscore.spark.score(frame, shared.dsn(), "churn", version=2)


def test_columns_that_are_not_there(spark: SparkSession, shared: Database) -> None:
    frame = _light(spark).drop("total_intl_calls")
    refused: list[tuple[Any, str]] = [
        (frame, "no column total_intl_calls, which the model reads"),
        (frame.withColumn("Total_Intl_Calls", functions.lit(1.0)), "no column total_intl_calls"),
        (_light(spark).withColumn("Score", functions.lit(1)), "has a column score already"),
        (pd.DataFrame(), "a DataFrame of Spark's is wanted"),
        (None, "a DataFrame of Spark's is wanted"),
    ]
    for given, message in refused:
        with pytest.raises(pgscore.PgscoreError, match=message):
            pgscore.spark.score(given, shared.dsn(), "churn", version=2)


def test_a_frame_without_rows(spark: SparkSession, shared: Database) -> None:
    frame = _light(spark).where("false")
    assert pgscore.spark.score(frame, shared.dsn(), "churn", version=2).collect() == []
    (row,) = pgscore.spark.score(_light(spark), shared.dsn(), "churn", version=2).collect()
    assert (row.score, row.version, row.reason) == (None, 2, None)
