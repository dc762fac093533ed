"""Readers of what wraps an estimator and predicts as that does: pipelines, searches, frozen estimators, thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.dispatch import predict, transform
from pgscore.readers.writing.combining import constant, decision
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer


def read_pipeline(pipeline: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The scores of a pipeline's last step, of what the steps before it make of the columns."""
    for name, step in pipeline.steps[:-1]:
        # imbalanced-learn's samplers have their say when it is fitted only.
        if not hasattr(step, "fit_resample"):
            table = transform(step, table, writer, name)
    name, last = pipeline.steps[-1]
    return predict(last, table, writer, name)


def read_search(search: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The scores of the best estimator that a search has found."""
    return predict(search.best_estimator_, table, writer)


def read_frozen(frozen: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The scores of the estimator that was frozen."""
    return predict(frozen.estimator, table, writer)


def read_fixed_threshold(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """What the estimator gives, and the label of its positive class from a threshold on."""
    inner = getattr(estimator, "estimator_", estimator.estimator)
    by_probability = _by_probability(estimator, inner)
    threshold = estimator.threshold
    if isinstance(threshold, str):
        threshold = 0.5 if by_probability else 0.0
    return _thresholded(inner, float(threshold), estimator.pos_label, by_probability, table, writer, part)


def read_tuned_threshold(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The same with the threshold that was found."""
    inner = estimator.estimator_
    positive = estimator._curve_scorer._get_pos_label()
    by_probability = _by_probability(estimator, inner)
    return _thresholded(inner, float(estimator.best_threshold_), positive, by_probability, table, writer, part)


def _by_probability(estimator: Any, inner: Any) -> bool:  # noqa: ANN401
    wanted = estimator.response_method
    return wanted == "predict_proba" or (wanted == "auto" and hasattr(inner, "predict_proba"))


def _thresholded(
    inner: Any,  # noqa: ANN401
    threshold: float,
    positive: Any,  # noqa: ANN401
    by_probability: bool,
    table: Table,
    writer: Writer,
    part: str,
) -> Result:
    """A result whose label goes by what is larger, what the estimator gives or the threshold.

    `sklearn.utils._response._threshold_scores_to_class_labels`: the positive class where a score >= threshold; the
    decision against the first class is that for the second one, negated.
    """
    result = predict(inner, table, writer)
    is_first = positive is not None and positive == inner.classes_[0]
    if by_probability:
        compared = writer.outputs(result, part)[0 if is_first else 1]
    else:
        (compared,) = decision(result, writer, part)
        if is_first:
            compared = writer.add({"step": "affine", "of": compared, "multiply": -1.0})
    if not np.isfinite(threshold):
        raise NotAProgramError(part, "has a threshold that is not finite")
    if result.link in ("sign", "argmax"):
        return _mark(compared, threshold, writer, is_first=is_first)
    limit = constant(threshold, compared, writer)
    # Of equal ones the last, or the first, decides: that of the positive class.
    decide, tie = ([compared, limit], "first") if is_first else ([limit, compared], "last")
    # Of an estimator that adds in single precision, what was noted goes on with its outputs.
    return replace(result, decide=decide, tie=tie)


def _mark(compared: int, threshold: float, writer: Writer, *, is_first: bool) -> Result:
    """A label without probabilities: 1 from the threshold on."""
    below, above = ([[1.0]], [[-1.0]]) if is_first else ([[-1.0]], [[1.0]])
    step = {
        "step": "piecewise", "of": compared, "knots": [threshold], "coefficients": below + above, "closed": "left",
        "missing": below[0][0],
    }  # fmt: skip
    return Result([writer.add(step)], "sign", decision=[compared])


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.model_selection.FixedThresholdClassifier": read_fixed_threshold,
    "sklearn.model_selection.TunedThresholdClassifierCV": read_tuned_threshold,
    "sklearn.pipeline.Pipeline": read_pipeline,
    "imblearn.pipeline.Pipeline": read_pipeline,
    "sklearn.model_selection.GridSearchCV": read_search,
    "sklearn.model_selection.RandomizedSearchCV": read_search,
    "sklearn.model_selection.HalvingGridSearchCV": read_search,
    "sklearn.model_selection.HalvingRandomSearchCV": read_search,
    "sklearn.frozen.FrozenEstimator": read_frozen,
}
