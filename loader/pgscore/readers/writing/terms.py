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

_MOST_STEPS = 10_000
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
    inputs, steps = len(document["inputs"]), list(document["steps"])
    absolute = _Sums(inputs, steps)
    scores = [absolute.of(step) for step in sums]
    if len(steps) > _MOST_STEPS:
        # Too many for a program: inner sums count as what they are.
        del steps[len(document["steps"]) :]
        absolute = _Sums(inputs, steps, inner=False)
        scores = [absolute.of(step) for step in sums]
    return {**document, "steps": steps, "scores": scores, "link": "identity"}


class _Sums:
    """Sums of absolute terms, also of sums that a sum is made of: of components, say, that a linear model weights.

    What is made of a sum moves by no more than these tell, to the first order.
    """

    def __init__(self, inputs: int, steps: list[Any], *, inner: bool = True) -> None:
        self._inputs, self._steps, self._inner = inputs, steps, inner
        # `trees` and `link` define several registers.
        self._step_of: dict[int, Any] = {}
        for step in steps:
            for _ in range(_width(step)):
                self._step_of[inputs + len(self._step_of)] = step
        self._next = inputs + len(self._step_of)
        self._found: dict[int, int] = {}
        self._is_sum: dict[int, bool] = {}

    def of(self, step: Mapping[str, Any]) -> int:
        """The register of the absolute terms of a linear step, or of kernels."""
        if step["step"] == "linear":
            return self._of_linear(step)
        absolute = {
            **step,
            "coefficients": [abs(each) for each in step["coefficients"]],
            "intercept": abs(step["intercept"]),
        }
        # Distances of an rbf kernel are those of the numbers with their signs, and it is never negative.
        if step["kernel"] != "rbf":
            absolute |= {name: abs(step[name]) for name in ("gamma", "constant")}
            absolute["of"] = [self._absolute(each) for each in step["of"]]
            absolute["vectors"] = [[abs(each) for each in vector] for vector in step["vectors"]]
        return self._add(absolute)

    def _of_linear(self, step: Mapping[str, Any]) -> int:
        weights = [abs(weight) for weight in step["weights"]]
        return self._linear([self._absolute(each) for each in step["of"]], weights, abs(step["intercept"]))

    def _absolute(self, register: int) -> int:
        if register not in self._found:
            step = self._step_of.get(register)
            is_sum = step is not None and self._of_sums(register)
            self._found[register] = self._of_step(step, register) if is_sum else self._function("abs", register)
        return self._found[register]

    def _of_sums(self, register: int) -> bool:
        """Whether a register is made of a sum, in one of the ways that are followed here."""
        if register not in self._is_sum:
            step = self._step_of.get(register)
            if not self._inner or step is None or not _is_followed(step):
                self._is_sum[register] = False
            elif step["step"] == "linear":
                self._is_sum[register] = True
            else:
                of = step["of"] if isinstance(step["of"], list) else [step["of"]]
                self._is_sum[register] = any(self._of_sums(each) for each in of)
        return self._is_sum[register]

    def _of_step(self, step: Any, register: int) -> int:  # noqa: ANN401
        kind = step["step"]
        if kind == "linear":
            return self._of_linear(step)
        if kind == "affine":
            signs = {"subtract": -1, "divide": 1, "multiply": 1, "add": 1}
            operands = {name: sign * abs(step[name]) for name, sign in signs.items() if name in step}
            return self._add({"step": "affine", "of": self._absolute(step["of"]), **operands})
        if kind == "function":
            return self._of_function(step, register)
        if kind == "ratio":
            above, below = (self._absolute(each) for each in step["of"])
            size = self._function("abs", step["of"][1])
            parts = [self._add({"step": "ratio", "of": [each, size]}) for each in (above, below)]
            return self._add({"step": "product", "of": parts})
        return self._add({"step": "product", "of": [self._absolute(each) for each in step["of"]]})

    def _of_function(self, step: Mapping[str, Any], register: int) -> int:
        inner = self._absolute(step["of"])
        if step["name"] in ("abs", "relu"):
            return inner
        if step["name"] == "exp":
            return self._add({"step": "product", "of": [register, self._linear([inner], [1.0], 1.0)]})
        return self._linear([self._function("abs", register), inner], [1.0, 1.0], 0.0)

    def _linear(self, of: Sequence[int], weights: Sequence[float], intercept: float) -> int:
        return self._add({"step": "linear", "of": list(of), "weights": list(weights), "intercept": intercept})

    def _function(self, name: str, register: int) -> int:
        return self._add({"step": "function", "of": register, "name": name})

    def _add(self, step: dict[str, Any]) -> int:
        self._steps.append(step)
        self._next += 1
        return self._next - 1


def _is_followed(step: Mapping[str, Any]) -> bool:
    if step["step"] == "function":
        return step["name"] in ("abs", "relu", "exp", "sin", "cos", "tanh")
    return step["step"] in ("linear", "affine", "product", "ratio")
