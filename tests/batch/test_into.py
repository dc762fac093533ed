"""Scores are written to another table instead, also of a table that no events are attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest

from tests.bindings import shop
from tests.support import command
from tests.support.database import refused

from .rescored import JOB, load, promote

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_TARGET = '"Shop"."Scores"'
_WRONG = f"""
    select count(*) from {shop.PROFILE} c full join {_TARGET} t using (id)
    where (t.score, t.version) is distinct from (pgscore.score('shop', c), %s)
"""
_CALL = f"call pgscore.rescore('shop', '{shop.PROFILE}', target => '{_TARGET}', batch => 100)"


@pytest.fixture
def unbound(shopping: Database) -> Session:
    """A superuser's session; the tables are not attached, and have 250 rows."""
    root = shopping.session()
    load(root, 250)
    return root


def test_a_table_is_made_and_brought_up_to_date(unbound: Session, shopping: Database) -> None:
    dsn = shopping.dsn(shop.OWNER)
    done = command.run_json(dsn, "rescore", "shop", shop.PROFILE, "--into", _TARGET, "--batch", "100")
    assert (done["done"], done["changed"], done["target"], done["version"]) == (250, 250, _TARGET, 1)
    assert unbound.value(_WRONG, 1) == 0
    assert unbound.value(f'select count(*) from {shop.PROFILE} where "Score" is not null') == 0
    # What is as it was is not written again.
    unbound.run(f'update {shop.PROFILE} set "Age" = 99 where id in (3, 71)')
    stood = dict(unbound.run(f'select id, "at" from {_TARGET}'))
    again = pgscore.rescore(dsn, "shop", shop.PROFILE, into=_TARGET, workers=2, batch=30)
    assert (again.done, again.changed, again.resumed) == (250, 2, False)
    assert unbound.value(_WRONG, 1) == 0
    now = dict(unbound.run(f'select id, "at" from {_TARGET}'))
    assert {key for key in now if now[key] != stood[key]} == {3, 71}
    # Rows that came, and a version that came.
    load(unbound, 10, 300)
    promote(unbound, 2)
    assert pgscore.rescore(dsn, "shop", shop.PROFILE, into=_TARGET).changed == 260
    assert unbound.value(_WRONG, 2) == 0


def test_a_run_that_dies_is_unfinished_and_goes_on(unbound: Session, shopping: Database) -> None:
    owner = shopping.session(shop.OWNER)
    columns = unbound.value("select pgscore._into_columns_sql(%s)", shop.PROFILE)
    owner.run(f"create table {_TARGET} ({columns})")
    owner.run(f"alter table {_TARGET} add constraint small check (id <> 150)")
    with refused("23514", 'violates check constraint "small"'):
        owner.run(_CALL)
    assert unbound.row(JOB)[2:] == (100, 100, 0, 0, False)
    assert unbound.value(f"select count(*) from {_TARGET}") == 100
    owner.run(f"alter table {_TARGET} drop constraint small")
    owner.run(_CALL)
    assert unbound.row(JOB)[2:] == (250, 250, 0, 0, True)
    assert unbound.value(_WRONG, 1) == 0


def test_rows_without_a_score_stand_with_null(unbound: Session, shopping: Database) -> None:
    unbound.run(f"update {shop.PROFILE} set \"Total\" = 'infinity' where id in (2, 4)")
    done = pgscore.rescore(shopping.dsn(shop.OWNER), "shop", shop.PROFILE, into=_TARGET)
    assert (done.changed, done.refused) == (250, 2)
    assert unbound.run(f"select id, version from {_TARGET} where score is null order by id") == [(2, 1), (4, 1)]
    assert unbound.value("select count(*) from pgscore.stale_row") == 0


def test_what_cannot_be_written_to_is_refused(unbound: Session, shopping: Database) -> None:
    """Nothing is made by the way."""
    owner = shopping.session(shop.OWNER)
    dsn = shopping.dsn(shop.OWNER)
    owner.run('create table "Shop".narrow (id integer primary key, score float8, version integer, "at" timestamptz)')
    owner.run('create table "Shop".loose (id bigint, score float8, version integer, "at" timestamptz)')
    owner.run('create view "Shop".seen as select * from "Shop".loose')
    owner.run('create table "Shop".keyless (id date primary key)')
    unbound.run('create table public.other (id bigint primary key, score float8, version integer, "at" timestamptz)')
    for target, said in {
        '"Shop".narrow': 'column "id" of table "Shop".narrow is of type integer, and not bigint',
        '"Shop".loose': 'table "Shop".loose has no unique index on (id)',
        '"Shop".seen': "is no table",
        shop.EVENTS: "is of type integer, and not bigint",
        shop.PROFILE: "would be read and written at once",
        "public.other": "and only its owner has scores written there",
        "nowhere.made": 'schema "nowhere" does not exist',
        'a"b': "string is not a valid identifier",
    }.items():
        with pytest.raises(pgscore.PgscoreError) as caught:
            pgscore.rescore(dsn, "shop", shop.PROFILE, into=target)
        assert said in str(caught.value), target
    for profile, said in {'"Shop".keyless': "has no primary key of integers, texts and uuids"}.items():
        with pytest.raises(pgscore.PgscoreError) as caught:
            pgscore.rescore(dsn, "shop", profile, into='"Shop".new')
        assert said in str(caught.value)
    assert unbound.value("select to_regclass('\"Shop\".new')") is None
    assert unbound.value("select count(*) from pgscore.job") == 0
    # A table of others: by who may read it, into a table of their own, and never what a policy hides.
    analyst = shopping.session("test_analyst")
    unbound.run('grant usage on schema "Shop" to test_analyst; create schema own authorization test_analyst')
    made = "call pgscore.rescore('shop', '{}', target => 'own.scores')"
    analyst.run('create table own.scores (id bigint primary key, score float8, version integer, "at" timestamptz)')
    with refused("42501", "may not read table"):
        analyst.run(made.format(shop.PROFILE))
    unbound.run(f"grant select on {shop.PROFILE} to test_analyst")
    analyst.run(made.format(shop.PROFILE))
    assert analyst.value("select count(score) from own.scores") == 250
    unbound.run(f"alter table {shop.PROFILE} enable row level security")
    with refused("22023", "may hide rows from test_analyst"):
        analyst.run(made.format(shop.PROFILE))
    # A superuser runs no code of the table's owner, nor of the target's.
    with refused("42501", "superuser"):
        unbound.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', target => 'public.other')")
    with pytest.raises(psycopg2.Error, match="only its owner"):
        unbound.run(made.format(shop.PROFILE))
