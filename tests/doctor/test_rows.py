"""What the doctor sees of rows: counters, scores, partitions; and what it does not run to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore.database import transaction
from pgscore.doctor import comparison, counters
from pgscore.doctor.look import Look

from tests.bindings import shop

from . import ward as wards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database, Session

_INDEX = '"Shop"."Order Lines_Customer Id_idx"'


@pytest.fixture
def missed(ward: Database) -> Iterator[Session]:
    """A session in the ward, where one profile of 40 holds another counter; mended when the test is over."""
    session = ward.session()
    session.run("set session_replication_role = replica")
    session.run(f"update {shop.PROFILE} set n = 9, least = null where id = 3")
    session.run("reset session_replication_role")
    yield session
    shop.reconcile(session)


def _found(database: Database, code: str, user: str | None = None, *, full: bool = False) -> str:
    (found,) = [
        each for each in wards.looked_at(database, user, full=full) if (each.code, each.subject) == (code, shop.EVENTS)
    ]
    return found.sentence


def test_counters_that_are_not_what_events_give(ward: Database, missed: Session) -> None:
    said = _found(ward, "counters-differ")
    assert said.startswith(
        "of 40 profiles that were compared 1 holds other counters than their events give,"
        " such as 3: n is 9 and the events give 4; least is NULL and the events give 2 (cost "
    )
    # Their owner looks, and its members; others are told that they cannot.
    assert _found(ward, "counters-differ", shop.OWNER).startswith("of 40 profiles")
    said = _found(ward, "counters-unlooked", "test_operator")
    assert said.endswith("test_operator may not read both tables: their owner, or a member of it, can look")


@pytest.mark.parametrize("index", [True, False])
def test_all_of_them_page_by_page(
    ward: Database, missed: Session, monkeypatch: pytest.MonkeyPatch, *, index: bool
) -> None:
    monkeypatch.setattr(comparison, "_PAGE", 7)
    monkeypatch.setattr(comparison, "_PAGE_WITHOUT_INDEX", 7)
    if not index:
        missed.run(f"drop index {_INDEX}")
    assert _found(ward, "counters-differ", full=True).startswith("of all 40 profiles that were compared 1 holds")
    assert "3: n is 9 and the events give 4; least is NULL" in _found(ward, "counters-differ")
    shop.reconcile(missed)
    assert _found(ward, "counters", full=True).startswith("the counters of all 40 profiles are what")
    if not index:
        monkeypatch.setattr(counters, "DEAREST", 1.0)
        said = _found(ward, "counters-unlooked")
        assert "a sample would cost" in said
        assert said.endswith("since no index of the events begins with their key")
        shop.run_as_owner(missed, f'create index on {shop.EVENTS} ("Customer Id")')


def test_a_table_that_somebody_holds_is_not_waited_for(ward: Database) -> None:
    other = ward.session()
    other.run("begin")
    other.run(f"lock table {shop.PROFILE} in access exclusive mode")
    assert _found(ward, "counters-unlooked").endswith("somebody holds one of the tables")
    other.run("rollback")


def test_no_code_of_the_owner_runs_for_anybody_else(ward: Database) -> None:
    """The planner computes what is constant in an index; the owner may run its own."""
    session = ward.session()
    shop.run_as_owner(
        session,
        """
        create function "Shop".spy(integer) returns integer language plpgsql immutable
            as 'begin if current_user <> ''shop_owner'' then raise exception ''called''; end if; return 1; end'
        """,
    )
    shop.run_as_owner(session, f'create index spied on {shop.EVENTS} (id) where id > 0 or "Shop".spy(1) = 2')
    said = _found(ward, "counters-unlooked")
    assert 'index "Shop".spied would call a function of somebody else\'s with the rights of postgres' in said
    assert wards.to_mend(ward) == []
    session.run('drop index "Shop".spied; drop function "Shop".spy')
    # Nor a function in the place of what was generated, nor a cast.
    session.run('drop function "Shop"."_pgscore_Order Lines_recount"(bigint, boolean) cascade')
    shop.run_as_owner(
        session,
        'create function "Shop"."_pgscore_Order Lines_recount"(bigint, boolean) returns boolean language plpgsql'
        " as 'begin raise exception ''called''; end'",
    )
    found = wards.to_mend(ward)
    assert "function-edited" in wards.codes(found)
    assert all("called" not in each.sentence for each in found)
    for each in found:
        wards.apply(ward, each)
    assert wards.to_mend(ward) == []


def test_the_doctor_calls_no_cast_of_the_owner(ward: Database) -> None:
    session = ward.session()
    shop.detach(session)
    shop.run_as_owner(
        session,
        f"""
        create type "Shop".mood as enum ('good', 'bad');
        create function "Shop".says("Shop".mood) returns text language plpgsql
            as 'begin raise exception ''called''; end';
        create cast ("Shop".mood as text) with function "Shop".says("Shop".mood);
        alter table {shop.EVENTS} add column mood "Shop".mood;
        alter table {shop.PROFILE} add column mood "Shop".mood
        """,
    )
    shop.attach(session, reducers=[{"column": "mood", "aggregate": "max", "of": "mood"}])
    session.run("set session_replication_role = replica")
    session.run(f"update {shop.PROFILE} set mood = 'bad' where id = 1")
    session.run("reset session_replication_role")
    for full in (False, True):
        assert "such as 1: mood is bad and the events give NULL" in _found(ward, "counters-differ", full=full)
    shop.detach(session)
    shop.run_as_owner(
        session,
        f"""
        alter table {shop.EVENTS} drop column mood; alter table {shop.PROFILE} drop column mood;
        drop cast ("Shop".mood as text); drop function "Shop".says; drop type "Shop".mood
        """,
    )
    shop.attach(session)
    assert wards.to_mend(ward) == []


def test_a_reconciliation_that_has_stopped(ward: Database) -> None:
    session = ward.session()
    shop.reconcile_step(session, 3)
    (found,) = wards.to_mend(ward)
    assert found.code == "reconcile-unfinished"
    assert "has come to 3 profiles and not to the end" in found.sentence
    wards.apply(ward, found)
    assert wards.to_mend(ward) == []


def test_rows_of_another_version_and_rows_without_a_score(ward: Database) -> None:
    session = ward.session()
    session.run("set session_replication_role = replica")
    session.run(f'update {shop.PROFILE} set "Version" = 7 where id <= 5')
    session.run(f'update {shop.PROFILE} set "Score" = null, "Version" = null where id > 38')
    session.run("reset session_replication_role")
    for full in (False, True):
        found = {each.code: each for each in wards.looked_at(ward, full=full)}
        assert found["rows-outdated"].sentence.startswith("of 40 rows (cost ")
        assert found["rows-outdated"].sentence.endswith(
            "5 by version 7 were scored, and version 1 of model shop serves"
        )
        assert "2 have no score" in found["rows-unscored"].sentence
    assert wards.to_mend(ward) == []
    for code in ("rows-outdated", "rows-unscored"):
        if session.value("select to_regproc('pgscore.rescore')"):
            wards.apply(ward, found[code])
        else:
            assert found[code].remedy == f"call pgscore.rescore('shop', '{shop.PROFILE}');"
            shop.run_as_owner(session, f'update {shop.PROFILE} set "Score" = null')
    assert not {"rows-outdated", "rows-unscored"} & set(wards.codes(wards.looked_at(ward)))
    assert shop.assert_right(session) == 40


def test_no_question_for_each_model_or_binding(ward: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for each is the comparison of its rows, and nothing where these are not to be seen."""
    asked = []
    ask = Look.ask

    def counted(look: Look, kind: type, function: str, *arguments: object) -> list:  # type: ignore[type-arg]
        asked.append(function)
        return ask(look, kind, function, *arguments)

    monkeypatch.setattr(Look, "ask", counted)
    wards.looked_at(ward, "test_operator")
    assert len(asked) == len(set(asked)), asked


def test_partitions_that_come_and_go(parted: Database) -> None:
    """One that is attached with rows, one that is detached, and a trigger of one that is disabled."""
    session = parted.session()
    assert wards.to_mend(parted) == []
    session.run(f'alter table {shop.EVENTS} detach partition "Shop".high')
    session.run(f'create table "Shop".later (like {shop.EVENTS} including defaults)')
    session.run(f'alter table "Shop".later owner to {shop.OWNER}')
    session.run('insert into "Shop".later (id, "Customer Id") select n, 7 from generate_series(500, 503) n')
    session.run(f'alter table {shop.EVENTS} attach partition "Shop".later for values from (500) to (600)')
    found = wards.to_mend(parted)
    assert wards.codes(found) == ["partition-attached", "counters-differ", "partition-detached"]
    assert found[0].sentence.startswith('partition "Shop".later came later: rows that it brought are not counted')
    assert found[-1].subject == '"Shop".high'
    for each in found:
        wards.apply(parted, each)
    assert wards.to_mend(parted, full=True) == []
    assert shop.assert_right(session) == 40
    session.run('alter table "Shop".later disable trigger "pgscore_Order Lines_row"')
    (found_one,) = wards.to_mend(parted)
    assert found_one.sentence.startswith('trigger "pgscore_Order Lines_row" of partition "Shop".later is disabled')
    wards.apply(parted, found_one)
    session.run('create table "Shop".profiles_more (like "Shop"."Customer" including all)')
    session.run('drop trigger pgscore_arrive on "Shop".profile_0')
    assert wards.codes(wards.to_mend(parted)) == ["partition-attached"]
    for each in wards.to_mend(parted):
        wards.apply(parted, each)
    assert wards.to_mend(parted) == []


def test_who_holds_a_partition_is_not_waited_for(parted: Database) -> None:
    other = parted.session()
    other.run("begin")
    other.run('lock table "Shop".low in access exclusive mode')
    with transaction(parted.dsn()) as connection:
        look = Look(connection)
        look.begin()
        assert look.value("select count(*) from pgscore._doctor_triggers()") == 0
    other.run("rollback")
