"""Profiles that change by themselves, and whose changes a score follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_EVENT = f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) values (%s, %s, %s, %s)'
_LOG = "select count(*) from pgscore.prediction_log where model = 'shop'"


@pytest.fixture
def counted(owner: Session) -> Session:
    """Two customers with an event each, and triggers' work written down: how often each row was updated."""
    owner.run(
        f"""
        insert into {shop.PROFILE} (id) values (1), (2);
        create table public.updates (id bigint);
        create function public.note_update() returns trigger language plpgsql security definer as $$
        begin
            insert into public.updates values (new.id);
            return null;
        end $$;
        create trigger noted after update on {shop.PROFILE} for each row execute function public.note_update();
        """
    )
    owner.run(_EVENT, 1, 1, 5, 1)
    owner.run(_EVENT, 2, 2, 5, 1)
    owner.run("truncate public.updates")
    return owner


def _updates(session: Session) -> list[tuple[int, int]]:
    found = session.run("select id, count(*) from public.updates group by 1 order by 1")
    session.run("truncate public.updates")
    return [(key, count) for key, count in found]


def test_a_change_of_an_input_refreshes_the_score_once(counted: Session) -> None:
    logged = counted.value(_LOG)
    counted.run(f'update {shop.PROFILE} set "Age" = 7 where id = 1')
    assert shop.assert_right(counted) == 2
    assert _updates(counted) == [(1, 1)]  # the score is computed before the row is stored
    assert counted.value(_LOG) == logged + 1


def test_a_change_of_another_column_does_nothing(counted: Session) -> None:
    logged = counted.value(_LOG)
    counted.run(f"update {shop.PROFILE} set note = 'x'")
    counted.run(f'update {shop.PROFILE} set "Age" = "Age"')
    assert _updates(counted) == [(1, 2), (2, 2)]  # theirs
    assert counted.value(_LOG) == logged


def test_events_and_a_changed_input_are_one_update_of_ours(counted: Session) -> None:
    counted.run("begin")
    counted.run(_EVENT, 3, 1, 5, 1)
    counted.run(f'update {shop.PROFILE} set "Age" = 7 where id = 1')
    counted.run(_EVENT, 4, 1, 6, 2)
    counted.run("commit")
    assert shop.assert_right(counted) == 2
    assert _updates(counted) == [(1, 2)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_invariant_2_triggers_of_the_application_that_change_inputs(counted: Session, when: str) -> None:
    """One changes the age whenever the counter moves: while pgscore itself updates the row, or just after it."""
    body = (
        'new."Age" := new.n * 2;'
        if when == "before"
        else f'update {shop.PROFILE} set "Age" = new.n * 2 where id = new.id;'
    )
    counted.run(
        f"""
        create function public.grow() returns trigger language plpgsql security definer as $$
        begin {body} return new; end $$;
        create trigger grows {when} update on {shop.PROFILE} for each row
        when (old.n is distinct from new.n) execute function public.grow();
        """
    )
    counted.run(_EVENT, 3, 1, 5, 1)
    assert counted.value(f'select "Age" from {shop.PROFILE} where id = 1') == 4
    assert shop.assert_right(counted) == 2
    counted.run(f"delete from {shop.EVENTS}")
    assert counted.value(f'select "Age" from {shop.PROFILE} where id = 1') == 0
    assert shop.assert_right(counted) == 2


def test_invariant_2_a_generated_column_that_the_model_reads(counted: Session) -> None:
    counted.run(f'alter table {shop.PROFILE} drop column "Age"')
    counted.run(f'alter table {shop.PROFILE} add column "Age" bigint generated always as (n * 3) stored')
    shop.reattach(counted)
    counted.run(_EVENT, 3, 1, 5, 1)
    assert counted.value(f'select "Age" from {shop.PROFILE} where id = 1') == 6
    counted.run(f"delete from {shop.EVENTS} where id = 2")
    assert shop.assert_right(counted) == 2


def test_invariant_2_a_row_out_of_the_ordinary_is_scored_with_care(counted: Session) -> None:
    # What a trigger asks first is short, and may not know.
    asked = (
        f'select (pgscore_models."shop rescore"(null::{shop.PROFILE}, c, true))[1] from {shop.PROFILE} c where id = 1'
    )
    assert counted.value(asked) is not None
    counted.run(f'update {shop.PROFILE} set "Total" = -1e305 where id = 1')
    assert counted.value(asked) is None
    counted.run(_EVENT, 3, 1, None, 2)
    ((score, version, *row),) = counted.run(
        f'select "Score", "Version", "Age", n, billed, "Total" from {shop.PROFILE} where id = 1'
    )
    assert (row[1], version) == (2, 1)
    assert score == pytest.approx(shop.probability([row])[0], abs=1e-12, rel=0)
    assert counted.run("select * from pgscore.stale") == []


def test_profiles_that_come_after_their_events(owner: Session) -> None:
    owner.run(_EVENT, 1, 1, 5, 1)
    owner.run(_EVENT, 2, 1, 6, 2)
    owner.run(f"insert into {shop.PROFILE} (id, n) values (1, 40), (2, 40)")
    assert shop.assert_right(owner) == 2


def test_a_column_is_added_and_dropped_under_a_binding(counted: Session) -> None:
    counted.run(f"alter table {shop.PROFILE} add column extra integer default 5, drop column note")
    counted.run(f"alter table {shop.EVENTS} add column extra integer default 5")
    counted.run(_EVENT, 3, 1, 5, 1)
    counted.run(f'update {shop.PROFILE} set "Age" = 3')
    assert shop.assert_right(counted) == 2


def test_nothing_is_rewritten_where_nothing_changes(owner: Session) -> None:
    """With a counter alone: where events are recounted, who counts at the same time has to meet this update."""
    shop.detach(owner)
    shop.attach(owner, reducers=shop.REDUCERS[:1])
    owner.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    owner.run(_EVENT, 1, 1, 5, 1)
    before = owner.run(f"select id, xmin::text from {shop.PROFILE} order by id")
    owner.run("begin")
    owner.run(_EVENT, 2, 1, 5, 1)
    owner.run(f"delete from {shop.EVENTS} where id = 2")
    owner.run("commit")
    owner.run(f"update {shop.EVENTS} set amount = 9")
    assert owner.run(f"select id, xmin::text from {shop.PROFILE} order by id") == before


def test_a_stale_row_is_listed_under_its_key(shopping: Database) -> None:
    session = shopping.session()
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2), (3)")
    session.run(_EVENT, 1, 1, 5, 1)
    shop.attach(session, backfill="false")
    listed = "select key from pgscore.stale order by key"
    session.run(f"update {shop.PROFILE} set id = 10 where id = 1")
    session.run(f"update {shop.PROFILE} set id = id - 1 where id in (2, 3)")
    assert session.run(listed) == [("1",), ("10",), ("2",)]
    session.run(f"truncate {shop.PROFILE}")
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    shop.reconcile(session)
    assert session.run(listed) == []
    assert shop.assert_right(session) == 1
