"""Reader of the nearest centroid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn, Operation
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import distance, probabilities
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import CodeColumn, FloatArray, Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer


def read_nearest_centroid(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The first of the nearest centroids; or, where classes are not equally frequent, the softmax of scores.

    These are 2 log(prior) - d^2, d the distance of what is divided by the deviation within classes. With priors that
    are all alike `predict` compares distances of what is not divided, whereas `predict_proba` divides.
    """
    if estimator.metric not in ("euclidean", "manhattan"):
        raise NotAProgramError(part, f"has the metric {estimator.metric!r}, which a program does not know")
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    centroids = np.asarray(estimator.centroids_, dtype=np.float64)
    # Former releases had neither priors nor probabilities.
    priors = getattr(estimator, "class_prior_", np.full(len(centroids), 1 / len(centroids)))
    if np.isclose(priors, 1 / len(centroids)).all():
        if hasattr(estimator, "predict_proba"):
            raise NotAProgramError(
                part,
                "predicts labels that do not follow from its probabilities, as its priors are all alike: fit it with"
                " priors='empirical', or metric='manhattan'",
            )
        near = _squares if estimator.metric == "euclidean" else _differences
        return Result([near(columns, each, 0.0, writer, part) for each in centroids], "argmax")
    deviations = np.where(estimator.within_class_std_dev_ != 0, estimator.within_class_std_dev_, 1.0)
    divided = writer.then(table, part, [[Operation("divide", each)] for each in deviations.tolist()]).numbers(part)
    # What is divided is checked once more.
    writer.domains.require(part, divided, missing=False)
    with np.errstate(divide="ignore"):
        starts = 2.0 * np.log(priors)
    near = _squares if estimator.metric == "euclidean" else _squared_differences
    scores = [
        near(divided, centroid, float(start), writer, part) if np.isfinite(start) else None
        for centroid, start in zip(centroids / deviations, starts, strict=True)
    ]
    if hasattr(estimator, "predict_proba"):
        return probabilities(scores, writer)
    if None in scores:
        raise NotAProgramError(part, "has a class with the prior 0")
    return Result([score for score in scores if score is not None], "argmax")


def _squares(
    columns: list[NumberColumn | CodeColumn], centroid: FloatArray, start: float, writer: Writer, part: str
) -> int:
    """The start less the square of the distance, as `euclidean_distances` adds it: -x @ x + 2 x @ c - c @ c."""
    squares = [distance(column, 0.0, "square", writer, part) for column in columns]
    weights = np.concatenate([-np.ones(len(columns)), 2 * centroid])
    return write_linear([*squares, *columns], weights, start - float(centroid @ centroid), writer, finite=False)


def _differences(
    columns: list[NumberColumn | CodeColumn], centroid: FloatArray, start: float, writer: Writer, part: str
) -> int:
    """The start less the sum of absolute differences."""
    found = [distance(column, each, "abs", writer, part) for column, each in zip(columns, centroid, strict=True)]
    return write_linear(found, -np.ones(len(found)), start, writer, finite=False)


def _squared_differences(
    columns: list[NumberColumn | CodeColumn], centroid: FloatArray, start: float, writer: Writer, part: str
) -> int:
    negative = _differences(columns, centroid, 0.0, writer, part)
    square = NumberColumn(negative, (Operation("square"),))
    return write_linear([square], -np.ones(1), start, writer, finite=False)


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.neighbors.NearestCentroid": read_nearest_centroid,
}
