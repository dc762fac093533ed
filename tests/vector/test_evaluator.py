"""Whole columns give what the interpreter gives row by row, to the last bit."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgscore.vector.evaluator import Evaluator
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from tests.parity.cases import cases
from tests.program.strategies import programs, rows
from tests.support.examples import examples
from tests.support.programs import hard_rows, pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.program import Program

    Rows = Sequence[Sequence[Any]]

_fuzz = settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))


def _columns(program: Program, table: Rows) -> list[Any]:
    return [
        np.array([row[n] for row in table], dtype=object if each.is_text else np.float64)
        for n, each in enumerate(program.inputs)
    ]


def _bits(outputs: Sequence[float] | None) -> list[bytes] | None:
    """A NaN is like any other; 0 and -0 are not alike."""
    return None if outputs is None else [b"NaN" if x != x else struct.pack("d", x) for x in outputs]  # noqa: PLR0124


def assert_alike(document: dict[str, Any], table: Rows) -> None:
    """Holds that both say the same of each row: outputs, and reasons where there are none."""
    program = parse_program(json.dumps(document))
    found = Evaluator(program).answers(_columns(program, table), len(table))
    walked = Interpreter(program)
    for n, row in enumerate(table):
        pairs = list(zip(program.inputs, row, strict=True))
        texts, numbers = ([x for each, x in pairs if each.is_text == wanted] for wanted in (True, False))
        outputs, reason = walked.outputs(numbers, texts)
        given_outputs = found.outputs[n].tolist() if found.answered[n] else None
        assert _bits(given_outputs) == _bits(outputs), (row, given_outputs, outputs)
        assert found.reasons.get(n) == reason, row


@_fuzz
@given(data=st.data())
def test_programs_of_all_kinds(data: st.DataObject) -> None:
    program = data.draw(programs())
    assert_alike(program, [data.draw(rows(program)) for _ in range(8)])


@pytest.mark.parametrize("name", cases())
def test_pipelines(name: str) -> None:
    estimator, frame = cases()[name].fitted()
    tested = pair(estimator, frame)
    assert_alike(tested.document, hard_rows(tested, frame))


def test_few_texts_of_many_and_more_rows_than_are_evaluated_at_once() -> None:
    many = sorted(f"code {n:04}" for n in range(3000))
    inputs = [
        {"name": "t", "type": "text", "nullable": True},
        {"name": "x", "type": "double precision", "nullable": True, "maximum": 9000},
    ]
    node = {"threshold": [None] * 3, "set": [0, -1, -1], "missing_left": [1, 0, 0], "left": [1, 0, 1]}
    steps = [
        {"step": "lookup", "of": 0, "keys": many, "values": list(range(3000)), "unknown": -1, "missing": None},
        {"step": "lookup", "of": 0, "keys": many[7:9], "values": [5, 6], "unknown": 7, "missing": 8},
        {"step": "lookup", "of": 0, "keys": [], "values": [], "unknown": 3, "missing": 4},
        {"step": "fill", "of": 2, "with": 0.5},
        {"step": "trees", "of": [0], "precision": "float64", "base": [0], "roots": [0], "target": [0],
         "feature": [0, -1, -1], **node, "right": [2, -1, -1], "values": [10, 20], "sets": [[many[7], many[2999]]]},
        {"step": "linear", "of": [5, 3, 4, 6, 1], "weights": [1, 0.1, 0.01, 1000, 1e-7], "intercept": 0},
    ]  # fmt: skip
    document = {"program": 1, "inputs": inputs, "steps": steps, "scores": [7], "link": "identity", "tie": "first"}
    texts = [*many[:10], many[2999], "zzz", "", None]
    assert_alike(document, [[texts[n % len(texts)], float(n)] for n in range(20_000)])
