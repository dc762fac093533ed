"""ONNX files of real tools: the program gives what onnxruntime gave for each row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from .fixtures import paths, read_fixture
from .onnx_graphs import Graph

if TYPE_CHECKING:
    from pathlib import Path

PATHS = paths("onnx")
# What any of them may be off by, of numbers of the size of data.
_MOST = 2e-3


def _value(text: str | None, kind: str) -> Any:  # noqa: ANN401
    if kind == "string":
        return "" if text is None else text
    return math.nan if text is None else float(text)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_file_gives_what_its_tool_gave(path: Path) -> None:
    fixture = read_fixture(path)
    graph = Graph(fixture.content, names=list(fixture.rows[0]))
    kinds = dict(zip(graph.names, [each.kind for each in graph.columns], strict=True))
    rows = [{name: _value(text, kinds[name]) for name, text in row.items()} for row in fixture.rows]
    # The CSV is what onnxruntime gives here, too.
    labels, numbers = graph.runtime(rows)
    assert numbers is not None
    for place, expected in enumerate(fixture.expected):
        wanted = [_value(text, "float") for name, text in expected.items() if name != "label"]
        assert np.allclose(numbers[place], wanted, rtol=1e-5, atol=1e-6, equal_nan=True), place
        if labels is not None:
            assert str(labels[place]) == expected["label"]
    graph.check(rows)
    ordinary = [row for row in rows if all(isinstance(each, str) or abs(each) < 1e4 for each in row.values())]
    assert len(ordinary) > len(rows) // 4
    # Support vectors of real machines cancel each other.
    most = 10 * _MOST if path.stem.startswith("machine") else _MOST
    assert max(graph.allowed(ordinary)) < most


@pytest.mark.parametrize("name", ["tree", "forest", "boosting", "lightgbm", "xgboost", "tree_scaled", "frame_forest"])
def test_trees_of_real_tools_at_their_borders(name: str) -> None:
    fixture = read_fixture(next(path for path in PATHS if path.stem == name))
    graph = Graph(fixture.content, names=list(fixture.rows[0]))
    (trees,) = [step for step in graph.reading.program["steps"] if step["step"] == "trees"]
    rng = np.random.default_rng(0)
    borders: dict[int, list[float]] = {}
    for feature, threshold in zip(trees["feature"], trees["threshold"], strict=True):
        if feature >= 0 and threshold is not None:
            beside = [threshold, np.nextafter(threshold, -np.inf), np.nextafter(threshold, np.inf)]
            borders.setdefault(trees["of"][feature], []).extend(map(float, beside))
    rows = []
    for _ in range(300):
        row = {key: _value(text, graph.columns[n].kind) for n, (key, text) in enumerate(fixture.rows[0].items())}
        for register, numbers in borders.items():
            if register < len(graph.names) and graph.columns[register].kind == "float32":
                row[graph.names[register]] = float(rng.choice(numbers))
        rows.append(row)
    graph.check(rows)
