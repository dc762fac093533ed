"""Whatever program the database takes, both of its engines evaluate any row without an error, and agree."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import psycopg2
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.program.oracle import evaluate, link_outputs
from tests.program.strategies import EXTREMES, TEXTS, programs, rows
from tests.support.examples import examples

if TYPE_CHECKING:
    from tests.program.oracle import Program, Value
    from tests.support.database import Session

    from .engines import Lab

_HUGE = 1e100
# Not shrunk, which takes minutes: programs are small.
_fuzz = settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
_PUBLISH = (
    "select pgscore._publish('fuzz', %s, %s, 1, 'joblib', %s, null, null, '{}',"
    ' \'[{"inputs": {}, "expected": null, "outputs": null, "scale": 0}]\', %s)'
)
_scalars: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([0, 1, 2, -1, 0.5, 1e308, -1e308, 5e-324, True, False, None, "", "a", "gold", "ü", [], {}]),
    st.sampled_from([each + 0.0 for each in EXTREMES if math.isfinite(each)]),
    st.sampled_from(TEXTS),
    st.integers(-2, 40),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """All places in a document."""
    found = [path] if path else []
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in members:
        found += _places(each, (*path, name))
    return found


def _mutate(data: st.DataObject, program: Program) -> Program:
    """The program with something in it replaced, taken out, repeated or exchanged."""
    changed = copy.deepcopy(program)
    path = data.draw(st.sampled_from(_places(changed)))
    holder: Any = changed
    for name in path[:-1]:
        holder = holder[name]
    last = path[-1]
    what = data.draw(st.sampled_from(["replace", "replace", "replace", "drop", "repeat", "exchange"]))
    if what == "replace" or (what != "drop" and isinstance(holder, dict)):
        holder[last] = data.draw(_scalars)
    elif what == "drop":
        del holder[last]
    elif what == "repeat":
        holder.insert(last, copy.deepcopy(holder[last]))
    else:
        other = data.draw(st.integers(0, len(holder) - 1))
        holder[last], holder[other] = holder[other], holder[last]
    return changed


def _contract(program: Program, positive: int) -> dict[str, Any]:
    link, scores = program["link"], len(program["scores"])
    values = ("identity", "exp", "expit", "square_signed")
    classes = 0 if link in values and scores == 1 else link_outputs(link, scores)
    kind = "indicator" if link in ("sign", "argmax") else "probability" if classes else "value"
    return {
        "inputs": [{name: each[name] for name in ("name", "type", "nullable")} for each in program["inputs"]],
        "output": {
            "kind": kind,
            "classes": [f"class {n}" for n in range(classes)],
            "positive": positive % classes if classes else None,
        },
        "libraries": {},
        "types": [],
    }


def _published(session: Session, program: Program, positive: int) -> dict[str, Any] | None:
    """The contract of a program that the database took; None where it was refused, which is its good right."""
    try:
        contract = _contract(program, positive)
    except (KeyError, TypeError, AttributeError):  # no program any more
        return None
    digest = hashlib.sha256(json.dumps(program).encode()).hexdigest()
    session.run("savepoint publishing")
    try:
        session.run(_PUBLISH, digest, digest, json.dumps(contract), json.dumps(program))
    except psycopg2.errors.InvalidParameterValue:
        session.run("rollback to publishing")
        return None
    return contract


def _answers(session: Session, program: Program, table: list[list[Value]]) -> list[tuple[Any, ...]]:
    """For each row the score and all outputs, by each engine."""
    types = ["text" if each["type"] == "text" else "double precision" for each in program["inputs"]]
    names = [f"c{position}" for position in range(len(types))]
    calls = [
        session.value("select pgscore._engine_call(%s, 'fuzz', 1, %s, %s)", engine, names, every)
        for engine in ("sql", "interpreter")
        for every in (False, True)
    ]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
    session.run(f"create temporary table given (n integer, {columns}) on commit drop")
    marks = ", ".join(["%s"] * (len(names) + 1))
    session.run(
        f"insert into given values {', '.join([f'({marks})'] * len(table))}",
        *(value for number, row in enumerate(table) for value in (number, *row)),
    )
    return session.run(f"select {', '.join(calls)} from given order by n")


def _check(program: Program, row: list[Value], answers: tuple[Any, ...]) -> None:
    one, one_outputs, other, other_outputs = answers
    answer = evaluate(program, row)
    assert (one_outputs is None) == (other_outputs is None), (row, answers)
    if one_outputs is not None and program["link"] not in ("sign", "argmax"):
        # Of kind probability the last is the position of the label, which the last bit may decide.
        count = link_outputs(program["link"], len(program["scores"]))
        for each, wanted in zip(one_outputs[:count], other_outputs[:count], strict=True):
            assert _close(each, wanted, 0), (row, answers)
    if sum(isinstance(value, float) and abs(value) > _HUGE for value in row) > 1:
        return  # they may cancel each other in another order
    if answer.decided:
        assert _close(one, other, 2 * answer.tolerance), (row, answers, answer.tolerance)


def _close(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or abs(one - other) <= max(tolerance, 4e-15 * abs(other), 1e-300)


def _both_engines_agree(session: Session, data: st.DataObject, program: Program, *, valid: bool) -> None:
    positive = data.draw(st.integers(0, 2))
    session.run("begin")
    try:
        session.run("set local statement_timeout = '10s'")
        taken = _published(session, program, positive)
        if valid:
            assert taken is not None
        assume(taken is not None)
        table = [data.draw(rows(program)) for _ in range(6)]
        for row, answers in zip(table, _answers(session, program, table), strict=True):
            _check(program, row, answers)
    finally:
        session.run("rollback")


@_fuzz
@given(data=st.data())
def test_valid_programs(lab: Lab, data: st.DataObject) -> None:
    _both_engines_agree(lab.session, data, data.draw(programs()), valid=True)


@settings(_fuzz, max_examples=examples(100))
@given(data=st.data())
def test_mutated_programs_that_are_still_taken(lab: Lab, data: st.DataObject) -> None:
    program = data.draw(programs())
    for _ in range(data.draw(st.integers(1, 2))):
        program = _mutate(data, program)
    _both_engines_agree(lab.session, data, program, valid=False)
