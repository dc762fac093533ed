"""What the database makes of a program gives what docs/program.md says, for any row, and raises for none."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples

from .oracle import evaluate, link_outputs, refused
from .scoring import create, literal_score, scores, walked
from .strategies import programs, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Session

    from .oracle import Answer, Program, Value

_HUGE = 1e100
_fuzz = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def session(shared_session: Session) -> Iterator[Session]:
    shared_session.run("begin")
    yield shared_session
    shared_session.run("rollback")


def _close(found: float | None, wanted: float, tolerance: float) -> bool:
    if math.isnan(wanted) or found is None:
        return math.isnan(wanted) and found is None
    if found == wanted:
        return True
    return abs(found - wanted) <= max(tolerance, 4e-15 * abs(wanted), 1e-300)


def _huge(row: list[Value]) -> int:
    return sum(isinstance(value, float) and abs(value) > _HUGE for value in row)


def check(
    program: Program, row: list[Value], positive: int, found: float | None, outputs: list[float | None] | None
) -> None:
    """Compares the score and all outputs of a row with the oracle's."""
    answer: Answer = evaluate(program, row)
    if answer.outputs is None:
        assert outputs is None
        wanted = math.nan
    else:
        assert outputs is not None
        assert len(outputs) == len(answer.outputs)
        assert all(map(_close, outputs, answer.outputs, [0.0] * len(outputs))), (outputs, answer.outputs)
        wanted = answer.outputs[positive]
    if _huge(row) > 1:
        return  # they may cancel each other before anything shows that they were there
    if answer.decided or found is None or math.isnan(wanted):
        assert _close(found, wanted, answer.tolerance), (found, wanted, answer.tolerance)


@_fuzz
@given(data=st.data())
def test_programs_give_what_the_contract_says(shared_session: Session, data: st.DataObject) -> None:
    program = data.draw(programs())
    table = [data.draw(rows(program)) for _ in range(8)]
    count = link_outputs(program["link"], len(program["scores"]))
    positive = data.draw(st.integers(0, count - 1))
    shared_session.run("begin")
    try:
        create(shared_session, program, positive, apart=data.draw(st.booleans()))
        found = scores(shared_session, program, table)
        walks = walked(shared_session, program)
        constants = [literal_score(shared_session, program, row) for row in table[:3]]
        reasons = [_reason(shared_session, program, row) for row in table]
    finally:
        shared_session.run("rollback")
    for (score, _), walk in zip(found, walks, strict=False):
        assert walk is None or walk == score
    # What the planner computes is the same as what runs over a table.
    assert constants == [score for score, _ in found[:3]]
    for row, (score, outputs), reason in zip(table, found, reasons, strict=True):
        check(program, row, positive, score, outputs)
        missing = any(
            (value is None or value != value) and not each["nullable"]  # noqa: PLR0124  NaN
            for each, value in zip(program["inputs"], row, strict=True)
        )
        # Of what steps compute nobody knows here whether it is refused: the question is asked where there is no score.
        maybe = bool(program.get("require"))
        assert (reason is not None) == ((refused(program, row) or maybe) and not missing)


def _reason(session: Session, program: Program, row: list[Value]) -> str | None:
    pairs = list(zip(program["inputs"], row, strict=True))
    texts = [value for each, value in pairs if each["type"] == "text"]
    numbers = [value for each, value in pairs if each["type"] != "text"]
    reason: str | None = session.value(
        "select pgscore._program_row_problem(%s, %s::double precision[], %s::text[])",
        json.dumps(program),
        numbers,
        texts,
    )
    return reason
