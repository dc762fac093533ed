"""Queries over large tables run in parallel workers, with the engines that are safe there, and give the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .cases import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engines import Lab

_ROWS = 200_000
_EAGER = [
    "max_parallel_workers_per_gather = 2",
    "parallel_setup_cost = 0",
    "parallel_tuple_cost = 0",
    "min_parallel_table_scan_size = 0",
]
_SUM = "select sum(pgscore.score('parallel', c)), count(*) from p_parallel c"
_AVERAGE = "select avg(pgscore.score('parallel', c)) from p_parallel c"


@pytest.fixture(scope="module")
def big(lab: Lab) -> Iterator[Lab]:
    case = cases()["boosted"]
    estimator, frame = case.fitted()
    published = lab.publish("parallel", estimator, frame.head(4), case.types, "class 1")
    published.insert(frame.astype({"flag": float}).to_numpy(dtype=object).tolist())
    lab.session.run(
        "insert into p_parallel (n, amount, calls, shift, plan, flag)"
        " select 1000 + i, p.amount + mod(i, 97), p.calls, p.shift, p.plan, p.flag"
        f" from generate_series(1, {_ROWS}) as g (i) join p_parallel p on p.n = mod(i, 150)"
    )
    lab.session.run("analyze p_parallel")
    yield lab
    lab.session.run("rollback")
    lab.session.run("drop table p_parallel cascade")


@pytest.mark.parametrize("engine", ["sql", "interpreter"])
def test_workers_score(big: Lab, engine: str) -> None:
    session = big.session
    session.run("select pgscore._serve('parallel', 1, %s)", engine)
    session.run("begin")
    session.run("set local max_parallel_workers_per_gather = 0")
    alone, rows = session.row(_SUM)
    # With PostgreSQL's own costs and settings, it is what a plain SELECT gets.
    session.run("reset max_parallel_workers_per_gather")
    plain = "\n".join(line for (line,) in session.run(f"explain (costs off) {_AVERAGE}"))
    average = session.value(_AVERAGE)
    for setting in _EAGER:
        session.run(f"set local {setting}")
    plan = "\n".join(line for (line,) in session.run(f"explain (analyze, costs off) {_SUM} where c.amount < 120"))
    whole = "\n".join(line for (line,) in session.run(f"explain (costs off) {_SUM}"))
    together, again = session.row(_SUM)
    session.run("rollback")
    assert "Parallel Seq Scan" in plan
    assert "Workers Launched: 2" in plan
    assert "Parallel Seq Scan" in whole
    assert "Workers Planned: 2" in whole
    assert "Parallel Seq Scan" in plain
    assert "Partial Aggregate" in plain
    assert average == pytest.approx(alone / rows, rel=1e-9)
    assert rows == again > _ROWS
    assert together == pytest.approx(alone, rel=1e-9)
    assert alone > 0


def test_the_estimator_engine_keeps_to_the_leader(big: Lab) -> None:
    session = big.session
    session.run("select pgscore._serve('parallel', 1, 'estimator')")
    session.run("begin")
    for setting in _EAGER:
        session.run(f"set local {setting}")
    plan = "\n".join(line for (line,) in session.run(f"explain (costs off) {_SUM}"))
    session.run("rollback")
    assert "Parallel Seq Scan" not in plan or "Partial Aggregate" not in plan
