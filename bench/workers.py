"""A plain SELECT over a large table, by two processes and by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .customers import MANY, MANY_CUSTOMERS
from .figure import Detail, Measured, ratio
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .setting import Session


def compare(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second where the planner may take a worker beside the leader, divided by those of the leader alone."""
    return partial(_compare, model)


def _compare(model: str, field: Field) -> list[Measured]:
    query = f"select avg({field.ours(model).score}) from {MANY_CUSTOMERS} c"  # noqa: S608  our own text
    with field.server.session() as session:
        # All costs are PostgreSQL's own: it is to be chosen, not forced.
        found = in_turn([partial(_seconds, session, query, workers) for workers in (1, 0)], field.effort.bulk)
        session.run("set max_parallel_workers_per_gather = 1")
        plan = session.run(f"explain (analyze, costs off, timing off) {query}")
    launched = any("Workers Launched: 1" in line for (line,) in plan)
    return ratio(
        [alone / together for together, alone in found],
        [
            Detail(name, spread([MANY / each[side] for each in found]), f"rows/s, of {MANY:,} rows")
            for side, name in enumerate(("two processes", "one"))
        ],
        "in parallel" if launched else "PostgreSQL chose no parallel plan",
    )


def _seconds(session: Session, query: str, workers: int) -> float:
    session.run(f"set max_parallel_workers_per_gather = {workers}")
    return session.seconds(query)
