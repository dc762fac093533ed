"""Scorers in a database, made and asked by tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.database import Session

    from .oracle import Program, Value


def create(
    session: Session, program: Program, positive: int | None, model: str = "fuzz", *, apart: bool = False
) -> None:
    """Checks a program and makes its functions, as their owner does; apart as if it were large."""
    document = json.dumps(program)
    assert session.value("select pgscore._program_problem(%s)", document) is None
    session.run("set local role pgscore_owner")
    # Another program than a version had before, which no version ever gets.
    session.run("select pgscore._drop_scorer(%s, 1)", model)
    if apart:
        session.run(
            "create or replace function pgscore._largest_inlined_program() returns integer language sql immutable"
            " as 'select -1'"
        )
    session.run("select pgscore._create_scorer(%s, 1, %s, %s)", model, document, positive)
    session.run("reset role")


def scores(
    session: Session, program: Program, rows: Sequence[Sequence[Value]], model: str = "fuzz"
) -> list[tuple[Any, Any]]:
    """For each row the score and all outputs, read from a table, so that the planner computes nothing."""
    inputs = program["inputs"]
    names = [f"c{position}" for position in range(len(inputs))]
    types = ["text" if each["type"] == "text" else "double precision" for each in inputs]
    call, outputs = (
        session.value("select pgscore._scorer_call_sql(%s, 1, %s, %s, %s)", model, len(inputs), names, flag)
        for flag in (False, True)
    )
    session.run("drop table if exists pg_temp.given")
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
    session.run(f"create temporary table given (n integer, {columns})")
    marks = ", ".join(["%s"] * (len(inputs) + 1))
    session.run(
        f"insert into given values {', '.join([f'({marks})'] * len(rows))}",
        *(value for number, row in enumerate(rows) for value in (number, *row)),
    )
    return [(score, given) for score, given in session.run(f"select {call}, {outputs} from given order by n")]


def walked(session: Session, program: Program, model: str = "fuzz") -> list[Any]:
    """What the function that walks trees says of the rows that `scores` put into its table; empty where there is none.

    None stands for a row that it leaves to the careful function.
    """
    if not session.value("select pgscore._has_walked(%s, 1)", model):
        return []
    names = [f"c{position}" for position in range(len(program["inputs"]))]
    call = session.value(
        "select pgscore._scorer_call_typed_sql(%s, 1, %s, null, %s, null, 'w')", model, json.dumps(program), names
    )
    return [score for (score,) in session.run(f"select {call} from given order by n")]


def literal_score(session: Session, program: Program, row: Sequence[Value], model: str = "fuzz") -> Any:  # noqa: ANN401
    """The score of a row that is written into the query, so that the planner computes it."""
    kinds = ["text" if each["type"] == "text" else "double precision" for each in program["inputs"]]
    literals = [f"%s::{kind}" for kind in kinds]
    call = session.value("select pgscore._scorer_call_sql(%s, 1, %s, %s)", model, len(kinds), literals)
    return session.value(f"select {call}", *row)
