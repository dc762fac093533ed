"""A database with core alone: what the sql engine does not take is refused there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import pytest
from sklearn.ensemble import RandomForestRegressor

from tests.support import migrate
from tests.support.models import LIGHT_INPUTS, customers, predictors

if TYPE_CHECKING:
    from tests.support.database import Database


def test_a_program_past_the_limit_is_not_promoted_without_plpython(empty: Database) -> None:
    migrate.upgrade(empty.dsn(), "core@head")
    numbers = predictors()[LIGHT_INPUTS]
    forest = RandomForestRegressor(n_estimators=60, random_state=0).fit(numbers, numbers.sum(axis=1))
    published = pgscore.publish(empty.dsn(), "large", forest, golden=customers())
    assert published.obstacle is None  # it has a program
    with pytest.raises(
        pgscore.PgscoreError, match="the sql engine takes 10000 at most, and this database has no PL"
    ) as e:
        pgscore.promote(empty.dsn(), "large", 1)
    assert e.value.sqlstate == "54000"
    assert empty.session().value("select serving from pgscore.model") is None
