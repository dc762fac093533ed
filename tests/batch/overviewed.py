"""A shop of which tests of one file share the database: attached tables, and two versions of its model."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
from pytest_postgresql.janitor import DatabaseJanitor
from sklearn.linear_model import LogisticRegression

from tests.bindings import shop
from tests.support.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster

PROFILES = 200
# A role that may read the profile table, and one that may not.
READER, STRANGER = "shop_reader", "shop_stranger"


@cache
def second() -> LogisticRegression:
    """Another model of the same columns."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.integers(0, 9, (80, len(shop.INPUTS))).astype(float), columns=shop.INPUTS)
    return LogisticRegression().fit(frame, (2 * frame["Age"] - frame["n"] > 4).astype(int))


def scores(model: LogisticRegression, rows: Sequence[Sequence[object]]) -> list[float]:
    """What a fitted model gives for rows of the inputs."""
    frame = pd.DataFrame(rows, columns=shop.INPUTS).astype(float)
    return [float(score) for score in model.predict_proba(frame)[:, 1]]


@contextmanager
def shopping(cluster: PrivateCluster, template: NoopExecutor, name: str) -> Iterator[Database]:
    """The shop, attached, with 200 profiles that version 1 has scored; version 2 is published."""
    janitor = DatabaseJanitor(
        user=cluster.user,
        host=cluster.host,
        port=cluster.port,
        password=cluster.password,
        dbname=name,
        template_dbname=template.template_dbname,
    )
    with janitor:
        database = Database(cluster, name)
        session = database.session()
        shop.build(session)
        for role in (READER, STRANGER):
            if session.value("select to_regrole(%s)", role) is None:
                session.run(f"create role {role}")
            session.run(f"grant pgscore_reader to {role}")
        session.run(f'grant usage on schema "Shop" to {READER}; grant select on {shop.PROFILE} to {READER}')
        shop.publish(database.dsn(), None)
        golden = pd.DataFrame([[1, 2, 1, 3.5], [4, 0, 0, 0]], columns=shop.INPUTS)
        pgscore.publish(database.dsn(), "shop", second(), profile=shop.PROFILE, golden=golden)
        shop.attach(session)
        session.run(
            f'insert into {shop.PROFILE} (id, "Age", n, "Total") select i, i %% 9, i %% 5, i %% 7'
            " from generate_series(1, %s) i",
            PROFILES,
        )
        session.run(f'update {shop.PROFILE} set "Score" = null')
        session.run("analyze")
        yield database
        database.close()
