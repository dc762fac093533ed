"""Readers of what wraps an estimator and predicts as that does: pipelines, searches, frozen estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.readers.dispatch import predict, transform

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Result, Writer


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


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.pipeline.Pipeline": read_pipeline,
    "imblearn.pipeline.Pipeline": read_pipeline,
    "sklearn.model_selection.GridSearchCV": read_search,
    "sklearn.model_selection.RandomizedSearchCV": read_search,
    "sklearn.model_selection.HalvingGridSearchCV": read_search,
    "sklearn.model_selection.HalvingRandomSearchCV": read_search,
    "sklearn.frozen.FrozenEstimator": read_frozen,
}
