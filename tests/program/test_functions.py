"""The functions that are made of a program: names, inlining, parallel plans, and texts that stay data."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from tests.support.database import refused

from .ensembles import trees_program
from .oracle import evaluate
from .scoring import create, scores
from .strategies import EXTREMES, TEXTS
from .test_scores import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Session

    from .oracle import Program, Value


@pytest.fixture
def session(shared_session: Session) -> Iterator[Session]:
    shared_session.run("begin")
    yield shared_session
    shared_session.run("rollback")


def _numbers(count: int, **fields: Any) -> list[Program]:  # noqa: ANN401
    return [{"name": f"x{n}", "type": "double precision", "nullable": False} | fields for n in range(count)]


def linear_program(inputs: int, weights: list[float] | None = None, **fields: Any) -> Program:  # noqa: ANN401
    """A logistic regression over numbers."""
    weights = weights or [round(0.7 / (n + 1) * (-1) ** n, 4) for n in range(inputs)]
    step = {"step": "linear", "of": list(range(inputs)), "weights": weights, "intercept": -0.3}
    return {
        "program": 1,
        "inputs": _numbers(inputs, **fields),
        "steps": [step],
        "scores": [inputs],
        "link": "logistic",
        "tie": "first",
    }


def _plan(session: Session, query: str) -> str:
    return "\n".join(line for (line,) in session.run(f"explain (verbose, costs off) {query}"))


def _call(session: Session, arguments: list[str]) -> str:
    call: str = session.value("select pgscore._scorer_call_sql('fuzz', 1, %s, %s)", len(arguments), arguments)
    return call


@pytest.mark.parametrize("program", [linear_program(3), trees_program(5, 3, 3)], ids=["linear", "trees"])
def test_a_call_is_inlined(session: Session, program: Program) -> None:
    create(session, program, 1)
    session.run("create temporary table t (a double precision, b integer, c real)")
    plan = _plan(session, f"select {_call(session, ['a', 'b::double precision', 'c::text::double precision'])} from t")
    # What is left of our functions is the careful one, once.
    assert plan.count("pgscore") == 1
    assert plan.count('pgscore_models."_fuzz 1p"(') == 1


def test_an_ordinary_argument_is_not_wrapped(session: Session) -> None:
    program = linear_program(2, minimum=-1.7e308, maximum=1.7e308)
    create(session, program, 1)
    session.run("create temporary table t (a double precision, b integer)")
    typed = session.value(
        "select pgscore._scorer_call_typed_sql('fuzz', 1, %s, 1, %s, %s)",
        json.dumps(program),
        ["a", "b::double precision"],
        [False, True],
    )
    plan = _plan(session, f"select {typed} from t")
    assert "((a + " in plan
    assert "((b)::double precision * " in plan
    session.run("insert into t values (1.5, 7)")
    plain = _call(session, ["a", "b::double precision"])
    assert session.value(f"select ({typed}) = ({plain}) from t") is True


def test_a_call_runs_in_parallel(session: Session) -> None:
    create(session, trees_program(5, 3, 3), 1)
    session.run("create table public.t as select random() as a, random() as b, null::double precision as c")
    session.run("set local parallel_setup_cost = 0")
    session.run("set local parallel_tuple_cost = 0")
    session.run("set local min_parallel_table_scan_size = 0")
    query = f"select sum({_call(session, ['a', 'b', 'c'])}) from public.t"
    assert "Parallel Seq Scan" in _plan(session, query)
    # The careful function too.
    session.run("set local parallel_leader_participation = off")
    assert session.value(query) is None


def test_more_than_a_hundred_inputs(session: Session) -> None:
    program = linear_program(150)
    create(session, program, 1)
    assert session.value("select to_regtype('pgscore_models.\"_fuzz 1i\"') is not null")
    row: list[Value] = [0.01 * n for n in range(150)]
    table = [row, [1e308, *row[1:]], [None, *row[1:]], [*row[1:], math.inf]]
    for given, (score, outputs) in zip(table, scores(session, program, table), strict=True):
        check(program, given, 1, score, outputs)


def test_a_typed_call_of_many_inputs(session: Session) -> None:
    program = linear_program(120, minimum=-1.7e308, maximum=1.7e308)
    create(session, program, 1)
    names = [f"c{n}" for n in range(120)]
    session.run(
        f"create temporary table wide as select {', '.join(f'0.25 * {n} as {name}' for n, name in enumerate(names))}"
    )
    columns = [f"{name}::double precision" for name in names]
    typed = session.value(
        "select pgscore._scorer_call_typed_sql('fuzz', 1, %s, 1, %s, %s)", json.dumps(program), columns, [False] * 120
    )
    assert "_fuzz 1b" not in typed
    answer = evaluate(program, [0.25 * n for n in range(120)])
    assert answer.outputs is not None
    assert session.value(f"select {typed} from wide") == pytest.approx(answer.outputs[1], abs=1e-12)
    assert session.value(f"select {_call(session, columns)} from wide") == pytest.approx(answer.outputs[1], abs=1e-12)


def test_a_scorer_is_made_again_and_dropped(session: Session) -> None:
    names = "select count(*) from pg_proc where pronamespace = 'pgscore_models'::regnamespace and proname like %s"
    for program, functions in ((linear_program(2), 3), (linear_program(120), 2), (trees_program(2, 2, 4), 3)):
        create(session, program, 1)
        assert session.value(names, r"\_fuzz 1%") == functions
    session.run("select pgscore._drop_scorer('fuzz', 1)")
    assert session.value(names, r"\_fuzz 1%") == 0
    assert session.value("select to_regtype('pgscore_models.\"_fuzz 1i\"')") is None


def test_a_model_whose_name_begins_like_another_keeps_its_functions(session: Session) -> None:
    create(session, linear_program(2), 1, "fuzz_1")
    create(session, linear_program(2), 1)
    session.run("select pgscore._drop_scorer('fuzz', 1)")
    assert session.value("select to_regproc('pgscore_models.\"_fuzz_1 1\"') is not null")


def test_a_name_that_does_not_fit_is_refused(session: Session) -> None:
    with refused("42622", "too long"):
        session.run("select pgscore._scorer_name(%s, 1000000000, 'p')", "a" * 52)


def test_functions_belong_to_the_owner_and_readers_may_call_them(session: Session) -> None:
    create(session, linear_program(101), 1)
    call = _call(session, ["'1'::double precision"] * 101)
    session.run("set local role pgscore_reader")
    assert session.value(f"select {call} is not null")
    session.run("reset role")
    assert session.run(
        "select distinct proowner::regrole::text, provolatile, proparallel from pg_proc where proname like %s",
        r"\_fuzz 1%",
    ) == [("pgscore_owner", "i", "s")]


def test_texts_are_data(session: Session) -> None:
    texts = sorted(
        {
            *TEXTS,
            "'; drop table pgscore.model cascade; --",
            "$body$; drop schema pgscore; $body$",
            "\\'",
            "E'\\n'",
            "%1$s",
        }
    )
    program: Program = {
        "program": 1,
        "inputs": [
            {"name": '"; drop schema pgscore cascade; --', "type": "text", "nullable": False},
            {"name": "a1); drop schema pgscore; --", "type": "text", "nullable": True, "known": texts},
        ],
        "steps": [
            {
                "step": "lookup",
                "of": 0,
                "keys": texts,
                "values": [float(n) for n in range(len(texts))],
                "unknown": -1,
                "missing": -2,
            },
            {"step": "fill", "of": 1, "with": texts[3]},
            {
                "step": "trees",
                "of": [3],
                "precision": "float64",
                "base": [0],
                "roots": [0],
                "target": [0],
                "feature": [0, -1, -1],
                "threshold": [None] * 3,
                "set": [0, -1, -1],
                "missing_left": [0] * 3,
                "left": [1, 0, 1],
                "right": [2, -1, -1],
                "values": [0.25, 0.5],
                "sets": [texts[::2]],
            },
            {"step": "linear", "of": [2, 4], "weights": [1, 1], "intercept": 0},
        ],
        "scores": [5],
        "link": "identity",
        "tie": "first",
    }
    create(session, program, None)
    table: list[list[Value]] = [[text, other] for text in [*texts, "z"] for other in (text, None)]
    for row, (score, outputs) in zip(table, scores(session, program, table), strict=True):
        check(program, row, 0, score, outputs)
    assert session.value("select count(*) from pgscore.model where name = 'churn'") == 1


@pytest.mark.parametrize("fields", [{}, {"minimum": -1.7e308, "maximum": 1.7e308}, {"minimum": -5, "maximum": 1e39}])
@pytest.mark.parametrize("link", ["logistic", "identity", "sign"])
def test_a_linear_model_at_extremes(session: Session, link: str, fields: Program) -> None:
    """One value at a time is extreme; several may cancel each other."""
    program = linear_program(4, [0.3, -2.5, 1e-9, 1e9], **fields) | {"link": link}
    positive = 0 if link == "identity" else 1
    create(session, program, positive)
    rows: list[list[Value]] = []
    for place in range(4):
        for value in [
            *EXTREMES,
            None,
            1e39,
            math.nextafter(1e39, math.inf),
            -5.0,
            math.nextafter(-5.0, -6),
            300.0,
            3000.0,
        ]:
            row: list[Value] = [0.5, 0.25, 3.0, 1e-9]
            row[place] = value
            rows.append(row)
    rows += [[0.0] * 4, [5e-324] * 4, [1e-310, -5e-324, 0.0, 1e-300], [1e308, 1e308, -1e308, math.inf], [math.nan] * 4]
    found = scores(session, program, rows)
    for row, (score, outputs) in zip(rows, found, strict=True):
        check(program, row, positive, score, outputs)


def test_a_fitted_logistic_regression(session: Session) -> None:
    generator = np.random.default_rng(0)
    given = generator.normal(size=(200, 5)) * [1, 10, 1000, 0.01, 1] + [0, 5, 1e6, 0, -3]
    mean, deviation = given.mean(axis=0), given.std(axis=0)
    scaled = (given - mean) / deviation
    model = LogisticRegression().fit(scaled, scaled @ [1, -2, 0.5, 3, 0] > 0.3)
    steps: list[Program] = [
        {"step": "affine", "of": n, "subtract": float(mean[n]), "divide": float(deviation[n])} for n in range(5)
    ]
    steps.append(
        {"step": "linear", "of": [5, 6, 7, 8, 9], "weights": model.coef_[0].tolist(), "intercept": model.intercept_[0]}
    )
    program = linear_program(5) | {"steps": steps, "scores": [10]}
    create(session, program, 1)
    found = [score for score, _ in scores(session, program, given.tolist())]
    assert found == pytest.approx(model.predict_proba(scaled)[:, 1], abs=1e-12)


def test_a_fitted_tree(session: Session) -> None:
    """Also at its thresholds and beside them."""
    generator = np.random.default_rng(0)
    given = generator.normal(size=(300, 3)).astype(np.float32).astype(float)
    model = DecisionTreeRegressor(max_depth=6, random_state=0).fit(given, given[:, 0] * given[:, 1])
    tree = model.tree_
    leaf = tree.children_left == -1
    step = trees_program(1, 0, 3)["steps"][0] | {
        "feature": np.where(leaf, -1, tree.feature).tolist(),
        "threshold": [None if each else float(t) for each, t in zip(leaf, tree.threshold, strict=True)],
        "set": [-1] * tree.node_count,
        "missing_left": [0] * tree.node_count,
        "left": np.where(leaf, np.arange(tree.node_count), tree.children_left).tolist(),
        "right": tree.children_right.tolist(),
        "values": tree.value[:, 0, 0].tolist(),
    }
    program = trees_program(1, 0, 3) | {"steps": [step], "link": "identity"}
    create(session, program, None)
    rows: list[list[Value]] = given[:60].tolist()
    for node in np.flatnonzero(~leaf)[:40]:
        border = float(tree.threshold[node])
        for value in (border, math.nextafter(border, 9), math.nextafter(border, -9)):
            beside: list[Value] = [0.1, -0.2, 0.3]
            beside[tree.feature[node]] = value
            rows.append(beside)
    found = scores(session, program, rows)
    assert [score for score, _ in found][:60] == model.predict(given[:60]).tolist()
    for row, (score, outputs) in zip(rows, found, strict=True):
        answer = evaluate(program, row)
        assert [score] == outputs == answer.outputs


def test_the_wording_of_a_refusal(session: Session) -> None:
    program = linear_program(2, maximum=1e38)
    program["inputs"].append({"name": "state", "type": "text", "nullable": True, "known": ["it's", "NY"]})
    program["inputs"].append({"name": "n", "type": "double precision", "nullable": True, "known": [1, 2]})
    reason = "select pgscore._program_row_problem(%s, %s::double precision[], %s::text[])"

    def why(numbers: list[float | None], text: str | None) -> str | None:
        found: str | None = session.value(reason, json.dumps(program), numbers, [text])
        return found

    assert why([1, 1e39, None], "NY") == 'input "x1" is 1e+39, beyond what the estimator accepts'
    assert why([1, 1, None], "XX") == "input \"state\" is 'XX', which the estimator does not know"
    assert why([1, 1, 1.5], "XX") == "input \"state\" is 'XX', which the estimator does not know"
    assert why([1, 1, 1.5], None) == 'input "n" is 1.5, which the estimator does not know'
    assert why([1, 1, 2], "it's") is None
    assert why([1e39, None, 1], "NY") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"inputs": _numbers(3)}, "inputs has 2 members, and the contract 3"),
        ({"inputs": _numbers(1)}, "inputs has more members than the contract, which has 1"),
        ({"inputs": _numbers(2, nullable=True)}, "inputs[0].nullable is false, and the contract says true"),
        ({"inputs": _numbers(2)[::-1]}, 'inputs[0].name is "x0", and the contract says "x1"'),
        (
            {"output": {"kind": "probability", "classes": ["a", "b", "c"], "positive": 0}},
            'link "logistic" gives 2 outputs, and the contract has 3 classes',
        ),
        (
            {"output": {"kind": "value", "classes": [], "positive": None}},
            'link "logistic" gives 2 outputs, and the contract has one value',
        ),
        (
            {"output": {"kind": "indicator", "classes": ["a", "b"], "positive": 0}},
            'link "logistic" does not fit an output of kind "indicator"',
        ),
    ],
)
def test_a_program_that_departs_from_its_contract(session: Session, change: Program, message: str | None) -> None:
    contract = {"inputs": _numbers(2), "output": {"kind": "probability", "classes": ["a", "b"], "positive": 1}} | change
    found = session.value(
        "select pgscore._program_contract_problem(%s, %s)", json.dumps(linear_program(2)), json.dumps(contract)
    )
    assert found == message


@pytest.mark.parametrize("keys", [0, 1, 8, 9, 1000])
@pytest.mark.parametrize("kind", ["text", "double precision"])
def test_a_lookup_of_any_width(session: Session, keys: int, kind: str) -> None:
    known: list[Any] = sorted(f"k{n}" for n in range(keys)) if kind == "text" else [n / 2 for n in range(keys)]
    values = [float(n) for n in range(keys)]
    program: Program = {
        "program": 1,
        "inputs": [{"name": "k", "type": kind, "nullable": True}],
        "steps": [{"step": "lookup", "of": 0, "keys": known, "values": values, "unknown": -1, "missing": None}],
        "scores": [1],
        "link": "identity",
        "tie": "first",
    }
    create(session, program, None)
    others: list[Any] = ["", "k", "k05", "z", None] if kind == "text" else [-1.0, 0.25, math.inf, math.nan, 1e308]
    table = [[key] for key in [*known, *others]]
    for row, (score, outputs) in zip(table, scores(session, program, table), strict=True):
        check(program, row, 0, score, outputs)
