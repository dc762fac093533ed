"""The demo's complaints: the first insert of a new connection, and the later ones of one that lives."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING

import pgscore

from examples.churn.customers import load_customers, read_customers
from examples.churn.model import fit
from examples.churn.setting import connect

from .contender import NotTheSameError
from .figure import Detail, ratio
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sklearn.pipeline import Pipeline

    from .field import Field
    from .figure import Measured
    from .setting import Server, Session

MODEL = "churn"
_OURS, _COUNTING = "churn.complaints", "bench.complaints"
_INSERT = "insert into {} (customer_id, kind, body) values ({}, 'billing', 'bench')"
_LIVING = 40
_BLOCK = 20
_CUSTOMERS = 1_000
_TOLERANCE = 1e-9


@cache
def _fitted() -> Pipeline:
    return fit(read_customers()).pipeline


def first(field: Field) -> list[Measured]:
    """The first insert of a new connection, divided by the same with a trigger that counts."""
    with _attached(field) as (server, session):
        customers = iter(range(1, _CUSTOMERS))
        sides = [_first(server, table, customers) for table in (_OURS, _COUNTING)]
        in_turn(sides, 1)
        found = in_turn(sides, 3 * field.effort.first)
        _check(session)
    return _figure(found, "ms for the first insert of a connection")


def later(field: Field) -> list[Measured]:
    """An insert of a connection that has inserted before, divided by the same with a trigger that counts."""
    with _attached(field) as (server, session), server.session() as living:
        sides = [_later(living, table) for table in (_OURS, _COUNTING)]
        found = in_turn(sides, field.effort.single)
        _check(session)
    return _figure(found, "ms for a later insert")


def _figure(found: list[tuple[float, ...]], what: str) -> list[Measured]:
    ours, counting = (spread([each[side] for each in found]).times(1e3) for side in (0, 1))
    least = min(mine for mine, _ in found) * 1e3
    return ratio(
        [mine / theirs for mine, theirs in found],
        [Detail("pgscore", ours, what), Detail("counting trigger", counting, what)],
        f"{ours.median:.2f} ms, at the least {least:.2f}; counting {counting.median:.2f} ms",
    )


def _first(server: Server, table: str, customers: Iterator[int]) -> Callable[[], float]:
    def measure() -> float:
        with server.session() as session:
            return session.seconds(_INSERT.format(table, next(customers)))

    return measure


def _later(session: Session, table: str) -> Callable[[], float]:
    def insert(count: int) -> float:
        start = time.perf_counter()
        for number in range(count):
            session.run(_INSERT.format(table, 1 + number))
        return (time.perf_counter() - start) / count

    insert(_LIVING)
    return lambda: insert(_BLOCK)


@contextmanager
def _attached(field: Field) -> Iterator[tuple[Server, Session]]:
    """The reference application with the demo's model, and its tables again with a trigger that counts."""
    with field.server.session() as session:
        if session.value("select to_regclass(%s)", (_COUNTING,)) is None:
            _make(field, session)
        session.run("set role churn_owner")
        session.run(
            "select pgscore.attach(%s, %s, 'churn.customer_profile', 'customer_id', 'customer_id', %s,"
            " 'churn_score', 'churn_model_version', 'churn_scored_at')",
            (MODEL, _OURS, '[{"column": "number_customer_service_calls", "aggregate": "count", "deletes": "ignore"}]'),
        )
        session.run("reset role")
        try:
            yield field.server, session
        finally:
            session.run("set role churn_owner")
            session.run("select pgscore.detach(%s, 'churn.customer_profile')", (_OURS,))
            session.run("reset role")


def _make(field: Field, session: Session) -> None:
    with closing(connect(field.server.dsn)) as connection:
        load_customers(connection, read_customers())
    published = pgscore.publish(field.server.dsn, MODEL, _fitted(), profile="churn.customer_profile", promoted=True)
    if published.problem:
        raise pgscore.PgscoreError(published.problem)
    session.run(
        f"""
        create table bench.customer_profile (like churn.customer_profile including all);
        insert into bench.customer_profile select * from churn.customer_profile;
        create table {_COUNTING} (like {_OURS} including all);
        alter table {_COUNTING} add foreign key (customer_id) references bench.customer_profile;
        create function bench.count_complaint() returns trigger language plpgsql as $$
        begin
            update bench.customer_profile set number_customer_service_calls = number_customer_service_calls + 1
            where customer_id = new.customer_id;
            return null;
        end
        $$;
        create trigger count after insert on {_COUNTING} for each row execute function bench.count_complaint();
        analyze churn.customer_profile, bench.customer_profile
        """  # noqa: S608  our own names
    )


def _check(session: Session) -> None:
    """Compares stored scores with what the model says of the rows.

    Raises:
        NotTheSameError: one is another, or a row is stale.
    """
    wrong = session.value(
        "select count(*) from churn.customer_profile c"
        " where churn_score is not null and (abs(churn_score - pgscore.score(%s, c)) <= %s) is not true",
        (MODEL, _TOLERANCE),
    )
    stale = session.value("select count(*) from pgscore.stale_row")
    if wrong or stale:
        raise NotTheSameError(f"{MODEL}: {wrong} scores are wrong, {stale} profiles are stale")
