"""Several bindings at once: of two event tables, of two models, and one of them detached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pgscore
import pytest
from sklearn.linear_model import LogisticRegression

from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_GIVEN: dict[str, Any] = {
    "model": "shop",
    "events": shop.EVENTS,
    "profile": shop.PROFILE,
    "event_key": "Customer Id",
    "profile_key": "id",
    "reducers": [{"column": "n", "aggregate": "count"}],
    "score": "Score",
}
_ATTACH = f"select pgscore.attach({', '.join(f'{name} => %s' for name in _GIVEN)})"
_GENERATED = """
    select o.name from (
        select proname as name, pronamespace as space from pg_proc
        union all select relname, relnamespace from pg_class where relkind = 'r'
    ) o where o.space = '"Shop"'::regnamespace and o.name ~ '^_pgscore_' order by 1
"""


def _attach(session: Session, **changed: object) -> str:
    given = {**_GIVEN, **changed}
    given["reducers"] = json.dumps(given["reducers"])
    ((name,),) = shop.run_as_owner(session, _ATTACH, *given.values())
    return str(name)


def test_two_event_tables_and_two_models_on_one_profile(shopping: Database, key: Path) -> None:
    session = shopping.session()
    session.run(
        f"""
        set role {shop.OWNER};
        create table "Shop".visits (id integer primary key, who integer);
        create index on "Shop".visits (who);
        alter table {shop.PROFILE} add column visits bigint not null default 0, add column second double precision;
        reset role;
        """
    )
    frame = pd.DataFrame({"visits": [0, 1, 2, 3], "n": [3, 1, 0, 2]})
    second = LogisticRegression().fit(frame, [0, 0, 1, 1])
    pgscore.publish(shopping.dsn(), "second", second, profile=shop.PROFILE, golden=frame, key=key, promoted=True)
    visits = {"events": '"Shop".visits', "event_key": "who", "score": "second"}
    shop.attach(session)
    _attach(session, model="second", reducers=[{"column": "visits", "aggregate": "count"}], **visits)
    with refused("22023", 'already scores table "Shop"."Customer" into column "Score"'):
        _attach(session, **visits)
    stored = f"select id, n, visits, second from {shop.PROFILE} order by id"

    def check(*expected: tuple[int, int, int]) -> None:
        rows = session.run(stored)
        assert [row[:3] for row in rows] == list(expected)
        frame = pd.DataFrame([(visits, n) for _, n, visits, _ in rows], columns=["visits", "n"])
        assert [row[3] for row in rows] == pytest.approx(second.predict_proba(frame)[:, 1].tolist(), abs=1e-12)

    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    session.run("begin")
    session.run('insert into "Shop".visits values (1, 1), (2, 1), (3, 2)')
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 1, 2)')
    session.run('delete from "Shop".visits where id = 2')
    session.run("commit")
    check((1, 1, 1), (2, 0, 1))
    shop.assert_right(session)
    # A counter that one binding moves is an input of both models.
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (2, 1, 2)')
    check((1, 2, 1), (2, 0, 1))
    shop.assert_right(session)

    shop.detach(session)
    session.run('insert into "Shop".visits values (5, 1)')
    session.run(f"insert into {shop.PROFILE} (id) values (3)")
    check((1, 2, 2), (2, 0, 1), (3, 0, 0))
    shop.run_as_owner(session, "select pgscore.detach('\"Shop\".visits', %s)", shop.PROFILE)
    left = "select count(*) from pg_trigger where tgname ~ '^~?pgscore' and tgrelid = %s::regclass"
    assert session.value(left, shop.PROFILE) == 0


def test_an_event_table_that_was_dropped_while_it_was_attached(owner: Session) -> None:
    """Until another one is attached again or detached, profiles cannot be inserted; then nothing is left of it."""
    owner.run(f'set role {shop.OWNER}; create table "Shop".visits (id integer primary key, who integer)')
    owner.run(f"alter table {shop.PROFILE} add column visits bigint not null default 0, add column visited float8")
    owner.run("reset role")
    _attach(
        owner,
        model="visits",
        events='"Shop".visits',
        event_key="who",
        reducers=[{"column": "visits", "aggregate": "count"}],
        score="visited",
    )
    owner.run(f"drop table {shop.EVENTS}")
    shop.run_as_owner(owner, "select pgscore.reattach('\"Shop\".visits', %s)", shop.PROFILE)
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    owner.run('insert into "Shop".visits values (1, 1)')
    assert owner.value(f"select visits from {shop.PROFILE}") == 1
    shop.run_as_owner(owner, "select pgscore.detach('\"Shop\".visits', %s)", shop.PROFILE)
    owner.run(f"insert into {shop.PROFILE} (id) values (2)")
    assert owner.value("select to_regclass(%s)", shop.QUEUE) is None
    assert owner.value("select count(*) from pgscore.binding where model in ('shop', 'visits')") == 0
    left = "select count(*) from pg_trigger where tgname ~ 'pgscore' and tgrelid = %s::regclass"
    assert owner.value(left, shop.PROFILE) == 0
    assert owner.run(_GENERATED) == []


def test_a_model_that_is_published_after_it_was_attached(serving: Database, key: Path) -> None:
    session = serving.session()
    shop.build(session)
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    shop.attach(session)
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (1, 1, 2)')
    assert session.row(f'select n, "Score" from {shop.PROFILE}') == (1, None)
    shop.publish(serving.dsn(), key, profile=None)
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (2, 1, 2)')
    assert shop.assert_right(session) == 1


def test_detach_of_one_model_of_several_and_of_one_binding_by_its_name(owner: Session) -> None:
    owner.run(f"alter table {shop.PROFILE} add column seen bigint not null default 0, add column later float8")
    named = _attach(owner, model="later", reducers=[{"column": "seen", "aggregate": "count"}], score="later")
    owner.run(f"insert into {shop.PROFILE} (id) values (1)")
    event = f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (%s, 1, 2)'
    owner.run(event, 1)
    with refused("42704", 'is not attached to "Shop"."Customer" for model "other"'):
        shop.run_as_owner(owner, "select pgscore.detach(%s, %s, 'other')", shop.EVENTS, shop.PROFILE)
    gone = shop.run_as_owner(owner, "select * from pgscore.detach(%s, %s, 'shop')", shop.EVENTS, shop.PROFILE)
    assert gone[0] == ("binding", shop.EVENTS)
    # Those of the other binding, and what both shared, stay.
    assert {kind for kind, _ in gone} == {"binding", "trigger", "function"}
    assert {name for kind, name in gone if kind == "trigger"} == {
        f'"pgscore_Order Lines_{each}" on {shop.EVENTS}' for each in ("insert", "update", "delete", "truncate")
    }
    owner.run(event, 2)
    assert owner.row(f"select n, seen from {shop.PROFILE}") == (1, 2)
    with refused("42704", "there is no binding nothing", hint="select name from pgscore.binding"):
        shop.run_as_owner(owner, "select pgscore.detach('nothing')")
    assert ("table", shop.QUEUE) in shop.run_as_owner(owner, "select * from pgscore.detach(%s::text)", named)
    assert owner.run(_GENERATED) == []
    owner.run(event, 3)
    assert owner.row(f"select n, seen from {shop.PROFILE}") == (1, 2)


def test_one_that_does_not_fit_its_tables_any_more_beside_another(owner: Session) -> None:
    """What they share cannot be made anew without it: a sentence says which, and both go together."""
    owner.run(f'set role {shop.OWNER}; create table "Shop".visits (id integer primary key, who integer, at integer)')
    owner.run(f"alter table {shop.PROFILE} add column visits bigint not null default 0, add column visited float8")
    owner.run("reset role")
    count = [{"column": "visits", "aggregate": "count", "where": {"at": 1}}]
    _attach(owner, model="visits", events='"Shop".visits', event_key="who", reducers=count, score="visited")
    owner.run('alter table "Shop".visits drop column at')
    problem = 'table "Shop".visits has no column "at" to filter by'
    together = f"select * from pgscore.detach(array['{shop.EVENTS}', '\"Shop\".visits'])"
    with refused("55000", f'the binding "Shop".visits does not fit its tables any more: {problem}', hint=together):
        shop.detach(owner)
    with refused("55000", f"too, does not fit its tables any more: {problem}", hint="or detach both"):
        shop.reattach(owner)
    with refused(
        "42703", f'the binding of "Shop".visits does not fit its tables any more: {problem}', hint="Mend that"
    ):
        owner.run('insert into "Shop".visits values (1, 1)')
    assert owner.run(_GENERATED) != []
    shop.run_as_owner(owner, together)
    assert owner.run(_GENERATED) == []
    assert owner.value("select count(*) from pgscore.binding where model in ('shop', 'visits')") == 0


_HALF_GONE = [
    f"drop table {shop.QUEUE} cascade",
    f"drop trigger pgscore_commit on {shop.QUEUE}",
    f'drop function "Shop"."_pgscore_Customer_apply"({shop.QUEUE}[]), "Shop"."_pgscore_Order Lines_insert"() cascade',
    f"alter table {shop.PROFILE} drop column n",
    f"drop table {shop.EVENTS} cascade; create view {shop.EVENTS} as select 1 as id",
    f"drop table {shop.PROFILE}, {shop.EVENTS} cascade",
    'drop schema "Shop" cascade',
]


def test_detach_of_what_is_half_gone(owner: Session) -> None:
    left = "select count(*) from pg_trigger where tgname ~ '^~?pgscore_' and tgrelid::regclass::text ~ 'Shop'"
    for broken in _HALF_GONE:
        owner.run("begin")
        owner.run(f"set role {shop.OWNER}; {broken}; reset role")
        gone = shop.run_as_owner(owner, "select * from pgscore.detach(%s::text)", shop.EVENTS)
        assert gone[0] == ("binding", shop.EVENTS), broken
        assert owner.value(left) == 0, broken
        assert "schema" in broken or owner.run(_GENERATED) == [], broken
        owner.run("rollback")
