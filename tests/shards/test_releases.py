"""Releases in several databases: in all of them or in none, whoever dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import psycopg2
import pytest
from pgscore import PgscoreError
from pgscore import shards as releases
from pgscore.shards import shard as member

from tests.bindings import shop
from tests.support.command import COMMAND, environment, run, run_json
from tests.support.database import wait_until

if TYPE_CHECKING:
    from tests.support.database import Database

    from .conftest import Shards


def test_a_version_is_promoted_in_all_and_rolled_back_in_all(shards: Shards) -> None:
    assert shards.serving() == [1, 1]
    said = run("", "promote", "shop", "2", *shards.named).stdout
    assert "shop version 2 answers now, in 2 databases:" in said
    assert shards.serving() == [2, 2]
    found = run_json("", "rollback", "shop", *shards.named)["databases"]
    assert [(each["version"], each["before"]) for each in found] == [(1, 2), (1, 2)]
    assert {each["database"].split("/")[1] for each in found} == {dsn.rsplit("/", 1)[1] for dsn in shards.dsns}
    assert shards.serving() == [1, 1]
    assert shards.prepared() == [[], []]
    history = "select version, rolled_back_at is null from pgscore.promotion where model = 'shop' order by id"
    assert [each.run(history) for each in shards.sessions] == [[(1, True), (2, False)]] * 2
    assert "no version to go back to" in run("", "rollback", "shop", *shards.named, expect=1).stderr
    for dsn in shards.dsns:
        assert "version 2 answers now" in run(dsn, "promote", "shop", "2", "--dsn", dsn).stdout


def test_what_one_refuses_happens_in_none(shards: Shards) -> None:
    _, far = shards.sessions
    promote = ("promote", "shop", "2", *shards.named)
    far.run("insert into pgscore.retirement (model, version) values ('shop', 2)")
    refused = run("", *promote, expect=1).stderr
    assert '/shop_shard: model "shop" version 2 is retired' in refused
    far.run("delete from pgscore.retirement")
    assert shards.serving() == [1, 1]
    # Another version of the same number, and one that only one of them has.
    assert [shop.publish_another(dsn, strength) for dsn, strength in zip(shards.dsns, (0.1, 0.2), strict=True)] == [
        3,
        3,
    ]
    assert "version 3 of shop is another one in " in run("", "promote", "shop", "3", *shards.named, expect=1).stderr
    shop.publish_another(shards.dsns[1], 0.1)
    assert "has no version 4" in run("", "promote", "shop", "4", *shards.named, expect=1).stderr
    # One that would go back elsewhere.
    run("", *promote)
    run(shards.dsns[0], "promote", "shop", "3")
    run(shards.dsns[0], "promote", "shop", "2")
    refused = run("", "rollback", "shop", *shards.named, expect=1).stderr
    assert "shop would go back to version " in refused
    assert shards.serving() == [2, 2]
    # One that cannot be reached, or is given twice, or prepares nothing.
    assert run("", *promote, "--dsn", "host=127.0.0.1 port=1 connect_timeout=2", expect=3)
    assert "is given twice" in run("", *promote, "--dsn", shards.dsns[1], expect=1).stderr
    assert shards.prepared() == [[], []]


def test_a_server_that_prepares_nothing_is_named_with_what_to_set(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member, "_WHO", member._WHO.replace("current_setting('max_prepared_transactions')", "'0'"))
    with pytest.raises(PgscoreError, match="prepares no transactions") as caught:
        releases.promote_everywhere(shards.dsns, "shop", 2)
    assert "max_prepared_transactions = 10" in caught.value.hint
    monkeypatch.setattr(member, "_WHO", member._WHO.replace("pg_is_in_recovery()", "true"))
    with pytest.raises(PgscoreError, match="is a standby, which changes nothing"):
        releases.promote_everywhere(shards.dsns, "shop", 2)
    # Copies of a cluster call themselves alike.
    monkeypatch.setattr(member, "_WHO", member._WHO.replace("true", "false").replace("s.system_identifier", "1"))
    monkeypatch.setattr(member, "_WHO", member._WHO.replace("d.oid", "2"))
    with pytest.raises(PgscoreError, match="are one database, or copies of one cluster"):
        releases.promote_everywhere(shards.dsns, "shop", 2)


def test_a_connection_that_is_lost_between_is_made_anew(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = member.Shard.run

    def cut(shard: member.Shard, sql: str) -> None:
        if sql.startswith("commit prepared"):
            shard.connection.close()
        ran(shard, sql)

    monkeypatch.setattr(member.Shard, "run", cut)
    releases.promote_everywhere(shards.dsns, "shop", 2)
    assert shards.serving() == [2, 2]

    # The server did it, and the answer was lost.
    def deaf(shard: member.Shard, sql: str) -> None:
        ran(shard, sql)
        if "prepared" in sql:
            raise psycopg2.OperationalError

    monkeypatch.setattr(member.Shard, "run", deaf)
    releases.rollback_everywhere(shards.dsns, "shop")
    assert shards.serving() == [1, 1]
    assert shards.prepared() == [[], []]
    # Where it cannot be prepared in one, what is prepared in the others goes back.
    count = [0]

    def full(shard: member.Shard, sql: str) -> None:
        count[0] += sql.startswith("prepare transaction")
        if sql.startswith("prepare transaction") and count[0] == 2:
            ran(shard, "rollback")
            raise psycopg2.OperationalError
        ran(shard, sql)

    monkeypatch.setattr(member.Shard, "run", full)
    with pytest.raises(PgscoreError):
        releases.promote_everywhere(shards.dsns, "shop", 2)
    assert (shards.serving(), shards.prepared()) == ([1, 1], [[], []])


def test_an_interruption_before_anything_is_prepared_changes_nothing(shards: Shards, shopping: Database) -> None:
    near, holder = shards.sessions[0], shopping.session()
    holder.run("begin")
    holder.run("lock table pgscore.promotion in share row exclusive mode")
    process = subprocess.Popen(
        [COMMAND, "promote", "shop", "2", *shards.named], env=environment(""), stderr=subprocess.PIPE, text=True
    )
    waits = (
        "select count(*)::integer from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'pgscore'"
        " and datname = current_database()"
    )
    wait_until(near, waits, 1)
    os.kill(process.pid, signal.SIGINT)
    assert "interrupted" in process.communicate()[1]
    assert process.returncode == 130
    holder.run("rollback")
    assert (shards.serving(), shards.prepared()) == ([1, 1], [[], []])
