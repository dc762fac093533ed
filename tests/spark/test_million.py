"""A million rows: read in parts, scored by two workers, stored; all as the database says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import pgscore.spark

from tests.parity.cases import cases

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from tests.support.database import Database

_ROWS = 1_000_000
_TABLE = """
    create table big (
        id bigint, amount numeric(12,3), calls integer, shift real, plan varchar(20), flag boolean,
        score double precision, version integer, scored_at timestamptz
    );
    insert into big (id, amount, calls, shift, plan, flag)
    select i, nullif(i %% 397 + i %% 1000 / 1000.0, 7.007), nullif(i %% 11, 10), nullif((i %% 7919 - 4000) / 1e6, 0),
        (array['gold', 'silver', 'tin', 'wood', 'zinc', null])[1 + i %% 6], nullif(i %% 3, 2) = 1
    from generate_series(1, %s) i;
    alter table big add primary key (id);
    analyze big
"""


def test_a_million_rows(spark: SparkSession, installed: Database, key: Path) -> None:
    session = installed.session()
    session.run("set statement_timeout = '600s'")
    session.run(_TABLE, _ROWS)
    estimator, sample = cases()["imputed_trees"].fitted()
    pgscore.publish(installed.dsn(), "big", estimator, golden=sample, profile="big", key=key, positive="class 1")
    # On a busy machine importing scikit-learn may take all the time that a promotion has by default.
    pgscore.promote(installed.dsn(), "big", 1, max_seconds=300)
    frame = pgscore.spark.profile(
        spark, installed.dsn(), "big", columns=["amount", "calls", "shift", "plan", "flag"], partitions=8
    )
    scored = pgscore.spark.score(frame, installed.dsn(), "big")
    assert scored.dtypes[-3:] == [("score", "double"), ("version", "int"), ("reason", "string")]
    written = pgscore.spark.write(scored, installed.dsn(), "big", "big", into=["score", "version", "scored_at"])
    differ, distinct, given = session.row(
        "select count(*) filter (where p.score is distinct from pgscore.score('big', p)), count(distinct p.score),"
        " count(p.version) from big p"
    )
    assert (differ, given) == (0, written.written)
    assert distinct > 20
    # The model accepts all of them.
    assert (written.rows, written.refused, written.written, written.left) == (_ROWS, 0, _ROWS, 0)
