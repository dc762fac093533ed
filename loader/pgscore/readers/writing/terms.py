"""The scale of a linear model's scores, by which differences between engines are measured."""

from __future__ import annotations

import json
from math import isnan
from typing import TYPE_CHECKING, Any

from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.links import link_outputs
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Links that say which of sums is positive, or largest.
_MARKING = ("sign", "argmax")


def absolute_terms(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """The sum of the absolute terms of a linear model, intercept included, for each row; the largest of its scores'.

    Sums of kernels are such, too, and what is but cut off, or marked, counts by the sums behind it.

    Args:
        document: a program.
        rows: input values by name, as in golden rows: None for NULL, numbers also as the text ``Infinity``.

    Returns:
        A sum for each row, times a score above 1 where the link is ``exp``: it moves by so much more. 0 where the row
        has no score, or one that is no number; 1 for all but linear models, as their additions are those of the
        estimator.
    """
    sums = _sums(document)
    if sums is None:
        return [1.0] * len(rows)
    interpreter = Interpreter(parse_program(json.dumps(_of_absolute(document, sums))))
    scored = Interpreter(parse_program(json.dumps(document))) if document["link"] == "exp" else None
    found = []
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
        found.append(total * max(1.0, raised[0]) if raised is not None else total)
    return found


def _sums(document: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The steps of the sums behind the scores; None where a score is something else."""
    defined: dict[int, dict[str, Any]] = {}
    register = len(document["inputs"])
    for step in document["steps"]:
        outputs = _width(step)
        defined.update(dict.fromkeys(range(register, register + outputs), step))
        register += outputs
    found: dict[int, dict[str, Any]] = {}
    waiting = list(dict.fromkeys(document["scores"]))
    seen = set(waiting)
    while waiting:
        step = defined.get(waiting.pop(), {})
        name = step.get("step")
        read = [step["of"]] if isinstance(step.get("of"), int) else step.get("of", [])
        is_of_marks = bool(read) and all(_is_marking(defined.get(each, {})) for each in read)
        if name == "kernel" or (name == "linear" and not is_of_marks):
            found[id(step)] = step
            continue
        if name not in ("clip", "affine", "piecewise", "linear") and not _is_marking(step):
            return None
        waiting += [each for each in read if each not in seen]
        seen.update(read)
    return list(found.values())


def _is_marking(step: Mapping[str, Any]) -> bool:
    return step.get("step") == "link" and step["link"] in _MARKING


def _width(step: Mapping[str, Any]) -> int:
    """How many registers a step of a document defines."""
    if step["step"] == "link":
        return link_outputs(step["link"], len(step["of"]))
    return len(step["base"]) if step["step"] == "trees" else 1


def _of_absolute(document: Mapping[str, Any], sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The program whose scores are sums of absolute terms."""
    steps = list(document["steps"])
    scores = []
    register = len(document["inputs"]) + sum(map(_width, steps))
    for step in sums:
        weights = "weights" if step["step"] == "linear" else "coefficients"
        absolute = {**step, weights: [abs(each) for each in step[weights]], "intercept": abs(step["intercept"])}
        # Distances of an rbf kernel are those of the numbers with their signs, and it is never negative.
        if step.get("kernel") != "rbf":
            steps += [{"step": "function", "of": each, "name": "abs"} for each in step["of"]]
            absolute["of"] = list(range(register, register + len(step["of"])))
            register += len(step["of"])
        if step.get("kernel") in ("poly", "sigmoid"):
            absolute |= {name: abs(step[name]) for name in ("gamma", "constant")}
            absolute["vectors"] = [[abs(each) for each in vector] for vector in step["vectors"]]
        steps.append(absolute)
        scores.append(register)
        register += 1
    return {**document, "steps": steps, "scores": scores, "link": "identity"}
