"""Reasons: what inputs add to a score, in the database and in the runtime, against all coalitions."""

from __future__ import annotations

import json
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pgscore_runtime.errors import Refusal
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from pgscore_runtime.reasons import Explainer

from tests.support.examples import examples
from tests.support.shapley import expectation, players, shapley_values

from .scoring import create, scores
from .strategies import programs, rows

if TYPE_CHECKING:
    from tests.support.database import Session

    from .oracle import Program

_LAX = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]


def _split(program: Program, row: list[Any]) -> tuple[list[Any], list[Any]]:
    texts = [each["type"] == "text" for each in program["inputs"]]
    return (
        [value for value, text in zip(row, texts, strict=True) if not text],
        [value for value, text in zip(row, texts, strict=True) if text],
    )


def _explainer(program: Program) -> Explainer | str:
    try:
        return Explainer(parse_program(json.dumps(program)), 0)
    except Refusal as refusal:
        return refusal.message


@settings(deadline=None, max_examples=examples(40), suppress_health_check=_LAX)
@given(data=st.data(), program=programs())
def test_trees_give_the_shapley_values_of_all_coalitions(data: st.DataObject, program: Program) -> None:
    explainer = _explainer(program)
    trees = program["steps"][-1]
    assume(not isinstance(explainer, str) and trees["step"] == "trees" and program["link"] != "softmax")
    assume(all(abs(value) < 1e6 for value in [*trees["values"], *trees["base"]]))
    assume(isfinite(1 / trees.get("divide", 1)) and abs(trees.get("divide", 1)) > 1e-3)
    width = len(players(program)) - len(trees["base"])
    output = program["scores"][0] - width
    row = data.draw(rows(program))
    # As a value, so that neither sign nor class is in the way.
    program = {name: part for name, part in program.items() if name != "decide"}
    program |= {"link": "identity", "scores": [program["scores"][0]]}
    found = _explainer(program)
    assert isinstance(found, Explainer)
    reasons = found.reasons(*_split(program, row))
    everything = parse_program(json.dumps(program))._replace(scores=tuple(range(width)))
    registers, _ = Interpreter(everything).outputs(*_split(program, row))
    if registers is None or reasons is None:
        assert reasons is None
        return
    game = expectation(trees, output, registers, players(program))
    values, base = shapley_values(game, len(program["inputs"]))
    size = sum(map(abs, values)) + abs(base) + 1
    assert [*reasons[:-1]] == pytest.approx([*values, base], abs=1e-9 * size)


@settings(deadline=None, max_examples=examples(40), suppress_health_check=_LAX)
@given(data=st.data(), program=programs())
def test_the_database_takes_apart_what_the_runtime_does(
    data: st.DataObject, program: Program, shared_session: Session
) -> None:
    explainer = _explainer(program)
    problem = shared_session.value("select pgscore._explanation_problem(%s, 0)", json.dumps(program))
    if isinstance(explainer, str):
        assert problem == explainer
        return
    assert problem is None
    explaining = shared_session.value("select pgscore._explaining_program(%s, 0)", json.dumps(program))
    if explaining is None:
        return
    create(shared_session, explaining, None, "why")
    given_rows = data.draw(st.lists(rows(program), min_size=1, max_size=4))
    for row, (_, outputs) in zip(given_rows, scores(shared_session, explaining, given_rows, "why"), strict=True):
        reasons = explainer.reasons(*_split(program, row))
        if reasons is None or not all(map(isfinite, reasons)) or fsum(map(abs, reasons)) > 1e290:
            continue
        assert outputs is not None
        assert outputs[-1] is not None
        scale = fsum(map(abs, reasons)) + 1
        assert outputs[:-1] == pytest.approx(reasons[:-1], abs=1e-9 * scale)


def _program(steps: list[Program], scores: list[int], link: str = "logistic") -> Program:
    inputs = [{"name": name, "type": "double precision", "nullable": True} for name in "ab"]
    return {"program": 1, "inputs": inputs, "steps": steps, "scores": scores, "link": link, "tie": "first"}


_LINEAR: Program = {"step": "linear", "of": [0, 1], "weights": [2, -3], "intercept": 1, "center": [10, 0]}


@pytest.mark.parametrize(
    ("steps", "link", "positive", "expected"),
    [
        ([_LINEAR], "logistic", 1, [2 * (7 - 10), -3 * 5, 21]),
        ([_LINEAR], "logistic", 0, [-2 * (7 - 10), 3 * 5, -21]),
        ([_LINEAR], "sign", 1, [-6, -15, 21]),
        ([_LINEAR], "exp", 0, [-6, -15, 21]),
        ([{"step": "function", "of": 0, "name": "square"}, _LINEAR | {"of": [2, 1]}], "identity", 0, [78, -15, 21]),
        ([_LINEAR, {"step": "affine", "of": 2, "divide": 2, "add": 1}], "identity", 0, [-3, -7.5, 11.5]),
        (
            [_LINEAR, {"step": "linear", "of": [2, 0], "weights": [1, 1], "intercept": 0}],
            "identity",
            0,
            [-6 + 7, -15, 21],
        ),
        # What is made of one input alone is that input's, however it is made.
        ([{"step": "product", "of": [0, 0]}], "identity", 0, [49, 0, 0]),
        ([{"step": "linear", "of": [], "weights": [], "intercept": 4}], "logistic", 1, [0, 0, 4]),
    ],
)
def test_sums_in_the_space_of_the_link(
    shared_session: Session, steps: list[Program], link: str, positive: int, expected: list[float]
) -> None:
    program = _program(steps, [1 + len(steps)], link)
    explainer = Explainer(parse_program(json.dumps(program)), positive)
    reasons = explainer.reasons([7.0, 5.0], [])
    assert reasons is not None
    assert reasons[:-1] == expected
    explaining = shared_session.value("select pgscore._explaining_program(%s, %s)", json.dumps(program), positive)
    create(shared_session, explaining, None, "why")
    ((_, outputs),) = scores(shared_session, explaining, [[7.0, 5.0]], "why")
    assert outputs == pytest.approx(reasons, abs=1e-12)


_STUMP: Program = {
    "step": "trees", "of": [0], "precision": "float64", "base": [0.5], "roots": [0], "target": [0],
    "feature": [0, -1, -1], "threshold": [1, None, None], "set": [-1, -1, -1], "missing_left": [1, 0, 0],
    "left": [1, 0, 1], "right": [2, -1, -1], "values": [1, 3], "sets": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "scores_of", "link", "problem"),
    [
        ([_STUMP], [2], "logistic", "the trees of steps[0] have no covers"),
        ([{"step": "product", "of": [0, 1]}], [2], "identity", "steps[0], a product step, makes one number of several"),
        (
            [{"step": "product", "of": [0, 1]}, _STUMP | {"of": [2], "cover": [2, 1, 1]}],
            [3],
            "identity",
            "the trees of steps[1] test a number made of several inputs",
        ),
        ([{"step": "median", "of": [0, 1], "weights": [1, 2]}], [2], "identity", "steps[0], a median step, makes one"),
        ([_LINEAR], [2, 0], "normalize", "its link divides scores by their sum"),
        ([_LINEAR, {"step": "link", "of": [2], "link": "expit"}], [3], "identity", "steps[1], a link step, makes"),
    ],
)
def test_what_cannot_be_explained_is_named(
    shared_session: Session, steps: list[Program], scores_of: list[int], link: str, problem: str
) -> None:
    program = _program(steps, scores_of, link)
    assert shared_session.value("select pgscore._program_problem(%s)", json.dumps(program)) is None
    found = _explainer(program)
    assert isinstance(found, str)
    assert problem in found
    assert shared_session.value("select pgscore._explanation_problem(%s, 0)", json.dumps(program)) == found


def test_rows_of_no_weight_go_both_ways_alike() -> None:
    program = _program([_STUMP | {"cover": [0, 0, 0]}], [2])
    explainer = Explainer(parse_program(json.dumps(program)), 1)
    assert explainer.base == 2.5
    assert explainer.reasons([2.0, None], []) == [1, 0, 2.5, pytest.approx(0.970687769)]
    assert explainer.reasons([None, None], []) == [-1, 0, 2.5, pytest.approx(0.817574476)]
