"""What the database says of programs that are none, and that it never raises an error over them."""

from __future__ import annotations

import copy
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples

from .ensembles import trees_program
from .scoring import create, scores
from .strategies import TEXTS, programs, rows

if TYPE_CHECKING:
    from tests.support.database import Session

    from .oracle import Program

_TREES: Program = {
    "step": "trees",
    "of": [0, 1],
    "precision": "float64",
    "base": [0.5],
    "roots": [0, 5],
    "target": [0, 0],
    "feature": [0, -1, 1, -1, -1, -1],
    "threshold": [0.5, None, None, None, None, None],
    "set": [-1, -1, 0, -1, -1, -1],
    "missing_left": [1, 0, 0, 0, 0, 0],
    "left": [1, 0, 3, 1, 2, 0],
    "right": [2, -1, 4, -1, -1, -1],
    "values": [1, 2, 3],
    "sets": [["a", "b"], [1, 2]],
}
VALID: Program = {
    "program": 1,
    "inputs": [
        {"name": "x", "type": "double precision", "nullable": False, "minimum": -1e300, "maximum": 1e300},
        {"name": "s", "type": "text", "nullable": True, "known": ["a", "b"]},
        {"name": "b", "type": "boolean", "nullable": True},
    ],
    "require": [
        {"of": 3, "nullable": True, "minimum": -1e300, "maximum": 1e300},
        {"of": 5, "nullable": False, "maximum": 1e300},
    ],
    "decide": [3, 5],
    "steps": [
        {"step": "affine", "of": 0, "subtract": 1, "divide": 2},
        {"step": "lookup", "of": 1, "keys": ["a", "b"], "values": [1, None], "unknown": 0, "missing": 0},
        {"step": "linear", "of": [3, 4], "weights": [0.5, 1], "intercept": -1},
        _TREES,
        {"step": "fill", "of": 1, "with": "a"},
        {"step": "clip", "of": 0, "minimum": 1},
        {"step": "function", "of": 0, "name": "abs"},
        {"step": "missing", "of": 1},
        {"step": "link", "of": [0, 3], "link": "softmax"},
        {"step": "ratio", "of": [0, 3]},
        {
            "step": "piecewise",
            "of": 0,
            "knots": [0, 1],
            "coefficients": [[1], None, [1, 2]],
            "closed": "left",
            "missing": 0,
        },
        {"step": "quadratic", "of": [0, 3], "center": [0, 1], "matrix": [[1, 2], [3, 4]]},
        {
            "step": "kernel",
            "of": [0, 3],
            "kernel": "poly",
            "vectors": [[0, 1], [1, 0]],
            "coefficients": [1, 2],
            "intercept": 0,
            "gamma": 1,
            "constant": 0,
            "degree": 2,
        },
        {"step": "median", "of": [0, 3, 0], "weights": [1, 0, 1e300]},
    ],
    "scores": [5],
    "link": "logistic",
    "tie": "first",
}


def problem(session: Session, document: Any) -> str | None:  # noqa: ANN401
    found: str | None = session.value("select pgscore._program_problem(%s::jsonb)", document)
    return found


def _changed(path: str, value: Any) -> str:  # noqa: ANN401
    """The valid program with another value at a path; `...` takes the field away."""
    program = copy.deepcopy(VALID)
    *way, last = [int(part) if part.lstrip("-").isdigit() else part for part in path.split(".")]
    place: Any = program
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(program)


def test_a_valid_program_has_no_problem(shared_session: Session) -> None:
    assert problem(shared_session, json.dumps(VALID)) is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("program", 2, "program is 2, and this database knows 1"),
        ("program", 1.0, "program is 1.0, and this database knows 1"),
        ("more", 1, 'the program has a field "more", which programs do not have'),
        ("link", ..., 'the program has no field "link"'),
        ("inputs", [], "inputs has 0 members, and may have 1 to 1600"),
        ("inputs", {}, "inputs is an object, and a list is wanted"),
        ("inputs.0", 5, "inputs[0] is 5, and an object is wanted"),
        ("inputs.1.name", "x", 'inputs[1].name is "x", as that of an input before it'),
        ("inputs.1.name", "ü" * 32, "inputs[1].name is"),
        ("inputs.0.name", None, "inputs[0].name is null, and a text of 1 to 63 bytes is wanted"),
        ("inputs.0.type", "integer", 'inputs[0].type is "integer"'),
        ("inputs.0.nullable", 0, "inputs[0].nullable is 0, and true or false is wanted"),
        ("inputs.0.minimum", "0", 'inputs[0].minimum is "0", and a finite number is wanted'),
        ("inputs.0.maximum", "NaN", 'inputs[0].maximum is "NaN", and a finite number is wanted'),
        ("inputs.0.maximum", -2e300, "inputs[0].minimum is above its maximum"),
        ("inputs.1.minimum", 0, "inputs[1].minimum is given for a text"),
        ("inputs.1.known", ["b", "a"], "inputs[1].known[1] is not behind the member before it"),
        ("inputs.1.known", ["a", "a"], "inputs[1].known[1] is not behind the member before it"),
        ("inputs.1.known", ["a", 1], "inputs[1].known[1] is 1, and a text of at most 1,000 bytes is wanted"),
        ("inputs.1.known", ["𝄞", "￿"], "inputs[1].known[1] is not behind"),
        ("inputs.2.known", [1, True], "inputs[2].known[1] is true, and a finite number is wanted"),
        ("steps.0", [], "steps[0] is a list, and an object is wanted"),
        ("steps.0.step", "exec", 'steps[0].step is "exec", which is no step of programs'),
        ("steps.0.step", 1, "steps[0].step is 1, which is no step of programs"),
        ("steps.0.of", 3, "steps[0].of is 3, and only registers 0 to 2 come before it"),
        ("steps.0.of", -1, "steps[0].of is -1, and only registers 0 to 2 come before it"),
        ("steps.0.of", 0.5, "steps[0].of is 0.5, and only registers 0 to 2 come before it"),
        ("steps.0.of", [0], "steps[0].of is a list, and a register is wanted"),
        ("steps.0.of", 1, "steps[0].of is 1, a register that holds a text, and a number is wanted"),
        ("steps.0.divide", None, "steps[0].divide is null, and a finite number is wanted"),
        ("steps.0.divide", 0, "steps[0].divide is 0"),
        ("steps.0.divide", -0.0, "steps[0].divide is 0"),
        ("steps.3.divide", 0.0, "steps[3].divide is 0"),
        ("steps.5.maximum", 0.5, "steps[5].minimum is above its maximum"),
        ("steps.0.power", 1, 'steps[0] has a field "power", which programs do not have'),
        ("steps.1.keys", ["b", "a"], "steps[1].keys[1] is not behind the member before it"),
        ("steps.1.keys", [1, 2], "steps[1].keys[0] is 1, and a text of at most 1,000 bytes is wanted"),
        ("steps.1.values", [1], "steps[1].values has 1 members, and may have 2 to 2"),
        ("steps.1.values", [1, "x"], 'steps[1].values[1] is "x", and a finite number or null is wanted'),
        ("steps.1.missing", "x", 'steps[1].missing is "x", and a finite number or null is wanted'),
        ("steps.2.of", [3, 7], "steps[2].of[1] is 7, and only registers 0 to 4 come before it"),
        ("steps.2.of", [3, 1], "steps[2].of[1] is 1, a register that holds a text, and a number is wanted"),
        ("steps.2.weights", [1], "steps[2].weights has 1 members, and may have 2 to 2"),
        ("steps.2.weights", [1, []], "steps[2].weights[1] is a list, and a finite number is wanted"),
        ("steps.2.intercept", True, "steps[2].intercept is true, and a finite number is wanted"),
        ("steps.2.center", [1, 2], None),
        ("steps.2.center", [1], "steps[2].center has 1 members, and may have 2 to 2"),
        ("steps.2.center", [1, None], "steps[2].center[1] is null, and a finite number is wanted"),
        ("steps.3.cover", [4, 1, 3, 2, 1, 1.5], None),
        ("steps.3.cover", [4, 1, 3], "steps[3].cover has 3 members, and may have 6 to 6"),
        ("steps.3.cover", [4, 1, 3, -2, 1, 1], "steps[3].cover[3] is -2, and a finite number from 0 on is wanted"),
        ("steps.3.cover", [4, 1, 3, "2", 1, 1], 'steps[3].cover[3] is "2", and a finite number from 0 on is wanted'),
        ("steps.3.precision", "float32", 'steps[3].precision is "float32", and "float64" is wanted'),
        ("steps.3.base", [], "steps[3].base has 0 members"),
        ("steps.3.divide", "2", 'steps[3].divide is "2", and a finite number is wanted'),
        ("steps.3.target.1", 1, "steps[3].target[1] is 1, and an integer from -1 to 0 is wanted"),
        ("steps.3.roots.1", 6, "steps[3].roots[1] is 6, and an integer from 0 to 5 is wanted"),
        ("steps.3.roots.1", 4, "steps[3]: node 4 is the child of several, or a root and a child"),
        ("steps.3.feature.0", 2, "steps[3].feature[0] is 2, and an integer from -1 to 1 is wanted"),
        ("steps.3.feature.0", 1, "steps[3].feature[0] is 1, which is a text, and its node has a threshold"),
        ("steps.3.feature.0", None, "steps[3].feature[0] is null, and an integer"),
        ("steps.3.threshold.0", None, "steps[3].threshold[0] is null for a node that tests no set"),
        ("steps.3.threshold.1", 1, "steps[3].threshold[1] is given for a leaf"),
        ("steps.3.threshold.2", 1, "steps[3].threshold[2] is given for a node that tests a set"),
        ("steps.3.threshold.0", "}{", 'steps[3].threshold[0] is "}{", and a finite number or null is wanted'),
        ("steps.3.set.2", 1, "steps[3].set[2] is 1, which is not of the kind of what its node tests"),
        ("steps.3.set.1", 0, "steps[3].set[1] is given for a leaf"),
        ("steps.3.missing_left.0", 2, "steps[3].missing_left[0] is 2, and an integer from 0 to 1 is wanted"),
        ("steps.3.left.0", 0, "steps[3].left[0] is 0, and children stand behind their parent"),
        ("steps.3.left.2", 4, "steps[3]: node 3 is neither a root nor a child"),
        ("steps.3.right.1", 2, "steps[3].right[1] is 2, and -1 is wanted for a leaf"),
        ("steps.3.left.5", 3, "steps[3].left[5] is 3, and there are 3 values"),
        ("steps.3.target.0", -1, None),
        ("steps.3.values", [1, 2], "steps[3].left[4] is 2, and there are 2 values"),
        ("steps.3.sets.0", ["b", "a"], "steps[3].sets[0][1] is not behind the member before it"),
        ("steps.3.sets.0", "ab", 'steps[3].sets[0] is "ab", and a list is wanted'),
        ("steps.3.right", [2], "steps[3].right has 1 members, and may have 6 to 6"),
        ("steps.4.with", 5, "steps[4].with is 5, and a text of at most 1,000 bytes is wanted"),
        ("steps.4.with", "a" * 1001, "steps[4].with is"),
        ("steps.5.minimum", ..., "steps[5] has neither a minimum nor a maximum"),
        ("steps.6.name", "cube", 'steps[6].name is "cube", and one of abs, sqrt, square, sign'),
        ("steps.6.name", None, "steps[6].name is null, and one of abs"),
        ("steps.6.name", ["abs"], "steps[6].name is a list, and one of abs"),
        ("require", {}, "require is an object, and a list is wanted"),
        ("require.0.of", 99, "require[0].of is 99, and only registers 0 to 17 exist"),
        ("require.0.of", 1, "require[0].of is 1, a register that holds a text, and a number is wanted"),
        ("require.0.nullable", 1, "require[0].nullable is 1, and true or false is wanted"),
        ("require.0.minimum", "x", 'require[0].minimum is "x", and a finite number is wanted'),
        ("require.0.maximum", -2e300, "require[0].minimum is above its maximum"),
        ("require.1.known", [1], 'require[1] has a field "known", which programs do not have'),
        ("decide", {}, "decide is an object, and a list is wanted"),
        ("decide", [3], "decide"),
        ("decide", None, "decide is null, and a list is wanted"),
        ("decide.0", 99, "decide[0] is 99, and only registers 0 to 17 exist"),
        ("decide.0", 1, "decide[0] is 1, a register that holds a text, and a number is wanted"),
        ("decide", [3, 5, 3], "decide has 3 members, and there are 2 outputs"),
        ("scores", [99], "scores[0] is 99, and only registers 0 to 17 exist"),
        ("scores", [1], "scores[0] is 1, a register that holds a text, and a number is wanted"),
        ("scores", [5, 5], 'link is "logistic", which takes 1 score, and scores has 2 members'),
        ("link", "softmax", 'link is "softmax", which takes a score for each class, and scores has 1 member'),
        (
            "link",
            "cube",
            'link is "cube", and "identity", "logistic", "softmax", "one_vs_rest", "sign", "argmax", "exp", '
            '"expit", "one_vs_all", "square_signed" or "normalize" is wanted',
        ),
        ("link", "normalize", 'link is "normalize", which takes a score for each class, and scores has 1 member'),
        ("link", "exp", "decide has 2 members, and there are 1 outputs"),
        ("steps.8.link", ..., 'steps[8] has no field "link"'),
        ("steps.8.link", "cube", 'steps[8].link is "cube", and "identity", "logistic"'),
        ("steps.8.link", "exp", 'steps[8].link is "exp", which takes 1 score, and steps[8].of has 2 members'),
        ("steps.8.of", [], "steps[8].of has 0 members, and may have 1 to 1000"),
        (
            "steps.8.of",
            [0],
            'steps[8].link is "softmax", which takes a score for each class, and steps[8].of has 1 member',
        ),
        ("steps.8.of", 0, "steps[8].of is 0, and a list is wanted"),
        ("steps.8.of", [0, 1], "steps[8].of[1] is 1, a register that holds a text, and a number is wanted"),
        ("steps.9", {"step": "product", "of": [0]}, "steps[9].of has 1 members, and may have 2 to 100"),
        ("steps.9.of", [0, 1, 2], "steps[9].of has 3 members, and may have 2 to 2"),
        ("steps.9.of", [0, 1], "steps[9].of[1] is 1, a register that holds a text, and a number is wanted"),
        ("steps.10.knots", [], "steps[10].knots has 0 members, and may have 1 to 1000000"),
        ("steps.10.knots", [1, 1], "steps[10].knots[1] is not behind the member before it"),
        ("steps.10.knots", 1, "steps[10].knots is 1, and a list is wanted"),
        ("steps.10.of", [0], "steps[10].of is a list, and a register is wanted"),
        ("steps.10.of", 1, "steps[10].of is 1, a register that holds a text, and a number is wanted"),
        ("steps.10.coefficients", [[1]], "steps[10].coefficients has 1 members, and may have 3 to 3"),
        ("steps.10.coefficients.0", [], "steps[10].coefficients[0] has 0 members, and may have 1 to 20"),
        ("steps.10.coefficients.0", 1, "steps[10].coefficients[0] is 1, and a list is wanted"),
        ("steps.10.coefficients.0", [True], "steps[10].coefficients[0][0] is true, and a finite number is wanted"),
        ("steps.10.closed", "both", 'steps[10].closed is "both", and "left" or "right" is wanted'),
        ("steps.10.missing", "0", 'steps[10].missing is "0", and a finite number or null is wanted'),
        ("steps.10.missing", ..., 'steps[10] has no field "missing"'),
        ("steps.11.center", [0], "steps[11].center has 1 members, and may have 2 to 2"),
        ("steps.11.matrix", ..., None),
        ("steps.11.matrix", [], "steps[11].matrix has 0 members, and may have 1 to 1000000"),
        ("steps.11.matrix.1", [1], "steps[11].matrix[1] has 1 members, and may have 2 to 2"),
        ("steps.11.matrix.0", "1", 'steps[11].matrix[0] is "1", and a list is wanted'),
        ("steps.13.of", [], "steps[13].of has 0 members, and may have 1 to 1000"),
        ("steps.13.weights", [1], "steps[13].weights has 1 members, and may have 3 to 3"),
        ("steps.13.weights.1", None, "steps[13].weights[1] is null, and a finite number is wanted"),
        ("steps.13.weights.1", -1, "steps[13].weights[1] is -1, and a number from 0 to 1e+300 is wanted"),
        ("steps.13.weights.1", 2e300, "steps[13].weights[1] is 2"),
        ("steps.13.weights", ..., 'steps[13] has no field "weights"'),
        ("steps.12.kernel", "cosine", 'steps[12].kernel is "cosine", and "rbf", "poly" or "sigmoid" is wanted'),
        ("steps.12.kernel", "rbf", 'steps[12] has a field "constant", which the kernel "rbf" has not'),
        ("steps.12.kernel", "sigmoid", 'steps[12] has a field "degree", which the kernel "sigmoid" has not'),
        ("steps.12.degree", ..., 'steps[12] has no field "degree", which the kernel "poly" has'),
        ("steps.12.degree", 21, "steps[12].degree is 21, and an integer from 1 to 20 is wanted"),
        ("steps.12.gamma", None, "steps[12].gamma is null, and a finite number is wanted"),
        ("steps.12.vectors.1", [0, "a"], 'steps[12].vectors[1][1] is "a", and a finite number is wanted'),
        ("steps.12.coefficients", [1], "steps[12].coefficients has 1 members, and may have 2 to 2"),
        ("tie", "any", 'tie is "any", and "first" or "last" is wanted'),
    ],
)
def test_a_problem_is_named_with_its_place(shared_session: Session, path: str, value: Any, message: str | None) -> None:  # noqa: ANN401
    found = problem(shared_session, _changed(path, value))
    assert found == message or (message and found and found.startswith(message)), found


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "1e100000", "1.7976931348623159e308"])
def test_a_number_that_no_double_holds(shared_session: Session, number: str) -> None:
    found = problem(shared_session, _changed("steps.0.divide", 12345).replace("12345", number))
    assert found
    assert found.startswith("steps[0].divide is ")
    assert found.endswith(", and a finite number is wanted")


@pytest.mark.parametrize("document", ["null", "[]", "5", '"x"', "{}", "[" * 5000 + "]" * 5000, None])
def test_what_is_no_object_at_all(shared_session: Session, document: str | None) -> None:
    assert problem(shared_session, document)


def test_limits(shared_session: Session) -> None:
    many = [{"step": "missing", "of": 0}] * 10001
    assert problem(shared_session, _changed("steps", many)) == "steps has 10001 members, and may have 0 to 10000"
    wide = {"step": "linear", "of": [0] * 60000, "weights": [1] * 60000, "intercept": 0}
    message = "steps[1]: steps read more than 100,000 registers together"
    assert problem(shared_session, _changed("steps", [wide, wide])) == message
    knots = {"step": "piecewise", "of": 0, "knots": list(range(25_000)), "coefficients": [[1] * 19] * 25_001,
             "closed": "left", "missing": None}  # fmt: skip
    message = "steps[1]: knots, coefficients, matrices and vectors have more than 1,000,000 numbers together"
    assert problem(shared_session, _changed("steps", [knots, knots])) == message
    chain = {**_TREES, "roots": [0], "target": [0], "sets": [], "values": [1]}
    nodes = range(2003)
    chain["feature"] = [0 if node % 2 == 0 and node < 2002 else -1 for node in nodes]
    chain["threshold"] = [0.5 if each == 0 else None for each in chain["feature"]]
    chain["set"] = [-1] * 2003
    chain["missing_left"] = [0] * 2003
    chain["left"] = [node + 1 if chain["feature"][node] == 0 else 0 for node in nodes]
    chain["right"] = [node + 2 if chain["feature"][node] == 0 else -1 for node in nodes]
    assert problem(shared_session, _changed("steps.3", chain)) == "steps[3]: a tree is deeper than 1,000"


def test_a_large_ensemble_is_checked_in_time(shared_session: Session) -> None:
    document = json.dumps(trees_program(500, 6))
    start = time.monotonic()
    assert problem(shared_session, document) is None
    assert time.monotonic() - start < 5


_json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-5, 20), st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["logistic", "trees", "linear", "text", *TEXTS]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["of", "step", *TEXTS]), inner, max_size=4)
    ),
    max_leaves=8,
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    found = [path]
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += _places(each, (*path, key))
    return found


@settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_accepted_compiles_and_raises_for_no_row(shared_session: Session, data: st.DataObject) -> None:
    program = data.draw(programs())
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(_places(program)[1:]))
        place: Any = program
        for part in way:
            place = place[part]
        place[last] = data.draw(_json)
    if problem(shared_session, json.dumps(program)) is not None:
        return
    table = [data.draw(rows(program)) for _ in range(3)]
    shared_session.run("begin")
    try:
        create(shared_session, program, 0)
        assert len(scores(shared_session, program, table)) == len(table)
    finally:
        shared_session.run("rollback")
