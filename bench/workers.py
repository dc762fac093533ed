"""A plain SELECT over a large table, by two processes and by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pgscore

from .customers import MANY, MANY_CUSTOMERS
from .figure import Detail, Measured, ratio
from .models import LINEAR, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .setting import Session

_LARGE = "bench.customer_large"
# A second process takes 10 ms to start and to stop, as long as a cheap model takes for 40,000 rows: for such a one the
# table is as large as tables are that people have in mind.
_TIMES = 5


def compare(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second where the planner may take a worker beside the leader, divided by those of the leader alone."""
    return partial(_compare, model)


def _compare(model: str, field: Field) -> list[Measured]:
    score = field.ours(model).score
    table, rows = MANY_CUSTOMERS, MANY
    if model == LINEAR:
        table, rows = _LARGE, MANY * _TIMES
        _make(field, model)
    query = f"select avg({score}) from {table} c"  # noqa: S608  our own text
    with field.server.session() as session:
        # All costs are PostgreSQL's own: it is to be chosen, not forced.
        found = in_turn([partial(_seconds, session, query, workers) for workers in (1, 0)], field.effort.bulk)
        session.run("set max_parallel_workers_per_gather = 1")
        plan = session.run(f"explain (analyze, costs off, timing off) {query}")
    launched = any("Workers Launched: 1" in line for (line,) in plan)
    return ratio(
        [alone / together for together, alone in found],
        [
            Detail(name, spread([rows / each[side] for each in found]), f"rows/s, of {rows:,} rows")
            for side, name in enumerate(("two processes", "one"))
        ],
        "in parallel" if launched else "PostgreSQL chose no parallel plan",
    )


def _seconds(session: Session, query: str, workers: int) -> float:
    session.run(f"set max_parallel_workers_per_gather = {workers}")
    return session.seconds(query)


def _make(field: Field, model: str) -> None:
    """Makes the table, and has the model score its rows."""
    with field.server.session() as session:
        session.run(
            f"create table {_LARGE} as select c.* from {MANY_CUSTOMERS} c, generate_series(1, {_TIMES})"  # noqa: S608
        )
        session.run(f"vacuum analyze {_LARGE}")
    published = pgscore.publish(field.server.dsn, model, fitted(model), profile=_LARGE, key=field.key, promoted=True)
    if published.problem:
        raise pgscore.PgscoreError(published.problem)
