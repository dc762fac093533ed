"""The scale of a model's scores, by which differences between engines are measured."""

from __future__ import annotations

import json
from math import isnan
from typing import TYPE_CHECKING, Any

from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.links import link_outputs
from pgscore_runtime.program import parse_program

from .steps import defines, reads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    _Step = Mapping[str, Any]

# Links and functions that take powers of e, or logarithms.
_ROUNDING = (
    "logistic", "softmax", "one_vs_rest", "one_vs_all", "exp", "expit", "expm1", "log", "log1p", "log10", "logit",
    "tanh",
)  # fmt: skip
# How far an output of a link moves at most where each of its scores moves by one.
_SLOPE = 0.5
# Links that say which of several sums is positive, or largest.
_MARKING = ("sign", "argmax")
# A number that is not negative, and 1 instead of 0 and of none.
_SMALLEST = 5e-324
_ONE_FOR_ZERO = {
    "step": "piecewise",
    "knots": [0.0, _SMALLEST],
    "coefficients": [[1.0], [1.0], [_SMALLEST, 1.0]],
    "closed": "left",
    "missing": 1.0,
}
# What differences are measured with.
_ROUNDINGS = 1e-12
_FOLLOWED = ("affine", "clip", "fill", "link", "piecewise", "product", "ratio", "median", "function")
_MOST_STEPS = 10_000
_LEAST = 1e-300


def absolute_terms(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """How large the numbers are of which the scores are sums, for each row; the largest of its scores'.

    A sum counts as its absolute terms, intercept included, each as large as those that it was a sum of; what a link, a
    function or an interpolation makes of a sum counts as that, times its slope.

    Args:
        document: a program.
        rows: input values by name, as in golden rows: None for NULL, numbers also as the text ``Infinity``.

    Returns:
        A number for each row; times a score above 1 where the link is ``exp``, as it moves by so much more. 0 where the
        row has no score, or one that is no number; 1 for what adds nothing but trees, as their additions are those of
        the estimator.
    """
    written = _Magnitudes(document)
    scores = [written.of(register) for register in document["scores"]]
    if len(written.steps) > _MOST_STEPS:
        # Too many for a program: inner sums count as what they are.
        written = _Magnitudes(document, inner=False)
        scores = [written.of(register) for register in document["scores"]]
    if not written.sums:
        return [1.0] * len(rows)
    program = {key: value for key, value in document.items() if key != "decide"}
    absolute = {**program, "steps": written.steps, "scores": scores, "link": "identity"}
    interpreter = Interpreter(parse_program(json.dumps(absolute)))
    scored = Interpreter(parse_program(json.dumps(program))) if document["link"] == "exp" else None
    sums = []
    for numbers, texts in given(document, rows):
        outputs, _ = interpreter.outputs(numbers, texts)
        total = max(outputs) if outputs and not any(map(isnan, outputs)) else 0.0
        raised = scored.outputs(numbers, texts)[0] if scored is not None and total else None
        sums.append(total * max(1.0, raised[0]) if raised is not None else total)
    return sums


def decided_by(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[list[float] | None]:
    """The numbers of which the largest decides of the label, for each row; None where its outputs do."""
    if "decide" not in document:
        return [None] * len(rows)
    interpreter = Interpreter(parse_program(json.dumps(document)))
    count = link_outputs(document["link"], len(document["scores"]))
    answers = [interpreter.outputs(numbers, texts)[0] for numbers, texts in given(document, rows)]
    return [answer[count:] if answer else None for answer in answers]


def deciding_terms(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """How large the numbers are of which those are sums that decide of the label, for each row; 0 where outputs do."""
    if "decide" not in document:
        return [0.0] * len(rows)
    program = {key: value for key, value in document.items() if key != "decide"}
    return absolute_terms({**program, "scores": document["decide"], "link": "identity"}, rows)


def scores_of(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[list[float] | None]:
    """What the link makes probabilities of, a number for each class, for each row; None where it is refused."""
    program = {key: value for key, value in document.items() if key != "decide"}
    interpreter = Interpreter(parse_program(json.dumps({**program, "link": "identity"})))
    answers = [interpreter.outputs(numbers, texts)[0] for numbers, texts in given(document, rows)]
    return [[0.0, *answer] if answer and len(answer) == 1 else answer for answer in answers]


def given(
    document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[list[float | None], list[Any]]]:
    """Numbers and texts of rows, as the interpreter takes them.

    Args:
        document: a program.
        rows: input values by name, as in golden rows.
    """
    for row in rows:
        values = [row[each["name"]] for each in document["inputs"]]
        pairs = list(zip(values, document["inputs"], strict=True))
        texts = [value for value, each in pairs if each["type"] == "text"]
        numbers = [None if value is None else float(value) for value, each in pairs if each["type"] != "text"]
        yield numbers, texts


class _Magnitudes:
    """The steps of a program, and behind them those that say how large the numbers are that registers are sums of.

    Attributes:
        steps: all of them.
        sums: the registers of sums that were met, of terms or of kernels, and of what is made of them.
    """

    def __init__(self, document: Mapping[str, Any], *, inner: bool = True) -> None:
        self._inner = inner
        self.steps: list[dict[str, Any]] = list(document["steps"])
        self.sums: set[int] = set()
        self._inputs = len(document["inputs"])
        self._defined: dict[int, _Step] = {}
        for step in self.steps:
            for _ in range(defines(step)):
                self._defined[self._inputs + len(self._defined)] = step
        self._next = self._inputs + len(self._defined)
        self._found: dict[int, int] = {}

    def of(self, register: int) -> int:
        """The register of how large a register is."""
        if register not in self._found:
            self._found[register] = self._made(register)
        return self._found[register]

    def _made(self, register: int) -> int:
        step = self._defined.get(register)
        kind = None if step is None else step["step"]
        read = [] if step is None else reads(step)
        if step is not None and kind in ("linear", "kernel"):
            terms = [self.of(each) if self._inner else self._size(each) for each in read]
            self.sums.add(register)
            return self._sum(step, terms) if kind == "linear" else self._kernel(step, terms)
        if step is not None and (centered := self._centered(step)):
            self.sums.add(register)
            return self._distance(register, centered)
        if step is None or kind not in _FOLLOWED or not self._is_rounded(read):
            return self._size(register)
        self.sums.add(register)
        return self._through(step, register, [self.of(each) for each in read])

    def _sum(self, step: _Step, terms: list[int]) -> int:
        return self._linear(terms, [abs(weight) for weight in step["weights"]], abs(step["intercept"]))

    def _kernel(self, step: _Step, terms: list[int]) -> int:
        absolute = {**step, "coefficients": [abs(each) for each in step["coefficients"]]}
        absolute["intercept"] = abs(step["intercept"])
        # Distances of an rbf kernel are those of the numbers with their signs, and it is never negative.
        if step["kernel"] != "rbf":
            absolute |= {name: abs(step[name]) for name in ("gamma", "constant")}
            absolute |= {"of": terms, "vectors": [[abs(each) for each in vector] for vector in step["vectors"]]}
        return self._add(absolute)

    def _centered(self, step: _Step) -> list[tuple[int, float]]:
        """Registers and a center, where a step gives how far they are from it, and it is not 0; else none."""
        if step.get("name") != "sqrt" or (square := self._defined.get(step["of"])) is None:
            return []
        found: list[tuple[int, float]] = []
        if square["step"] == "quadratic" and "matrix" not in square:
            found = list(zip(square["of"], square["center"], strict=True))
        elif square["step"] == "linear" and square["intercept"] == 0 and {*square["weights"]} == {1.0}:
            squares = [self._defined.get(each, {}) for each in square["of"]]
            if all(each.get("name") == "square" for each in squares):
                found = [self._moved(each["of"]) for each in squares]
        return found if any(center for _, center in found) else []

    def _moved(self, register: int) -> tuple[int, float]:
        step = self._defined.get(register, {})
        return (step["of"], step["subtract"]) if step.keys() == {"step", "of", "subtract"} else (register, 0.0)

    def _distance(self, register: int, centered: Sequence[tuple[int, float]]) -> int:
        """How large the numbers are of which a distance d is the root.

        scikit-learn takes it of |x|^2 - 2 x @ center + |center|^2, whose terms come to 2 (|x|^2 + |center|^2) at most.
        A product of n numbers and two sums round them by (n + 3) 2^-53 of that, whatever the order, and the exact sum
        of squares by no more: e is twice as much. So the two roots are apart by e / d at most, and by the root of e;
        2 e / (d + sqrt(e)) is larger than the smaller one of these, and no more than twice that.
        """
        of = [each for each, _ in centered]
        roundings = 4 * (len(of) + 3) * 2.0**-53
        length = self._add({"step": "quadratic", "of": of, "center": [0.0] * len(of)})
        error = self._linear([length], [roundings], roundings * sum(center * center for _, center in centered))
        root = self._add({"step": "function", "of": error, "name": "sqrt"})
        # Not 0, where all is 0.
        below = self._linear([register, root], [1.0, 1.0], _LEAST)
        apart = self._add({"step": "ratio", "of": [error, below]})
        moved = [self.of(each) for each in of if self._inner and self._is_rounded([each])]
        return self._linear([register, apart, *moved], [1.0, 2 / _ROUNDINGS] + [1.0] * len(moved), 0.0)

    def _is_rounded(self, registers: Sequence[int]) -> bool:
        """Whether registers are sums or powers of e, or made of some: a library's own may end in other digits."""
        for register in registers:
            step = self._defined.get(register)
            if step is None or step["step"] == "trees":
                continue
            rounds = (
                step["step"] in ("linear", "kernel") or step.get("link") in _ROUNDING or step.get("name") in _ROUNDING
            )
            if rounds or self._centered(step) or self._is_rounded(reads(step)):
                return True
        return False

    def _through(self, step: _Step, register: int, terms: list[int]) -> int:
        """How large a register is that a step makes of sums."""
        if step["step"] in ("link", "function"):
            linked = step["step"] == "link"
            return self._linked(step, register, terms) if linked else self._called(step, register, terms[0])
        if step["step"] == "affine":
            factor = abs(step.get("multiply", 1.0) / step.get("divide", 1.0))
            intercept = abs(step.get("subtract", 0.0)) * factor + abs(step.get("add", 0.0))
            return self._linear(terms, [factor], intercept)
        if step["step"] == "median":
            # It moves by no more than the one that moves most.
            return self._linear(terms, [1.0] * len(terms), 0.0)
        if step["step"] == "ratio":
            size = self._size(step["of"][1])
            terms = [self._add({"step": "ratio", "of": [each, size]}) for each in terms]
        if step["step"] == "piecewise":
            slopes = [abs(each[1]) for each in step["coefficients"] if each is not None and len(each) > 1]
            return self._linear([*terms, self._size(register)], [max(slopes, default=0.0), 1.0], 1.0)
        if step["step"] == "fill":
            return self._add({"step": "fill", "of": terms[0], "with": abs(step["with"])})
        # What is clipped is off by no more than it was before.
        return terms[0] if step["step"] == "clip" else self._add({"step": "product", "of": terms})

    def _linked(self, step: _Step, register: int, terms: list[int]) -> int:
        link = step["link"]
        if link in ("exp", "square_signed"):
            return self._raised(register, terms[0], is_power=link == "exp")
        if link == "normalize":
            # It is as steep as their sum is small; where that is 0, all are alike.
            total = self._add({**_ONE_FOR_ZERO, "of": self._linear(list(step["of"]), [1.0] * len(terms), 0.0)})
            steep = [self._size(self._add({"step": "ratio", "of": [each, total]})) for each in terms]
            return self._linear(steep, [1.0] * len(terms), 1.0)
        return self._linear(terms, [1.0 if link in _MARKING else _SLOPE] * len(terms), 1.0)

    def _called(self, step: _Step, register: int, term: int) -> int:
        name = step["name"]
        if name in ("abs", "relu"):
            return term
        if name in ("exp", "expm1", "square"):
            return self._raised(register, term, is_power=name != "square")
        if name in ("log", "log1p", "sqrt"):
            # It is as steep as its argument, or here its root, is small.
            steep = self._add({"step": "ratio", "of": [term, step["of"] if name == "log" else register]})
            return self._linear([self._size(steep), self._size(register)], [1.0, 1.0], 1.0)
        return self._linear([term], [1.0], 1.0)

    def _raised(self, register: int, term: int, *, is_power: bool) -> int:
        """What is e to the power of a sum is off by a part of itself; a square by twice its root times that."""
        value = self._size(register)
        product = self._add({"step": "product", "of": [term, value if is_power else term]})
        return self._linear([product, value], [2.0, 1.0], 0.0)

    def _size(self, register: int) -> int:
        return self._add({"step": "function", "of": register, "name": "abs"})

    def _linear(self, of: list[int], weights: list[float], intercept: float) -> int:
        return self._add({"step": "linear", "of": of, "weights": weights, "intercept": intercept})

    def _add(self, step: dict[str, Any]) -> int:
        self.steps.append(step)
        self._next += 1
        return self._next - 1
