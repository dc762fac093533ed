"""Several sessions at once: named steps, and random transactions in all isolation levels."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.database import wait_until_blocked

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_EVENT = f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) values (%s, %s, 5, %s)'
_LEVELS = ("read committed", "repeatable read", "serializable")


@pytest.fixture
def three(shopping: Database, owner: Session) -> tuple[Session, Session, Session]:
    """Two applications and somebody who looks on; customers 1 to 6."""
    owner.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 6)")
    return shopping.session(), shopping.session(), owner


def test_invariant_1_a_profile_and_its_event_come_at_the_same_time(three: tuple[Session, Session, Session]) -> None:
    """Neither transaction sees what the other brings; the later one to commit waits, and then does."""
    first, second, observer = three
    for event_commits_first in (True, False):
        customer = 20 + event_commits_first
        first.run("begin")
        first.run(_EVENT, customer, customer, 1)
        second.run("begin")
        second.run(f"insert into {shop.PROFILE} (id) values (%s)", customer)
        early, late = (first, second) if event_commits_first else (second, first)
        early.run("set constraints all immediate")
        committing = late.start("commit")
        wait_until_blocked(observer, late.pid, by=early.pid)
        early.run("commit")
        committing.result()
        assert observer.value(f"select n from {shop.PROFILE} where id = %s", customer) == 1
    assert shop.assert_right(observer) == 8


def test_invariant_1_two_that_make_the_same_profile(shopping: Database) -> None:
    first, second, observer = shopping.session(), shopping.session(), shopping.session()
    shop.attach(observer, on_missing="insert")
    first.run("begin")
    first.run(_EVENT, 1, 1, 1)
    first.run("set constraints all immediate")
    second.run("begin")
    second.run(_EVENT, 2, 1, 2)
    committing = second.start("commit")
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    committing.result()
    assert observer.value(f"select n from {shop.PROFILE}") == 2
    assert shop.assert_right(observer) == 1


def test_invariant_3_opposite_orders_over_two_event_tables_and_two_keys(
    shopping: Database, three: tuple[Session, Session, Session]
) -> None:
    first, second, observer = three
    observer.run(
        f"""
        set role {shop.OWNER};
        create table "Shop".visits (id serial, who text);
        alter table {shop.PROFILE} add column visits bigint not null default 0, add column code text unique,
            add column visited double precision;
        reset role;
        update {shop.PROFILE} set code = chr(96 + 7 - id::integer);
        set role {shop.OWNER};
        select pgscore.attach(
            'visits', '"Shop".visits', '{shop.PROFILE}', 'who', 'code',
            '[{{"column": "visits", "aggregate": "count"}}]', 'visited'
        );
        reset role;
        """
    )
    # Customer 3 is held: both committers have to stop, the later one behind the earlier at customer 1.
    observer.run("begin")
    observer.run(f"select from {shop.PROFILE} where id = 3 for no key update")
    first.run("begin")
    second.run("begin")
    for number, session in enumerate((first, second)):
        session.run("insert into \"Shop\".visits (who) values ('f'), ('d'), ('a')")  # customers 1, 3, 6
        for customer in (1, 3, 5) if number else (5, 3, 1):
            session.run(_EVENT, 10 * number + customer, customer, 1)
    committing = [first.start("commit")]
    wait_until_blocked(observer, first.pid, by=observer.pid)
    committing.append(second.start("commit"))
    wait_until_blocked(observer, second.pid, by=first.pid)
    observer.run("commit")
    for each in committing:
        each.result()
    visits = observer.run(f"select id, n, visits from {shop.PROFILE} order by id")
    assert visits == [(1, 2, 2), (2, 0, 0), (3, 2, 2), (4, 0, 0), (5, 2, 0), (6, 0, 2)]
    assert shop.assert_right(observer) == 6


@pytest.mark.parametrize("level", _LEVELS)
def test_invariant_1_an_older_snapshot_meets_who_recounted(shopping: Database, level: str) -> None:
    """Of the two greatest events one goes here and one there: each alone would leave the maximum as it is."""
    first, second, observer = shopping.session(), shopping.session(), shopping.session()
    shop.attach(observer, reducers=[{"column": "most", "aggregate": "max", "of": "at"}])
    observer.run(f"insert into {shop.PROFILE} (id) values (1)")
    for number, at in ((1, 7), (2, 7), (3, 2)):
        observer.run(_EVENT, number, 1, at)
    first.run(f"begin isolation level {level}")
    first.run(f"select count(*) from {shop.EVENTS}")
    second.run(f"delete from {shop.EVENTS} where id = 1")
    first.run(f"delete from {shop.EVENTS} where id = 2")
    if level == "read committed":
        first.run("commit")
    else:
        with pytest.raises(psycopg2.errors.SerializationFailure):
            first.run("commit")
    expected = observer.value(f"select max(at) from {shop.EVENTS}")
    assert observer.value(f"select most from {shop.PROFILE}") == expected


@pytest.mark.parametrize("level", _LEVELS)
def test_invariant_1_truncate_with_an_older_snapshot(three: tuple[Session, Session, Session], level: str) -> None:
    first, second, observer = three
    first.run(f"begin isolation level {level}")
    first.run(f"select count(*) from {shop.PROFILE}")
    second.run(_EVENT, 1, 1, 7)
    first.run(f"truncate {shop.EVENTS}")
    if level == "read committed":
        first.run("commit")
    else:
        with pytest.raises(psycopg2.errors.SerializationFailure):
            first.run("commit")
    assert shop.assert_right(observer) == 6


def test_attach_waits_for_inserts_and_counts_them(shopping: Database) -> None:
    first, second, observer = shopping.session(), shopping.session(), shopping.session()
    observer.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 3)")
    observer.run(_EVENT, 1, 1, 1)
    first.run("begin")
    first.run(_EVENT, 2, 2, 1)
    attaching = second.work(_attach, second)
    wait_until_blocked(observer, second.pid, by=first.pid)
    first.run("commit")
    attaching.result()
    assert observer.run(f"select n from {shop.PROFILE} order by id") == [(1,), (1,), (0,)]
    assert shop.assert_right(observer) == 3


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_invariants_1_2_and_3_random_transactions(shopping: Database, timing: str) -> None:
    """With commit nobody deadlocks; whoever asked for more than READ COMMITTED may have to try again."""
    observer = shopping.session()
    shop.attach(observer, timing=timing)
    observer.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 6)")
    sessions = [shopping.session() for _ in range(3)]
    allowed = {"40001"} if timing == "commit" else {"40001", "40P01"}
    running = [each.work(_transactions, each, number, allowed) for number, each in enumerate(sessions)]
    for each in running:
        each.result()
    assert observer.value(f"select count(*) from {shop.EVENTS}") > 20
    shop.assert_right(observer)
    assert observer.value("select count(*) from pgscore.stale") == 0


def _attach(session: Session) -> None:
    shop.attach(session)


def _transactions(session: Session, number: int, allowed: set[str]) -> None:
    """Each session inserts, changes and deletes events of its own, of customers that all share."""
    chance = random.Random(number)  # noqa: S311
    for step in range(60):
        try:
            session.run(f"begin isolation level {chance.choice(_LEVELS)}")
            for part in range(chance.randint(1, 4)):
                session.run(_statement(chance, 1000 * number, part, step))
            session.run(chance.choice(["commit", "commit", "commit", "rollback"]))
        except psycopg2.Error as error:
            if error.pgcode not in allowed:
                raise
            session.run("rollback")


def _statement(chance: random.Random, first: int, part: int, step: int) -> str:
    # Customers 7 and 8 have no profile.
    mine, customer = first + chance.randint(0, 30), chance.randint(1, 8)
    rows = ", ".join(f"({first + chance.randint(0, 30)}, {chance.randint(1, 8)}, {part}, {step})" for _ in range(2))
    insert = f'insert into {shop.EVENTS} (id, "Customer Id", amount, at) values {rows} on conflict do nothing'
    return chance.choice(
        [
            insert,
            insert,
            f'update {shop.EVENTS} set "Customer Id" = {customer}, amount = 4 where id = {mine}',
            f"delete from {shop.EVENTS} where id = {mine}",
        ]
    )
