"""Readers of naive Bayes: joint log likelihoods of the classes, and the softmax of these.

scikit-learn takes exp(score - logsumexp(scores)), which is the softmax (sklearn/naive_bayes.py, `_BaseNB`), and
predicts the first class of the largest score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn
from pgscore.readers.algebra.ensemble import Ensemble, Tree
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import distance, probabilities
from pgscore.readers.writing.tree_writer import write_ensemble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgscore.readers.algebra.columns import FloatArray, Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Result, Writer


def read_gaussian(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """log(prior) - sum(log(2 pi var)) / 2 - sum((x - theta)^2 / var) / 2."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    with np.errstate(divide="ignore", over="ignore"):
        # Of a model that was fitted on float32 these are single, as scikit-learn has them; what it divides is double.
        logarithms = [-0.5 * np.sum(np.log(2.0 * np.pi * var)) for var in estimator.var_]
        starts = np.log(estimator.class_prior_) + np.array(logarithms, dtype=np.float64)
        weights = -0.5 / estimator.var_.astype(np.float64)
    if not np.isfinite(weights).all():
        raise NotAProgramError(part, "has a class in which an input does not vary")
    scores = [
        write_linear(
            [distance(column, center, "square", writer, part) for column, center in zip(columns, theta, strict=True)],
            row,
            float(start),
            writer,
            finite=False,
        )
        if np.isfinite(start)
        else None
        for theta, row, start in zip(estimator.theta_.tolist(), weights, starts, strict=True)
    ]
    return probabilities(scores, writer)


def read_counted(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """MultinomialNB and ComplementNB: x @ feature_log_prob + class_log_prior; negative counts are taken too."""
    starts = np.asarray(estimator.class_log_prior_, dtype=np.float64)
    # ComplementNB leaves the prior out where there is more than one class.
    if type(estimator).__name__ == "ComplementNB" and len(estimator.classes_) > 1:
        starts = np.zeros(len(starts))
    return _weighted(estimator.feature_log_prob_, starts, table, writer, part)


def read_bernoulli(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """Of x, 1 above `binarize`, else 0: x @ (log(p) - log(1 - p)) + class_log_prior + sum(log(1 - p)).

    A test for each column, with what it adds to each class.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        negative = np.log(1 - np.exp(estimator.feature_log_prob_))
    weights = estimator.feature_log_prob_ - negative
    starts = estimator.class_log_prior_ + negative.sum(axis=1)
    if estimator.binarize is None:
        return _weighted(weights, starts, table, writer, part)
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    _check_finite(weights, part)
    present = np.isfinite(starts)
    stumps = [_stump(n, float(estimator.binarize), added) for n, added in enumerate(weights[present].T)]
    ensemble = Ensemble(stumps, starts[present].tolist(), None, single=False)
    register = write_ensemble(ensemble, columns, writer)
    places = np.cumsum(present) - 1
    return probabilities(
        [register + int(place) if there else None for place, there in zip(places, present, strict=True)], writer
    )


def _stump(feature: int, threshold: float, added: FloatArray) -> Tree:
    """A tree that gives 0 up to the threshold, and beyond it a number for each class."""
    outputs = len(added)
    return Tree(
        feature=np.array([feature, -1, -1]),
        threshold=np.array([threshold, 0.0, 0.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.zeros(3, dtype=np.int64),
        values=np.vstack([np.zeros((2, outputs)), added]),
        target=-1 if outputs > 1 else 0,
    )


def read_categorical(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The sum of the category's logarithm for each input, and the prior's.

    Numbers are made integers (towards 0); what is then negative, or no category, is refused.
    """
    for logarithms in estimator.feature_log_prob_:
        _check_finite(logarithms, part)
    inputs = list(zip(table.numbers(part), estimator.feature_log_prob_, strict=True))
    codes = [list(_coded(column, logarithms, writer, part)) for column, logarithms in inputs]
    weights = np.ones(len(codes))
    scores = [
        write_linear([each[number] for each in codes], weights, float(start), writer, finite=True)
        if np.isfinite(start)
        else None
        for number, start in enumerate(estimator.class_log_prior_)
    ]
    return probabilities(scores, writer)


def _coded(
    column: NumberColumn | CodeColumn, logarithms: FloatArray, writer: Writer, part: str
) -> Iterator[CodeColumn]:
    """For each class the logarithms of a column's categories."""
    count = logarithms.shape[1]
    if isinstance(column, NumberColumn):
        register = writer.register(column)
        domain = writer.domains.of[register]
        domain.nullable = False
        domain.minimum = max(domain.minimum, float(np.nextafter(-1, 0)))
        domain.maximum = min(domain.maximum, float(np.nextafter(count, 0)))
        if writer.domains.is_boolean(register):
            domain.restrict({0.0, 1.0} if count > 1 else {0.0})
        whole = writer.add({"step": "function", "of": register, "name": "trunc"})
        keys = tuple(float(code) for code in range(count))
        yield from (CodeColumn(whole, keys, row, 0.0, 0.0) for row in logarithms)
        return
    given = np.trunc(np.array([*column.values, column.unknown, column.missing], dtype=np.float64))
    known = (given >= 0) & (given < count)
    places = np.where(known, given, 0).astype(np.int64)
    for row in logarithms:
        *values, unknown, missing = np.where(known, row[places], np.nan).tolist()
        found = CodeColumn(column.source, column.keys, np.array(values), unknown, missing)
        # What is no category is no number here.
        writer.domains.require(part, [found], missing=False)
        yield found


def _weighted(weights: FloatArray, starts: FloatArray, table: Table, writer: Writer, part: str) -> Result:
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    _check_finite(weights, part)
    scores = [
        write_linear(columns, row, float(start), writer, finite=True) if np.isfinite(start) else None
        for row, start in zip(weights, starts, strict=True)
    ]
    return probabilities(scores, writer)


def _check_finite(logarithms: FloatArray, part: str) -> None:
    if not np.isfinite(logarithms).all():
        raise NotAProgramError(part, "has a probability of 0, whose logarithm is infinite: fit it with alpha above 0")


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.naive_bayes.GaussianNB": read_gaussian,
    "sklearn.naive_bayes.MultinomialNB": read_counted,
    "sklearn.naive_bayes.ComplementNB": read_counted,
    "sklearn.naive_bayes.BernoulliNB": read_bernoulli,
    "sklearn.naive_bayes.CategoricalNB": read_categorical,
}
