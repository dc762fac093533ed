"""Who can have a trigger leave rows unscored: nobody but what stores them with their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .world import attempt, call

if TYPE_CHECKING:
    from .world import World

_WRONG = "select k, n, score from sa.pr p where score is distinct from pgscore.score('m', p)"
_SET = "select pg_catalog.set_config('pgscore.scored', %s, false)"
# At each depth of triggers, with numbers that the queue has given and will give, and what is no mark.
_FORGED = [f"{depth}/{number}" for depth in range(4) for number in (1, 2001, 2002, 2003, 2004)]
_FORGED += ["x", "1/", "/1", "1/x", "1/1; select 1", "1/999999999999999999", "1/" + "9" * 40, "1/2001\n", "1/-1"]


@pytest.fixture
def tied(world: World) -> World:
    """Alice's tables are bound. The application may change what the model reads, itself and by a function of hers."""
    world.attach("alice")
    world.alice.run(
        """
        grant select, update on sa.pr to app;
        create function sa.bump(who text, more bigint) returns void language sql security definer
        set search_path = pg_catalog, pg_temp as 'update sa.pr set n = n + more where k = who';
        create function sa.bring(who text[]) returns void language sql security definer
        set search_path = pg_catalog, pg_temp as 'insert into sa.ev (k, v) select w, 1 from unnest(who) w';
        grant execute on function sa.bump(text, bigint), sa.bring(text[]) to app;
        """
    )
    world.insert("sa", 2)
    assert world.root.run(_WRONG) == []
    return world


def _try_all(world: World) -> None:
    """Changes rows in each way that the application has: each is scored."""
    changes = (
        "update sa.pr set n = n + 1 where k = 'k1'",
        "select sa.bump('k1', 3)",
        "insert into sa.ev (k, v) values ('k1', 1)",
        "insert into sa.ev (k, v) select 'k' || g, 1 from generate_series(1, 5) g",
        "select sa.bring('{k1,k2,k3}')",
        "update sa.pr set n = n + 1",
        "update sa.pr set n = n + 1, score = 0.5 where k = 'k2'",
    )
    for change in changes:
        world.app.run(change)
        assert world.root.run(_WRONG) == [], change


def test_a_setting_spares_no_row_its_score(tied: World) -> None:
    for forged in _FORGED:
        tied.app.run(_SET, forged)
        tied.app.run("select sa.bump('k1', 7)")
        tied.app.run("update sa.pr set n = n + 1 where k = 'k1'")
        assert tied.root.run(_WRONG) == [], forged
    for forged in ("1/2001", "2/2001", "x"):
        tied.app.run(_SET, forged)
        _try_all(tied)


def test_a_mark_is_worth_nothing_after_its_statement(tied: World) -> None:
    """In the transaction in which pgscore has set one, at every place of the sequence, also after a rollback."""
    app = tied.app
    for forged_depth in range(3):
        app.run("begin; set constraints all immediate")
        app.run("savepoint before")
        app.run("select sa.bring('{k1,k2,k3}')")
        app.run("rollback to savepoint before")
        app.run("select sa.bring('{k1,k2,k3}')")
        last = tied.root.value("select last_value from sa._pgscore_pr_queue_pgscore_id_seq")
        for number in range(last - 3, last + 3):
            app.run(_SET, f"{forged_depth}/{number}")
            app.run("select sa.bump('k1', 1)")
            app.run("update sa.pr set n = n + 1 where k = 'k2'")
            assert app.run("select pg_catalog.count(*) from sa.pr where k = 'k1' and n > 0") == [(1,)]
        app.run("commit")
        assert tied.root.run(_WRONG) == []
    assert attempt(app, "insert into sa._pgscore_pr_queue (pgscore_binding, pgscore_task) values (0, 'scored')")


def test_what_triggers_change_because_of_scores_is_scored(tied: World) -> None:
    """A trigger of the owner's runs while the mark stands: its own statements are deeper, and cascade further."""
    tied.alice.run(
        """
        create function sa.follow() returns trigger language plpgsql security definer
        set search_path = pg_catalog, pg_temp as $$
        begin
            if pg_trigger_depth() < 5 then
                update sa.pr set n = n + 1 where k = 'k5';
                update sa.pr set n = n + 1 where k = new.k;
            end if;
            return null;
        end $$;
        create trigger follow after update on sa.pr for each row
        when (old.score is distinct from new.score and new.k <> 'k5') execute function sa.follow();
        """
    )
    _try_all(tied)
    assert tied.root.value("select n > 20 from sa.pr where k = 'k5'")
    # All of them, by what rescores them: rows that it has written are changed again, and the next pass finds the rest.
    tied.operator.run("select pgscore.promote('m', 2)")
    call(tied.alice, "rescore", "sa")
    assert tied.root.run(_WRONG) == []


def test_a_condition_that_was_prepared_is_prepared_again(tied: World) -> None:
    """One session and one plan: marked and unmarked statements take turns. Only the owner can set a mark by hand."""
    alice = tied.alice
    alice.run("prepare changed as update sa.pr set n = n + 1 where k = 'k1'")
    alice.run("set plan_cache_mode = force_generic_plan")
    former = alice.value("select score from sa.pr where k = 'k1'")
    for _ in range(3):
        alice.run("begin")
        mark = alice.value(
            "insert into sa._pgscore_pr_queue (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id"
        )
        alice.run(_SET, f"1/{mark}")
        alice.run("execute changed")
        assert alice.value("select score from sa.pr where k = 'k1'") == former, "the mark is not seen"
        # At another depth it is none.
        alice.run(_SET, f"2/{mark}")
        alice.run("execute changed")
        assert alice.run(_WRONG) == []
        alice.run(_SET, f"1/{mark}")
        alice.run("delete from sa._pgscore_pr_queue")
        alice.run("execute changed")
        assert alice.run(_WRONG) == []
        alice.run("commit")
        former = alice.value("select score from sa.pr where k = 'k1'")


def test_partitions_have_the_condition_too(tied: World) -> None:
    """The parent hands it on; each is asked for itself."""
    alice = tied.alice
    call(alice, "detach", "sa")
    alice.run(
        """
        alter table sa.pr rename to former;
        create table sa.pr (like sa.former including all) partition by hash (k);
        create table sa.pr_0 partition of sa.pr for values with (modulus 2, remainder 0);
        create table sa.pr_1 partition of sa.pr for values with (modulus 2, remainder 1);
        insert into sa.pr select * from sa.former; grant select, update on sa.pr to app
        """
    )
    tied.attach("alice")
    call(alice, "reconcile", "sa")
    call(alice, "rescore", "sa")
    assert alice.run(_WRONG) == []
    assert alice.value("select count(distinct tableoid) from sa.pr") == 2
    alice.run("begin")
    alice.run("insert into sa._pgscore_pr_queue (pgscore_binding, pgscore_task) values (0, 'scored')")
    alice.run(_SET, f"1/{alice.value('select max(pgscore_id) from sa._pgscore_pr_queue')}")
    alice.run("update sa.pr set n = n + 1")
    assert len(alice.run(_WRONG)) == 5
    alice.run("rollback")
    tied.app.run(_SET, "1/2001")
    tied.app.run("update sa.pr set n = n + 1")
    tied.insert("sa", 3)
    assert tied.root.run(_WRONG) == []
    call(alice, "detach", "sa")
    left = "select from pg_proc where pronamespace = 'sa'::regnamespace and proname ~ '^_pgscore'"
    assert tied.root.run(left) == []
