"""Invariant 6, of databases that a release has left: they are upgraded, in use, and everything stays right."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pgscore
import pytest

from migrations.authoring.checkout import Checkout
from tests.bindings import shop
from tests.support import migrate, models
from tests.support.database import PASSWORD, Database

from .released_database import EVENT, dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

_FIRST_REVISIONS = ("0001_core", "0002_plpython", "0003_churn")


@pytest.fixture(params=list(dumps()))
def left(request: pytest.FixtureRequest, cluster: PrivateCluster, installed: Database) -> Iterator[Database]:
    """The database of a release, restored; `installed` has made the roles."""
    session = installed.session()
    shop.make_roles(session)
    session.run("create database left_by_a_release template template0")
    database = Database(cluster, "left_by_a_release")
    migrate.psql(database.dsn(), script=gzip.decompress(dumps()[request.param].read_bytes()).decode())
    yield database
    database.close()
    session.run("drop database left_by_a_release with (force)")


def _move(session: Session, first: int) -> None:
    """Events in both applications' tables: a new profile, moved, changed and deleted ones."""
    session.run(
        f"{EVENT} select g, g %% 11, null, false, g, 1, 0.5, g from generate_series(%s, %s) g", first, first + 30
    )
    session.run(f"delete from {shop.EVENTS} where id = %s", first)
    session.run(f'update {shop.EVENTS} set "Customer Id" = 2 where id = %s', first + 1)
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'x'), (2, 'y')")


def _assert_right(session: Session) -> None:
    assert shop.assert_right(session) > 5
    # The demo's table came with counts, which its events add to.
    counted = "select sum(number_customer_service_calls) from churn.customer_profile"
    events = session.value("select count(*) from churn.complaints")
    assert session.value(counted) == int(models.customers()[models.COUNTER].sum()) + events
    assert models.assert_scores_are_right(session, {1: models.light_pipeline(), 2: models.opaque_pipeline()}) > 2
    logged = f"select count(distinct key) from pgscore.prediction_log where binding = '{shop.EVENTS}'"
    assert session.value(logged) == session.value(f"select count(*) from {shop.PROFILE}")


def test_invariant_6_what_a_release_left_is_upgraded_and_stays_right(left: Database) -> None:
    session = left.session()
    _move(session, 100)
    log = "select count(*), count(distinct id), min(logged_at), sum(score) from pgscore.prediction_log"
    before, logged = migrate.schema(left.dsn()), session.row(log)

    migrate.upgrade(left.dsn())
    assert session.row(log) == logged
    # Sessions and generated functions of before go on.
    _move(session, 200)
    _assert_right(session)
    pgscore.promote(left.dsn(), "churn", 2, max_seconds=60)
    _move(session, 300)
    _assert_right(session)

    owner = left.session(shop.OWNER)
    owner.run("select pgscore.reattach()")
    session.run(f"alter role churn_owner login password '{PASSWORD}'")
    left.session("churn_owner").run("select pgscore.reattach()")
    assert session.run("select * from pgscore._outdated_bindings()") == []
    _move(session, 400)
    _assert_right(session)

    # And back, while nothing of the later release is in use any more.
    for events, profile in ((shop.EVENTS, shop.PROFILE), ("churn.complaints", "churn.customer_profile")):
        role = session.value("select owner from pgscore.binding where events = %s::regclass", events)
        session.run(f"set role {role}; select pgscore.detach('{events}', '{profile}'); reset role")
    kept = session.row(log)
    for first in reversed(_FIRST_REVISIONS):
        branch = Checkout().chain(first.split("_", 1)[1])
        if branch[-1] != first:
            migrate.downgrade(left.dsn(), first)
    assert session.row(log) == kept
    assert before.count("CREATE TABLE pgscore.") == migrate.schema(left.dsn()).count("CREATE TABLE pgscore.")
    migrate.upgrade(left.dsn())
    pgscore.promote(left.dsn(), "churn", 1, max_seconds=60)
