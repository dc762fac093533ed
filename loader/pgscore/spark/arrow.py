"""What stands between Spark's batches and the evaluator: Arrow, in which nothing is missing that is not said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pgscore.vector.frames import as_shown

if TYPE_CHECKING:
    import numpy.typing as npt

    from pgscore.vector.scorer import Scorer


def answers(scorer: Scorer, batch: pa.StructArray) -> pa.StructArray:
    """Scores a batch.

    Args:
        scorer: the version.
        batch: a field for each input, in their order: doubles, floats, booleans, texts.

    Returns:
        As many rows of score, version and reason.
    """
    columns = [_column(each) for each in batch.flatten()[: len(scorer.inputs)]]
    found = scorer.evaluate(columns, len(batch))
    reasons: list[str | None] = [None] * len(batch)
    for position, reason in found.reasons.items():
        reasons[position] = reason
    return pa.StructArray.from_arrays(
        [
            pa.array(found.scores, pa.float64(), from_pandas=True),  # NaN is NULL
            pa.array(np.full(len(batch), scorer.version, dtype=np.int32)),
            pa.array(reasons, pa.string()),
        ],
        names=["score", "version", "reason"],
    )


def _column(given: Any) -> npt.NDArray[Any]:  # noqa: ANN401
    if pa.types.is_boolean(given.type):
        given = given.cast(pa.uint8()).cast(pa.float64())
    values: npt.NDArray[Any] = given.to_numpy(zero_copy_only=False)  # NaN for what is missing; None among texts
    return as_shown(values) if values.dtype == np.float32 else values
