"""Operators of support vector machines: SVMClassifier, SVMRegressor.

onnxruntime's svmclassifier.cc: of each pair of classes a sum of coefficients times kernels, of which one above 0 is a
vote for the first; of two classes the scores are minus the sum and the sum. Probabilities of two classes are libsvm's,
in float32: coupled in rounds that end where an error falls below a bound, so that they jump, and no program gives them.
"""

from __future__ import annotations

from itertools import combinations
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import AFFINE, NumberColumn
from pgscore.readers.algebra.singles import ROUNDING
from pgscore.readers.writing.linear_writer import write_linear

from .products import as_single, labels_of
from .values import SINGLE, Label, Value, shaped

if TYPE_CHECKING:
    import numpy.typing as npt

    from .values import Context, Operator

    FloatArray = npt.NDArray[np.float64]

# What a row takes of so many numbers of support vectors is one or two milliseconds.
MOST_NUMBERS = 20_000
_MOST_DEGREE = 20
_TWO = 2
# The largest x exp(-x), and the largest x exp(-x^2).
_STEEP, _STEEP_ROOT = 0.37, 0.43


class _Machine:
    """Support vectors, their kernel, and the columns that it reads."""

    def __init__(self, context: Context, count: int) -> None:
        node = context.node
        self.context = context
        value = context.numbers(0)
        if value.cells.ndim != 1 or " " in value.kind:
            raise node.refuse("reads what is no row of numbers")
        self.value = as_single(value)
        self.kernel, parameters = node.text("kernel_type", "LINEAR"), node.numbers("kernel_params")
        vectors = node.numbers("support_vectors")
        node.ignore("vectors_per_class")
        if count < 1 or len(vectors) != count * value.cells.size or len(parameters) not in (0, 3):
            raise node.refuse("has support vectors that do not fit its columns, or none")
        if self.kernel not in ("LINEAR", "RBF", "POLY"):
            raise node.refuse(f"has the kernel {self.kernel!r}, and a program knows LINEAR, POLY and RBF")
        if node.text("post_transform", "NONE") != "NONE":
            raise node.refuse("has a transform, and a program knows NONE")
        self.vectors = np.reshape(vectors, (count, -1))
        self.gamma, self.constant, self.degree = parameters or (0.0, 0.0, 0.0)
        if not (np.isfinite(self.vectors).all() and np.isfinite([self.gamma, self.constant]).all()):
            raise node.refuse("has numbers that are not finite")
        if self.kernel == "POLY" and self.degree not in range(1, _MOST_DEGREE + 1):
            raise node.refuse(f"has a kernel of degree {self.degree:g}, and a program takes 1 to {_MOST_DEGREE}")
        if self.kernel == "RBF" and self.gamma < 0:
            raise node.refuse("has a negative gamma")

    def sum(
        self, coefficients: FloatArray, start: float, chosen: slice | list[int] = slice(None), *, double: bool = False
    ) -> tuple[int, float, float]:
        """The register of start + the sum of coefficient * kernel, and how far it may be off: in roundings, beside.

        Args:
            coefficients: one for each of the chosen vectors.
            start: what is added.
            chosen: which vectors.
            double: whether products are added as doubles.
        """
        context, writer = self.context, self.context.writer
        vectors = self.vectors[chosen]
        if not (np.isfinite(coefficients).all() and np.isfinite(start)):
            raise context.node.refuse("has coefficients that are not finite")
        count, width = vectors.shape
        added = 4.0 if double else count + 4.0
        roundings = self.value.roundings + width + added + 2.0
        if self.kernel == "LINEAR":
            return self._linear(coefficients[:, None] * vectors, start, roundings)
        if count * width > MOST_NUMBERS:
            raise context.node.refuse(
                f"has {count:,} support vectors, {count * width:,} numbers, and a program takes up to {MOST_NUMBERS:,}"
            )
        if self.value.absolute:
            raise context.node.refuse("has kernels of sums of trees")
        registers = context.registers(self.value)
        step: dict[str, Any] = {"kernel": "rbf", "gamma": self.gamma}
        beside = 0.0
        if self.kernel == "POLY":
            step = {"kernel": "poly", "gamma": self.gamma, "constant": self.constant, "degree": int(self.degree)}
            roundings = (roundings + self.value.roundings) * self.degree
        else:
            beside, roundings = self._of_distances(coefficients, vectors), added
        found = writer.add(
            {
                "step": "kernel",
                "of": registers,
                **step,
                "vectors": vectors.tolist(),
                "coefficients": coefficients.tolist(),
                "intercept": start,
            }
        )
        return found, roundings, beside

    def _linear(self, terms: FloatArray, start: float, roundings: float) -> tuple[int, float, float]:
        """One weight for each column; two where both signs meet, so that the sum's terms show what cancels.

        With infinity these come to no number, nor does a product with 0.
        """
        columns = self.context.loose(self.value)
        both = (np.maximum(terms, 0).sum(axis=0), np.minimum(terms, 0).sum(axis=0))
        above, below = np.any(terms > 0, axis=0), np.any(terms <= 0, axis=0)
        twice = np.flatnonzero(above & below)
        weights = np.concatenate([np.where(above, *both), both[1][twice]])
        again = [columns[place] for place in twice.tolist()]
        every = [*columns, *again]
        found = write_linear(every, weights, start, self.context.writer, finite=False, again=len(again), folded=True)
        return found, roundings, self.value.absolute * float(np.abs(weights).sum())

    def _of_distances(self, coefficients: FloatArray, vectors: FloatArray) -> float:
        """How far a sum of exp(-gamma d^2) may be off because d^2 is in float32, and the numbers whose distance it is.

        The sum of squares rounds d^2 by a part of itself; what a number is off by, a part of the vector's, of d, and of
        what it was moved by before, counts 2 d times.
        """
        moved = np.array([_moved(each) for each in self.value.columns])
        before, found = self.value.roundings, 0.0
        for coefficient, vector in zip(np.abs(coefficients).tolist(), np.abs(vectors), strict=True):
            length = float(np.linalg.norm(vector + moved))
            of_numbers = before * (2 * _STEEP + 2 * sqrt(self.gamma) * _STEEP_ROOT * length)
            found += coefficient * (_STEEP * (vectors.shape[1] + 3) + of_numbers + 2.0)
        return found * ROUNDING


def _moved(column: Any) -> float:  # noqa: ANN401
    """How much operations with constants add to a number, as it stands behind them."""
    found = 0.0
    for each in getattr(column, "operations", ()):
        if each.name not in AFFINE:
            continue
        size = abs(each.operand)
        if each.name in ("add", "subtract"):
            found += size
        else:
            found *= size if each.name == "multiply" else 1 / size
    return found


def svm_regressor(context: Context) -> Value:
    """SVMRegressor: rho + the sum of coefficient * kernel, or 1 above 0 and else -1."""
    node = context.node
    count, weights, rho = node.integer("n_supports", 0), node.numbers("coefficients"), node.numbers("rho")
    if len(rho) != 1 or node.integer("one_class", 0):
        raise node.refuse("has several numbers rho, or says of rows whether they are of one class")
    if count == 0:
        raise node.refuse("has no support vectors")
    machine = _Machine(context, count)
    if len(weights) != count:
        raise node.refuse("has another number of coefficients than of support vectors")
    register, roundings, beside = machine.sum(np.array(weights), rho[0])
    return Value(shaped(context.summed([register], single=True), (1,)), SINGLE, roundings, beside)


def svm_classifier(context: Context) -> list[Any]:
    """SVMClassifier without probabilities: votes of one class against another."""
    node = context.node
    labels, sizes = labels_of(context), node.integers("vectors_per_class")
    weights, rho = node.numbers("coefficients"), node.numbers("rho")
    if node.numbers("prob_a") or node.numbers("prob_b"):
        raise node.refuse(
            "couples probabilities in rounds whose number depends on float32's last bits, which a program does not:"
            " fit it without probability=True, in a CalibratedClassifierCV where probabilities are wanted"
        )
    count = len(labels)
    pairs = list(combinations(range(count), 2))
    if count < _TWO or len(sizes) != count or min(sizes) < 1 or len(rho) != len(pairs):
        raise node.refuse("has numbers of vectors, labels and rho that do not fit each other")
    machine = _Machine(context, sum(sizes))
    if len(weights) != (count - 1) * sum(sizes):
        raise node.refuse("has another number of coefficients than of support vectors")
    matrix = np.reshape(weights, (count - 1, -1))
    ends = np.cumsum([0, *sizes])
    votes: list[list[int]] = [[] for _ in labels]
    scores, errors = [], [(0.0, 0.0)]
    for (one, other), start in zip(pairs, rho, strict=True):
        first, second = slice(ends[one], ends[one + 1]), slice(ends[other], ends[other + 1])
        coefficients = np.concatenate([matrix[other - 1, first], matrix[one, second]])
        chosen = [*range(ends[one], ends[one + 1]), *range(ends[other], ends[other + 1])]
        register, *error = machine.sum(coefficients, start, chosen, double=True)
        scores.append(register)
        errors.append((error[0], error[1]))
        if count > _TWO:
            against, for_first = _votes(context, register)
            votes[one].append(for_first)
            votes[other].append(against)
    roundings, beside = (max(each) for each in zip(*errors, strict=True))
    of = [context.writer.linear(scores, [-1.0]), *scores] if count == _TWO else scores
    columns = context.summed(of, single=True)
    if count == _TWO:
        # The first above 0, else the second.
        deciding = [NumberColumn(each) for each in (scores[0], of[0])]
        label = Label(Value(shaped(deciding, (2,)), SINGLE, roundings, beside), labels, "last")
    else:
        counted = [NumberColumn(context.writer.linear(each, [1.0] * len(each))) for each in votes]
        label = Label(Value(shaped(counted, (count,)), SINGLE, roundings, beside), labels)
    return [label, Value(shaped(columns, (len(columns),)), SINGLE, roundings, beside)]


def _votes(context: Context, register: int) -> tuple[int, int]:
    """Registers that are 1 where a sum is above 0, and where it is not; a sum next to 0 may be either."""
    rough = context.writer.domains.rough
    rough.pop(register, None)
    against, for_first = context.writer.link("sign", [register])
    context.spoil([register, against, for_first])
    return against, for_first


ML_OPERATORS: dict[str, Operator] = {
    "SVMClassifier": svm_classifier,
    "SVMRegressor": svm_regressor,
}
