"""Readers of libsvm's machines: sums of kernels, and the votes of one class against another.

What is computed, and in which order, stands in sklearn/svm/src/libsvm/svm.cpp: `Kernel::k_function`, `predict_values`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.writing.combining import constant
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import inlier
from pgscore.readers.writing.writer import Result

from .coupling import write_coupled

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import FloatArray, Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

# Numbers of all support vectors, and what a row takes, in ms (interpreter: alone / among many; sql; the estimator, once
# it has loaded scikit-learn; a busy machine of two cores):
#   470 vectors x 30   0.8 / 1.8   9 to 15   0.6 / 0.04      680 x 30   1.1 / 2.4   not measured   0.7 / 0.08
# So up to here the interpreter keeps to one or two milliseconds.
_MOST_NUMBERS = 20_000
_MOST_DEGREE = 20
_TWO = 2
# The terms of a linear kernel may be so many times as large as the one weight of an input that they are folded into.
_MOST_CANCELLED = 1e3


def read_classifier(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The class with most votes, the first of equals; for two classes the sign of the sum."""
    count = len(estimator.classes_)
    if count > _TWO and hasattr(estimator, "predict_proba"):
        raise NotAProgramError(
            part,
            "couples probabilities of several classes in up to 100 rounds, which a program does not: fit it without"
            " probability=True, in a CalibratedClassifierCV where probabilities are wanted",
        )
    machine = _Machine(estimator, table, writer, part)
    if count == _TWO:
        machine.check_size([np.count_nonzero(machine.coefficients[0])])
        return _of_two(estimator, machine, writer)
    pairs = machine.pairs()
    machine.check_size(np.count_nonzero(each[2]) for each in pairs)
    found = [(one, other, machine.sum(coefficients, start)) for one, other, coefficients, start in pairs]
    decision = partial(_decision, estimator, found, writer)
    if estimator.break_ties:
        return Result(decision(), "argmax")
    votes: list[list[int]] = [[] for _ in range(count)]
    for one, other, register in found:
        against, for_one = writer.link("sign", [register])
        votes[one].append(for_one)
        votes[other].append(against)
    return Result([_counted(each, writer) for each in votes], "argmax", decision=decision)


def _of_two(estimator: Any, machine: _Machine, writer: Writer) -> Result:  # noqa: ANN401
    """The sign of a sum; and probabilities, by which the label does not go."""
    coefficients, intercept = machine.coefficients[0], float(machine.intercepts[0])
    if hasattr(estimator, "predict_proba"):
        score = machine.sum(coefficients, intercept)
        slope, start = float(np.ravel(estimator._probA)[0]), float(np.ravel(estimator._probB)[0])
        exponent = writer.add({"step": "affine", "of": score, "multiply": -slope, "add": start})
        # Where the sum is 0, or infinities have cancelled in it, libsvm says the second class.
        second = writer.add({"step": "fill", "of": score, "with": 1.0})
        decide = [constant(0.0, second, writer), second]
        return Result(write_coupled(exponent, writer), "identity", "last", decide=decide, decision=[score])
    if estimator.kernel == "linear" and intercept != 0:
        # One linear score. Where it is 0, which it is by rounding alone, libsvm says the second class.
        return Result([machine.sum(coefficients, intercept)], "sign")
    # The public sum is the negative of libsvm's, which is above 0 for the first.
    first = machine.sum(-coefficients, -intercept)
    against, for_first = writer.link("sign", [first])
    return Result(
        [_counted([for_first], writer), _counted([against], writer)],
        "argmax",
        decision=lambda: [writer.add({"step": "affine", "of": first, "multiply": -1.0})],
    )


def _counted(votes: list[int], writer: Writer) -> int:
    return writer.linear(votes, [1.0] * len(votes))


def _decision(estimator: Any, pairs: list[tuple[int, int, int]], writer: Writer) -> list[int]:  # noqa: ANN401
    """The registers of decision_function: a sum for each pair; or for each class, its votes and what these are worth.

    `sklearn.utils.multiclass._ovr_decision_function`: the sums for a class less those against it, over three times
    their magnitude and 1, are within a third of its votes. Here a sum of 0 is for the first of a pair.
    """
    if estimator.decision_function_shape == "ovo":
        return [register for _, _, register in pairs]
    count = len(estimator.classes_)
    votes: list[list[int]] = [[] for _ in range(count)]
    signs: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for one, other, register in pairs:
        for_one, against = writer.link("sign", [writer.add({"step": "affine", "of": register, "multiply": -1.0})])
        votes[one].append(for_one)
        votes[other].append(against)
        signs[one].append((register, 1.0))
        signs[other].append((register, -1.0))
    found = []
    for counted, terms in zip(votes, signs, strict=True):
        total = writer.linear([register for register, _ in terms], [sign for _, sign in terms])
        size = writer.function("abs", total)
        beside = writer.add({"step": "affine", "of": size, "subtract": -1.0, "multiply": 3.0})
        worth = writer.add({"step": "ratio", "of": [total, beside]})
        found.append(_counted([*counted, worth], writer))
    return found


def read_regressor(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The sum."""
    machine = _Machine(estimator, table, writer, part)
    machine.check_size([machine.coefficients.shape[1]])
    return Result([machine.sum(machine.coefficients[0], machine.intercepts[0])], "identity")


def read_outliers(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """1 where the sum is above 0, else -1."""
    machine = _Machine(estimator, table, writer, part)
    machine.check_size([machine.coefficients.shape[1]])
    return inlier(machine.sum(machine.coefficients[0], machine.intercepts[0]), writer, at_zero=-1)


@dataclass
class _Machine:
    """A fitted machine, over columns.

    Args:
        estimator: fitted.
        table: what its kernel reads.
        writer: takes the steps.
        part: how messages call it.
    """

    estimator: Any
    table: Table
    writer: Writer
    part: str

    def __post_init__(self) -> None:
        kernel = self.estimator.kernel
        if kernel not in ("linear", "rbf", "poly", "sigmoid"):
            name = kernel if isinstance(kernel, str) else getattr(kernel, "__name__", type(kernel).__name__)
            raise NotAProgramError(self.part, f"has the kernel {name!r}, which a program does not know")
        if kernel == "poly" and not 1 <= self.estimator.degree <= _MOST_DEGREE:
            raise NotAProgramError(self.part, f"has the degree {self.estimator.degree}, and a program takes 1 to 20")
        self.columns = self.table.numbers(self.part)
        self.writer.domains.require(self.part, self.columns, missing=False)
        self.vectors = _dense(self.estimator.support_vectors_)
        self.coefficients = _dense(self.estimator.dual_coef_)
        self.intercepts = np.asarray(self.estimator.intercept_, dtype=np.float64)

    def check_size(self, vectors: Any) -> None:  # noqa: ANN401
        """Refuses kernels of more numbers than are walked in good time, given the vectors of each."""
        numbers = sum(vectors) * self.vectors.shape[1]
        if self.estimator.kernel != "linear" and numbers > _MOST_NUMBERS:
            raise NotAProgramError(
                self.part,
                f"has {len(self.vectors):,} support vectors, {numbers:,} numbers to compare, and a program takes up to"
                f" {_MOST_NUMBERS:,}",
            )

    def pairs(self) -> list[tuple[int, int, FloatArray, float]]:
        """For each pair of classes a coefficient for each vector, and the intercept: above 0 the first has a vote."""
        ends = np.cumsum([0, *self.estimator.n_support_])
        places = [slice(start, end) for start, end in pairwise(ends)]
        found = []
        for (one, other), intercept in zip(combinations(range(len(places)), 2), self.intercepts, strict=True):
            coefficients = np.zeros(len(self.vectors))
            coefficients[places[one]] = self.coefficients[other - 1, places[one]]
            coefficients[places[other]] = self.coefficients[one, places[other]]
            found.append((one, other, coefficients, float(intercept)))
        return found

    def sum(self, coefficients: FloatArray, intercept: float) -> int:
        """The register of intercept + the sum of coefficient * kernel; vectors without a coefficient are left out."""
        chosen = coefficients != 0
        vectors, coefficients = self.vectors[chosen], coefficients[chosen]
        if not chosen.any():
            return self.writer.linear([], [], float(intercept))
        if self.estimator.kernel == "linear":
            return self._linear(coefficients[:, None] * vectors, float(intercept))
        registers = [self.writer.register(column) for column in self.columns]
        self.writer.domains.refuse_rough(*registers)
        return self.writer.add(
            {
                "step": "kernel",
                "of": registers,
                **self._kernel(),
                "vectors": vectors.tolist(),
                "coefficients": coefficients.tolist(),
                "intercept": float(intercept),
            }
        )

    def _linear(self, terms: FloatArray, intercept: float) -> int:
        """One weight for each input; or two, of either sign, where one would be exact to digits that libsvm loses."""
        weights = terms.sum(axis=0)
        cancels = np.abs(terms).sum(axis=0) > _MOST_CANCELLED * np.abs(weights)
        again = [column for column, twice in zip(self.columns, cancels, strict=True) if twice]
        weights[cancels] = np.maximum(terms, 0).sum(axis=0)[cancels]
        weights = np.concatenate([weights, np.minimum(terms, 0).sum(axis=0)[cancels]])
        return write_linear([*self.columns, *again], weights, intercept, self.writer, finite=True, again=len(again))

    def _kernel(self) -> dict[str, Any]:
        kernel, gamma = self.estimator.kernel, float(self.estimator._gamma)
        constant = {"constant": float(self.estimator.coef0)}
        return {
            "rbf": {"kernel": "rbf", "gamma": gamma},
            "poly": {"kernel": "poly", "gamma": gamma, **constant, "degree": int(self.estimator.degree)},
            "sigmoid": {"kernel": "sigmoid", "gamma": gamma, **constant},
        }[kernel]


def _dense(found: Any) -> FloatArray:  # noqa: ANN401
    dense: FloatArray = np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)
    return dense


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.svm.SVC": read_classifier,
    "sklearn.svm.NuSVC": read_classifier,
    "sklearn.svm.SVR": read_regressor,
    "sklearn.svm.NuSVR": read_regressor,
    "sklearn.svm.OneClassSVM": read_outliers,
}
