"""What is true of a table that was rescored, and how tests bring one there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
from sklearn.linear_model import LogisticRegression

from tests.bindings import shop

if TYPE_CHECKING:
    from tests.support.database import Session

GOLDEN = pd.DataFrame([[1, 2, 1, 3.5], [4, 0, 0, 0]], columns=shop.INPUTS)
CALL = f"call pgscore.rescore('shop', '{shop.PROFILE}')"
JOB = """
    select version, pass, done, changed, refused, left_out, finished is not null
    from pgscore.job order by id desc limit 1
"""


def other() -> LogisticRegression:
    """A linear model that says something else of each row than the shop's."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.integers(0, 9, (80, len(shop.INPUTS))).astype(float), columns=shop.INPUTS)
    return LogisticRegression().fit(frame, (frame["n"] - frame["Age"] > 0).astype(int))


def publish_both(dsn: str) -> None:
    """Version 1, which serves, and version 2."""
    shop.publish(dsn, None)
    published = pgscore.publish(dsn, "shop", other(), profile=shop.PROFILE, golden=GOLDEN)
    assert (published.version, published.problem) == (2, None)


def load(root: Session, profiles: int, first: int = 1) -> None:
    """Profiles of all ages, scored by the version that serves."""
    root.run(
        f'insert into {shop.PROFILE} (id, "Age") select i, i %% 70 from generate_series(%s, %s) i',
        first,
        first + profiles - 1,
    )


def promote(root: Session, version: int) -> None:
    """Has a version serve; its engine is sql, which no busy machine changes."""
    root.run("select pgscore.promote('shop', %s, 'sql')", version)


def assert_rescored(root: Session, *, version: int, profile: str = shop.PROFILE) -> int:
    """Each row has the score that the version gives for it, and the version beside it, unless it is listed stale.

    Returns:
        How many rows there are.
    """
    wrong: list[Any] = root.run(
        f"""
        select c.*, pgscore.score('shop', c) from {profile} c
        where (c."Version", c."Score") is distinct from (%s, pgscore.score('shop', c))
            and not exists (select from pgscore.stale_row s where s.key = c.id::text)
        """,
        version,
    )
    assert wrong == []
    return int(root.value(f"select count(*) from {profile}"))


def versions(root: Session, profile: str = shop.PROFILE) -> dict[int | None, int]:
    """How many rows each version has scored."""
    return dict(root.run(f'select "Version", count(*) from {profile} group by 1'))
