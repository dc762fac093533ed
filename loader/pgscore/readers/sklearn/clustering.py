"""Reader of k-means: the number of the nearest center."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import constant
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader, TransformerReader
    from pgscore.readers.writing.writer import Writer


def read_k_means(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The first center with the largest 2 x @ center - |center|^2.

    scikit-learn's `_update_chunk_dense` looks for the least |center|^2 - 2 x @ center: the square of the distance, but
    for what is the same for all centers. So a row as far from one as from another, to the last bits of that sum, may
    get either number.
    """
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    centers = estimator.cluster_centers_
    if centers.dtype != np.float64:
        raise NotAProgramError(part, f"has centers of type {centers.dtype}, and is asked about doubles")
    if len(centers) == 1:
        return Result([constant(0.0, writer)], "identity")
    scores = [write_linear(columns, 2 * each, -float(each @ each), writer, finite=True) for each in centers]
    marks = writer.outputs(Result(scores, "argmax"))
    numbers = [float(number) for number in range(1, len(marks))]
    return Result([writer.add({"step": "linear", "of": marks[1:], "weights": numbers, "intercept": 0.0})], "identity")


def read_distances(estimator: Any, table: Table, writer: Writer, part: str) -> Table:  # noqa: ANN401
    """None.

    The root of |x|^2 - 2 x @ center + |center|^2 as BLAS adds it: of a row near a center a few digits are left, and no
    other order of additions gives the same ones.
    """
    raise NotAProgramError(
        part, f"gives distances from {type(estimator).__name__}'s centers, of which it loses digits near to one"
    )


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.cluster.KMeans": read_distances,
    "sklearn.cluster.MiniBatchKMeans": read_distances,
}
PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.cluster.KMeans": read_k_means,
    "sklearn.cluster.MiniBatchKMeans": read_k_means,
}
