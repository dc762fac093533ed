"""Covers of trees that come without: how many of the rows that were given reach each node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from pgscore_runtime.tree_arrays import Trees

from pgscore.readers.writing.terms import given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.program import Program

    _Row = tuple[list[float | None], list[Any]]

# Deeper trees cannot be explained; and what is walked here for so long is not worth the wait.
_MOST_DEPTH = 200
_MOST_WALKS = 2_000_000


def covered(document: dict[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The program, with a cover for each node of trees whose file does not tell how many rows came there in fitting.

    Reasons are then what an input adds to the average of these rows, and not of those that the model was fitted on.

    Args:
        document: a program.
        rows: input values by name, as in golden rows.
    """
    bare = [n for n, step in enumerate(document["steps"]) if step["step"] == "trees" and "cover" not in step]
    walks = len(rows) * sum(len(document["steps"][n]["roots"]) for n in bare)
    if not bare or walks > _MOST_WALKS:
        return document
    program = parse_program(json.dumps(document))
    handed = list(given(document, rows))
    steps = list(document["steps"])
    for number in bare:
        trees = program.steps[number]
        assert isinstance(trees, Trees)  # noqa: S101  told the type checker
        cover = _cover(program, trees, handed)
        if cover is not None:
            steps[number] = {**steps[number], "cover": cover}
    return {**document, "steps": steps}


def _cover(program: Program, trees: Trees, rows: Sequence[_Row]) -> list[int] | None:
    if max(trees.depth) > _MOST_DEPTH:
        return None
    # What the trees test, as scoring has it.
    asked = program._replace(scores=tuple(trees.of), link="identity", tie="first", decide=())
    interpreter = Interpreter(asked, len(rows))
    sets = [frozenset(each) for each in trees.sets]
    cover = [0] * len(trees.feature)
    for numbers, texts in rows:
        tested: list[Any] | None = interpreter.outputs(numbers, texts)[0]
        if tested is None:
            continue
        for root in trees.roots:
            node = root
            cover[node] += 1
            while trees.feature[node] >= 0:
                goes_left = _goes_left(trees, node, tested[trees.feature[node]], sets)
                node = trees.left[node] if goes_left else trees.right[node]
                cover[node] += 1
    return cover


def _goes_left(trees: Trees, node: int, value: Any, sets: Sequence[frozenset[Any]]) -> bool:  # noqa: ANN401
    if value is None or value != value:  # noqa: PLR0124  NaN
        return bool(trees.missing_left[node])
    threshold = trees.threshold[node]
    return value in sets[trees.set[node]] if threshold is None else bool(value <= threshold)
