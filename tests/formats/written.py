"""Programs that are written to files of other tools, and what these have to give for rows."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pgscore_runtime.contract import Contract, Input, Output
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.links import link_outputs
from pgscore_runtime.program import parse_program

from tests.program.oracle import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.writers.checking import Answers
    from pgscore_runtime.program import Program

Rows = list[list[Any]]
EXTREMES = [
    None, 0.0, -0.0, 1.0, -1.0, 0.25, -0.25, 1e-9, 2.5, -2.5, 3.5, 36.0, -40.0, 700.0, -720.0, 5e-324, 1e-310, 1e16,
    4503599627370495.5, 1e300, -1e300, math.inf, -math.inf,
]  # fmt: skip


def number(name: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401
    """An input that is a number and may be missing."""
    return {"name": name, "type": "double precision", "nullable": True, **given}


def text(name: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401
    """An input that is a text and may be missing."""
    return {"name": name, "type": "text", "nullable": True, **given}


def document(
    inputs: Sequence[Any],
    steps: Sequence[Any],
    scores: Sequence[int],
    link: str = "identity",
    **more: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """A program's document."""
    return {"program": 1, "inputs": inputs, "steps": steps, "scores": scores, "link": link, "tie": "first", **more}


def trees(of: Sequence[int], nodes: Sequence[Any], base: Sequence[float] = (0.0,), **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A step of one tree: nodes are leaves, or of position, threshold or set, side of missing ones, children."""
    step: dict[str, Any] = {
        "step": "trees", "of": of, "precision": "float64", "base": base, "roots": [0], "target": [0], "feature": [],
        "threshold": [], "set": [], "missing_left": [], "left": [], "right": [], "values": [], "sets": [], **more,
    }  # fmt: skip
    for node in nodes:
        leaf = not isinstance(node, tuple)
        position, test, missing, left, right = (-1, None, 0, len(step["values"]), -1) if leaf else node
        chosen = -1
        if isinstance(test, list):
            chosen = len(step["sets"])
            step["sets"].append(test)
        for name, value in zip(
            ("feature", "threshold", "set", "missing_left", "left", "right"),
            (position, None if chosen >= 0 else test, chosen, missing, left, right),
            strict=True,
        ):
            step[name].append(value)
        if leaf:
            step["values"].append(node)
    return step


def contract_of(program: Program) -> Contract:
    """A contract for it: of classes, where it has several outputs."""
    count = link_outputs(program.link, len(program.scores))
    classes = tuple(f"class {n}" for n in range(count)) if count > 1 else ()
    inputs = tuple(Input(each.name, each.type, each.nullable) for each in program.inputs)  # type: ignore[arg-type]
    kind = "value" if count == 1 else "indicator" if program.link in ("sign", "argmax") else "probability"
    return Contract("joblib", inputs, False, "none", Output(kind, classes, 1 if classes else None), {})  # type: ignore[arg-type]


def parsed(found: dict[str, Any]) -> Program:
    """A document as a program."""
    return parse_program(json.dumps(found))


def assert_given(found: dict[str, Any], rows: Rows, answers: Answers, *, exact: bool = False) -> int:
    """Holds that a file gives what a program gives, within 1e-12 of its scale; and the label where it is no tie.

    Args:
        found: the document of the program.
        rows: values in the order of the inputs.
        answers: what the file gives.
        exact: whether to the last bit.

    Returns:
        For how many rows there were numbers.
    """
    program = parsed(found)
    interpreter = Interpreter(program)
    classes = contract_of(program).output.classes
    scored = 0
    for n, row in enumerate(rows):
        texts, numbers = (
            [value for each, value in zip(program.inputs, row, strict=True) if each.is_text == is_text]
            for is_text in (True, False)
        )
        outputs, _ = interpreter.outputs(numbers, texts)
        given = answers.numbers[n]
        wanted, decide = [math.nan] * len(given), [math.nan]
        if outputs is not None:
            wanted, decide = outputs[: len(given)], outputs[len(given) :] or outputs[: len(given)]
        # What has an error has no output at all; and what has no label no probabilities, to whoever predicts.
        if n in answers.errors and any(map(math.isnan, [*wanted, *decide])):
            wanted = [math.nan] * len(given)
        known = evaluate(found, row)
        scored += outputs is not None
        place = (row, given, wanted, answers.errors.get(n))
        for one, other in zip(given, wanted, strict=True):
            if one == other or (math.isnan(one) and math.isnan(other)) or math.isinf(known.tolerance):
                continue  # what overflows in one order of additions need not in another
            assert not exact, place
            assert abs(one - other) <= max(known.tolerance, 1e-12 * max(1.0, abs(other))), place
        if answers.labels is not None and not any(map(math.isnan, [*wanted, *decide])):
            _assert_label(classes, decide, answers.labels[n], 2 * known.tolerance + 1e-12, place)
    return scored


def _assert_label(classes: Sequence[Any], decide: list[float], label: object, near: float, place: object) -> None:
    largest = max(decide)
    assert label in [
        each for each, value in zip(classes, decide, strict=True) if value == largest or value >= largest - near
    ], place
