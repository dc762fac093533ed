"""Schemas and databases that were copied, with what pgscore generated in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import migrate
from tests.support.database import Database, named, wait_until_gone

from . import world as worlds
from .world import MODEL, UNSUITABLE, assert_one_sentence, attempt

if TYPE_CHECKING:
    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

    from .world import World


@pytest.fixture
def elsewhere(installed: Database) -> Session:
    """Another database with pgscore, where carol's tables have the number that alice's have at home."""
    session = installed.session()
    session.run(worlds._TABLES.format(owner="carol", space="sc"))
    carol = installed.session("carol")
    worlds.attach(carol, "sc")
    return session


@pytest.mark.parametrize("options", [(), ("--schema-only",)], ids=["with rows", "structure"])
def test_a_schema_that_was_copied(
    world: World, installed: Database, elsewhere: Session, options: tuple[str, ...]
) -> None:
    """Its triggers and functions come without the rows of pgscore's tables."""
    world.attach("alice")
    world.insert("sa", 3)
    # What test attackers need is not there.
    world.root.run("drop function sa.trap(), sa.trap(anyelement), sa.trap_value(bigint), sa.trap_trigger()")
    migrate.psql(installed.dsn(), script=migrate.dump(world.database.dsn(), "-n", "sa", *options))
    if options:
        elsewhere.run("insert into sa.pr (k) values ('k1'), ('k2')")
    alice, app = installed.session("alice"), installed.session("app")
    # Before anybody has said so here, the application inserts, and nobody else feels it.
    app.run("insert into sa.ev (k, v) values ('k1', 1)")
    app.run("begin; insert into sa.ev (k, v) values ('k2', 1); insert into sc.ev (k, v) values ('k1', 1); commit")
    _assert_counted(elsewhere, "sc")
    before = elsewhere.value("select sum(n) from sa.pr")
    assert before <= elsewhere.value("select count(*) from sa.ev where k in (select k from sa.pr)")
    error = attempt(
        alice,
        f"select pgscore.attach('{MODEL}', 'sa.ev', 'sa.pr', 'k', 'k', %s, 'score')",
        json.dumps(worlds.COUNT),
    )
    if error is not None:
        assert_one_sentence(error)
        assert error.pgcode in UNSUITABLE, error
        assert "already exists" not in (error.diag.message_primary or "")
        assert error.diag.message_hint
        return
    _assert_counted(elsewhere, "sa")
    for _ in range(2):
        app.run("insert into sa.ev (k, v) values ('k1', 1), ('k2', 1)")
        app.run("begin; insert into sa.ev (k, v) values ('k2', 1); insert into sc.ev (k, v) values ('k1', 1); commit")
        _assert_counted(elsewhere, "sa")
        _assert_counted(elsewhere, "sc")
    alice.run("update sa.ev set k = 'k2' where k = 'k1'")
    alice.run("call pgscore.reconcile('sa.ev', 'sa.pr')")
    _assert_counted(elsewhere, "sa")
    alice.run("select pgscore.detach('sa.ev', 'sa.pr')")
    left = "select proname::text from pg_proc where pronamespace = 'sa'::regnamespace and proname ~ '^_pgscore'"
    assert elsewhere.run(left) == []
    assert (
        elsewhere.run("select tgname::text from pg_trigger where tgrelid = 'sa.ev'::regclass and not tgisinternal")
        == []
    )


def test_a_database_that_was_made_from_a_template(world: World, cluster: PrivateCluster) -> None:
    """Everything came along, and works."""
    world.attach("alice")
    world.insert("sa", 2)
    admin, copied = Database(cluster, "postgres"), Database(cluster, "copied")
    observer = admin.session()
    # A template must have no sessions; the fixtures have one, too.
    world.database.close()
    ended = "select pid, pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
    pids = [pid for pid, _ in observer.run(ended, world.database.name)]
    world.__dict__.clear()
    world.database = Database(cluster, named("trust"))
    for pid in pids:
        wait_until_gone(observer, pid)
    observer.run(f"create database copied template {world.database.name}")
    try:
        copied.session("app").run("insert into sa.ev (k, v) values ('k1', 1), ('k2', 1)")
        _assert_counted(copied.session(), "sa")
        copied.session("alice").run("call pgscore.reconcile('sa.ev', 'sa.pr')")
        _assert_counted(copied.session(), "sa")
    finally:
        copied.close()
        observer.run("drop database copied with (force)")
        admin.close()


def _assert_counted(session: Session, space: str) -> None:
    found = session.run(
        f"select p.k, p.n, (select count(*) from {space}.ev e where e.k = p.k) from {space}.pr p order by p.k"
    )
    assert [n for _, n, _ in found] == [events for *_, events in found], found
