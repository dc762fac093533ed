"""Readers of StackingClassifier and StackingRegressor: what their estimators give are columns for the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.readers.algebra.columns import NumberColumn, Table
from pgscore.readers.dispatch import predict
from pgscore.readers.writing.combining import response

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Column
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Result, Writer

_TWO = 2


def read_stacking(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The last estimator's scores of what the others give, and of the columns themselves where these are passed on."""
    names = [name for name, each in estimator.estimators if not isinstance(each, str)]
    columns: list[Column] = []
    for name, each, method in zip(names, estimator.estimators_, estimator.stack_method_, strict=True):
        _, registers = response(each, table, writer, [method], name)
        if method == "predict_proba" and len(estimator.classes_) == _TWO:
            # Of two probabilities the first one says nothing new.
            registers = registers[1:]
        columns += [NumberColumn(register) for register in registers]
    if estimator.passthrough:
        columns += table.columns
    sparse = table.sparse and estimator.passthrough
    return predict(estimator.final_estimator_, Table(tuple(columns), sparse), writer, "final_estimator")


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.ensemble.StackingClassifier": read_stacking,
    "sklearn.ensemble.StackingRegressor": read_stacking,
}
