"""How many rows another version has scored: the view, and what the commands say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest

from tests.bindings import shop
from tests.support.command import run, run_json
from tests.support.database import OPERATOR

from . import overviewed
from .overviewed import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database, Session

_SEEN = "select version, state, rows, method, reason from pgscore.outdated where model = 'shop' order by state, version"
_ALL = "select * from pgscore.outdated where model = 'shop' order by version nulls last"


@pytest.fixture(scope="module")
def shopping(cluster: PrivateCluster, installed_template: NoopExecutor) -> Iterator[Database]:
    with overviewed.shopping(cluster, installed_template, "outdated") as database:
        session = database.session()
        session.run("set session_replication_role = replica")
        session.run(f'update {shop.PROFILE} set "Version" = 7 where id <= 30')
        session.run(f'update {shop.PROFILE} set "Score" = null, "Version" = null where id > 190')
        session.run(f'create index customer_version on {shop.PROFILE} ("Version")')
        session.run(f"vacuum analyze {shop.PROFILE}")
        yield database


@pytest.fixture
def session(shopping: Database) -> Iterator[Session]:
    """A superuser's session, in a transaction that is rolled back."""
    session = shopping.session()
    session.run("begin")
    yield session
    session.run("rollback")


def _as(session: Session, role: str) -> None:
    session.run(f"set local role {role}")


def test_rows_are_counted_by_version(session: Session) -> None:
    found = session.run(_ALL)
    assert [each[:7] for each in found] == [
        ("shop", shop.PROFILE, ['"Shop"."Order Lines"'], 1, 1, "current", 160),
        ("shop", shop.PROFILE, ['"Shop"."Order Lines"'], 7, 1, "outdated", 30),
        ("shop", shop.PROFILE, ['"Shop"."Order Lines"'], None, 1, "unscored", 10),
    ]
    remedy = f"call pgscore.rescore('shop', '{shop.PROFILE}')"
    assert [each[-1] for each in found] == [None, remedy, remedy]
    assert {(method, read, reason) for *_, method, read, _, reason, _ in found} == {("count", PROFILES, None)}
    assert all(cost > 0 for *_, cost, _, _ in found)
    for role in (shop.OWNER, overviewed.READER):
        _as(session, role)
        assert session.run(_ALL) == found


@pytest.mark.parametrize("method", ["index", "sample"])
def test_what_is_dear_to_read_is_read_in_part(session: Session, method: str) -> None:
    if method == "index":
        session.run("set local seq_page_cost = 30000; set local random_page_cost = 30000")
    else:
        session.run("set local cpu_tuple_cost = 9000")
    found = session.run(_SEEN)
    assert [each[:4] for each in found] == [
        (1, "current", 160, method),
        (7, "outdated", 30, method),
        (None, "unscored", 10, method),
    ]


def test_what_cannot_be_read_says_so(shopping: Database, session: Session) -> None:
    _as(session, overviewed.STRANGER)
    reason = f'{overviewed.STRANGER} may not use schema "Shop"'
    assert session.run(_SEEN) == [(None, "unknown", None, None, reason)]
    session.run("reset role")
    # Somebody holds it: what ANALYZE has found is told, and nobody waits.
    holder = shopping.session()
    holder.run(f"begin; lock table {shop.PROFILE}")
    held = f"somebody holds table {shop.PROFILE}"
    assert session.run(_SEEN) == [
        (1, "current", 160, "statistics", held),
        (7, "outdated", 30, "statistics", held),
        (None, "unscored", 10, "statistics", held),
    ]
    holder.run("rollback")
    session.run(f"alter table {shop.PROFILE} enable row level security")
    _as(session, overviewed.READER)
    hidden = f"row-level security hides rows of table {shop.PROFILE} from {overviewed.READER}"
    assert [each[-1] for each in session.run(_SEEN)] == [hidden]
    session.run("reset role")
    session.run("update pgscore.binding set version = null where model = 'shop'")
    assert session.run(_SEEN) == [
        (None, "unknown", 190, "count", "the binding names no column for the version"),
        (None, "unscored", 10, "count", None),
    ]
    session.run(f"drop table {shop.PROFILE} cascade")
    assert session.run("select profile, state, rows, reason, remedy from pgscore.outdated where model = 'shop'") == [
        (shop.PROFILE, "unknown", None, "the table was dropped", None)
    ]


def test_invariant_7_no_code_of_the_owner_runs_for_a_superuser(shopping: Database, session: Session) -> None:
    _as(session, shop.OWNER)
    session.run(
        f"""
        create function "Shop".trap(integer) returns integer language plpgsql immutable
            as 'begin if (select rolsuper from pg_roles where rolname = current_user) then
                raise exception ''called''; end if; return $1; end';
        create table "Shop".child () inherits ({shop.PROFILE});
        create index on "Shop".child ("Shop".trap(1));
        create index on {shop.PROFILE} ("Shop".trap(1 + "Version"));
        """
    )
    session.run("reset role")
    found = session.run(_SEEN)
    assert {method for _, _, _, method, _ in found} == {"statistics"}
    assert "would call a function of somebody else's with the rights of postgres" in found[0][-1]
    session.run(f'drop index "Shop"."Customer_trap_idx"; analyze {shop.PROFILE}')
    assert {method for _, _, _, method, _ in session.run(_SEEN)} == {"count"}
    _as(session, shop.OWNER)
    assert {method for _, _, _, method, _ in session.run(_SEEN)} == {"count"}


def test_who_promotes_is_told_what_waits(shopping: Database) -> None:
    dsn = shopping.dsn()
    shown = run(dsn, "show", "shop").stdout
    line = f"{shop.PROFILE}: 40 of 200 rows are outdated (30 by version 7, 10 without a score)"
    assert f"rows      {line}; next: pgscore rescore shop {shop.PROFILE}\n" in shown
    assert {each["state"]: each["rows"] for each in run_json(dsn, "show", "shop")["outdated"]} == {
        "current": 160,
        "outdated": 30,
        "unscored": 10,
    }
    done = pgscore.promote(dsn, "shop", 2)
    assert {(each.version, each.state, each.rows) for each in done.outdated} == {
        (1, "outdated", 160),
        (7, "outdated", 30),
        (None, "unscored", 10),
    }
    said = run(dsn, "rollback", "shop").stdout
    assert line in said
    # An operator who may not read the table is told whom it is up to.
    said = run(shopping.dsn(OPERATOR), "promote", "shop", "1").stdout
    assert f'its rows cannot be counted: {OPERATOR} may not use schema "Shop"; its owner runs pgscore rescore' in said
    assert pgscore.outdated_rows(dsn, "nothing") == []
    assert {each.model for each in pgscore.outdated_rows(dsn)} == {"churn", "shop"}


def test_a_hot_standby_or_a_transaction_that_reads_can_ask(session: Session) -> None:
    session.run("rollback; begin read only")
    assert len(session.run(_SEEN)) == 3
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        session.run("create table x ()")
