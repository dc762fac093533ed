"""What each step, node and link means, on programs that are small enough to work out by hand."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from tests.support.examples import examples

_NUMBER = {"name": "x", "type": "double precision", "nullable": True}
_TEXT = {"name": "t", "type": "text", "nullable": True}


def _program(
    steps: list[dict[str, Any]],
    *,
    inputs: list[dict[str, Any]] | None = None,
    scores: list[int] | None = None,
    link: str = "identity",
) -> Interpreter:
    described = [_NUMBER] if inputs is None else inputs
    last = [len(described) + len(steps) - 1]
    document = {
        "program": 1, "inputs": described, "steps": steps, "scores": last if scores is None else scores,
        "link": link, "tie": "first",
    }  # fmt: skip
    return Interpreter(parse_program(json.dumps(document)))


def _value(interpreter: Interpreter, number: float | None) -> float | None:
    (score,), _ = interpreter.scores(1, [number], [], None)
    return score


_INFINITY = math.inf


@pytest.mark.parametrize(
    ("step", "given_number", "expected"),
    [
        ({"step": "affine", "of": 0, "subtract": 1, "divide": 4, "multiply": 3, "add": 0.5}, 9.0, 6.5),
        ({"step": "affine", "of": 0, "add": 1, "subtract": 2}, 1.0, 0.0),
        ({"step": "affine", "of": 0, "multiply": 1e308}, 1e308, _INFINITY),
        ({"step": "affine", "of": 0, "divide": 1e308}, 5e-324, 0.0),
        ({"step": "affine", "of": 0, "multiply": 0}, _INFINITY, None),
        ({"step": "clip", "of": 0, "minimum": -1, "maximum": 2}, -_INFINITY, -1.0),
        ({"step": "clip", "of": 0, "maximum": 2}, 3.0, 2.0),
        ({"step": "clip", "of": 0, "maximum": 2}, None, None),
        ({"step": "function", "of": 0, "name": "abs"}, -3.0, 3.0),
        ({"step": "function", "of": 0, "name": "sqrt"}, 9.0, 3.0),
        ({"step": "function", "of": 0, "name": "sqrt"}, -1.0, None),
        ({"step": "function", "of": 0, "name": "sqrt"}, None, None),
        ({"step": "function", "of": 0, "name": "sqrt"}, _INFINITY, _INFINITY),
        ({"step": "function", "of": 0, "name": "square"}, -1e308, _INFINITY),
        ({"step": "fill", "of": 0, "with": 7}, None, 7.0),
        ({"step": "fill", "of": 0, "with": 7}, math.nan, 7.0),
        ({"step": "fill", "of": 0, "with": 7}, 1.0, 1.0),
        ({"step": "missing", "of": 0}, None, 1.0),
        ({"step": "missing", "of": 0}, 0.0, 0.0),
        ({"step": "lookup", "of": 0, "keys": [0, 1.5], "values": [5, 6], "unknown": 7, "missing": 8}, 1.5, 6.0),
        ({"step": "lookup", "of": 0, "keys": [0, 1.5], "values": [5, 6], "unknown": 7, "missing": 8}, -0.0, 5.0),
        ({"step": "lookup", "of": 0, "keys": [0, 1.5], "values": [5, 6], "unknown": 7, "missing": 8}, 2.0, 7.0),
        ({"step": "lookup", "of": 0, "keys": [0, 1.5], "values": [5, 6], "unknown": 7, "missing": 8}, None, 8.0),
        ({"step": "lookup", "of": 0, "keys": [], "values": [], "unknown": None, "missing": 8}, 2.0, None),
        ({"step": "linear", "of": [0, 0], "weights": [2, 3], "intercept": 1}, 4.0, 21.0),
        ({"step": "linear", "of": [0, 0], "weights": [1e308, -1e308], "intercept": 1}, 1e308, None),
    ],
)  # fmt: skip
def test_steps(step: dict[str, Any], given_number: float | None, expected: float | None) -> None:
    assert _value(_program([step]), given_number) == expected


def test_linear_terms_are_added_from_left_to_right() -> None:
    inputs = [{**_NUMBER, "name": name} for name in "abc"]
    step = {"step": "linear", "of": [0, 1, 2], "weights": [1, 1, 1], "intercept": 0.1}
    assert _program([step], inputs=inputs).outputs([1e16, -1e16, 0.1], []) == ([0.1 + 1e16 - 1e16 + 0.1], None)


@pytest.mark.parametrize(
    ("text", "expected"), [("a", 1.0), ("A", 3.0), ("a ", 3.0), ("é", 2.0), ("e\u0301", 3.0), (None, 4.0)]
)
def test_texts_are_compared_by_code_points(text: str | None, expected: float) -> None:
    step = {"step": "lookup", "of": 0, "keys": ["a", "é"], "values": [1, 2], "unknown": 3, "missing": 4}
    assert _program([step], inputs=[_TEXT]).outputs([], [text]) == ([expected], None)


def test_missing_comes_before_refused_and_has_no_reason() -> None:
    inputs = [
        {"name": "x", "type": "double precision", "nullable": True, "minimum": -1, "maximum": 1},
        {"name": "t", "type": "text", "nullable": False, "known": ["a"]},
        {"name": "y", "type": "double precision", "nullable": False, "known": [0, 2]},
        {"name": "u", "type": "text", "nullable": True, "known": ["b"]},
    ]
    interpreter = _program([], inputs=inputs, scores=[2])
    rows: list[tuple[list[float | None], list[str | None]]] = [
        ([1.0, 2.0], ["a", "b"]),
        ([None, 2.0], ["a", None]),
        ([2.0, 2.0], ["a", "b"]),
        ([2.0, None], ["a", "b"]),
        ([0.0, 2.0], [None, "b"]),
        ([-1.5, 2.0], [None, "c"]),
        ([0.0, 1.0], ["a", "b"]),
        ([0.0, 2.0], ["c", "b"]),
        ([0.0, 2.0], ["a", "c"]),
        ([math.nan, 2.0], ["a", "b"]),
        ([0.0, math.nan], ["c", "b"]),
    ]
    scores, reasons = interpreter.scores(len(rows), [n for n, _ in rows], [t for _, t in rows], None)
    assert scores == [2.0, 2.0, None, None, None, None, None, None, None, 2.0, None]
    assert reasons == [
        None, None, "input x is 2.0, and the model accepts -1.0 to 1.0", None, None, None,
        "input y is 1.0, which the model does not know", "input t is 'c', which the model does not know",
        "input u is 'c', which the model does not know", None, None,
    ]  # fmt: skip


def test_flat_and_nested_arrays_are_the_same() -> None:
    inputs = [{**_NUMBER, "name": "x"}, {**_TEXT, "name": "t"}, {**_NUMBER, "name": "y"}]
    interpreter = _program(
        [{"step": "linear", "of": [0, 2], "weights": [1, 10], "intercept": 0}], inputs=inputs, scores=[3]
    )
    nested = interpreter.scores(2, [[1.0, 2.0], [3.0, 4.0]], [["a"], ["b"]], None)
    assert nested == interpreter.scores(2, [1.0, 2.0, 3.0, 4.0], ["a", "b"], None) == ([21.0, 43.0], [None, None])
    assert interpreter.scores(0, None, None, None) == ([], [])


@pytest.mark.parametrize(
    ("link", "scores", "expected"),
    [
        ("logistic", [0.0], [0.5, 0.5]),
        ("logistic", [1e308], [0.0, 1.0]),
        ("logistic", [-1e308], [1.0, 0.0]),
        ("logistic", [-_INFINITY], [1.0, 0.0]),
        ("logistic", [math.nan], [math.nan, math.nan]),
        ("softmax", [1e308, 1e308], [0.5, 0.5]),
        ("softmax", [0.0, _INFINITY], [math.nan, math.nan]),
        ("softmax", [0.0, math.nan], [math.nan, math.nan]),
        ("softmax", [-_INFINITY, 0.0], [0.0, 1.0]),
        ("one_vs_rest", [0.0, 0.0, -_INFINITY], [0.5, 0.5, 0.0]),
        ("one_vs_rest", [-1e308, -1e308], [0.5, 0.5]),
        ("sign", [5e-324], [0.0, 1.0]),
        ("sign", [0.0], [1.0, 0.0]),
        ("argmax", [1.0, 3.0, 3.0], [0.0, 1.0, 0.0]),
        ("argmax", [1.0, math.nan, 3.0], [0.0, 1.0, 0.0]),
    ],
)  # fmt: skip
def test_links(link: str, scores: list[float], expected: list[float]) -> None:
    inputs = [{**_NUMBER, "name": str(n)} for n in range(len(scores))]
    outputs, reason = _program([], inputs=inputs, scores=list(range(len(scores))), link=link).outputs(scores, [])
    assert reason is None
    np.testing.assert_array_equal(outputs, expected)


class _Forest:
    """Random trees over two numbers and a text, as arrays and as a plain recursion."""

    def __init__(self, seed: int, outputs: int, *, wide: bool) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.outputs, self.wide = outputs, wide
        self.step: dict[str, Any] = {
            "step": "trees", "of": [2, 0, 1], "precision": "float64", "base": [0.1] * outputs,
            **{name: [] for name in
               ("roots", "target", "feature", "threshold", "set", "missing_left", "left", "right", "values")},
            "sets": [["a"], ["a", "b"], []],
        }  # fmt: skip
        for _ in range(5):
            self.step["target"].append(-1 if wide else self.random.randrange(outputs))
            self.step["roots"].append(self._grow(0))

    def _grow(self, depth: int) -> int:
        step, node = self.step, len(self.step["feature"])
        leaf = self.random.random() < depth / 7
        feature = -1 if leaf else self.random.randrange(3)
        # Position 1 of `of` is the text.
        threshold = self.random.choice([-1.0, 0.5, 1.7976931348623157e308, 5e-324]) if feature in (0, 2) else None
        for name, value in {
            "feature": feature, "threshold": threshold, "set": self.random.randrange(3) if feature == 1 else -1,
            "missing_left": 0 if leaf else self.random.randrange(2), "left": len(step["values"]), "right": -1,
        }.items():  # fmt: skip
            step[name].append(value)
        if leaf:
            step["values"] += [self.random.gauss(0, 1) for _ in range(self.outputs if self.wide else 1)]
        else:
            step["left"][node] = self._grow(depth + 1)
            step["right"][node] = self._grow(depth + 1)
        return node

    def expected(self, registers: list[Any]) -> list[float]:
        step, totals = self.step, list(self.step["base"])
        for root, target in zip(step["roots"], step["target"], strict=True):
            node = root
            while step["feature"][node] != -1:
                node = step["left" if self._left(node, registers) else "right"][node]
            place = step["left"][node]
            for output in range(self.outputs) if target == -1 else [target]:
                totals[output] += step["values"][place + output if target == -1 else place]
        return totals

    def _left(self, node: int, registers: list[Any]) -> bool:
        step = self.step
        value = registers[step["of"][step["feature"][node]]]
        if value is None:
            return bool(step["missing_left"][node])
        chosen = step["set"][node]
        return bool(value <= step["threshold"][node]) if chosen == -1 else value in step["sets"][chosen]


_VALUES = st.one_of(
    st.none(),
    st.sampled_from([-1.0, 0.5, 1.7976931348623157e308, 5e-324, 0.0, _INFINITY, -_INFINITY]),
    st.floats(allow_nan=False),
)


@settings(deadline=None, max_examples=examples(150))
@given(
    seed=st.integers(0, 10_000),
    outputs=st.integers(1, 3),
    wide=st.booleans(),
    rows=st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), _VALUES, _VALUES), min_size=1, max_size=8),
)
def test_walking_is_what_the_arrays_say(seed: int, outputs: int, *, wide: bool, rows: list[tuple[Any, ...]]) -> None:
    forest = _Forest(seed, outputs, wide=wide)
    inputs = [_TEXT, {**_NUMBER, "name": "x"}, {**_NUMBER, "name": "y"}]
    interpreter = _program([forest.step], inputs=inputs, scores=list(range(3, 3 + outputs)))
    for text, one, other in rows:
        # `of` names the registers in another order: 2, 0, 1.
        assert interpreter.outputs([one, other], [text]) == (forest.expected([text, one, other]), None)
