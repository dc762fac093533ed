"""Many bindings of the same two tables that act at the end of each statement: one trigger does the work of all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pgscore
import pytest
from sklearn.linear_model import LogisticRegression

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_INSERT = f'insert into {shop.EVENTS} (id, "Customer Id", amount)'
_RUNS = f"select tgname from pg_trigger where tgrelid = '{shop.EVENTS}'::regclass and tgname like '%%\\_run'"
_CALLS = "select calls from pg_stat_xact_user_functions where funcname = %s"


def _attach(session: Session, number: int, timing: str = "statement") -> None:
    shop.run_as_owner(
        session,
        f"alter table {shop.PROFILE} add if not exists counter_{number} bigint not null default 0,"
        f" add if not exists score_{number} float8, add if not exists version_{number} integer",
    )
    shop.run_as_owner(
        session,
        "select pgscore.attach(%s, %s, %s, 'Customer Id', 'id', %s, %s, %s, timing => %s, backfill => true)",
        *(f"many_{number}", shop.EVENTS, shop.PROFILE),
        json.dumps([{"column": f"counter_{number}", "aggregate": "count"}]),
        *(f"score_{number}", f"version_{number}", timing),
    )


def _detach(session: Session, number: int) -> None:
    shop.run_as_owner(session, "select pgscore.detach(%s, %s, %s)", shop.EVENTS, shop.PROFILE, f"many_{number}")


def _publish(shopping: Database, number: int, *inputs: str) -> None:
    frame = pd.DataFrame([[value] * len(inputs) for value in range(4)], columns=list(inputs)).astype(float)
    model = LogisticRegression().fit(frame, [0, 0, 1, 1])
    published = pgscore.publish(
        shopping.dsn(), f"many_{number}", model, profile=shop.PROFILE, golden=frame, promoted=True
    )
    assert published.problem is None


def _assert_right(session: Session, numbers: range, *, scored: bool = False) -> None:
    """Counters are right, and scores, and nothing is left in the queue."""
    for number in numbers:
        wrong = session.run(
            f"select c.id, c.counter_{number}, c.score_{number} from {shop.PROFILE} c"
            f' where c.counter_{number} <> (select count(*) from {shop.EVENTS} e where e."Customer Id" = c.id)'
            + f" or (abs(c.score_{number} - pgscore.score('many_{number}', c)) < 1e-12) is not true"
            * scored
        )
        assert wrong == [], number
    assert session.value(f"select count(*) from {shop.QUEUE}") == 0


def _assert_as_generated(session: Session) -> None:
    """All is as attach would make it now."""
    for check in ("_outdated_bindings()", "_doctor_functions()", "_doctor_triggers()", "_doctor_left_over()"):
        assert session.run(f"select * from pgscore.{check}") == [], check


def test_invariant_1_bindings_come_and_go(shopping: Database) -> None:
    session, worker = shopping.session(), shopping.session()
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    worker.run(f"{_INSERT} values (1, 1, 1), (2, 2, 1), (3, 1, 1)")
    for number in range(6):
        _attach(session, number)
        assert session.run(_RUNS) == ([("~pgscore_Order Lines_run",)] if number > 3 else [])
        # An open session follows, with one event and with several.
        worker.run(f"{_INSERT} values ({10 + 3 * number}, 1, 1)")
        worker.run(f"{_INSERT} values ({11 + 3 * number}, 1, 1), ({12 + 3 * number}, 2, 1)")
        _assert_right(session, range(number + 1))
        if number in (3, 5):
            _assert_as_generated(session)
    # The trigger has the name of the first binding: it gets another one, and goes when few are left.
    first = session.value("select event_prefix from pgscore.binding where model = 'many_1'")
    _detach(session, 0)
    assert session.run(_RUNS) == [(f"~{first[1:]}_run",)]
    worker.run(f'update {shop.EVENTS} set "Customer Id" = 2 where id in (1, 10)')
    _assert_right(session, range(1, 6))
    _attach(session, 5, "commit")
    assert session.run(_RUNS) == []
    worker.run(f"delete from {shop.EVENTS} where id in (2, 10)")
    worker.run(f"{_INSERT} values (40, 1, 1)")
    _assert_right(session, range(1, 6))
    _assert_as_generated(session)
    _attach(session, 5)
    worker.run(f"truncate {shop.EVENTS}")
    worker.run(f"{_INSERT} values (41, 1, 1), (42, 2, 1)")
    _assert_right(session, range(1, 6))
    for number in range(1, 6):
        _detach(session, number)
    worker.run(f"{_INSERT} values (43, 1, 1)")
    names = f"select tgname from pg_trigger where tgrelid = '{shop.EVENTS}'::regclass and tgname ~ 'pgscore'"
    assert session.run(names) == []
    left = "select proname from pg_proc where pronamespace = '\"Shop\"'::regnamespace"
    assert session.run(left) == []


def test_the_last_of_a_pair_of_tables_takes_its_trigger_along(shopping: Database) -> None:
    session = shopping.session()
    shop.run_as_owner(
        session, f'create table "Shop".calls (caller bigint); alter table {shop.PROFILE} add more double precision'
    )
    shop.attach(session, reducers=[{"column": "n", "aggregate": "count"}])
    for number in range(5):
        _attach(session, number)
    shop.run_as_owner(
        session,
        "select pgscore.attach('more', '\"Shop\".calls', %s, 'caller', 'id', %s, 'more')",
        *(shop.PROFILE, '[{"column": "pieces", "aggregate": "count"}]'),
    )
    gone = shop.run_as_owner(session, "select * from pgscore.detach(%s, %s)", shop.EVENTS, shop.PROFILE)
    assert ("trigger", f'"~{session_prefix(gone)}_run" on {shop.EVENTS}') in gone
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    session.run(f"{_INSERT} values (1, 1, 1)")
    session.run('insert into "Shop".calls values (1)')
    assert session.value(f"select pieces from {shop.PROFILE}") == 1
    _assert_as_generated(session)


def session_prefix(gone: list[tuple[str, str]]) -> str:
    """What the name of the trigger that has gone begins with."""
    (name,) = [each for kind, each in gone if kind == "trigger" and '_run" on' in each]
    return name.removeprefix('"~').partition('_run"')[0]


@pytest.mark.parametrize("events", [1, 20])
def test_a_statement_asks_each_model_once(shopping: Database, events: int) -> None:
    session = shopping.session()
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i from generate_series(1, 20) i')
    for number in range(6):
        _attach(session, number)
        _publish(shopping, number, "Age", f"counter_{number}")
    session.run("begin; set local track_functions = 'all'")
    session.run(f"{_INSERT} select i, i, 1 from generate_series(1, {events}) i")
    assert session.run(_CALLS, "_pgscore_Customer_apply") == [(1,)]
    # Many rows by one call, and then no trigger scores them again; that for one row is run once, not by each binding.
    assert session.run(_CALLS, "_pgscore_Customer_score") == ([(1,)] if events == 1 else [])
    assert session.run(_CALLS, "many_3 rows") == ([(1,)] if events > 1 else [])
    session.run("commit")
    for number in range(6):
        assert session.value(f"select count(*) from {shop.PROFILE} where counter_{number} = 1") == events
        wrong = (
            f"select id from {shop.PROFILE} c"
            f" where counter_{number} = 1 and abs(score_{number} - pgscore.score('many_{number}', c)) > 1e-12"
        )
        assert session.run(wrong) == []


def test_invariant_2_what_is_counted_at_attach_is_scored_by_the_models_that_read_it(shopping: Database) -> None:
    session = shopping.session()
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i from generate_series(1, 20) i')
    session.run(f"{_INSERT} select i, i, 1 from generate_series(1, 20) i")
    for number in range(2):
        _attach(session, number, "commit")
    shop.run_as_owner(session, f"alter table {shop.PROFILE} add counter_2 bigint not null default 0")
    # The first reads what the last one will count; the second does not.
    _publish(shopping, 0, "counter_0", "counter_2")
    _publish(shopping, 1, "counter_1")
    session.run(f"update {shop.PROFILE} set counter_0 = counter_0 + 1, counter_1 = counter_1 + 1")
    session.run(f"update {shop.PROFILE} set counter_0 = counter_0 - 1, counter_1 = counter_1 - 1")
    session.run("begin; set local track_functions = 'all'")
    _attach(session, 2, "commit")
    assert session.run(_CALLS, "many_0 rows") == [(1,)]
    assert session.run(_CALLS, "many_1 rows") == []
    session.run("commit")
    _assert_right(session, range(2), scored=True)
    assert session.value(f"select min(counter_2) from {shop.PROFILE}") == 1
