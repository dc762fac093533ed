"""Programs evaluated as docs/program.md says, in doubles of numpy: knows nothing of what the database does."""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = float | str | None
Program = dict[str, Any]
_LINEAR = 1e-12


class Answer:
    """What a program gives for a row.

    Attributes:
        outputs: one for each class, or for a value, then what decides of the label; NaN where it is no number; None
            where the row has no score.
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


def _meets(each: Program, value: Any) -> bool:  # noqa: ANN401
    if _missing(value):
        return bool(each["nullable"])
    return bool(each.get("minimum", -np.inf) <= value <= each.get("maximum", np.inf))


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
    if not all(_meets(each, registers[each["of"]]) for each in program.get("require", [])):
        return Answer(None)
    scores = np.array([registers[score] for score in program["scores"]], dtype=float)
    tolerance = _LINEAR * max(terms[score] for score in program["scores"])
    ahead = np.sort(scores)[-1] - np.sort(scores)[-2] if len(scores) > 1 else abs(scores[0])
    decided = program["link"] not in ("sign", "argmax") or bool(ahead > max(tolerance, 1e-290))
    # A square moves by twice its root times what that moves by.
    slope = max(1.0, 2 * float(np.abs(scores).max())) if program["link"] == "square_signed" else 1.0
    slope = max(1.0, min(_link("exp", scores)[0], 1e300)) if program["link"] == "exp" else slope
    outputs = _link(program["link"], scores) + [float(registers[each]) for each in program.get("decide", [])]
    return Answer(outputs, tolerance * slope, decided=decided)


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
    if name in ("product", "ratio", "piecewise", "quadratic", "median", "kernel"):
        of = step["of"] if isinstance(step["of"], list) else [step["of"]]
        return [_formula(step, np.array([registers[each] for each in of], float))]
    if name == "link":
        return [np.float64(each) for each in _link(step["link"], np.array([registers[of] for of in step["of"]], float))]
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
        return [np.float64(_function(step["name"], float(value)))]
    if name == "clip":
        value = value if missing else np.maximum(value, step.get("minimum", -np.inf))
        return [value if missing else np.minimum(value, step.get("maximum", np.inf))]
    value = value - np.float64(step.get("subtract", 0))
    value = value / np.float64(step.get("divide", 1))
    value = value * np.float64(step.get("multiply", 1))
    return [value + np.float64(step.get("add", 0))]


def _formula(step: Program, x: np.ndarray[Any, np.dtype[np.float64]]) -> np.float64:
    if step["step"] == "product":
        return np.float64(functools.reduce(operator.mul, x))
    if step["step"] == "ratio":
        return np.float64(x[0] / (x[1] + 0.0))  # 0 has no sign
    if step["step"] == "piecewise":
        return _piecewise(step, x[0])
    if step["step"] == "median":
        order = np.argsort(x, kind="stable")
        sums = np.cumsum(np.array(step["weights"], float)[order])
        return np.float64(x[order][np.argmax(2 * sums >= sums[-1])])
    if step["step"] == "quadratic":
        given = x - np.array(step["center"], float)
        rows = [functools.reduce(operator.add, np.array(row, float) * given, 0.0) for row in step.get("matrix", [])]
        squares = [each * each for each in (rows if "matrix" in step else given)]
        return np.float64(functools.reduce(operator.add, squares, 0.0))
    total = np.float64(step["intercept"])
    for vector, coefficient in zip(np.array(step["vectors"], float), step["coefficients"], strict=True):
        if step["kernel"] == "rbf":
            similar = _exp(-float(step["gamma"] * functools.reduce(operator.add, (x - vector) * (x - vector), 0.0)))
        else:
            base = step["gamma"] * functools.reduce(operator.add, x * vector, 0.0) + step["constant"]
            similar = (
                math.tanh(base)
                if step["kernel"] == "sigmoid"
                else functools.reduce(operator.mul, [base] * step["degree"])
            )
        total = total + coefficient * np.float64(similar)
    return total


def _piecewise(step: Program, x: np.float64) -> np.float64:
    if np.isnan(x):
        return np.float64(np.nan if step["missing"] is None else step["missing"])
    before = sum(bool(knot <= x if step["closed"] == "left" else knot < x) for knot in step["knots"])
    piece = step["coefficients"][before]
    if piece is None:
        return np.float64(np.nan)
    beyond = x - np.float64(step["knots"][max(before - 1, 0)])
    total = np.float64(piece[-1])
    for coefficient in reversed(piece[:-1]):
        total = total * beyond + np.float64(coefficient)
    return total


def _function(name: str, value: float) -> float:  # noqa: PLR0911
    if math.isnan(value):
        return value
    if name in ("log", "log10", "log1p", "logit"):
        # What numpy says at the ends and beyond; the C library's own within.
        if name == "logit":
            return math.log(value / (1 - value)) if 0 < value < 1 else float(np.log(value) - np.log(1 - value))
        least = -1 if name == "log1p" else 0
        return getattr(math, name)(value) if least < value < math.inf else float(getattr(np, name)(value))
    if name in ("exp", "expit"):
        return {"exp": _exp, "expit": _expit}[name](value)
    if name == "expm1":
        return math.expm1(value) if value < 709 else _exp(value) - 1
    if name in ("sin", "cos"):
        return getattr(math, name)(value) if math.isfinite(value) else math.nan
    if name == "relu":
        return max(value, 0.0)
    if name == "reciprocal":
        return float(1 / np.float64(value + 0.0))  # 0 has no sign
    if name == "tanh":
        return math.tanh(value)
    return float(getattr(np, name)(np.float64(value)))


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


def _expit(score: float) -> float:
    try:
        return 1 / (1 + math.exp(-score))
    except OverflowError:
        return 0.0


def _exp(score: float) -> float:
    try:
        return math.exp(score)
    except OverflowError:
        return math.inf


def _link(link: str, scores: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    given = [float(score) for score in scores]
    if link == "identity":
        return given
    if link in ("sign", "argmax"):
        best = int(given[0] > 0) if link == "sign" else int(np.argmax(scores))
        return [float(position == best) for position in range(max(2, len(scores)))]
    simple: dict[str, Callable[[], list[float]]] = {
        "logistic": lambda: [1 - _expit(given[0]), _expit(given[0])],
        "exp": lambda: [_exp(given[0])],
        "expit": lambda: [_expit(given[0])],
        "one_vs_all": lambda: [_expit(score) for score in given],
        "square_signed": lambda: [float(scores[0] * abs(scores[0]))],
    }
    if link in simple:
        return simple[link]()
    if np.isnan(scores).any():
        return [np.nan] * len(scores)
    kinds: dict[str, Callable[[], np.ndarray[Any, np.dtype[np.float64]]]] = {
        "softmax": lambda: np.array([_exp(score) for score in scores - scores.max()]),
        "one_vs_rest": lambda: np.array([_expit(score) for score in given]),
        "normalize": lambda: scores,
    }
    powers = kinds[link]()
    if powers.sum() == 0:
        return [1 / len(scores)] * len(scores)
    return [float(each) for each in powers / powers.sum()]


def link_outputs(link: str, scores: int) -> int:
    """How many outputs there are of so many scores."""
    return {"logistic": 2, "sign": 2, "exp": 1, "expit": 1, "square_signed": 1}.get(link, scores)
