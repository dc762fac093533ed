"""Reader of linear models: regressors and classifiers that predict from coef_ and intercept_."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import linear_model as lm

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import AFFINE, CodeColumn, NumberColumn
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_LOGISTIC = (lm.LogisticRegression, lm.LogisticRegressionCV)
# Where mean / scale of a scaled input is below this, the scaling goes into weight and intercept: what cancels costs
# three digits at most. Elsewhere the scaling stays a step, and rounds as scikit-learn's does.
_HARMLESS = 1e3
# Smaller weights begin to lose digits.
_SMALLEST = 1e-290


def read_linear(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The scores of a fitted linear model.

    Raises:
        NotAProgramError: its outputs are several, or its probabilities are no logistic function of its scores.
    """
    columns = table.numbers(part)
    # Lasso and ElasticNet do not look at a sparse matrix before they multiply it.
    checked = not (table.sparse and isinstance(estimator, lm.ElasticNet))
    if checked:
        writer.domains.require(part, columns, missing=False)
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    if weights.shape[1] != len(columns):
        raise NotAProgramError(part, f"has {weights.shape[1]} coefficients for {len(columns)} columns")
    intercepts = np.broadcast_to(np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64)), (len(weights),))
    if not hasattr(estimator, "classes_"):
        link = "identity"
        if len(weights) != 1:
            raise NotAProgramError(part, "predicts several values at once")
    else:
        if len(estimator.classes_) != max(2, len(weights)) or np.ndim(estimator.classes_) != 1:
            raise NotAProgramError(part, "predicts several labels at once")
        link = _link(estimator, len(weights), part)
    if not (np.isfinite(weights).all() and np.isfinite(intercepts).all()):
        raise NotAProgramError(part, "has coefficients that are not finite")
    scores = [
        _score(columns, row, float(start), writer, finite=checked)
        for row, start in zip(weights, intercepts, strict=True)
    ]
    return Result(scores, link)


def _link(estimator: Any, scores: int, part: str) -> str:  # noqa: ANN401
    if not hasattr(estimator, "predict_proba"):
        return "sign" if scores == 1 else "argmax"
    if isinstance(estimator, _LOGISTIC):
        # Before scikit-learn 1.8 one could ask for another than the natural link.
        asked = getattr(estimator, "multi_class", "auto")
        if scores == 1 and asked == "multinomial":
            raise NotAProgramError(part, "is multinomial with two classes")
        if scores == 1:
            return "logistic"
        return "one_vs_rest" if asked == "ovr" or estimator.solver == "liblinear" else "softmax"
    if getattr(estimator, "loss", None) != "log_loss":
        raise NotAProgramError(part, f"has the loss {estimator.loss!r}, whose probabilities a program cannot give")
    return "logistic" if scores == 1 else "one_vs_rest"


def _score(
    columns: list[NumberColumn | CodeColumn], weights: np.ndarray, intercept: float, writer: Writer, *, finite: bool
) -> int:
    terms: list[tuple[int, float]] = []
    by_source: dict[int, list[tuple[CodeColumn, float]]] = {}
    for column, weight in zip(columns, weights.tolist(), strict=True):
        if weight == 0 and finite:  # 0 times infinity is NaN
            continue
        if isinstance(column, CodeColumn):
            by_source.setdefault(column.source, []).append((column, weight))
            continue
        register, factor, offset = _folded(column, weight, writer)
        terms.append((register, factor))
        intercept += offset
    for codes in by_source.values():
        terms.append((_lookup(codes, writer), 1.0))
    return writer.add(
        {
            "step": "linear",
            "of": [register for register, _ in terms],
            "weights": [weight for _, weight in terms],
            "intercept": intercept,
        }
    )


def _folded(column: NumberColumn, weight: float, writer: Writer) -> tuple[int, float, float]:
    """A register, and the weight and the summand that stand for a weighted column."""
    operations = list(column.operations)
    if operations and operations[0].name == "fill" and not writer.missing_possible(column):
        del operations[0]
    kept = max((n + 1 for n, each in enumerate(operations) if each.name not in AFFINE), default=0)
    factor, offset = 1.0, 0.0
    for each in operations[kept:]:
        if each.name == "subtract":
            offset -= each.operand
        elif each.name == "add":
            offset += each.operand
        elif each.name == "divide":
            factor, offset = factor / each.operand, offset / each.operand
        else:
            factor, offset = factor * each.operand, offset * each.operand
    harmless = abs(offset) < _HARMLESS and np.isfinite(weight * factor) and abs(weight * factor) > _SMALLEST
    if not harmless:
        return writer.number(column.source, operations), weight, 0.0
    return writer.number(column.source, operations[:kept]), weight * factor, weight * offset


def _lookup(codes: list[tuple[CodeColumn, float]], writer: Writer) -> int:
    """One register for all indicators and codes of one input: the sum of their weighted numbers."""
    columns = [column for column, _ in codes]
    weights = np.array([weight for _, weight in codes])
    keys = writer.keys(columns)
    values = weights @ np.array([column.values_of(keys) for column in columns])
    # What is not finite is refused before it comes here.
    unknown, missing = (
        float(weights @ np.nan_to_num(np.array(numbers), nan=0.0, posinf=0.0, neginf=0.0))
        for numbers in ([column.unknown for column in columns], [column.missing for column in columns])
    )
    return writer.add(
        {
            "step": "lookup",
            "of": columns[0].source,
            "keys": keys,
            "values": values.tolist(),
            "unknown": unknown if writer.unknown_possible(columns[0]) else 0.0,
            "missing": missing if writer.missing_possible(columns[0]) else 0.0,
        }
    )


# Their predict is X @ coef_ + intercept_, and nothing else.
_REGRESSORS = (
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars", "LarsCV",
    "LassoLars", "LassoLarsCV", "LassoLarsIC", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV",
    "BayesianRidge", "ARDRegression", "HuberRegressor", "TheilSenRegressor", "QuantileRegressor", "SGDRegressor",
)  # fmt: skip
_CLASSIFIERS = (
    "LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV", "Perceptron", "SGDClassifier",
)  # fmt: skip

PREDICTORS: dict[str, PredictorReader] = {
    **{f"sklearn.linear_model.{name}": read_linear for name in (*_REGRESSORS, *_CLASSIFIERS)},
    "sklearn.svm.LinearSVC": read_linear,
    "sklearn.svm.LinearSVR": read_linear,
}
