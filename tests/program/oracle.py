"""Programs evaluated as docs/program.md says, in doubles of numpy: knows nothing of what the database does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = float | str | None
Program = dict[str, Any]
_LINEAR = 1e-12


class Answer:
    """What a program gives for a row.

    Attributes:
        outputs: one for each class, or for a value; NaN where it is no number; None where the row has no score.
        tolerance: how far the largest rounding of a linear score may move an output.
        decided: whether no such rounding, nor what is lost below 1e-290, chooses between classes.
    """

    def __init__(self, outputs: list[float] | None, tolerance: float = 0, *, decided: bool = True) -> None:
        self.outputs = outputs
        self.tolerance = tolerance
        self.decided = decided


def evaluate(program: Program, row: Sequence[Value]) -> Answer:
    """Evaluates a row of values in the order of the inputs; booleans as 0 and 1."""
    with np.errstate(all="ignore"):
        return _evaluate(program, row)


def refused(program: Program, row: Sequence[Value]) -> bool:
    """Whether the estimator refuses a value that is there."""
    return any(
        not _missing(value) and not _accepts(each, value) for each, value in zip(program["inputs"], row, strict=True)
    )


def _accepts(each: Program, value: Value) -> bool:
    if "known" in each and value not in each["known"]:
        return False
    return isinstance(value, str) or bool(
        value is not None and each.get("minimum", -np.inf) <= value <= each.get("maximum", np.inf)
    )


def _missing(value: Value) -> bool:
    return value is None or (not isinstance(value, str) and bool(np.isnan(value)))


def _evaluate(program: Program, row: Sequence[Value]) -> Answer:
    registers: list[Any] = []
    # The sum of the absolute terms behind a register.
    terms: list[float] = []
    for each, value in zip(program["inputs"], row, strict=True):
        if _missing(value) and not each["nullable"]:
            return Answer(None)
        registers.append(value if each["type"] == "text" else np.float64(np.nan if value is None else value))
        terms.append(0 if isinstance(value, str) or _missing(value) else abs(float(value or 0)))
    if refused(program, row):
        return Answer(None)
    for step in program["steps"]:
        given = _step(step, registers)
        magnitude = [abs(float(each)) if not isinstance(each, str | None) else 0.0 for each in given]
        if step["step"] == "affine":
            magnitude = [_affine_terms(step, terms[step["of"]])]
        elif step["step"] == "linear":
            parts = zip(step["of"], step["weights"], strict=True)
            magnitude = [abs(step["intercept"]) + sum(abs(weight) * terms[of] for of, weight in parts)]
        registers += given
        terms += magnitude
    scores = np.array([registers[score] for score in program["scores"]], dtype=float)
    tolerance = _LINEAR * max(terms[score] for score in program["scores"])
    ahead = np.sort(scores)[-1] - np.sort(scores)[-2] if len(scores) > 1 else abs(scores[0])
    decided = program["link"] not in ("sign", "argmax") or bool(ahead > max(tolerance, 1e-290))
    return Answer(_link(program["link"], scores), tolerance, decided=decided)


def _affine_terms(step: Program, term: float) -> float:
    term = (term + abs(step.get("subtract", 0))) * abs(step.get("multiply", 1)) + abs(step.get("add", 0))
    return float(np.float64(term) / abs(step.get("divide", 1)))


def _step(step: Program, registers: list[Any]) -> list[Any]:  # noqa: PLR0911  one for each step
    name = step["step"]
    if name == "linear":
        total = np.float64(step["intercept"])
        for of, weight in zip(step["of"], step["weights"], strict=True):
            total = total + np.float64(weight) * registers[of]
        return [total]
    if name == "trees":
        return _trees(step, [registers[of] for of in step["of"]])
    value = registers[step["of"]]
    missing = _missing(value)
    if name == "fill":
        return [step["with"] if missing else value]
    if name == "missing":
        return [np.float64(missing)]
    if name == "lookup":
        chosen = step["missing"] if missing else step["unknown"]
        if not missing and value in step["keys"]:
            chosen = step["values"][step["keys"].index(value)]
        return [np.float64(np.nan if chosen is None else chosen)]
    if name == "function":
        return [{"abs": np.abs, "sqrt": np.sqrt, "square": np.square}[step["name"]](value)]
    if name == "clip":
        value = value if missing else np.maximum(value, step.get("minimum", -np.inf))
        return [value if missing else np.minimum(value, step.get("maximum", np.inf))]
    value = value - np.float64(step.get("subtract", 0))
    value = value / np.float64(step.get("divide", 1))
    value = value * np.float64(step.get("multiply", 1))
    return [value + np.float64(step.get("add", 0))]


def _trees(step: Program, tested: list[Any]) -> list[Any]:
    sums = [np.float64(base) for base in step["base"]]
    for root, target in zip(step["roots"], step["target"], strict=True):
        node = root
        while step["feature"][node] != -1:
            value = tested[step["feature"][node]]
            if _missing(value):
                left = step["missing_left"][node] == 1
            elif step["set"][node] != -1:
                left = value in step["sets"][step["set"][node]]
            else:
                left = value <= step["threshold"][node]
            node = step["left" if left else "right"][node]
        leaf = step["left"][node]
        for output in range(len(sums)) if target == -1 else [target]:
            sums[output] = sums[output] + np.float64(step["values"][leaf + (output if target == -1 else 0)])
    return [each / np.float64(step["divide"]) if "divide" in step else each for each in sums]


def _link(link: str, scores: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    if link == "identity":
        return [float(score) for score in scores]
    if link in ("sign", "argmax"):
        best = int(scores[0] > 0) if link == "sign" else int(np.argmax(scores))
        return [float(position == best) for position in range(max(2, len(scores)))]
    if np.isnan(scores).any():
        return [np.nan] * (2 if link == "logistic" else len(scores))
    if link == "logistic":
        probability = float(1 / (1 + np.exp(-scores[0])))
        return [1 - probability, probability]
    powers = np.exp(scores - scores.max()) if link == "softmax" else 1 / (1 + np.exp(-scores))
    if powers.sum() == 0:
        return [1 / len(scores)] * len(scores)
    return [float(each) for each in powers / powers.sum()]
