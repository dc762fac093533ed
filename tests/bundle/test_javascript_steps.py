"""Each step of a program, over all rows that are hard for it: what drawn programs meet only now and then."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import pytest

from .programs import document, interpreted, payload, recorded
from .test_javascript_programs import bits

if TYPE_CHECKING:
    from tests.program.oracle import Program, Value

    from .node import Node

_INPUTS: list[Program] = [
    {"name": "x", "type": "double precision", "nullable": True},
    {"name": "y", "type": "double precision", "nullable": True},
    {"name": "t", "type": "text", "nullable": True},
    {"name": "b", "type": "boolean", "nullable": True},
]
_X = [None, 0.0, -1.0, 1.0, 0.5, -0.5, 1.5, 2.0, math.nextafter(1, 2), -1e300, 1e300, 1e-300, math.inf, -math.inf]
_Y = [None, 0.0, -3.0, 0.1, 1e308, math.inf]
_T = [None, "", "a", "\uffee", "\U0001f600", "b"]
_ROWS: list[list[Value]] = [
    *[[x, y, "a", 1.0] for x, y in itertools.product(_X, _Y)],
    *[[x, 0.1, t, b] for x, t, b in itertools.product(_X[:4], _T, (None, 0.0, 1.0))],
]
_TREES: Program = {
    "step": "trees",
    "of": [0, 2, 1],
    "precision": "float64",
    "base": [0.1, -0.2],
    "roots": [0, 3, 6],
    "target": [0, -1, 1],
    "feature": [0, -1, -1, 1, -1, -1, 2, -1, -1],
    "threshold": [1, None, None, None, None, None, None, None, None],
    "set": [-1, -1, -1, 0, -1, -1, 1, -1, -1],
    "missing_left": [1, 0, 0, 0, 0, 0, 1, 0, 0],
    "left": [1, 0, 1, 4, 2, 4, 7, 6, 7],
    "right": [2, -1, -1, 5, -1, -1, 8, -1, -1],
    "values": [0.3, 0.7, 1e16, 1, -1e16, 3, 5, 0.25],
    "sets": [["", "\uffee", "\U0001f600"], [0, 0.1]],
    "divide": 3,
}
_PIECES: Program = {
    "step": "piecewise",
    "of": 0,
    "knots": [-1, 0.5, 1],
    "closed": "left",
    "missing": 7,
    "coefficients": [[1, 2], None, [0.1, 0.2, 0.3], [3]],
}
_KERNEL: Program = {
    "step": "kernel",
    "of": [0, 1],
    "vectors": [[1, 0.5], [-1, 2]],
    "coefficients": [0.3, -0.7],
    "intercept": 0.1,
    "gamma": 0.2,
}
_STEPS: dict[str, Program] = {
    "trees": _TREES,
    "trees-right": _TREES | {"missing_left": [0, 0, 0, 1, 0, 0, 0, 0, 0], "sets": [[], [-3]]},
    "affine": {"step": "affine", "of": 0, "subtract": 0.1, "divide": 3, "multiply": 0.7, "add": 1e-3},
    "affine-none": {"step": "affine", "of": 0},
    "clip": {"step": "clip", "of": 0, "minimum": -0.5, "maximum": 1},
    "fill": {"step": "fill", "of": 0, "with": 0.3},
    "missing": {"step": "missing", "of": 0},
    "missing-text": {"step": "missing", "of": 2},
    "lookup": {"step": "lookup", "of": 0, "keys": [-1, 0, 1], "values": [1, None, 3], "unknown": 4, "missing": None},
    "lookup-text": {
        "step": "lookup",
        "of": 2,
        "keys": ["", "\uffee", "\U0001f600"],
        "values": [1, None, 3],
        "unknown": None,
        "missing": 5,
    },
    "linear": {"step": "linear", "of": [0, 1, 3, 0], "weights": [0.1, 0.3, 0.7, 1e-3], "intercept": 0.2},
    "product": {"step": "product", "of": [0, 1, 0]},
    "ratio": {"step": "ratio", "of": [1, 0]},
    "median": {"step": "median", "of": [0, 1, 3], "weights": [1, 2, 1]},
    "median-none": {"step": "median", "of": [0, 1, 3], "weights": [0, 0, 0]},
    "quadratic": {"step": "quadratic", "of": [0, 1], "center": [0.1, 0.2]},
    "quadratic-matrix": {"step": "quadratic", "of": [0, 1], "center": [0.1, 0.2], "matrix": [[0.3, 0.1], [7, 0.9]]},
    "piecewise": _PIECES,
    "piecewise-right": _PIECES | {"closed": "right", "missing": None},
    "rbf": _KERNEL | {"kernel": "rbf"},
    "poly": _KERNEL | {"kernel": "poly", "constant": 0.3, "degree": 3},
    "sigmoid": _KERNEL | {"kernel": "sigmoid", "constant": 0.3},
    **{
        f"link-{link}": {"step": "link", "of": [0], "link": link}
        for link in ("logistic", "sign", "exp", "expit", "square_signed")
    },
    **{
        f"link-{link}": {"step": "link", "of": [0, 1, 3], "link": link}
        for link in ("identity", "softmax", "one_vs_rest", "one_vs_all", "argmax", "normalize")
    },
}


_OUTPUTS = {
    "trees": 2,
    "trees-right": 2,
    "link-logistic": 2,
    "link-sign": 2,
    **dict.fromkeys((name for name, step in _STEPS.items() if name.startswith("link-") and len(step["of"]) > 1), 3),
}


def _program(step: Program, **fields: Any) -> Program:  # noqa: ANN401
    return {
        "program": 1, "inputs": _INPUTS, "steps": [step], "scores": [4], "link": "identity", "tie": "first", **fields,
    }  # fmt: skip


def _compare(node: Node, program: Program) -> None:
    with pytest.MonkeyPatch.context() as patch, recorded(patch) as seen:
        wanted = interpreted(program, _ROWS)
    node.ask("give", functions={name: list(pairs.items()) for name, pairs in seen.items()})
    node.ask("open", document=document(program))
    for row, (outputs, reason), found in zip(
        _ROWS, wanted, node.rows("outputs", [payload(program, row) for row in _ROWS]), strict=True
    ):
        assert (found is None) == (outputs is None), (row, reason)
        if outputs is not None:
            assert list(map(bits, found)) == list(map(bits, outputs[: len(found)])), row


@pytest.mark.parametrize("name", _STEPS)
def test_a_step_is_equal_to_the_bit(node: Node, name: str) -> None:
    step = _STEPS[name]
    count = _OUTPUTS.get(name, 1)
    for register in range(4, 4 + count):
        _compare(node, _program(step, scores=[register]))


@pytest.mark.parametrize("nullable", [True, False])
def test_what_steps_must_meet(node: Node, nullable: bool) -> None:
    wanted = [{"of": 4, "nullable": nullable, "minimum": -1, "maximum": 1}]
    _compare(node, _program(_STEPS["affine"], require=wanted))


@pytest.mark.parametrize("fields", [{"minimum": -1, "maximum": 1}, {"known": [-1, 0, 1]}, {"nullable": False}])
def test_what_inputs_must_meet(node: Node, fields: Program) -> None:
    _compare(node, _program(_STEPS["affine"], inputs=[_INPUTS[0] | fields, *_INPUTS[1:]]))
