"""Readers of VotingClassifier and VotingRegressor.

Their means are those of numpy.average: each estimator's outputs times its weight, added in their order, over the sum of
the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.dispatch import part_name, predict
from pgscore.readers.writing.combining import marks, weighted
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer


def read_voting(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The mean of probabilities, the mean of values, or the label with most votes."""
    weights = _weights(estimator, part)
    if not hasattr(estimator, "classes_"):
        return Result([_averaged(_outputs(estimator, table, writer), weights, writer)[0]], "identity")
    classes = list(range(len(estimator.classes_)))
    for each in estimator.estimators_:
        if np.asarray(each.classes_).tolist() != classes:
            raise NotAProgramError(part, "has estimators that know other classes than it does")
    if estimator.voting == "soft":
        return Result(_averaged(_outputs(estimator, table, writer), weights, writer), "identity")
    if min(weights) < 0:
        raise NotAProgramError(part, "has negative weights")
    votes = []
    for name, each in _named(estimator):
        votes.append(marks(predict(each, table, writer, name), writer, part_name(each, name)))
    if len(classes) == 1:
        raise NotAProgramError(part, "knows one class only")
    return Result([weighted(same, weights, writer) for same in zip(*votes, strict=True)], "argmax")


def _named(estimator: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    names = [name for name, each in estimator.estimators if not isinstance(each, str)]
    return list(zip(names, estimator.estimators_, strict=True))


def _weights(estimator: Any, part: str) -> list[float]:  # noqa: ANN401
    found = estimator._weights_not_none
    if found is None:
        return [1.0] * len(estimator.estimators_)
    if len(found) != len(estimator.estimators_):
        raise NotAProgramError(part, "has more weights than estimators")
    return [float(each) for each in found]


def _outputs(estimator: Any, table: Table, writer: Writer) -> list[list[int]]:  # noqa: ANN401
    return [
        writer.outputs(predict(each, table, writer, name), part_name(each, name)) for name, each in _named(estimator)
    ]


def _averaged(of_each: list[list[int]], weights: list[float], writer: Writer) -> list[int]:
    divide = float(np.asarray(weights).sum())
    return [weighted(same, weights, writer, divide) for same in zip(*of_each, strict=True)]


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.ensemble.VotingClassifier": read_voting,
    "sklearn.ensemble.VotingRegressor": read_voting,
}
