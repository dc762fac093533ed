"""Row security that hides rows from their owner, children of tables, and partitions that come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from .world import UNSUITABLE, assert_one_sentence, attempt, call

if TYPE_CHECKING:
    from .world import World

_FORCE = "alter table sa.{table} enable row level security; alter table sa.{table} force row level security"


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_forced_row_security_is_refused(world: World, table: str) -> None:
    world.alice.run(_FORCE.format(table=table))
    with pytest.raises(psycopg2.Error, match=f"sa.{table}") as caught:
        world.attach("alice")
    assert "row" in (caught.value.diag.message_primary or "").lower()
    assert "force" in f"{caught.value.diag.message_primary} {caught.value.diag.message_hint}".lower()
    assert_one_sentence(caught.value)
    world.alice.run(f"alter table sa.{table} no force row level security")
    world.attach("alice")
    call(world.alice, "reconcile", "sa")


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_forced_row_security_that_comes_later(world: World, table: str) -> None:
    """It hides rows from their owner: no counter becomes 0 because of it, and the doctor finds it."""
    world.attach("alice")
    world.insert("sa", 3)
    world.insert("sa", 2, key="k2")
    counted = world.root.run("select k, n from sa.pr order by k")
    world.alice.run(_FORCE.format(table=table))
    assert any("row" in each and "security" in each.lower() for each in world.problems())
    with pytest.raises(psycopg2.Error) as caught:
        call(world.alice, "reconcile", "sa")
    assert "row" in (caught.value.diag.message_primary or "").lower()
    assert_one_sentence(caught.value)
    assert world.root.run("select k, n from sa.pr order by k") == counted
    # What recounts fails, or leaves counters as they were.
    attempt(world.alice, "update sa.pr set k = 'k9' where k = 'k1'")
    attempt(world.root, "delete from sa.ev where k = 'k2' and id = (select min(id) from sa.ev where k = 'k2')")
    world.alice.run(f"alter table sa.{table} no force row level security")
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_row_security_without_force_hides_nothing_from_the_owner(world: World, table: str) -> None:
    world.alice.run(f"alter table sa.{table} enable row level security; create policy p on sa.{table} using (false)")
    world.alice.run(f"create policy i on sa.{table} for insert with check (true)")
    world.attach("alice")
    world.insert("sa", 2)
    world.alice.run("delete from sa.ev where id = 1")
    world.assert_counted("sa")
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_children_are_refused(world: World, table: str) -> None:
    world.alice.run(f"create table sa.child () inherits (sa.{table})")
    with pytest.raises(psycopg2.Error, match="inherit") as caught:
        world.attach("alice")
    assert caught.value.pgcode in UNSUITABLE
    assert_one_sentence(caught.value)
    world.alice.run("drop table sa.child")
    world.attach("alice")
    world.insert("sa")
    world.assert_counted("sa")


def _partitioned(world: World) -> None:
    world.alice.run("drop table sa.ev")
    world.alice.run(
        "create table sa.ev (id bigint generated always as identity, k text, v bigint not null) partition by list (v);"
        "create table sa.first partition of sa.ev for values in (1);"
        "create table sa.rest partition of sa.ev default; create index on sa.ev (k); grant insert on sa.ev to app"
    )


@pytest.mark.parametrize("how", ["", "concurrently"])
def test_a_detached_partition_counts_no_more(world: World, how: str) -> None:
    _partitioned(world)
    if how:
        # It is not to be had beside a default partition.
        world.alice.run("drop table sa.rest; create table sa.rest partition of sa.ev for values in (2)")
    world.attach("alice")
    world.insert("sa", 3)
    world.app.run("insert into sa.ev (k, v) values ('k1', 2), ('k2', 2)")
    world.assert_counted("sa")
    world.alice.run(f"alter table sa.ev detach partition sa.first {how}")
    assert world.problems() != []
    before = world.root.run("select k, n from sa.pr order by k")
    world.alice.run("insert into sa.first (id, k, v) overriding system value values (100, 'k1', 1), (101, 'k3', 1)")
    world.alice.run("update sa.first set k = 'k2' where id = 100; delete from sa.first where id = 101")
    assert world.root.run("select k, n from sa.pr order by k") == before
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")
    world.alice.run("truncate sa.first; insert into sa.first (id, k, v) overriding system value values (100, 'k1', 1)")
    world.insert("sa", 0)
    world.app.run("insert into sa.ev (k, v) values ('k2', 2)")
    world.assert_counted("sa")
    call(world.alice, "reattach", "sa")
    world.assert_counted("sa")
    assert world.problems() == []
    world.alice.run("alter table sa.ev attach partition sa.first for values in (1)")
    call(world.alice, "reattach", "sa")
    call(world.alice, "reconcile", "sa")
    world.insert("sa", 2)
    world.assert_counted("sa")
