"""Readers of discriminant analysis: linear, a linear model or a projection; quadratic, a quadratic form per class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn, Operation, Table
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import probabilities

from .linear import read_linear

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.dispatch import PredictorReader, TransformerReader
    from pgscore.readers.writing.writer import Result, Writer

# A turned difference is a sum whose terms are so many times as large as it is itself, in a row like those of its class:
# past this, what cancels is more than the tolerance.
_MOST_CANCELLED = 1e3
# Numbers of all matrices that are written as linear steps, ten times as fast in SQL as a quadratic one: 10 and 100 us
# for two classes of 30 inputs. More of them would make the program too large for the sql engine.
_MOST_AS_LINEAR = 2_500


def read_quadratic(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """-(sum(((x - mean) @ (R * S^-1/2))^2) + sum(log(S))) / 2 + log(prior), and the softmax of these."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    registers = [writer.register(column) for column in columns]
    as_linear = sum(each.size for each in estimator.rotations_) <= _MOST_AS_LINEAR
    scores: list[int | None] = []
    classes = zip(estimator.means_, estimator.rotations_, estimator.scalings_, estimator.priors_, strict=True)
    for mean, rotation, scaling, prior in classes:
        with np.errstate(divide="ignore"):
            turned = (rotation * scaling**-0.5).T
            start = -0.5 * np.log(scaling).sum() + np.log(prior)
        spread = np.sqrt((rotation**2 * scaling).sum(axis=1))
        if not np.isfinite(turned).all() or (np.abs(turned) @ spread).max() > _MOST_CANCELLED:
            raise NotAProgramError(part, "has a class whose inputs depend on each other, so that its sums cancel")
        if not np.isfinite(start):
            scores.append(None)
            continue
        if as_linear:
            of = _squares(registers, mean, turned, writer)
        else:
            step = {"step": "quadratic", "of": registers, "center": mean.tolist(), "matrix": turned.tolist()}
            of = [writer.add(step)]
        scores.append(writer.add({"step": "linear", "of": of, "weights": [-0.5] * len(of), "intercept": float(start)}))
    return probabilities(scores, writer)


def _squares(registers: list[int], mean: FloatArray, turned: FloatArray, writer: Writer) -> list[int]:
    """Registers of the squares of what the matrix makes of differences from the mean."""
    differences = [
        NumberColumn(each, (Operation("subtract", m),)) for each, m in zip(registers, mean.tolist(), strict=True)
    ]
    of = [writer.register(each) for each in differences]
    sums = [writer.add({"step": "linear", "of": of, "weights": row, "intercept": 0.0}) for row in turned.tolist()]
    return [writer.add({"step": "function", "of": each, "name": "square"}) for each in sums]


def read_discriminant_axes(estimator: Any, table: Table, writer: Writer, part: str) -> Table:  # noqa: ANN401
    """(X - xbar) @ scalings, or of the solver `eigen` X @ scalings: the first components of these."""
    if estimator.solver not in ("svd", "eigen"):
        raise NotAProgramError(part, f"has the solver {estimator.solver!r}, which transforms nothing")
    writer.domains.require(part, table.numbers(part), missing=False)
    if estimator.solver == "svd":
        table = writer.then(table, part, [[Operation("subtract", mean)] for mean in estimator.xbar_.tolist()])
    weights = np.asarray(estimator.scalings_, dtype=np.float64)[:, : estimator._max_components].T
    if not np.isfinite(weights).all():
        raise NotAProgramError(part, "has scalings that are not finite")
    columns = table.numbers(part)
    return Table(tuple(NumberColumn(write_linear(columns, row, 0.0, writer, finite=True)) for row in weights))


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": read_discriminant_axes,
}
PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": read_linear,
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": read_quadratic,
}
