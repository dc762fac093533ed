"""What the doctor says of bindings that were broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pgscore
from pgscore.database import transaction
from pgscore.doctor.bindings import check_bindings

from tests.support.command import run_json
from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from pathlib import Path

    from pgscore.doctor import Finding

    from tests.support.database import Database, Session

_TABLES = f"('{shop.EVENTS}', '{shop.PROFILE}')"
_REATTACH = f"select pgscore.reattach{_TABLES}"


def _looked_at(database: Database) -> list[Finding]:
    """What the doctor says of the binding, without the models, which take seconds to load."""
    with transaction(database.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("set transaction read only; set local search_path = pg_catalog, pg_temp")
        return [each for each in check_bindings(connection) if each.subject == shop.EVENTS]


def _findings(database: Database) -> list[Finding]:
    return [each for each in _looked_at(database) if each.level != "ok"]


def _sentences(database: Database) -> list[str]:
    return [each.sentence for each in _findings(database)]


def test_a_binding_that_works(owner: Session, shopping: Database) -> None:
    found = [(each.level, each.sentence) for each in _looked_at(shopping)]
    assert found == [("ok", f"events move the counters of {shop.PROFILE}")]


def test_triggers_that_are_disabled_or_missing(owner: Session, shopping: Database) -> None:
    owner.run(f"alter table {shop.EVENTS} disable trigger pgscore_2_insert")
    owner.run(f'alter table {shop.PROFILE} disable trigger "~pgscore_2_score"')
    owner.run(f"drop trigger pgscore_2_truncate on {shop.EVENTS}; drop trigger pgscore_2_arrive on {shop.PROFILE}")
    owner.run(f"alter table {shop.EVENTS} enable always trigger pgscore_2_update")  # works
    found = _findings(shopping)
    assert [each.sentence for each in found] == [
        f"trigger pgscore_2_insert of {shop.EVENTS} is disabled: its events move no counter and no score",
        f"trigger pgscore_2_truncate of {shop.EVENTS} is missing: its events move no counter and no score",
        f"trigger pgscore_2_arrive of {shop.PROFILE} is missing: events from before their profile are not counted",
        f"trigger ~pgscore_2_score of {shop.PROFILE} is disabled: a change of its rows refreshes no score",
    ]
    remedies = [each.remedy.partition(";")[0] for each in found]
    assert remedies == [
        f"alter table {shop.EVENTS} enable trigger pgscore_2_insert",
        _REATTACH,
        _REATTACH,
        f'alter table {shop.PROFILE} enable trigger "~pgscore_2_score"',
    ]
    document = run_json(shopping.dsn(), "doctor", expect=1)
    assert [each["sentence"] for each in document["findings"] if each["level"] == "problem"] == _sentences(shopping)
    owner.run(_REATTACH)  # it enables them, too
    assert _findings(shopping) == []


def test_a_partition_that_was_added_later(serving: Database, key: Path) -> None:
    session = serving.session()
    shop.build(session, partitioned=True)
    shop.attach(session)
    shop.publish(serving.dsn(), key)
    session.run(f'create table "Shop".later (like {shop.EVENTS}); alter table "Shop".later owner to {shop.OWNER}')
    session.run('insert into "Shop".later (id, "Customer Id", rush) values (60, 1, true)')
    session.run('drop table "Shop".high')
    session.run(f'alter table {shop.EVENTS} attach partition "Shop".later for values from (50) to (99)')
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    found = _findings(serving)
    assert [each.sentence for each in found] == [
        'partition "Shop".later has no trigger of pgscore: for statements that name it,'
        " its events move no counter and no score"
    ]
    assert found[0].remedy.startswith(_REATTACH)
    session.run(_REATTACH)
    assert _findings(serving) == []
    session.run('insert into "Shop".later (id, "Customer Id", rush) values (61, 1, true)')
    assert shop.assert_right(session) == 1


def test_a_table_whose_owner_changed(owner: Session, shopping: Database) -> None:
    if owner.value("select to_regrole('shop_heir')") is None:
        owner.run("create role shop_heir")
    owner.run('grant pgscore_reader to shop_heir; grant usage, create on schema "Shop" to shop_heir')
    owner.run(f"alter table {shop.PROFILE} owner to shop_heir")
    (found,) = _findings(shopping)
    assert found.sentence == f"shop_heir owns {shop.PROFILE} now, and the binding works with the rights of {shop.OWNER}"
    assert f"select pgscore.detach{_TABLES}; then attach them again" in found.remedy
    pgscore.detach(shopping.dsn(), shop.EVENTS, shop.PROFILE)
    owner.run(
        "select pgscore.attach('shop', %s, %s, 'Customer Id', 'id', %s, 'Score')",
        shop.EVENTS,
        shop.PROFILE,
        json.dumps(shop.REDUCERS),
    )
    assert _findings(shopping) == []


def test_rows_that_wait_for_something(shopping: Database) -> None:
    session = shopping.session()
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2), (3)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 3)')
    shop.attach(session, backfill="false")
    assert _sentences(shopping) == ["events from before the tables were tied are not counted yet, for 3 profiles"]
    session.run("select pgscore._reconcile_step(%s, true, 1)", shop.EVENTS)
    found = _findings(shopping)
    assert [each.level for each in found] == ["problem", "warning"]
    assert "has come to 1 profile and not to the end" in found[1].sentence
    assert f"call pgscore.reconcile{_TABLES}" in found[0].remedy
    assert f"call pgscore.reconcile{_TABLES}" in found[1].remedy
    session.run(f"call pgscore.reconcile{_TABLES}")
    assert _findings(shopping) == []
    session.run(f'alter table {shop.PROFILE} rename "Age" to age')
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (2, 3)')
    (stale,) = _sentences(shopping)
    assert stale.startswith("1 stale row, for reasons such as: ")
    session.run(f'alter table {shop.PROFILE} rename age to "Age"')
    session.run(f'update {shop.PROFILE} set "Score" = null where id = 3')
    assert _findings(shopping) == []
    assert shop.assert_right(session) == 3


def test_tables_that_were_dropped(owner: Session, shopping: Database) -> None:
    """Until the binding is forgotten the other table suffers; detach takes the number of what has gone."""
    generated = "select count(*) from pg_proc where proname ~ '^_pgscore_.*_2_'"
    owner.run(f"drop table {shop.EVENTS}")
    with refused("42P01", "does not exist"):
        owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    (found,) = _findings(shopping)
    assert found.sentence == "its event table was dropped"
    assert owner.value(generated) > 0
    owner.run(found.remedy.removesuffix(" forgets it."))
    assert _looked_at(shopping) == []
    assert owner.value(generated) == 0
    assert owner.value("select to_regclass(%s)", shop.QUEUE) is None
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")

    owner.run('create table "Shop".visits (id bigint); create table "Shop".calls (id bigint)')
    for column, events in (("n", '"Shop".visits'), ("pieces", '"Shop".calls')):
        reducers = json.dumps([{"column": column, "aggregate": "count"}])
        owner.run("select pgscore.attach('shop', %s, %s, 'id', 'id', %s, 'Score')", events, shop.PROFILE, reducers)
    owner.run(f"drop table {shop.PROFILE} cascade")
    with refused("42P01", "does not exist"):
        owner.run('insert into "Shop".visits values (1)')
    with transaction(shopping.dsn()) as connection:
        remedies = [each.remedy for each in check_bindings(connection) if "profile table was dropped" in each.sentence]
    for remedy in remedies:
        owner.run(remedy.removesuffix(" forgets it."))
    assert len(remedies) == 2
    assert owner.value(generated) == 0
    owner.run('insert into "Shop".visits values (1); insert into "Shop".calls values (1)')
    assert owner.value("select count(*) from pg_class where relname ~ '^(queue|arrival)_2'") == 0
