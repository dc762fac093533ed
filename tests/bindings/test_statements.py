"""One statement that does several things at once: MERGE, ON CONFLICT, writable CTEs, cascades; and partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.database import refused

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COLUMNS = '(id, "Customer Id", "Kind", rush, amount, pieces, weight, at)'
_EVENTS = f"""
    insert into {shop.EVENTS} {_COLUMNS} values
    (1, 1, 'billing', true, 5, 2, 1e16, 3), (2, 1, null, false, 2, 1, 0.1, 4), (3, 2, 'other', false, null, 4, 0.2,
    null), (4, 3, 'billing', true, 1, 7, 0.3, 9),
    (5, 8, null, false, 6, 1, 0.4, 2), (6, null, 'other', true, 1, 1, 1, 1)
"""
_REKEY = "a profile's key changes"
_STATEMENTS = {
    "merge with three arms": f"""
        merge into {shop.EVENTS} e
        using (values (1, 2, 4), (2, 1, 7), (3, 2, 0), (20, 1, 3), (21, 8, 2)) v (id, who, amount) on e.id = v.id
        when matched and v.amount = 0 then delete
        when matched and v.amount = 7 then do nothing
        when matched then update set "Customer Id" = v.who, amount = v.amount, weight = 0.7
        when not matched then insert (id, "Customer Id", amount, weight, at)
            values (v.id, v.who, v.amount, v.amount / 10.0, 5)
    """,
    "merge into profiles": f"""
        merge into {shop.PROFILE} p using (values (1, 0), (2, 6), (8, 3), (9, 3)) v (id, age) on p.id = v.id
        when matched and v.age = 0 then delete
        when matched then update set "Age" = v.age
        when not matched then insert (id, "Age") values (v.id, v.age)
    """,
    "on conflict do update": f"""
        insert into {shop.EVENTS} {_COLUMNS}
        values (1, 2, null, false, 9, 9, 0.9, 9), (30, 1, 'billing', true, 4, 4, 0.4, 4),
            (31, 2, 'x', false, 1, 1, 0.1, 0)
        on conflict (id) do update set "Customer Id" = excluded."Customer Id", amount = 1, weight = 0.5, at = null
    """,
    "on conflict that deletes nothing": f"""
        insert into {shop.EVENTS} (id, "Customer Id") values (1, 2), (2, 2)
        on conflict (id) do update set amount = 3 where excluded."Customer Id" = 5
    """,
    "profile and events, other events go": f"""
        with made as (insert into {shop.PROFILE} (id, n) values (8, 77) returning id),
            gone as (delete from {shop.EVENTS} where id in (1, 4) returning id)
        insert into {shop.EVENTS} (id, "Customer Id", amount, weight) select 40, id, 3, 0.3 from made
    """,
    "events and profile, others move to it": f"""
        with come as (insert into {shop.EVENTS} (id, "Customer Id", weight) values (41, 8, 0.2), (42, 1, 0.4)),
            moved as (update {shop.EVENTS} set "Customer Id" = 8, at = 7 where id in (1, 3)),
            gone as (delete from {shop.EVENTS} where id = 2)
        insert into {shop.PROFILE} (id) values (8), (9)
    """,
    "events go, and come again": f"""
        with gone as (delete from {shop.EVENTS} returning *)
        insert into {shop.EVENTS} {_COLUMNS}
        select 100 + id, "Customer Id", "Kind", rush, amount, pieces, weight, at from gone
    """,
    "profile goes, and comes under another key": f"""
        with gone as (delete from {shop.PROFILE} where id = 1 returning *)
        insert into {shop.PROFILE} (id, "Age", n) select 8, "Age", n from gone
    """,
    _REKEY: f"""
        with away as (update {shop.EVENTS} set "Customer Id" = 3 where "Customer Id" = 8)
        update {shop.PROFILE} set id = 11 - id where id in (3)
    """,
    "truncate of both": f"truncate {shop.EVENTS}, {shop.PROFILE}",
    "key of events and what they bring": f"""
        update {shop.EVENTS} set "Customer Id" = 3 - "Customer Id", amount = amount * 2, rush = not rush, at = -at,
            weight = -weight
        where "Customer Id" in (1, 2)
    """,
    "a function with many statements": """
        do $$
        begin
            for customer in 1 .. 4 loop
                insert into "Shop"."Order Lines" (id, "Customer Id", weight) values (50 + customer, customer, 0.1);
                update "Shop"."Order Lines" set weight = 0.4, "Customer Id" = 2 where id = 50 + customer;
                insert into "Shop"."Customer" (id) values (6 + customer);
                insert into "Shop"."Order Lines" (id, "Customer Id", weight) values (60 + customer, 6 + customer, 0.1);
                delete from "Shop"."Order Lines" where id = 49 + customer;
            end loop;
        end $$
    """,
}
_TIMINGS = ["commit", "statement", "immediate"]
_TOGETHER = "together"


def _build(
    request: pytest.FixtureRequest,
    timing: str,
    reducers: int = len(shop.REDUCERS),
    **tables: Any,  # noqa: ANN401
) -> Session:
    """The shop, whose model serves by its program: nothing here has to load scikit-learn."""
    odd = any(tables.values())
    database: Database = request.getfixturevalue("serving" if odd else "shopping")
    session = database.session()
    if odd:
        shop.build(session, **tables)
    if timing == _TOGETHER:
        shop.attach_together(session, timing="statement")
    else:
        shop.attach(
            session, reducers=shop.REDUCERS[:reducers], timing="statement" if timing == "statement" else "commit"
        )
    if odd:
        shop.publish(database.dsn(), None)
    return session


# The first four are added up without a look at the events, and have a shorter way.
@pytest.mark.parametrize(
    ("timing", "partitioned", "reducers"),
    [
        *((timing, *tables) for timing in _TIMINGS for tables in ((False, 8), (True, 8), (False, 4))),
        # By many bindings, whose work a trigger of its own does after all of theirs; on partitions each does its own.
        *((_TOGETHER, False, 8), (_TOGETHER, True, 8)),
    ],
)
def test_invariants_1_and_2_one_statement_that_does_several_things(
    request: pytest.FixtureRequest, timing: str, reducers: int, *, partitioned: bool
) -> None:
    session = _build(request, timing, reducers, partitioned=partitioned, profile_partitioned=partitioned)
    for name, statement in _STATEMENTS.items():
        session.run(f"truncate {shop.EVENTS}, {shop.PROFILE}")
        session.run(f"insert into {shop.PROFILE} (id) values (1), (2), (3)")
        session.run(_EVENTS)
        session.run("begin")
        if timing == "immediate":
            session.run("set constraints all immediate")
        session.run(statement)
        try:
            # At the end of a statement a changed key has not been counted yet.
            if timing == "immediate" or (timing != "commit" and name != _REKEY):
                shop.assert_right(session, in_flight=timing != "immediate", reducers=reducers)
            session.run("commit")
            shop.assert_right(session, reducers=reducers)
        except AssertionError as error:
            error.add_note(name)
            raise


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_invariant_1_a_partition_that_is_added_later(request: pytest.FixtureRequest, timing: str) -> None:
    """Until the tables are tied again it tells only what goes through its parent."""
    session = _build(request, timing, partitioned=True)
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    session.run('alter table "Shop".high rename to higher')
    session.run(f'alter table {shop.EVENTS} detach partition "Shop".higher')
    session.run(
        f"""
        set role {shop.OWNER};
        create table "Shop".high partition of {shop.EVENTS} for values from (50) to (maxvalue) partition by hash (id);
        create table "Shop".half partition of "Shop".high for values with (modulus 2, remainder 0);
        create table "Shop".other partition of "Shop".high for values with (modulus 2, remainder 1);
        reset role
        """
    )
    session.run(_EVENTS.replace("(4, 3", "(60, 2"))
    assert shop.assert_right(session) == 2
    shop.reattach(session)
    for statement in (
        'insert into "Shop".high (id, "Customer Id", amount) values (70, 1, 2), (71, 2, 3), (72, 1, 1)',
        """do $$ begin
            if exists (select from "Shop".half where id = 70) then
                insert into "Shop".half (id, "Customer Id", weight) select 70 + n, 1, 0.5 from generate_series(0, 0) n
                on conflict do nothing;
            end if;
        end $$""",
        'update "Shop".half set "Customer Id" = 3 - "Customer Id"',
        'update "Shop".other set "Customer Id" = 3 - "Customer Id"',
        'delete from "Shop".half',
        'truncate "Shop".other',
    ):
        session.run(statement)
        assert shop.assert_right(session) == 2, statement


@pytest.mark.parametrize(
    ("timing", "partitioned"), [*((timing, True) for timing in _TIMINGS), ("statement", False), (_TOGETHER, False)]
)
def test_invariant_1_cascades(request: pytest.FixtureRequest, timing: str, *, partitioned: bool) -> None:
    cascading = f"references {shop.PROFILE} on delete cascade on update cascade"
    session = _build(request, timing, partitioned=partitioned, foreign_key=cascading)
    for statement in (
        f"insert into {shop.PROFILE} (id) values (1), (2), (3), (8)",
        _EVENTS,
        f"update {shop.PROFILE} set id = id + 10",
        f'update {shop.PROFILE} set id = id - 5, "Age" = 4 where id = 11',
        f'with moved as (update {shop.EVENTS} set "Customer Id" = 12 where id = 4)'
        f" update {shop.PROFILE} set id = 20 where id = 18",
        f"delete from {shop.PROFILE} where id in (6, 20)",
    ):
        session.run("begin")
        if timing == "immediate":
            session.run("set constraints all immediate")
        session.run(statement)
        session.run("commit")
        assert shop.assert_right(session) > 1, statement
    assert session.run(f'select id, "Customer Id" from {shop.EVENTS} order by 1') == [(3, 12), (4, 12), (6, None)]


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_a_partitioned_profile_table(request: pytest.FixtureRequest, timing: str) -> None:
    """Also through its partitions, and where a changed key moves a row to another one."""
    session = _build(request, timing, profile_partitioned=True)
    session.run(_EVENTS)
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 3)")
    assert shop.assert_right(session) == 3
    for statement in (
        f"update {shop.PROFILE} set id = id + 5",
        'update "Shop".profile_0 set "Age" = 9',
        'update "Shop".profile_1 set "Age" = 8',
        f"delete from {shop.PROFILE} where id = 8",
        'do $$ begin for n in 1 .. 9 loop begin insert into "Shop".profile_0 (id) values (n);'
        " exception when check_violation or unique_violation then null; end; end loop; end $$",
        f'insert into {shop.EVENTS} (id, "Customer Id", amount) select 100 + n, n, n from generate_series(1, 9) n',
        'delete from "Shop".profile_0',
        'truncate "Shop".profile_1',
    ):
        session.run(statement)
        shop.assert_right(session)


def test_on_missing_insert_with_constraints_that_are_immediate(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(session, on_missing="insert")
    session.run("begin")
    session.run("set constraints all immediate")
    session.run(_EVENTS)
    assert shop.assert_right(session) == 4
    session.run(_STATEMENTS["merge with three arms"])
    assert shop.assert_right(session) == 4
    session.run("savepoint s")
    session.run(f"delete from {shop.PROFILE}")
    session.run(f'update {shop.EVENTS} set "Customer Id" = 7')
    assert shop.assert_right(session) == 1
    session.run("rollback to s")
    assert shop.assert_right(session) == 4
    session.run("commit")
    assert shop.assert_right(session) == 4


@pytest.mark.parametrize("end", ["commit prepared", "rollback prepared"])
def test_a_prepared_transaction_holds_what_it_did(shopping: Database, end: str) -> None:
    first, second = shopping.session(), shopping.session()
    shop.attach(first, on_missing="insert")
    first.run("begin")
    first.run(_EVENTS)
    first.run("savepoint s")
    first.run(f"delete from {shop.EVENTS}")
    first.run("rollback to s")
    first.run("prepare transaction 'shop'")
    assert shop.assert_right(second) == 0
    second.run("set lock_timeout = '50ms'")
    with refused("55P03", "canceling statement due to lock timeout"):
        second.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (99, 1)')
    second.run(f"{end} 'shop'")
    assert shop.assert_right(second) == (4 if end == "commit prepared" else 0)


@pytest.mark.parametrize("timing", [*_TIMINGS, _TOGETHER])
def test_many_rows_are_scored_and_logged_once(request: pytest.FixtureRequest, timing: str) -> None:
    session = _build(request, timing)
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2), (3)")
    logged = "select count(*) from pgscore.prediction_log where model = 'shop'"
    before = session.value(logged)
    session.run("begin")
    if timing == "immediate":
        session.run("set constraints all immediate")
    session.run(_EVENTS)
    session.run("commit")
    assert session.value(logged) == before + 3
    assert shop.assert_right(session) == 3


def test_on_missing_error_with_constraints_that_are_immediate(shopping: Database) -> None:
    session = shopping.session()
    shop.attach(session, on_missing="error")
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    session.run("begin")
    session.run("set constraints all immediate")
    session.run("savepoint s")
    with refused("23503", "which events of"):
        session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 2)')
    session.run("rollback to s")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 1)')
    session.run("commit")
    assert shop.assert_right(session) == 1
