"""Reader of the nearest centroid."""

from __future__ import annotations

from dataclasses import replace
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

# Of a centroid times a deviation. Rows whose distances in deviations have squares, which are within 1e154, have finite
# products with the centroids.
_LARGEST = 1e150


def read_nearest_centroid(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The softmax of 2 log(prior) - d^2, and the label of the largest; or, with equal priors, of the nearest centroid.

    In these scores d is the distance of what is divided by the deviation within classes. With priors that are all alike
    `predict` compares distances of what is not divided (`pairwise_distances_argmin`): so there are labels of their own
    beside the probabilities. Former releases, and the metric `manhattan`, have no probabilities.
    """
    if estimator.metric not in ("euclidean", "manhattan"):
        raise NotAProgramError(part, f"has the metric {estimator.metric!r}, which a program does not know")
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    centroids = np.asarray(estimator.centroids_, dtype=np.float64)
    # Former releases had no priors.
    priors = getattr(estimator, "class_prior_", np.full(len(centroids), 1 / len(centroids)))
    is_alike = bool(np.isclose(priors, 1 / len(centroids)).all())
    if is_alike and not hasattr(estimator, "predict_proba"):
        if estimator.metric == "euclidean":
            return Result([_nearness(columns, each, writer) for each in centroids], "argmax")
        return Result([_differences(columns, each, 0.0, writer, part) for each in centroids], "argmax")
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
    if not hasattr(estimator, "predict_proba"):
        if None in scores:
            raise NotAProgramError(part, "has a class with the prior 0")
        return Result([score for score in scores if score is not None], "argmax")
    result = probabilities(scores, writer)
    if not is_alike:
        return result
    if np.abs(centroids).max() * max(1.0, deviations.max()) > _LARGEST:
        raise NotAProgramError(part, "has centroids so large that distances from them are infinite")
    return replace(result, decide=[_nearness(columns, each, writer) for each in centroids])


def _nearness(columns: list[NumberColumn | CodeColumn], centroid: FloatArray, writer: Writer) -> int:
    """2 x @ c - c @ c: less the square of the distance, but for x @ x, which is the same for all centroids.

    `EuclideanArgKmin` leaves it out as well. Of a frame of many rows, which is no C-ordered array, `pairwise_distances`
    takes it along, and loses the digits that tell centroids apart where a row is far from all of them.
    """
    return write_linear(columns, 2 * centroid, -float(centroid @ centroid), writer, finite=True)


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
