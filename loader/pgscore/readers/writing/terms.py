"""The scale of a linear model's scores, by which differences between engines are measured."""

from __future__ import annotations

import json
from math import isnan
from typing import TYPE_CHECKING, Any

from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def absolute_terms(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """The sum of the absolute terms of a linear model, intercept included, for each row; the largest of its scores'.

    Args:
        document: a program.
        rows: input values by name, as in golden rows: None for NULL, numbers also as the text ``Infinity``.

    Returns:
        A sum for each row, times a score above 1 where the link is ``exp``: it moves by so much more. 0 where the row
        has no score, or one that is no number; 1 for all but linear models, as their additions are those of the
        estimator.
    """
    defined = {len(document["inputs"]) + n: step for n, step in enumerate(document["steps"])}
    linear = [defined.get(register) for register in document["scores"]]
    if any(step is None or step["step"] != "linear" for step in linear):
        return [1.0] * len(rows)
    interpreter = Interpreter(parse_program(json.dumps(_of_absolute(document, linear))))
    scored = Interpreter(parse_program(json.dumps(document))) if document["link"] == "exp" else None
    sums = []
    for row in rows:
        values = [row[each["name"]] for each in document["inputs"]]
        texts = [value for value, each in zip(values, document["inputs"], strict=True) if each["type"] == "text"]
        numbers = [
            None if value is None else float(value)
            for value, each in zip(values, document["inputs"], strict=True)
            if each["type"] != "text"
        ]
        outputs, _ = interpreter.outputs(numbers, texts)
        total = max(outputs) if outputs and not any(map(isnan, outputs)) else 0.0
        raised = scored.outputs(numbers, texts)[0] if scored is not None and total else None
        sums.append(total * max(1.0, raised[0]) if raised is not None else total)
    return sums


def _of_absolute(document: Mapping[str, Any], linear: Sequence[Any]) -> dict[str, Any]:
    """The program whose scores are sums of absolute terms."""
    steps = list(document["steps"])
    scores = []
    for step in linear:
        first = len(document["inputs"]) + len(steps)
        steps += [{"step": "function", "of": register, "name": "abs"} for register in step["of"]]
        steps.append(
            {
                "step": "linear",
                "of": list(range(first, first + len(step["of"]))),
                "weights": [abs(weight) for weight in step["weights"]],
                "intercept": abs(step["intercept"]),
            }
        )
        scores.append(len(document["inputs"]) + len(steps) - 1)
    return {**document, "steps": steps, "scores": scores, "link": "identity"}
