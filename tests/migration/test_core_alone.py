"""A database with core alone: what the sql engine does not take is refused there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import pytest
from alembic.util import CommandError
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


def test_a_downgrade_is_refused_while_tables_are_attached(empty: Database) -> None:
    """Their triggers would call what has gone, and fail every insert."""
    migrate.upgrade(empty.dsn(), "core@head")
    session = empty.session()
    session.run(
        "create table events (id integer primary key, who integer);"
        " create table profile (id integer primary key, n bigint not null default 0, score double precision);"
        " select pgscore.attach('m', 'events', 'profile', 'who', 'id',"
        """ '[{"column": "n", "aggregate": "count"}]', 'score')"""
    )
    with pytest.raises(
        CommandError,
        match=r"tables are still attached: public.events \(2BP01\); select pgscore.detach",
    ):
        migrate.downgrade(empty.dsn(), "core@base")
    session.run("insert into profile (id) values (1); insert into events values (1, 1)")
    assert session.value("select n from profile") == 1
    session.run("select pgscore.detach('events', 'profile')")
    migrate.downgrade(empty.dsn(), "core@base")
    session.run("insert into events values (2, 1)")


def test_the_former_release_is_not_given_bindings_with_windows(empty: Database) -> None:
    """It would neither reconcile nor reattach them."""
    migrate.upgrade(empty.dsn(), "core@head")
    session = empty.session()
    session.run(
        "create table events (id integer primary key, who integer, at timestamptz);"
        " create table profile (id integer primary key, n bigint, due_at timestamptz, score double precision);"
        """
        select pgscore.attach('m', 'events', 'profile', 'who', 'id',
            '[{"column": "n", "aggregate": "count", "window": "1 day", "time": "at"},
              {"column": "due_at", "aggregate": "due"}]', 'score')
        """
    )
    with pytest.raises(
        CommandError, match=r"does not know the windows of time of these bindings: public.events \(2BP01\)"
    ):
        migrate.downgrade(empty.dsn(), "core@0001_core")
    session.run("select pgscore.detach('events', 'profile')")
    migrate.downgrade(empty.dsn(), "core@0001_core")
