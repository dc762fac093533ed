"""Attaching, detaching and reconciling from the command line and from Python."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pgscore
import pytest

from tests.support.command import COMMAND, environment
from tests.support.command import run_here as run
from tests.support.command import run_json_here as run_json
from tests.support.database import OPERATOR, waiting_publisher

from . import shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

_TABLES = (shop.EVENTS, shop.PROFILE)
_KEYS = ("--event-key", "Customer Id", "--profile-key", "id")
_ATTACH = ("attach", "shop", *_TABLES, *_KEYS, "--score", "Score", "--version-column", "Version")
_STALE = "select count(*) from pgscore.stale"


@pytest.fixture
def filled(shopping: Database) -> Iterator[Session]:
    """12,000 customers, which are too many to be counted at once, and 30 events of ten of them."""
    session = shopping.session()
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 12000)")
    session.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) select g, g %% 10 + 1, 2, g'
        " from generate_series(1, %s) g",
        30,
    )
    # A member of the tables' owner, and no superuser.
    session.run(f"grant {shop.OWNER} to {OPERATOR}")
    yield session
    session.run(f"revoke {shop.OWNER} from {OPERATOR}")


def _all_right(session: Session, customers: int) -> None:
    assert shop.assert_right(session) == customers
    assert session.value(_STALE) == 0


def test_one_command_attaches_large_tables_and_counts_them(filled: Session, shopping: Database, tmp_path: Path) -> None:
    dsn, file = shopping.dsn(OPERATOR), tmp_path / "reducers.json"
    file.write_text(json.dumps(shop.REDUCERS[1:]))
    attach = (*_ATTACH, "--count", "n", "--reducers", f"@{file}", "--no-log")
    filled.run(f"alter role {OPERATOR} set default_transaction_isolation = 'serializable'")
    try:
        done = run(dsn, *attach)
    finally:
        filled.run(f"alter role {OPERATOR} reset default_transaction_isolation")
    assert "The events from before are counted, for 12,000 profiles." in done.stdout
    assert "hint: no index of " in done.stdout
    assert 'create index concurrently on "Shop"."Order Lines" ("Customer Id", at desc nulls last)' in done.stdout
    assert "pgscore.reconcile(" not in done.stdout  # it was done
    _all_right(filled, 12000)
    filled.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (99, 1, 5)')
    _all_right(filled, 12000)

    document = run_json(dsn, *attach)  # once more: there is nothing left to count
    assert (document["binding"], document["counted"]) == (shop.EVENTS, None)
    assert [each["statements"][0][:6] for each in document["advice"]] == ["create"] * len(document["advice"])
    assert run_json(dsn, "reconcile", *_TABLES) == {
        "ok": True,
        "repair": True,
        "bindings": [
            {"binding": shop.EVENTS, "checked": 12000, "differing": 0, "examples": [], "resumed": False},
        ],
    }
    assert "is detached" in run(dsn, "detach", *_TABLES).stdout
    assert "is not attached to" in run(dsn, "detach", *_TABLES, expect=1).stderr
    assert "is not attached to" in run(dsn, "reconcile", *_TABLES, expect=1).stderr


def test_ctrl_c_stops_it_and_the_same_command_goes_on(filled: Session, shopping: Database) -> None:
    attach, other = (*_ATTACH, "--count", "n"), shopping.session()
    other.run("begin")
    other.run(f"select from {shop.PROFILE} where id = 6000 for update")
    with subprocess.Popen(
        [COMMAND, *attach],
        env=environment(shopping.dsn(shop.OWNER)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            waiting_publisher(filled)
            process.send_signal(signal.SIGINT)
            said, failed = process.communicate(timeout=60)
            assert failed == "pgscore: interrupted\n"
            assert said.count("\n") == 1  # attached, and not counted yet
        finally:
            process.kill()  # or it would wait for the lock for ever
    assert process.returncode == 130
    other.run("commit")
    assert filled.value(_STALE) == 6500
    assert run_json(shopping.dsn(shop.OWNER), *attach)["counted"] == 12000
    assert filled.value(_STALE) == 0
    assert filled.value(f"select sum(n) from {shop.PROFILE}") == 30


def test_what_was_interrupted_goes_on(filled: Session, shopping: Database) -> None:
    shop.attach(filled, reducers=shop.REDUCERS[:1], backfill="false")
    shop.reconcile_step(filled, 700)
    assert filled.value(_STALE) == 11300
    attach = (*_ATTACH, "--count", "n")
    assert run_json(shopping.dsn(shop.OWNER), *attach)["counted"] == 12000
    assert filled.value(_STALE) == 0
    assert filled.value(f"select sum(n) from {shop.PROFILE}") == 30
    shop.reconcile_step(filled, 700)
    said = run(shopping.dsn(shop.OWNER), "reconcile", *_TABLES).stdout
    assert "It went on where an earlier call had stopped" in said
    assert "earlier call" not in run(shopping.dsn(shop.OWNER), "reconcile", *_TABLES).stdout


def test_reconcile_shows_what_differs_and_mends_it(owner: Session, shopping: Database) -> None:
    dsn = shopping.dsn(shop.OWNER)
    owner.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 600)")
    owner.run("set session_replication_role = replica")
    owner.run(f"update {shop.PROFILE} set n = 7 where id <= 25 or id > 590")
    owner.run("reset session_replication_role")
    found = run_json(dsn, "reconcile", *_TABLES, "--check", expect=1)
    assert (found["ok"], found["repair"]) == (False, False)
    (binding,) = found["bindings"]
    assert (binding["checked"], binding["differing"], len(binding["examples"])) == (600, 35, 20)
    assert binding["examples"][0] == "1: n is 7 and the events give 0"
    said = run(dsn, "reconcile", *_TABLES, "--check", expect=1).stdout
    assert "25: n is 7" not in said
    assert said.endswith("600 profiles compared, 35 differed (15 of them not shown), and were left as they are.\n")
    said = run(dsn, "reconcile", *_TABLES).stdout
    assert "35 differed (15 of them not shown), which were mended." in said
    _all_right(owner, 600)
    assert run_json(dsn, "reconcile", *_TABLES, "--check")["ok"]


def test_keys_of_several_columns_and_all_options(serving: Database) -> None:
    session = serving.session()
    session.run(
        "create schema s; grant usage on schema s to pgscore_owner;"
        "create table s.profile (a integer, b text, n bigint, score double precision, scored timestamptz);"
        "alter table s.profile add unique (a, b);"
        "create table s.event (x integer, y text);"
        "insert into s.profile values (1, 'one'), (2, 'two'); insert into s.event values (1, 'one'), (1, 'two')"
    )
    keys = ("--event-key", "x", "--event-key", "y", "--profile-key", "a", "--profile-key", "b")
    policies = ("--timing", "statement", "--on-error", "abort", "--on-missing", "insert", "--max-scoring-ms", "50")
    columns = ("--score", "score", "--scored-at-column", "scored", "--count", "n")
    assert run_json(serving.dsn(), "attach", "later", "s.event", "s.profile", *keys, *policies, *columns) == {
        "binding": "s.event",
        "counted": None,
        "advice": [
            {
                "cause": "index",
                "sentence": "no index of s.event begins with x, y:"
                " each recount of a profile reads more than its events",
                "statements": ["create index concurrently on s.event (x, y)"],
            }
        ],
    }
    assert session.row(
        "select timing, on_error, on_missing, max_scoring_ms, scored_at from pgscore.binding where name = 's.event'"
    ) == ("statement", "abort", "insert", 50, "scored")
    session.run("insert into s.event values (3, 'three')")
    assert session.run("select b, n from s.profile order by a") == [("one", 1), ("two", 0), ("three", 1)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "say how events change the profile: --count COLUMN or --reducers JSON"),
        (("--reducers", "{"), 2, "--reducers is no JSON"),
        (("--reducers", '{"column": "n"}'), 2, "--reducers is a list such as"),
        (("--reducers", "@/nonexistent"), 1, "/nonexistent cannot be read"),
        (("--count", "nothing"), 1, 'has no column "nothing" for a reducer'),
        (("--count", "n", "--timing", "later"), 1, 'timing is commit or statement, not "later"'),
        (("--count", "n", "--score", "risk"), 1, "add column risk double precision"),
    ],
)
def test_refusals_are_a_line_and_an_exit_code(
    shopping: Database, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = run(shopping.dsn(shop.OWNER), *_ATTACH, *arguments, expect=code)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert "permission denied" in run(shopping.dsn("test_nobody"), *_ATTACH, "--count", "n", expect=1).stderr


def test_the_same_from_python(filled: Session, shopping: Database) -> None:
    dsn, told = shopping.dsn(OPERATOR), list[tuple[int | None, int | None]]()
    attached = pgscore.attach(
        dsn,
        "shop",
        *_TABLES,
        event_key="Customer Id",
        profile_key=["id"],
        reducers=shop.REDUCERS,
        score="Score",
        version="Version",
    )
    assert (attached.binding, attached.uncounted) == (shop.EVENTS, 12000)
    assert all(each.statements[0].startswith("create index concurrently on ") for each in attached.advice)
    (found,) = pgscore.reconcile(dsn, *_TABLES, progress=lambda _, done=None, total=None: told.append((done, total)))
    assert (found.checked, found.differing, found.repaired) == (12000, 10, True)
    assert told[:2] == [(0, 12000), (500, 12000)]
    _all_right(filled, 12000)
    pgscore.detach(dsn, *_TABLES)
    with pytest.raises(pgscore.PgscoreError, match="is not attached to"):
        pgscore.reconcile(dsn, *_TABLES, repair=False)
