"""Tables that a model scores are dropped, made anew, renamed, replaced: nothing fails, and messages name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
import pytest
from pgscore.doctor import examine
from sklearn.linear_model import LogisticRegression

from tests.support import migrate
from tests.support.command import run as command
from tests.support.command import run_json
from tests.support.database import ANALYST, OPERATOR, refused

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_MAKE = "create table shop.{} as select i as id, 20 + i as age, i::bigint as paid from generate_series(1, 30) i"
_TYPED = "select count(*) from pg_proc where proname = 'score' and proargtypes[1] = %s::regtype"


def _fitted(strength: float) -> tuple[LogisticRegression, pd.DataFrame]:
    frame = pd.DataFrame({"age": np.arange(60) % 50 + 20.0, "paid": (np.arange(60) % 6).astype(float)})
    return LogisticRegression(C=strength, max_iter=500).fit(frame, (frame["paid"] > 2).astype(int)), frame


def _publish(database: Database, profile: str, *, promoted: bool = False, strength: float = 1.0) -> int:
    model, frame = _fitted(strength)
    published = pgscore.publish(
        database.dsn(), "risk", model, profile=f"shop.{profile}", golden=frame, promoted=promoted
    )
    return published.version


@pytest.fixture
def shop(installed: Database) -> Session:
    """A superuser's session where versions 1, promoted, and 2 of a model score four tables."""
    session = installed.session()
    session.run("create schema shop; grant usage on schema shop to pgscore_owner")
    for name in ("dropped", "anew", "renamed", "replaced"):
        session.run(_MAKE.format(name))
        _publish(installed, name)
    pgscore.promote(installed.dsn(), "risk", 1)
    assert _publish(installed, "dropped", strength=0.01) == 2
    return session


def _said(database: Database) -> dict[str, str]:
    return {each.sentence: each.remedy for each in examine(database.dsn()) if each.subject == "risk"}


def test_promotions_go_on_and_what_is_gone_is_named_forgotten_or_given_again(
    installed: Database, shop: Session
) -> None:
    numbers = [str(n) for (n,) in shop.run("select oid from pg_class where relnamespace = 'shop'::regnamespace")]
    shop.run("drop table shop.dropped, shop.anew, shop.replaced cascade")
    shop.run(_MAKE.format("anew"))
    shop.run("create view shop.replaced as select 30 as age, 3 as paid")
    shop.run(
        "create schema moved; alter table shop.renamed set schema moved; grant usage on schema moved to pgscore_owner"
    )
    shop.run("alter table moved.renamed rename to elsewhere")

    shown = run_json(installed.dsn(OPERATOR), "show", "risk")
    assert (shown["profiles"], shown["dropped"]) == (
        ["moved.elsewhere"],
        ["shop.anew", "shop.dropped", "shop.replaced"],
    )
    said = _said(installed)
    assert said["shop.dropped, whose rows it scored, was dropped"] == "pgscore forget risk 'shop.dropped'"
    assert "shop.anew was dropped and made anew: its rows are scored slowly" in said
    assert not any(number in f"{sentence} {remedy}" for number in numbers for sentence, remedy in said.items())

    # Somebody holds the row about a table that is gone, and renames another: nobody waits, nothing fails.
    holder = installed.session(ANALYST)
    holder.run("begin")
    holder.run("delete from pgscore.model_profile where table_name = 'dropped'")
    done = pgscore.promote(installed.dsn(OPERATOR), "risk", 2)
    assert {(each.table, each.cause) for each in done.late} == {
        ("shop.anew", "made anew"),
        ("shop.replaced", "made anew"),
    }
    holder.run("rollback")
    told = command(installed.dsn(OPERATOR), "rollback", "risk").stdout
    assert "select pgscore._add_profile('risk', 'shop.anew')" in told
    assert not any(re.search(rf"\b{number}\b", told) for number in numbers)
    # What is gone for good is cleared away by then; what is called otherwise is known by its name.
    assert shop.run("select schema_name, table_name from pgscore.model_profile where model = 'risk' order by 1, 2") == [
        ("moved", "elsewhere"),
        ("shop", "anew"),
        ("shop", "replaced"),
    ]
    assert "its profile table shop.dropped was dropped" not in _said(installed)
    assert pgscore.show_model(installed.dsn(), "risk").serving == 1

    # Given again by what the doctor says, or by publishing; forgotten by name, also without rights on the schema.
    shop.run(_said(installed)["shop.anew was dropped and made anew: its rows are scored slowly"])
    assert shop.value(_TYPED, "shop.anew") == 1
    assert _publish(installed, "anew") == 1
    told = command(installed.dsn(ANALYST), "forget", "risk", "replaced").stdout
    assert told == "risk has forgotten shop.replaced.\n"
    assert run_json(installed.dsn(OPERATOR), "forget", "risk", "Moved.Elsewhere")["table"] == "moved.elsewhere"
    assert pgscore.promote(installed.dsn(OPERATOR), "risk", 2).late == []
    for name, refusal in (
        ("replaced", pgscore.NotFoundError),
        ("shop.", pgscore.PgscoreError),
        ("shop.anew", pgscore.DeniedError),
    ):
        with pytest.raises(refusal):
            pgscore.forget_profile(installed.dsn(ANALYST), "risk", name)
    shop.run(
        "create schema other; grant usage on schema other to pgscore_owner; create table other.anew (like shop.anew)"
    )
    shop.run("select pgscore._add_profile('risk', 'other.anew')")
    with refused("42P08", 'model "risk" scores more than one table anew: other.anew, shop.anew', hint="schema"):
        shop.run("select pgscore._forget_profile('risk', 'anew')")


def test_a_restored_copy_goes_on_with_tables_of_other_numbers(installed: Database, shop: Session) -> None:
    shop.run("drop table shop.dropped cascade")
    shop.run("drop database if exists restored")
    shop.run("create database restored template template0")
    copy = installed.dsn().replace(f"/{installed.name}", "/restored")
    try:
        migrate.psql(copy, script=migrate.dump(installed.dsn()))
        done = pgscore.promote(copy, "risk", 2)
        assert (done.before, done.version, done.late) == (1, 2, [])
        assert pgscore.show_model(copy, "risk").profiles == ["shop.anew", "shop.renamed", "shop.replaced"]
        assert [each for each in examine(copy) if each.level == "error"] == []
    finally:
        shop.run("drop database restored with (force)")


def test_tables_made_anew_are_attached_again_and_count_each_event_once(installed: Database, shop: Session) -> None:
    shop.run("alter table shop.anew add column score float8; create table shop.bought (customer integer)")

    def attach() -> str:
        return pgscore.attach(
            *(installed.dsn(), "risk", "shop.bought", "shop.anew"),
            event_key="customer",
            profile_key="id",
            reducers=[{"column": "paid", "aggregate": "count"}],
            score="score",
        ).binding

    def counted() -> list[tuple[int, float | None]]:
        shop.run("insert into shop.bought values (7)")
        return shop.run("select paid, pgscore.score('risk', c) - score from shop.anew c where id = 7")

    shop.run("alter table shop.anew add primary key (id)")
    assert (attach(), counted()) == ("shop.bought", [(1, 0)])
    for events, table in ((2, "shop.anew"), (1, "shop.bought")):
        shop.run(f"drop table {table} cascade")
        if table == "shop.anew":
            shop.run(_MAKE.format("anew"))
            shop.run("alter table shop.anew add primary key (id), add column score float8")
        else:
            shop.run("create table shop.bought (customer integer)")
        assert (attach(), counted()) == ("shop.bought", [(events, 0)])
        assert shop.run("select name from pgscore.binding where profile = 'shop.anew'::regclass") == [("shop.bought",)]
        assert pgscore.promote(installed.dsn(OPERATOR), "risk", events).late == []
        shop.run("update shop.anew set score = null")


def test_invariant_7_a_row_without_a_name_stands_in_no_promotions_way(installed: Database, shop: Session) -> None:
    """A reader writes such a row by hand, and the table goes before anybody has seen it."""
    shop.run(f"create table shop.nameless (a integer); grant select on shop.nameless to {ANALYST}")
    shop.run(f"grant usage on schema shop to {ANALYST}")
    installed.session(ANALYST).run(
        "insert into pgscore.model_profile (model, profile) values ('risk', 'shop.nameless')"
    )
    shop.run("drop table shop.nameless cascade")
    assert not {each.code for each in examine(installed.dsn())} & {"check-failed"}
    assert pgscore.promote(installed.dsn(OPERATOR), "risk", 2).before == 1
    assert pgscore.rollback(installed.dsn(OPERATOR), "risk").version == 1
    assert "a table without a name" not in pgscore.show_model(installed.dsn(), "risk").dropped
