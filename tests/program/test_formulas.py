"""Steps that are formulas: both forms of the sql engine give what the interpreter gives, to the last bit."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from .ensembles import trees_program
from .scoring import create, scores
from .strategies import EXTREMES, FUNCTION_NAMES, LINKS, OF_CLASSES, OF_ONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Session

    from .oracle import Program, Value

_ORDINARY = [0.0, 1.0, -1.0, 0.5, -0.25, 2.0, 1e-3, 17.5, -40.0, 1e-9, 0.1, -3.7]
_BEYOND = [1e3, -1e3, 5e4, 1e-200, *EXTREMES]


@pytest.fixture
def session(shared_session: Session) -> Iterator[Session]:
    shared_session.run("begin")
    yield shared_session
    shared_session.run("rollback")


def _program(steps: list[Program], inputs: int, link: str = "identity", **fields: Any) -> Program:  # noqa: ANN401
    given = [{"name": f"x{n}", "type": "double precision", "nullable": False} | fields for n in range(inputs)]
    last = inputs + len(steps) - 1
    return {"program": 1, "inputs": given, "steps": steps, "scores": [last], "link": link, "tie": "first"}


def _table(inputs: int) -> tuple[list[list[Value]], list[list[Value]]]:
    """Rows of ordinary numbers, and rows with others."""
    ordinary: list[list[Value]] = [
        [_ORDINARY[(n * (place + 1) + place) % len(_ORDINARY)] for place in range(inputs)]
        for n in range(len(_ORDINARY))
    ]
    beyond: list[list[Value]] = [
        [each if place == at else _ORDINARY[(n + place) % len(_ORDINARY)] for place in range(inputs)]
        for n, each in enumerate(_BEYOND)
        for at in range(min(inputs, 2))
    ]
    return ordinary, [*beyond, [None] * inputs]


def _alike(one: float | None, other: float | None) -> bool:
    # Below, an expression loses what could make its products underflow.
    return one == other or (one is not None and other is not None and max(abs(one), abs(other)) < 1e-290)


def agree(session: Session, program: Program, positive: int = 0, *, is_bare: bool = True) -> None:
    """Holds that scores and outputs are the interpreter's, and that a bare expression serves ordinary rows."""
    create(session, program, positive)
    ordinary, beyond = _table(len(program["inputs"]))
    walked = Interpreter(parse_program(json.dumps(program)))
    for row, (score, outputs) in zip([*ordinary, *beyond], scores(session, program, [*ordinary, *beyond]), strict=True):
        wanted, _ = walked.outputs([each if isinstance(each, float) else None for each in row], [])
        none = [None if each != each else each for each in wanted] if wanted else None  # noqa: PLR0124  NaN
        assert outputs == none, (row, outputs, none)
        assert _alike(score, none[positive] if none else None), (row, score, none)
    exists = session.value("select to_regproc('pgscore_models.\"_fuzz 1b\"') is not null")
    assert exists is is_bare
    if is_bare:
        names = [f"c{n}" for n in range(len(program["inputs"]))]
        call = session.value("select pgscore._scorer_call_sql('fuzz', 1, %s, %s)", len(names), names)
        served = session.run(
            f'select pgscore_models."_fuzz 1b"({", ".join(names)}) from given'
            f" where n < {len(ordinary)} and {call} between -1e300 and 1e300"
        )
        assert sum(score is not None for (score,) in served) >= len(served) / 2 > 0, served


@pytest.mark.parametrize("link", LINKS)
def test_a_link_as_the_last_step_but_one(session: Session, link: str) -> None:
    count = 1 if link in OF_ONE else 3
    of = [3, 4, 5][:count]
    steps: list[Program] = [{"step": "clip", "of": n, "minimum": -1e4, "maximum": 1e4} for n in range(3)]
    steps.append({"step": "link", "of": of, "link": link})
    outputs = 2 if link in ("logistic", "sign") else count
    read = list(range(6, 6 + outputs))
    steps.append({"step": "linear", "of": read, "weights": [1.5, -2, 0.5][:outputs], "intercept": 0.25})
    program = _program(steps, 3)
    program["scores"] = [6 + outputs]
    agree(session, program)


@pytest.mark.parametrize("link", [link for link in LINKS if link not in OF_CLASSES])
def test_a_link_at_the_end(session: Session, link: str) -> None:
    steps: list[Program] = [{"step": "clip", "of": 0, "minimum": -1e4, "maximum": 1e4}]
    agree(session, _program(steps, 1, link))


def test_a_generalized_linear_model_needs_no_guard(session: Session) -> None:
    """Its inputs may be anything, as those of a logistic regression."""
    step: Program = {"step": "linear", "of": [0, 1], "weights": [0.25, -0.5], "intercept": 0.1}
    for link in ("exp", "expit"):
        create(session, _program([step], 2, link), None)
        name = "select pg_get_function_sqlbody('pgscore_models.\"_fuzz 1\"(float8, float8)'::regprocedure)"
        body = session.value(name)
        assert "case" not in body.lower()
        table: list[list[Value]] = [[1.5, 2.0], [1e308, 1e308], [None, 1.0], [-1e4, 0.0], [1e4, 0.0]]
        walked = Interpreter(parse_program(json.dumps(_program([step], 2, link))))
        for row, (score, _) in zip(table, scores(session, _program([step], 2, link), table), strict=True):
            wanted, _ = walked.outputs([each if isinstance(each, float) else None for each in row], [])
            assert score == (pytest.approx(wanted[0], rel=1e-14) if wanted else None)


@pytest.mark.parametrize("weight", [-1.0, 1.5, -3.0])
def test_nothing_is_taken_for_zero_before_a_jump(session: Session, weight: float) -> None:
    """What is next to 0 stays there where it is weighted by 1 or more, and is below 0 or above."""
    jump: Program = {
        "step": "piecewise",
        "of": 1,
        "knots": [0.0],
        "coefficients": [[2.0], [5.0]],
        "closed": "left",
        "missing": None,
    }
    scaled: Program = {"step": "affine", "of": 0, "multiply": weight}
    agree(session, _program([scaled, jump], 1))
    summed: Program = {"step": "linear", "of": [0], "weights": [weight], "intercept": 0}
    agree(session, _program([summed, jump], 1))
    divided: Program = {"step": "affine", "of": 0, "divide": 1 / weight}
    agree(session, _program([divided, jump], 1))


def test_what_takes_null_for_something_does_not_read_what_is_not_sure(session: Session) -> None:
    steps: list[Program] = [{"step": "link", "of": [0], "link": "exp"}, {"step": "fill", "of": 1, "with": 5}]
    agree(session, _program(steps, 1), is_bare=False)
    steps = [{"step": "link", "of": [0], "link": "exp"}, {"step": "link", "of": [0, 1], "link": "argmax"}]
    agree(session, _program(steps, 1) | {"scores": [3]}, is_bare=False)
    # argmax takes NULL for the largest.
    steps = [{"step": "link", "of": [0], "link": "exp"}]
    agree(session, _program(steps, 1, "argmax") | {"scores": [0, 1]}, is_bare=False)


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_functions(session: Session, name: str) -> None:
    function: Program = {"step": "function", "of": 0, "name": name}
    agree(session, _program([function], 1))
    # Of what is bounded, and read by a sum.
    steps: list[Program] = [
        {"step": "clip", "of": 0, "minimum": -1.5, "maximum": 80},
        {**function, "of": 1},
        {"step": "linear", "of": [2, 0], "weights": [2, -0.5], "intercept": 1},
    ]
    agree(session, _program(steps, 1))
    steps[0] = {"step": "clip", "of": 0, "minimum": 0.125, "maximum": 0.875}
    agree(session, _program(steps, 1))


_PIECEWISE: Program = {
    "step": "piecewise", "of": 0, "closed": "left", "missing": None, "knots": [-2, 0, 0.5, 1, 3],
    "coefficients": [[1], [1, 0.25], [2, -1, 0.5], [0.1], [3, 2, 1, 0.125], [-7, 0.1]],
}  # fmt: skip
_FORMULAS: dict[str, Program] = {
    "product": {"step": "product", "of": [0, 1, 2]},
    "ratio": {"step": "ratio", "of": [0, 1]},
    "piecewise": _PIECEWISE,
    "right closed": {**_PIECEWISE, "closed": "right", "missing": 2},
    "with gaps": {**_PIECEWISE, "coefficients": [None, *_PIECEWISE["coefficients"][1:5], None]},
    "one knot": {**_PIECEWISE, "knots": [0], "coefficients": [[-1], [1, 1e-3]]},
    "distance": {"step": "quadratic", "of": [0, 1], "center": [0.5, -1]},
    "quadratic": {"step": "quadratic", "of": [0, 1, 2], "center": [0.5, 0, 1], "matrix": [[1, 2, 0], [0, -0.1, 1e-3]]},
    "median": {"step": "median", "of": [0, 1, 2, 0], "weights": [0.5, 1.25, 0.75, 0]},
    "median of equal weights": {"step": "median", "of": [0, 1], "weights": [1, 1]},
    "median without weight": {"step": "median", "of": [2, 1, 0], "weights": [0, 0, 0]},
    "rbf": {"step": "kernel", "of": [0, 1], "kernel": "rbf", "vectors": [[0, 1], [0.5, -1], [3, 3]],
            "coefficients": [1, -0.5, 0.25], "intercept": 0.1, "gamma": 0.05},
    "poly": {"step": "kernel", "of": [0, 1], "kernel": "poly", "vectors": [[0, 1], [0.5, -1], [3, 3]],
             "coefficients": [1, -0.5, 0.25], "intercept": 0.1, "gamma": 0.05, "constant": 1, "degree": 3},
    "sigmoid": {"step": "kernel", "of": [0, 1], "kernel": "sigmoid", "vectors": [[0, 1], [0.5, -1], [3, 3]],
                "coefficients": [1, -0.5, 0.25], "intercept": 0.1, "gamma": 0.05, "constant": -0.5},
}  # fmt: skip


@pytest.mark.parametrize("name", _FORMULAS)
def test_formulas(session: Session, name: str) -> None:
    step = _FORMULAS[name]
    agree(session, _program([step], 3))
    # Of what is scaled, and read by a sum.
    scaled: list[Program] = [{"step": "affine", "of": n, "subtract": 0.3, "divide": 2} for n in range(3)]
    scaled += [{"step": "clip", "of": n, "minimum": -1e4, "maximum": 1e4} for n in range(3, 6)]
    moved = {**step, "of": [n + 6 for n in step["of"]] if isinstance(step["of"], list) else 6}
    total: Program = {"step": "linear", "of": [9, 0], "weights": [2, -0.5], "intercept": 1}
    agree(session, _program([*scaled, moved, total], 3))


_OVERFLOWING: dict[str, Program] = {
    "sigmoid": {**_FORMULAS["sigmoid"], "vectors": [[47, -2.5], [1, 0], [3, 3]]},
    "rbf": {**_FORMULAS["rbf"], "gamma": 0},
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kernel", _OVERFLOWING)
def test_a_kernel_that_overflows_may_be_no_number(session: Session, link: str, kernel: str) -> None:
    """Of finite numbers, too: inf - inf, or 0 * inf. Whoever asks whether it is there has to see that."""
    constant: Program = {"step": "linear", "of": [], "weights": [], "intercept": 0.6}
    finite = {"minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308}
    table: list[list[Value]] = [[1.7e308, 1.7e308], [-1e200, 1.7e308], [1.7e308, 0.0], [1.5, -2.0]]
    for last, require in (
        (constant, [{"of": 2, "nullable": False}]),
        ({"step": "missing", "of": 2}, []),
    ):
        program = _program([_OVERFLOWING[kernel], constant, last], 2, link, **finite)
        program |= {"scores": [4, 3] if link in OF_CLASSES else [4], "require": require}
        walked = Interpreter(parse_program(json.dumps(program)))
        wanted = [walked.outputs([each for each in row if isinstance(each, float)], [])[0] for row in table]
        # The first is no number, the last is one.
        assert wanted[0] != wanted[-1]
        create(session, program, 0)
        given = scores(session, program, table)
        assert [outputs for _, outputs in given] == wanted
        assert [score for score, _ in given] == [each[0] if each else None for each in wanted]
        assert session.value("select to_regproc('pgscore_models.\"_fuzz 1b\"') is not null")


def test_a_product_of_what_is_bounded_is_a_product(session: Session) -> None:
    scaled: list[Program] = [{"step": "affine", "of": n, "subtract": 0.3, "divide": 2} for n in range(2)]
    program = _program([*scaled, {"step": "product", "of": [2, 3]}], 2)
    sql = session.value(
        "select (pgscore._program_best_bare_sql(%s, null, %s)).expression", json.dumps(program), ["a", "b"]
    )
    assert "pgscore._product" not in sql
    for each in program["inputs"]:
        each |= {"minimum": -1e6, "maximum": 1e6}
    sql = session.value(
        "select (pgscore._program_best_bare_sql(%s, null, %s)).expression", json.dumps(program), ["a", "b"]
    )
    assert "pgscore" not in sql


def layers(inputs: int, *units: int) -> Program:
    """A neural network over numbers."""
    chance = random.Random(0)  # noqa: S311
    steps: list[Program] = [{"step": "affine", "of": n, "subtract": 0.25, "divide": 1.5} for n in range(inputs)]
    read = list(range(inputs, 2 * inputs))
    for count in [*units, 1]:
        steps += [
            {"step": "linear", "of": read, "weights": [round(chance.gauss(0, 0.3), 4) for _ in read], "intercept": 0.1}
            for _ in range(count)
        ]
        first = inputs + len(steps) - count
        steps += [{"step": "function", "of": first + n, "name": "relu"} for n in range(count)]
        read = list(range(first + count, first + 2 * count))
    return _program(steps, inputs, "expit")


def test_what_is_read_often_is_a_variable(session: Session) -> None:
    program = layers(3, 12, 12, 12)
    agree(session, program)
    body = session.value("select prosrc from pg_proc where proname = '_fuzz 1b'")
    assert body.startswith("declare\n    r3 pg_catalog.float8;")
    # A link over trees, and what reads all its outputs.
    trees = trees_program(60, 3, 3)["steps"][0]
    of_classes = {**trees, "base": [0.1, 0.2, 0.3], "target": [n % 3 for n in range(60)]}
    steps: list[Program] = [of_classes]
    for first in (3, 6, 9):
        steps.append({"step": "link", "of": [first, first + 1, first + 2], "link": "softmax"})
    steps.append({"step": "linear", "of": [12, 13], "weights": [1, -2], "intercept": 0.5})
    stacked = _program(steps, 3, "logistic") | {"scores": [15]}
    agree(session, stacked, 1)
    assert session.value("select prosrc like 'declare%%' from pg_proc where proname = '_fuzz 1b'")
    # A call that is written into a query is the same.
    for typed in ("_scorer_call_typed_sql", "_scan_call_typed_sql"):
        call = session.value(
            f"select pgscore.{typed}('fuzz', 1, %s, 1, %s, null)", json.dumps(stacked), ["c0", "c1", "c2"]
        )
        assert (
            session.value(
                f"select count(*) from given where ({call}) is distinct from"
                f" {session.value('select pgscore._scorer_call_sql(%s, 1, 3, %s)', 'fuzz', ['c0', 'c1', 'c2'])}"
            )
            == 0
        )
