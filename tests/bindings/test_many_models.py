"""Many models on one profile table: right, and no dearer than one of them so many times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pgscore
import pytest
from sklearn.linear_model import LogisticRegression

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

# What each of some models counts, with what GROUP BY says of it: of each kind, so that rows are found in each way.
_KINDS: list[tuple[dict[str, Any], str, str]] = [
    ({"aggregate": "count"}, "bigint not null default 0", "count(e.id)"),
    ({"aggregate": "sum", "of": "amount"}, "numeric not null default 0", "coalesce(sum(e.amount), 0)"),
    ({"aggregate": "min", "of": "amount"}, "numeric", "min(e.amount)"),
    ({"aggregate": "count", "where": {"rush": True}}, "bigint not null default 0", "count(e.id) filter (where e.rush)"),
    ({"aggregate": "sum", "of": "weight"}, "float8 not null default 0", "coalesce(sum(e.weight), 0)"),
    (
        {"aggregate": "last", "of": "Kind", "order_by": "at"},
        "text",
        '(array_agg(e."Kind" order by e.at desc nulls last, e.id desc))[1]',
    ),
]
_HELD = """
    select sum(total_bytes - free_bytes)::bigint from pg_backend_memory_contexts
    where name in ('CachedPlan', 'CachedPlanSource', 'CachedPlanQuery', 'PL/pgSQL function')
"""
_GENERATED = (
    "select coalesce(sum(calls), 0)::integer from pg_stat_xact_user_functions where funcname = '_profile_functions'"
)
_INSERT = f'insert into {shop.EVENTS} (id, "Customer Id", amount, weight, "Kind", rush, at)'


def _publish(shopping: Database, number: int, counter: str | None = None) -> None:
    """A model of its own counter, if that is a number, and of the column `Age`; it needs no signature."""
    inputs = ["Age"] if counter is None else ["Age", counter]
    frame = pd.DataFrame([[value + number % 3] * len(inputs) for value in range(4)], columns=inputs).astype(float)
    model = LogisticRegression().fit(frame, [0, 1, 0, 1] if number % 2 else [0, 0, 1, 1])
    published = pgscore.publish(
        shopping.dsn(), f"many_{number}", model, profile=shop.PROFILE, golden=frame, promoted=True
    )
    assert published.problem is None


def _attach(session: Session, number: int, kind: int, timing: str = "commit") -> None:
    reducer, column, _ = _KINDS[kind]
    session.run(f"set role {shop.OWNER}")
    session.run(
        f"alter table {shop.PROFILE} add counter_{number} {column}, add score_{number} float8,"
        f" add version_{number} integer"
    )
    session.run("reset role")
    _tie(session, number, {"column": f"counter_{number}", **reducer}, timing)


def _tie(session: Session, number: int, reducer: dict[str, Any], timing: str) -> None:
    shop.run_as_owner(
        session,
        "select pgscore.attach(%s, %s, %s, 'Customer Id', 'id', %s, %s, %s, timing => %s)",
        *(f"many_{number}", shop.EVENTS, shop.PROFILE, json.dumps([reducer])),
        *(f"score_{number}", f"version_{number}", timing),
    )


def _assert_right(session: Session, numbers: range) -> None:
    """Holds invariants 1 and 2 for each of the models."""
    for number in numbers:
        oracle = _KINDS[number % len(_KINDS)][2]
        wrong = session.run(
            f"""
            select c.id, c.counter_{number}, o.counter, c.score_{number}, c.version_{number}
            from {shop.PROFILE} c join (
                select c.id, {oracle} as counter from {shop.PROFILE} c
                left join {shop.EVENTS} e on e."Customer Id" = c.id group by c.id
            ) o using (id)
            where c.counter_{number} is distinct from o.counter
                or (abs(c.score_{number} - pgscore.score('many_{number}', c)) < 1e-12) is not true
                or c.version_{number} is distinct from 1
            """
        )
        assert wrong == [], number
    assert session.value("select count(*) from pgscore.stale_row") == 0
    assert session.value(f"select count(*) from {shop.QUEUE}") == 0


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_invariants_1_and_2_with_six_models_of_all_kinds_of_reducers(shopping: Database, timing: str) -> None:
    session = shopping.session()
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i from generate_series(1, 5) i')
    models = range(len(_KINDS))
    for number in models:
        _attach(session, number, number, timing)
    # Attached before anything is published: functions are there to be called, and give nothing.
    worker = shopping.session()
    worker.run(f"{_INSERT} values (1, 1, 3, 0.5, 'a', true, 1), (2, 2, 5, 1.5, 'b', false, 2)")
    worker.run(f"{_INSERT} values (3, 1, 1, 0.25, 'c', true, 3)")
    assert worker.row(f"select counter_0, counter_2, score_0, version_5 from {shop.PROFILE} where id = 1") == (
        *(2, 1),
        *(None, None),
    )
    assert worker.value("select count(*) from pgscore.stale_row") == 0
    for number in models:
        # An open session scores with what is promoted meanwhile.
        _publish(shopping, number, None if _KINDS[number][1] in ("text", "numeric") else f"counter_{number}")
    worker.run(f"{_INSERT} select 10 + i, 1 + i % 5, i, i, 'd', i % 2 = 0, i from generate_series(1, 20) i")
    _assert_right(worker, models)
    worker.run(f"{_INSERT} values (40, 3, 0, 0.125, 'e', true, 90)")
    _assert_right(worker, models)
    worker.run("begin")
    worker.run(f"{_INSERT} values (41, 3, -1, 0.125, 'f', true, 91), (42, 4, -1, 2, 'g', false, 92)")
    worker.run(f'update {shop.EVENTS} set amount = amount + 1, "Customer Id" = 5 where id in (11, 13)')
    worker.run(f"delete from {shop.EVENTS} where id in (12, 41)")
    worker.run(f'insert into {shop.PROFILE} (id, "Age") values (6, 2)')
    worker.run(f"{_INSERT} values (43, 6, 7, 0.125, 'h', true, 93)")
    worker.run("commit")
    _assert_right(worker, models)
    # What only one of them reads, and what all do.
    worker.run(f"update {shop.PROFILE} set counter_0 = counter_0 + 1, counter_1 = counter_1 where id = 2")
    worker.run(f"update {shop.PROFILE} set counter_0 = counter_0 - 1 where id = 2")
    worker.run(f'update {shop.PROFILE} set "Age" = "Age" + 3')
    _assert_right(worker, models)
    # One that is gone is called by nothing any more.
    shop.run_as_owner(session, "select pgscore.detach(%s, %s, 'many_3')", shop.EVENTS, shop.PROFILE)
    session.run("select pgscore._drop_profile('many_3', %s)", shop.PROFILE)
    assert session.run("select proname from pg_proc where proname like 'many\\_3 r%'") == []
    worker.run(f"{_INSERT} values (50, 4, 2, 0.5, 'i', false, 94), (51, 5, 2, 0.5, 'j', true, 95)")
    _assert_right(worker, range(3))


def test_memory_grows_with_models_and_not_with_their_square(shopping: Database) -> None:
    session = shopping.session()
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i from generate_series(1, 30) i')
    held: list[int] = []
    generated: list[int] = []
    for number in range(18):
        session.run(f"set role {shop.OWNER}")
        session.run(
            f"alter table {shop.PROFILE} add counter_{number} bigint not null default 0, add score_{number} float8,"
            f" add version_{number} integer"
        )
        session.run("reset role")
        _publish(shopping, number, f"counter_{number}")
        session.run("begin")
        session.run("set local track_functions = 'all'")
        before = session.value(_GENERATED)
        _tie(session, number, {"column": f"counter_{number}", "aggregate": "count"}, "commit")
        # With what transactions before have not handed over yet.
        generated.append(session.value(_GENERATED) - before)
        session.run("commit")
        if number in (5, 11, 17):
            worker = shopping.session()
            # Of one profile, and of many.
            for events in (1, 20):
                worker.run(
                    f'insert into {shop.EVENTS} (id, "Customer Id")'
                    f" select {number * 1000 + events * 30} + i, i from generate_series(1, {events}) i"
                )
            held.append(worker.value(_HELD))
            worker.close()
    # What others score is not written anew.
    assert generated == [1] * 18
    six, twelve, eighteen = held
    assert eighteen - twelve < 1.1 * (twelve - six), held
