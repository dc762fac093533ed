"""What is written as PMML, and read again, is a program that gives the same."""

from __future__ import annotations

import json
from math import isnan
from typing import TYPE_CHECKING, Any

import pytest
from pgscore.readers import read_program
from pgscore.readers.pmml.document import open_pmml
from pgscore.writers.pmml.writer import write_pmml
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.links import link_outputs
from pgscore_runtime.program import parse_program

from .fixtures import contract_of as contract_of_document
from .written import Rows, contract_of, document, number, parsed, text, trees

if TYPE_CHECKING:
    from pgscore_runtime.program import Program

_LOOKUP = {"step": "lookup", "of": 1, "keys": ["a", "b"], "values": [0.5, -1], "unknown": 0.1, "missing": 0.2}
_FILL = {"step": "fill", "of": 0, "with": 0.25}
_TREE = trees([0, 1], [(0, 0.5, 1, 1, 2), 1.0, (1, ["a", "c"], 0, 3, 4), -2.0, 3.0])
_LAYER = [
    {"step": "linear", "of": [3, 2], "weights": [1, 2], "intercept": 0.1},
    {"step": "linear", "of": [3, 2], "weights": [-1, 1], "intercept": 0.2},
    {"step": "function", "of": 4, "name": "relu"},
    {"step": "function", "of": 5, "name": "relu"},
    {"step": "linear", "of": [6, 7], "weights": [0.3, -0.7], "intercept": 0.05},
]
_DOCUMENTS = {
    "linear": document(
        [number("x", minimum=-100, maximum=100), text("t")],
        [_LOOKUP, _FILL, {"step": "linear", "of": [2, 3], "weights": [1, 0.3], "intercept": -0.2}],
        [4],
        "logistic",
    ),
    "trees": document([number("x"), text("t")], [_TREE], [2], "logistic"),
    "net": document([number("x", minimum=-100, maximum=100), text("t")], [_LOOKUP, _FILL, *_LAYER], [8], "logistic"),
    "value": document([number("x"), text("t")], [_LOOKUP, _TREE], [3], "exp"),
}


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_pmml_is_read_again(name: str) -> None:
    first = parsed(_DOCUMENTS[name])
    read: Any = open_pmml(write_pmml(first, contract_of(first), name=name, metadata={}))
    assert [each.name for each in read.inputs] == ["x", "t"]
    again = parse_program(json.dumps(read_program(read, contract_of_document(read, "pmml")).program))
    table: Rows = [[x, t] for x in (None, -3.5, 0.0, 0.5, 0.6, 99.0, 101.0) for t in (None, "a", "b", "c", "", "zz")]
    for x, t in table:
        wanted, found = (_scored(each, x, t) for each in (first, again))
        assert found == (None if wanted is None else pytest.approx(wanted, rel=1e-12, abs=1e-12)), (x, t)


def _scored(program: Program, x: Any, t: Any) -> list[float] | None:  # noqa: ANN401
    """Its outputs; None where there are none, or they are no numbers."""
    outputs, _ = Interpreter(program).outputs([x], [t])
    count = link_outputs(program.link, len(program.scores))
    return None if outputs is None or any(map(isnan, outputs[:count])) else outputs[:count]
