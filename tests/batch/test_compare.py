"""What a promotion would change: two versions beside each other, against what scikit-learn says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pgscore
import pytest

from tests.bindings import shop
from tests.support.command import run, run_json
from tests.support.database import refused

from . import overviewed
from .overviewed import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database, Session

_COMPARE = f"select * from pgscore.compare('shop', 1, 2, '{shop.PROFILE}')"


@pytest.fixture(scope="module")
def shopping(cluster: PrivateCluster, installed_template: NoopExecutor) -> Iterator[Database]:
    with overviewed.shopping(cluster, installed_template, "compared") as database:
        yield database


@pytest.fixture(scope="module")
def dsn(shopping: Database) -> str:
    return shopping.dsn(shop.OWNER)


@pytest.fixture
def owner(shopping: Database) -> Iterator[Session]:
    """The owner's session, in a transaction that is rolled back."""
    session = shopping.session(shop.OWNER)
    session.run("begin")
    yield session
    session.run("rollback")


def _expected(session: Session) -> tuple[list[str], Any, Any]:
    columns = ", ".join(f'"{name}"' for name in shop.INPUTS)
    rows = session.run(f"select id, {columns} from {shop.PROFILE} order by id")
    inputs = [row[1:] for row in rows]
    former, latter = shop.model(), overviewed.second()
    keys = [str(row[0]) for row in rows]
    return keys, np.array(overviewed.scores(former, inputs)), np.array(overviewed.scores(latter, inputs))


def test_it_says_what_scikit_learn_says(dsn: str, owner: Session) -> None:
    keys, former, latter = _expected(owner)
    change = latter - former
    found = pgscore.compare(dsn, "shop", 1, 2, sample=None, threshold=0.5, top=7)
    assert (found.profile, found.is_sample, found.rows, found.compared) == (shop.PROFILE, False, PROFILES, PROFILES)
    assert (found.lost, found.gained) == (0, 0)
    assert found.moved == int((abs(change) > 1e-9).sum()) > 0
    assert found.mean == pytest.approx(change.mean(), abs=1e-12)
    for share, value in found.quantiles.items():
        wanted = np.quantile(change, share, method="inverted_cdf")
        assert value == pytest.approx(wanted, abs=1e-12), share
    assert [each.rows for each in found.histogram] == list(np.histogram(change, bins=20)[0])
    assert found.histogram[0].begins == pytest.approx(min(change))
    assert found.histogram[-1].ends == pytest.approx(max(change))
    farthest = sorted(abs(change), reverse=True)[:7]
    assert [abs(each.change) for each in found.most] == pytest.approx(farthest, abs=1e-12)
    for each in found.most:
        at = keys.index(each.key)
        assert [each.score, each.other] == pytest.approx([former[at], latter[at]], abs=1e-12)
    assert (found.above, found.other_above) == (int((former >= 0.5).sum()), int((latter >= 0.5).sum()))
    assert found.upward == int(((former < 0.5) & (latter >= 0.5)).sum()) > 0
    assert found.downward == int(((former >= 0.5) & (latter < 0.5)).sum())
    back = pgscore.compare(dsn, "shop", 2, 1, sample=None, threshold=0.5)
    assert (back.upward, back.downward) == (found.downward, found.upward)
    assert back.mean == pytest.approx(-change.mean(), abs=1e-12)


def test_a_sample_is_the_same_each_time(dsn: str) -> None:
    first, again = (pgscore.compare(dsn, "shop", 1, 2, sample=50) for _ in range(2))
    assert first == again
    assert first.is_sample
    assert 0 < first.rows < PROFILES == first.total


def test_a_sample_of_a_table_that_was_not_analyzed_since(owner: Session) -> None:
    owner.run('create temporary table was ("Age" integer, n bigint, billed numeric, "Total" numeric)')
    owner.run("insert into was select 1, g, g, g from generate_series(1, 110000) g")
    asked = "select total, is_sample, rows from pgscore.compare('shop', 1, 2, 'was', sample => 100)"
    # Nobody has analyzed it: it is counted.
    assert owner.row(asked)[:2] == (110_000, True)
    owner.run("analyze was")
    owner.run("delete from was where n > 300")
    total, is_sample, rows = owner.row(asked)
    assert (total, is_sample) == (300, True)
    assert 50 < rows < 150
    owner.run("delete from was where n > 3")
    assert owner.row(asked) == (3, False, 3)


def test_the_command(dsn: str) -> None:
    said = run(dsn, "compare", "shop", "1", "2", "--all", "--threshold", "0.5", "--top", "2").stdout
    lines = said.splitlines()
    assert lines[0] == f"shop version 1 and version 2, on all 200 rows of {shop.PROFILE}"
    assert " scores move (" in lines[1]
    assert lines[2].startswith("From 0.5 on: ")
    assert sum(line.endswith("#") for line in lines) >= 4
    assert lines[-4] == "Rows that move most:"
    document = run_json(dsn, "compare", "shop", "1", "2", "--sample", "20000")
    assert document["rows"] == sum(each["rows"] for each in document["histogram"]) == PROFILES
    assert list(document["quantiles"]) == ["0", "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99", "1"]
    assert document["upward"] is None
    refusal = run(dsn, "compare", "shop", "1", "1", "--json", expect=1).stderr
    assert json.loads(refusal)["error"] == 'version 1 of model "shop" is the same as itself: name two versions'
    assert "--all compares all rows" in run(dsn, "compare", "shop", "1", "2", "--all", "--sample", "9", expect=2).stderr


@pytest.mark.parametrize(
    ("call", "sqlstate", "sentence"),
    [
        ("'shop', 1, 9", "42704", 'model "shop" has no version 9'),
        ("'nothing', 1, 2", "42704", 'model "nothing" is unknown'),
        (
            "'shop', 1, 2, '\"Shop\".\"Order Lines\"'",
            "42703",
            'version 1 of model "shop": table "Shop"."Order Lines" has no',
        ),
        ("'shop', 1, 2, '\"Shop\".\"Customer_pkey\"'", "42809", '"Shop"."Customer_pkey" is no table, and no view'),
        ("'shop', 1, 2, 4711", "42P01", "the table whose rows are to be compared was dropped"),
        ("'shop', 1, null", "22004", "two versions are compared, and one is NULL"),
        ("'shop', 1, 2, sample => 0", "22023", "a sample has rows, and not 0"),
        ("'shop', 1, 2, threshold => 'NaN'", "22023", "a threshold is a number"),
        ("'shop', 1, 2, top => -1", "22023", "from 0 to 1000 rows"),
    ],
)
def test_what_is_refused(owner: Session, call: str, sqlstate: str, sentence: str) -> None:
    with refused(sqlstate, sentence):
        owner.run(f"select pgscore.compare({call})")


def test_whose_rows_are_compared(shopping: Database, owner: Session) -> None:
    session = shopping.session()
    with refused("42501", "postgres is a superuser and table", hint="Connect as shop_owner"):
        session.run(_COMPARE)
    session.run(f"set role {overviewed.STRANGER}")
    # The table's name is not theirs to look up.
    number = owner.value("select %s::regclass::oid", shop.PROFILE)
    with refused("42501", f"{overviewed.STRANGER} may not read table", hint="grant select on"):
        session.run(f"select pgscore.compare('shop', 1, 2, {number})")
    session.run(f"set role {overviewed.READER}")
    assert len(session.run(_COMPARE)) == 1
    owner.run(f"delete from {shop.PROFILE}")
    with refused("P0002", f"table {shop.PROFILE} has no rows to compare"):
        owner.run(_COMPARE)


def test_versions_that_are_retired_or_pruned(shopping: Database) -> None:
    session = shopping.session()
    session.run("begin; select pgscore.retire('shop', 2)")
    session.run(f"set local role {overviewed.READER}")
    assert len(session.run(_COMPARE)) == 1
    session.run("reset role; select pgscore.prune('shop')")
    session.run(f"set local role {overviewed.READER}")
    with refused("55000", 'model "shop" version 2 was pruned', hint="Publish the same file again"):
        session.run(_COMPARE)
    session.run("rollback")


def test_scores_that_are_missing_or_huge(owner: Session) -> None:
    """A row that one version does not score is counted apart, and no difference is an error."""
    change = "select pgscore._change(%s::double precision, %s::double precision)"
    for former, latter, expected in (
        (1e308, -1e308, -np.inf),
        (-1e308, 1e308, np.inf),
        ("Infinity", "Infinity", 0),
        ("-Infinity", 1, np.inf),
        (5e-324, 0, -5e-324),
        (0.25, 1, 0.75),
    ):
        assert owner.value(change, former, latter) == expected
    moves = "('a', 1, 2), ('b', null, 1), ('c', 1, null), ('d', null, null), ('e', 'Infinity'::double precision, 0)"
    found = _compared(owner, moves)
    assert [found[name] for name in ("rows", "compared", "moved", "lost", "gained", "mean")] == [5, 2, 2, 1, 1, 1]
    assert [(each["key"], each["change"]) for each in found["most"]] == [("e", "-Infinity"), ("a", 1)]
    assert (found["above"], found["other_above"], found["upward"], found["downward"]) == (1, 1, 1, 1)
    for moves in ("('a', null, null)", "('a', 1, 1)"):
        assert (_compared(owner, moves)["moved"], _compared(owner, moves)["most"]) == (0, None)


def _compared(session: Session, moves: str) -> dict[str, Any]:
    """What the query says of rows that are given: key, former and latter score."""
    columns = "key, a::double precision as former, b::double precision as latter"
    query = session.value(
        "select pgscore._comparison_sql(%s, 20, 10)", f"select {columns} from (values {moves}) v (key, a, b)"
    )
    document: dict[str, Any] = session.value(f"select to_jsonb(q) from ({query.replace('$1', '1.5')}) q")
    return document


def test_views_partitioned_tables_and_tables_without_a_key(shopping: Database, owner: Session) -> None:
    owner.run(
        f"""
        create view "Shop".seen as select * from {shop.PROFILE};
        create table "Shop".copied as select * from {shop.PROFILE};
        create table "Shop".parted (like {shop.PROFILE}) partition by hash (id);
        create table "Shop".parted_0 partition of "Shop".parted for values with (modulus 1, remainder 0);
        insert into "Shop".parted select * from {shop.PROFILE};
        """
    )
    for table in ("seen", "copied", "parted"):
        for sample in ("null", "60"):
            rows, is_sample, moved = owner.row(
                f"select rows, is_sample, moved from pgscore.compare('shop', 1, 2, '\"Shop\".{table}', {sample})"
            )
            assert is_sample == (sample == "60")
            assert (0 < rows < PROFILES) if is_sample else rows == PROFILES
            assert moved > 0
    # Several tables, and none is named.
    owner.run("savepoint s; select pgscore._add_profile('shop', '\"Shop\".copied')")
    with refused("22023", 'model "shop" scores the tables "Shop"."Customer", "Shop".copied, and none is named'):
        owner.run("select pgscore.compare('shop', 1, 2)")


def test_a_version_that_is_no_program(shopping: Database) -> None:
    """By score_rows, which calls the estimator with whole arrays."""
    session = shopping.session()
    if session.value("select to_regprocedure('pgscore.score_rows(text, text, integer, name[])')") is None:
        session.run("begin; alter table pgscore.program disable trigger user")
        session.run("delete from pgscore.program where model = 'shop' and version = 2")
        session.run(f"set local role {shop.OWNER}")
        with refused("0A000", 'a version of model "shop" is no program'):
            session.run(_COMPARE)
        session.run("rollback")
