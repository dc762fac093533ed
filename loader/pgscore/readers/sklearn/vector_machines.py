"""Readers of libsvm's machines: sums of kernels, and the votes of one class against another.

What is computed, and in which order, stands in sklearn/svm/src/libsvm/svm.cpp: `Kernel::k_function`, `predict_values`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import inlier
from pgscore.readers.writing.writer import Result

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
# The terms of a linear kernel may be so many times as large as the one weight of an input that they are folded into.
_MOST_CANCELLED = 1e3


def read_classifier(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The class with most votes, the first of equals; for two classes the sign of the sum."""
    if hasattr(estimator, "predict_proba"):
        raise NotAProgramError(
            part,
            "predicts labels that do not follow from its probabilities: fit it without probability=True, in a"
            " CalibratedClassifierCV where probabilities are wanted",
        )
    count = len(estimator.classes_)
    if count > 2 and estimator.break_ties:  # noqa: PLR2004  classes
        raise NotAProgramError(part, "breaks ties by its decision function, which a program does not")
    machine = _Machine(estimator, table, writer, part)
    # For two classes the public sum is the negative of libsvm's, which is above 0 for the first.
    sums = [(0, 1, -machine.coefficients[0], -machine.intercepts[0])] if count == 2 else machine.pairs()  # noqa: PLR2004
    machine.check_size(np.count_nonzero(each[2]) for each in sums)
    if count == 2 and estimator.kernel == "linear" and machine.intercepts[0] != 0:  # noqa: PLR2004
        # One linear score. Where it is 0, which it is by rounding alone, libsvm says the second class.
        return Result([machine.sum(machine.coefficients[0], machine.intercepts[0])], "sign")
    votes: list[list[int]] = [[] for _ in range(count)]
    for one, other, coefficients, intercept in sums:
        against, for_one = writer.outputs(Result([machine.sum(coefficients, intercept)], "sign"))
        votes[one].append(for_one)
        votes[other].append(against)
    return Result(
        [writer.add({"step": "linear", "of": each, "weights": [1.0] * len(each), "intercept": 0.0}) for each in votes],
        "argmax",
    )


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
        return self.writer.add(
            {
                "step": "kernel",
                "of": [self.writer.register(column) for column in self.columns],
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
