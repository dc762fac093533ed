"""Readers of dummies, which predict the same for every row, whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.writing.scores import constant
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

# What the others predict is drawn anew in each call.
_CONSTANT = ("most_frequent", "prior", "constant")


def read_dummy_classifier(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The probabilities that it gives for any row."""
    if estimator.n_outputs_ != 1:
        raise NotAProgramError(part, "predicts several labels at once")
    if estimator.strategy not in _CONSTANT:
        raise NotAProgramError(part, f"has the strategy {estimator.strategy!r}, which draws labels at random")
    given = estimator.predict_proba(np.zeros((1, 1)))[0]
    return Result([constant(each, writer) for each in given.tolist()], "identity")


def read_dummy_regressor(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """Its constant."""
    if estimator.n_outputs_ != 1:
        raise NotAProgramError(part, "predicts several values at once")
    return Result([constant(np.ravel(estimator.constant_)[0], writer)], "identity")


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.dummy.DummyClassifier": read_dummy_classifier,
    "sklearn.dummy.DummyRegressor": read_dummy_regressor,
}
