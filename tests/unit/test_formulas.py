"""Steps that are formulas: what each gives, on numbers that are small enough to work out, and what is refused."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from pgscore_runtime.errors import Refusal
from pgscore_runtime.functions import FUNCTIONS
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from sklearn.svm import SVR

_SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "program.schema.json").read_text())
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)
_INFINITY = math.inf


def _document(step: dict[str, Any], count: int, outputs: int = 1) -> dict[str, Any]:
    inputs = [{"name": f"x{n}", "type": "double precision", "nullable": True} for n in range(count)]
    scores = list(range(count, count + outputs))
    return {"program": 1, "inputs": inputs, "steps": [step], "scores": scores, "link": "identity", "tie": "first"}


def _given(step: dict[str, Any], numbers: list[float | None], outputs: int = 1) -> list[float]:
    document = _document(step, len(numbers), outputs)
    _VALIDATOR.validate(document)
    found, reason = Interpreter(parse_program(json.dumps(document))).outputs(numbers, [])
    assert reason is None
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("link", "numbers", "expected"),
    [
        ("identity", [1.0, 2.0], [1.0, 2.0]),
        ("logistic", [0.0], [0.5, 0.5]),
        ("sign", [None], [1.0, 0.0]),
        ("exp", [0.0], [1.0]),
        ("exp", [1e3], [_INFINITY]),
        ("exp", [-1e3], [0.0]),
        ("exp", [None], [math.nan]),
        ("expit", [-_INFINITY], [0.0]),
        ("expit", [-1e308], [0.0]),
        ("expit", [0.0], [0.5]),
        ("one_vs_all", [0.0, None, _INFINITY], [0.5, math.nan, 1.0]),
        ("square_signed", [-3.0], [-9.0]),
        ("square_signed", [-1e200], [-_INFINITY]),
        ("normalize", [1.0, 3.0], [0.25, 0.75]),
        ("normalize", [1.0, -1.0], [0.5, 0.5]),
        ("normalize", [1.0, None], [math.nan, math.nan]),
        ("normalize", [_INFINITY, 1.0], [math.nan, 0.0]),
        ("softmax", [5.0, 5.0, 5.0, 5.0], [0.25, 0.25, 0.25, 0.25]),
        ("argmax", [1.0, 2.0], [0.0, 1.0]),
    ],
)
def test_a_link_is_a_step(link: str, numbers: list[float | None], expected: list[float]) -> None:
    step = {"step": "link", "of": list(range(len(numbers))), "link": link}
    assert _given(step, numbers, len(expected)) == pytest.approx(expected, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("sign", -2.5, -1.0),
        ("sign", 0.0, 0.0),
        ("trunc", -1.5, -1.0),
        ("floor", -1.5, -2.0),
        ("floor", -_INFINITY, -_INFINITY),
        ("ceil", 1.5, 2.0),
        ("relu", -1.0, 0.0),
        ("reciprocal", 4.0, 0.25),
        ("reciprocal", -0.0, _INFINITY),
        ("reciprocal", _INFINITY, 0.0),
        ("exp", 710.0, _INFINITY),
        ("expm1", 1e-300, 1e-300),
        ("expm1", -800.0, -1.0),
        ("expm1", _INFINITY, _INFINITY),
        ("log", 1.0, 0.0),
        ("log", 0.0, -_INFINITY),
        ("log", -1.0, math.nan),
        ("log", _INFINITY, _INFINITY),
        ("log10", 1000.0, 3.0),
        ("log1p", 5e-324, 5e-324),
        ("log1p", -1.0, -_INFINITY),
        ("log1p", -1.5, math.nan),
        ("log1p", _INFINITY, _INFINITY),
        ("logit", 0.5, 0.0),
        ("logit", 0.0, -_INFINITY),
        ("logit", 1.0, _INFINITY),
        ("logit", 1.5, math.nan),
        ("expit", 0.0, 0.5),
        ("tanh", -_INFINITY, -1.0),
        ("sin", 0.0, 0.0),
        ("cos", 0.0, 1.0),
        ("cos", _INFINITY, math.nan),
    ],
)
def test_functions(name: str, number: float, expected: float) -> None:
    step = {"step": "function", "of": 0, "name": name}
    assert _given(step, [number]) == pytest.approx([expected], abs=0, nan_ok=True)
    assert _given(step, [None]) == pytest.approx([math.nan], nan_ok=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_those_of_numpy(name: str) -> None:
    chance = random.Random(0)  # noqa: S311
    expected = {
        "relu": lambda x: np.maximum(x, 0),
        "expit": lambda x: 1 / (1 + np.exp(-x)),
        "logit": lambda x: np.log(x / (1 - x)),
    }.get(name) or getattr(np, name)
    for _ in range(2000):
        x = chance.choice([chance.uniform(-1, 1) * 10 ** chance.uniform(-20, 0), chance.uniform(-40, 40)])
        with np.errstate(all="ignore"):
            wanted = float(expected(np.float64(x)))
        assert FUNCTIONS[name](x) == pytest.approx(wanted, rel=4 * 2**-52, abs=0, nan_ok=True), x


_STEPS = {"step": "piecewise", "of": 0, "knots": [0, 1, 2], "closed": "left", "missing": 7,
          "coefficients": [[-1], [0, 2], [3, -1, 0.5], None]}  # fmt: skip
_KERNEL = {"step": "kernel", "of": [0, 1], "kernel": "poly", "vectors": [[1, 2], [0, 1]], "coefficients": [2, 3],
           "intercept": 0.5, "gamma": 0.5, "constant": 1, "degree": 2}  # fmt: skip
_RADIAL = {name: value for name, value in _KERNEL.items() if name not in ("constant", "degree")} | {"kernel": "rbf"}
_SIGMOID = {name: value for name, value in _KERNEL.items() if name != "degree"} | {"kernel": "sigmoid"}
_QUADRATIC = {"step": "quadratic", "of": [0, 1], "center": [1, 2], "matrix": [[1, 1], [0, 2]]}

_MEDIAN = {"step": "median", "of": [0, 1, 2], "weights": [1, 1, 1]}


@pytest.mark.parametrize(
    ("step", "numbers", "expected"),
    [
        ({"step": "product", "of": [0, 1, 0]}, [2.0, 3.0], 12.0),
        ({"step": "product", "of": [0, 1]}, [1e308, -1e308], -_INFINITY),
        ({"step": "product", "of": [0, 1]}, [_INFINITY, 0.0], math.nan),
        ({"step": "ratio", "of": [0, 1]}, [3.0, 2.0], 1.5),
        ({"step": "ratio", "of": [0, 1]}, [-3.0, -0.0], -_INFINITY),
        ({"step": "ratio", "of": [0, 1]}, [0.0, 0.0], math.nan),
        ({"step": "ratio", "of": [0, 1]}, [None, 1.0], math.nan),
        (_STEPS, [-5.0], -1.0),
        (_STEPS, [0.0], 0.0),
        (_STEPS, [0.75], 1.5),
        (_STEPS, [1.0], 3.0),
        (_STEPS, [1.5], 2.625),
        (_STEPS, [2.0], math.nan),
        (_STEPS, [None], 7.0),
        ({**_STEPS, "closed": "right"}, [0.0], -1.0),
        ({**_STEPS, "closed": "right"}, [1.0], 2.0),
        ({**_STEPS, "closed": "right", "missing": None}, [None], math.nan),
        (_QUADRATIC, [2.0, 4.0], 25.0),
        ({"step": "quadratic", "of": [0, 1], "center": [1, 2]}, [2.0, 4.0], 5.0),
        (_MEDIAN, [3.0, 1.0, 2.0], 2.0),
        ({**_MEDIAN, "weights": [1, 2, 1]}, [3.0, 1.0, 2.0], 1.0),
        ({**_MEDIAN, "weights": [2, 1, 1]}, [3.0, 1.0, 2.0], 2.0),
        ({**_MEDIAN, "weights": [0, 0, 0]}, [3.0, 1.0, 2.0], 1.0),
        ({**_MEDIAN, "weights": [2.1, 1, 1]}, [3.0, 1.0, 2.0], 3.0),
        (_MEDIAN, [None, 1.0, 2.0], 2.0),
        (_MEDIAN, [None, 1.0, None], math.nan),
        (_MEDIAN, [_INFINITY, -_INFINITY, None], _INFINITY),
        (_KERNEL, [2.0, 2.0], 0.5 + 2 * 16 + 3 * 4),
        (_RADIAL, [1.0, 2.0], 0.5 + 2 + 3 * math.exp(-1)),
        (_SIGMOID, [0.0, 0.0], 0.5 + 2 * math.tanh(1) + 3 * math.tanh(1)),
    ],
)  # fmt: skip
def test_formulas(step: dict[str, Any], numbers: list[float | None], expected: float) -> None:
    assert _given(step, numbers) == pytest.approx([expected], abs=0, rel=1e-15, nan_ok=True)


def test_lines_between_knots_are_those_of_numpy() -> None:
    chance = np.random.default_rng(0)
    knots, values = np.sort(chance.normal(size=30)), chance.normal(size=30)
    slopes = np.diff(values) / np.diff(knots)
    pieces = [[values[0]], *[[a, b] for a, b in zip(values[:-1], slopes, strict=True)], [values[-1]]]
    step = {"step": "piecewise", "of": 0, "knots": knots.tolist(), "coefficients": pieces, "closed": "left",
            "missing": None}  # fmt: skip
    for x in [*chance.normal(size=200), *knots, -10.0, 10.0]:
        assert _given(step, [float(x)]) == [float(np.interp(x, knots, values))]


def test_kernels_are_those_of_support_vector_machines() -> None:
    chance = np.random.default_rng(0)
    x, y = chance.normal(size=(60, 2)), chance.normal(size=60)
    for name in ("rbf", "poly", "sigmoid"):
        machine = SVR(kernel=name, gamma=0.3, coef0=0.25, degree=3).fit(x, y)
        step = {"step": "kernel", "of": [0, 1], "kernel": name, "vectors": machine.support_vectors_.tolist(),
                "coefficients": machine.dual_coef_[0].tolist(), "intercept": float(machine.intercept_[0]),
                "gamma": 0.3}  # fmt: skip
        step |= {"constant": 0.25} if name != "rbf" else {}
        step |= {"degree": 3} if name == "poly" else {}
        for row, wanted in zip(x, machine.predict(x), strict=True):
            assert _given(step, row.tolist()) == pytest.approx([wanted], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"step": "link", "of": [0]}, "steps[0] has no link"),
        ({"step": "link", "of": 0, "link": "exp"}, "steps[0].of is 0, not a list"),
        ({"step": "link", "of": [0], "link": "cube"}, "steps[0].link is 'cube', not one of identity"),
        (
            {"step": "link", "of": [0, 1], "link": "exp"},
            "the number of registers in steps[0].of is 2, not within 1 to 1",
        ),
        (
            {"step": "link", "of": [0], "link": "softmax"},
            "the number of registers in steps[0].of is 1, not within 2 to",
        ),
        (
            {"step": "link", "of": [], "link": "identity"},
            "the number of registers in steps[0].of is 0, not within 1 to",
        ),
        ({"step": "product", "of": [0]}, "the number of registers in steps[0].of is 1, not within 2 to 100"),
        ({"step": "ratio", "of": [0, 1, 1]}, "the number of registers in steps[0].of is 3, not within 2 to 2"),
        ({"step": "ratio", "of": [0, 1], "by": 1}, "steps[0] has a field 'by', which means nothing there"),
        ({**_STEPS, "knots": []}, "the number of steps[0].knots is 0, not within 1 to 1000000"),
        ({**_STEPS, "knots": [0, 2, 1]}, "steps[0].knots[2] is 1, and does not come after"),
        ({**_STEPS, "coefficients": [[1]]}, "steps[0].coefficients has 1 entries for 3 knots"),
        (
            {**_STEPS, "coefficients": [[1], [], None, None]},
            "the number of steps[0].coefficients[1] is 0, not within 1",
        ),
        ({**_STEPS, "coefficients": [[1], ["1"], None, None]}, "steps[0].coefficients[1][0] is '1', not a number"),
        ({**_STEPS, "closed": "both"}, "steps[0].closed is 'both', not one of left, right"),
        ({**_STEPS, "missing": "x"}, "steps[0].missing is 'x', not a number"),
        ({**_QUADRATIC, "center": [1]}, "steps[0].center has 1 entries for 2 registers"),
        ({**_QUADRATIC, "matrix": []}, "the number of steps[0].matrix is 0, not within 1 to 1000000"),
        ({**_QUADRATIC, "matrix": [[1, 2], [1]]}, "steps[0].matrix[1] has 1 entries for 2 registers"),
        (
            {"step": "median", "of": [], "weights": []},
            "the number of registers in steps[0].of is 0, not within 1 to 1000",
        ),
        ({"step": "median", "of": [0, 1], "weights": [1]}, "steps[0].weights has 1 entries for 2 registers"),
        ({"step": "median", "of": [0], "weights": [-1]}, "steps[0].weights[0] is -1.0, not within 0 to 1e+300"),
        ({"step": "median", "of": [0], "weights": [1.5e300]}, "steps[0].weights[0] is 1.5e+300, not within 0 to"),
        ({"step": "median", "of": [0]}, "steps[0] has no weights"),
        ({**_KERNEL, "kernel": "cosine"}, "steps[0].kernel is 'cosine', not one of rbf, poly, sigmoid"),
        ({**_KERNEL, "degree": 0}, "steps[0].degree is 0, not within 1 to 20"),
        ({**_RADIAL, "degree": 1}, "steps[0] has a field 'degree', which means nothing there"),
        ({**_KERNEL, "coefficients": [1]}, "steps[0].coefficients has 1 entries for 2 vectors"),
        ({**_KERNEL, "vectors": [[1, 2], [1, None]]}, "steps[0].vectors[1][1] is null, not a number"),
        (
            {
                "step": "piecewise",
                "of": 0,
                "knots": list(range(600_000)),
                "coefficients": [[1]] * 600_001,
                "closed": "left",
                "missing": None,
            },
            "steps[0] brings the program past 1,000,000 numbers in knots, coefficients, matrices and vectors",
        ),
        ({"step": "link", "of": [2], "link": "exp"}, "steps[0].of[0] is 2, and only registers 0 to 1 come before it"),
    ],
)
def test_what_is_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as raised:
        parse_program(json.dumps(_document(step, 2)))
    assert str(raised.value).removeprefix("the program is refused: ").startswith(message)
