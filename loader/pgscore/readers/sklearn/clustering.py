"""Readers of k-means: the number of the nearest center, and the distances to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn, Operation, Table
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import constant
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.dispatch import PredictorReader, TransformerReader
    from pgscore.readers.writing.writer import Writer

# Numbers whose squares overflow differ from such a center by themselves.
_FARTHEST = 1e130
# Numbers of centers that are written as steps of their own, many times as fast in SQL as quadratic ones: more of them
# would make the program too large for the sql engine.
_MOST_AS_LINEAR = 800


def read_k_means(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The first center with the largest 2 x @ center - |center|^2.

    scikit-learn's `_update_chunk_dense` looks for the least |center|^2 - 2 x @ center: the square of the distance, but
    for what is the same for all centers. So a row as far from one as from another, to the last bits of that sum, may
    get either number.
    """
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    centers = _centers(estimator, part)
    if len(centers) == 1:
        return Result([constant(0.0, writer)], "identity")
    scores = [write_linear(columns, 2 * each, -float(each @ each), writer, finite=True) for each in centers]
    marks = writer.outputs(Result(scores, "argmax"))
    numbers = [float(number) for number in range(1, len(marks))]
    return Result([writer.add({"step": "linear", "of": marks[1:], "weights": numbers, "intercept": 0.0})], "identity")


def read_distances(estimator: Any, table: Table, writer: Writer, part: str) -> Table:  # noqa: ANN401
    """The distance to each center, sqrt(sum((x - center)^2)).

    `_BaseKMeans._transform` takes `euclidean_distances`: the root of max(0, |x|^2 - 2 x @ center + |center|^2), of
    which rounding leaves a few digits near a center. `absolute_terms` says how far apart the two can be. Where |x|^2
    overflows it is infinite less infinite, and here infinite.
    """
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    centers = _centers(estimator, part)
    if np.abs(centers).max() > _FARTHEST:
        raise NotAProgramError(part, "has a center so far away that its square nearly overflows")
    registers = [writer.register(column) for column in columns]
    write = _squared if centers.size <= _MOST_AS_LINEAR else _quadratic
    distances = [writer.function("sqrt", write(registers, center, writer)) for center in centers.tolist()]
    writer.domains.finite.update(dict.fromkeys(distances, part))
    writer.domains.rough.update(dict.fromkeys(distances, part))
    return Table(tuple(NumberColumn(distance) for distance in distances))


def _squared(registers: list[int], center: list[float], writer: Writer) -> int:
    moved = [
        writer.number(register, [Operation("subtract", each)] if each else [])
        for register, each in zip(registers, center, strict=True)
    ]
    squares = [writer.function("square", each) for each in moved]
    return writer.linear(squares, [1.0] * len(squares))


def _quadratic(registers: list[int], center: list[float], writer: Writer) -> int:
    return writer.add({"step": "quadratic", "of": registers, "center": center})


def _centers(estimator: Any, part: str) -> FloatArray:  # noqa: ANN401
    centers: FloatArray = estimator.cluster_centers_
    if centers.dtype != np.float64:
        raise NotAProgramError(part, f"has centers of type {centers.dtype}, and is asked about doubles")
    return centers


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.cluster.KMeans": read_distances,
    "sklearn.cluster.MiniBatchKMeans": read_distances,
}
PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.cluster.KMeans": read_k_means,
    "sklearn.cluster.MiniBatchKMeans": read_k_means,
}
