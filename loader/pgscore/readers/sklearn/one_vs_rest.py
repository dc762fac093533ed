"""Reader of OneVsRestClassifier: an estimator for each class against all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.multiclass import OneVsRestClassifier

from pgscore.errors import NotAProgramError
from pgscore.readers.dispatch import part_name, predict
from pgscore.readers.writing.combining import constant, decision, weighted
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_LEAST = 5e-324
_ONE_FOR_ZERO = {
    "knots": [0.0, _LEAST],
    "coefficients": [[1.0], [1.0], [_LEAST, 1.0]],
    "closed": "left",
    "missing": None,
}


def read_one_vs_rest(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """Probabilities against all others over their sum; the label is that of the largest decision."""
    if estimator.multilabel_:
        raise NotAProgramError(part, "predicts several labels at once")
    by_decision = hasattr(estimator.estimators_[0], "decision_function")
    seconds, deciding = [], []
    for number, each in enumerate(estimator.estimators_):
        name = f"estimators_[{number}]"
        result = predict(each, table, writer, name)
        if hasattr(each, "predict_proba"):
            seconds.append(writer.outputs(result, part_name(each, name))[1])
        deciding += decision(result, writer, name) if by_decision else seconds[-1:]
    given = deciding if by_decision else None
    tie = _tie()
    if not hasattr(estimator, "predict_proba"):
        if tie == "last" and len(deciding) > 1:
            raise NotAProgramError(part, "predicts the last of equal classes")
        return Result(deciding, "sign" if len(deciding) == 1 else "argmax", decision=given)
    if len(deciding) == 1:
        # Its label is that of the second class above the threshold, not at it.
        limit = constant(0.0 if by_decision else 0.5, deciding[0], writer)
        first = writer.add({"step": "affine", "of": seconds[0], "multiply": -1.0, "add": 1.0})
        return Result([first, seconds[0]], "normalize", decide=[limit, deciding[0]], decision=given)
    return Result(_over_sum(seconds, writer), "identity", tie, decide=deciding, decision=given)


def _over_sum(registers: list[int], writer: Writer) -> list[int]:
    """Each over the sum of all; 0 where that is 0, and no number where it is none."""
    total = weighted(registers, [1.0] * len(registers), writer)
    if writer.range(total).low > 0:
        return writer.link("normalize", registers)
    # NaN stays what it is.
    total = writer.add({"step": "piecewise", "of": total, **_ONE_FOR_ZERO})
    return [writer.add({"step": "ratio", "of": [each, total]}) for each in registers]


def _tie() -> str:
    """Which of equal classes scikit-learn predicts: releases differ."""

    class Indifferent(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def decision_function(self, rows: Any) -> Any:  # noqa: ANN401
            return np.zeros(len(rows))

    asked = OneVsRestClassifier(Indifferent())
    asked.estimators_ = [Indifferent(), Indifferent(), Indifferent()]
    asked.classes_ = np.arange(3)
    asked.label_binarizer_ = type("Binarizer", (), {"y_type_": "multiclass", "classes_": asked.classes_})()
    return "first" if asked.predict(np.zeros((1, 1)))[0] == 0 else "last"


PREDICTORS: dict[str, PredictorReader] = {"sklearn.multiclass.OneVsRestClassifier": read_one_vs_rest}
