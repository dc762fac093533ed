"""Readers of linear models: regressors and classifiers that predict from coef_ and intercept_."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import linear_model as lm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from pgscore.errors import NotAProgramError
from pgscore.readers.dispatch import predict
from pgscore.readers.writing.combining import constant
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.scores import inlier
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_LOGISTIC = (lm.LogisticRegression, lm.LogisticRegressionCV)
# A word for (clip(z, -1, 1) + 1) / 2, which is no link of programs.
_CUT_OFF = "cut off"


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
        link = _link_of_values(estimator)
        if len(weights) != 1:
            raise NotAProgramError(part, "predicts several values at once")
    else:
        if len(estimator.classes_) != max(2, len(weights)) or np.ndim(estimator.classes_) != 1:
            raise NotAProgramError(part, "predicts several labels at once")
        link = _link(estimator, len(weights), part)
    if not (np.isfinite(weights).all() and np.isfinite(intercepts).all()):
        raise NotAProgramError(part, "has coefficients that are not finite")
    scores = [
        write_linear(columns, row, float(start), writer, finite=checked)
        for row, start in zip(weights, intercepts, strict=True)
    ]
    if link == _CUT_OFF:
        return _cut_off(scores, writer)
    return Result(scores, link, by_score=link in ("logistic", "softmax", "one_vs_rest"))


def read_outliers(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """SGDOneClassSVM: 1 where x @ coef_ - offset_ is at least 0, else -1."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    weights, start = np.ravel(estimator.coef_), -float(np.ravel(estimator.offset_)[0])
    if not (np.isfinite(weights).all() and np.isfinite(start)):
        raise NotAProgramError(part, "has coefficients that are not finite")
    return inlier(write_linear(columns, weights, start, writer, finite=True), writer, at_zero=1)


def read_ransac(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """What the estimator that was fitted on the inliers predicts; it checks nothing by itself."""
    return predict(estimator.estimator_, table, writer)


def _cut_off(scores: list[int], writer: Writer) -> Result:
    """The probabilities of the loss modified_huber, (clip(score, -1, 1) + 1) / 2 (`SGDClassifier.predict_proba`).

    Of several classes each is divided by the sum of all; where that is 0, all are alike. Labels go by the scores.
    """
    above = []
    for score in scores:
        within = writer.add({"step": "clip", "of": score, "minimum": -1.0, "maximum": 1.0})
        above.append(writer.add({"step": "affine", "of": within, "subtract": -1.0, "divide": 2.0}))
    if len(scores) > 1:
        return Result(writer.link("normalize", above), "identity", decide=scores, decision=scores)
    first = writer.add({"step": "affine", "of": above[0], "multiply": -1.0, "add": 1.0})
    decide = [constant(0.0, scores[0], writer), scores[0]]
    return Result([first, above[0]], "identity", decide=decide, decision=scores)


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
    if isinstance(estimator, LinearDiscriminantAnalysis):
        return "logistic" if scores == 1 else "softmax"
    loss = getattr(estimator, "loss", None)
    if loss == "modified_huber":
        return _CUT_OFF
    if loss != "log_loss":
        raise NotAProgramError(part, f"has the loss {estimator.loss!r}, whose probabilities a program cannot give")
    return "logistic" if scores == 1 else "one_vs_rest"


def _link_of_values(estimator: Any) -> str:  # noqa: ANN401
    if isinstance(estimator, lm.TweedieRegressor):
        natural = "identity" if estimator.power <= 0 else "log"
        return "identity" if (natural if estimator.link == "auto" else estimator.link) == "identity" else "exp"
    return "exp" if isinstance(estimator, lm.PoissonRegressor | lm.GammaRegressor) else "identity"


# Their predict is X @ coef_ + intercept_, and nothing else but the link of generalized models.
_REGRESSORS = (
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars", "LarsCV",
    "LassoLars", "LassoLarsCV", "LassoLarsIC", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV",
    "BayesianRidge", "ARDRegression", "HuberRegressor", "TheilSenRegressor", "QuantileRegressor", "SGDRegressor",
    "PoissonRegressor", "GammaRegressor", "TweedieRegressor", "PassiveAggressiveRegressor",
)  # fmt: skip
_CLASSIFIERS = (
    "LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV", "Perceptron", "SGDClassifier",
    "PassiveAggressiveClassifier",
)  # fmt: skip

PREDICTORS: dict[str, PredictorReader] = {
    **{f"sklearn.linear_model.{name}": read_linear for name in (*_REGRESSORS, *_CLASSIFIERS)},
    "sklearn.linear_model.SGDOneClassSVM": read_outliers,
    "sklearn.linear_model.RANSACRegressor": read_ransac,
    "sklearn.svm.LinearSVC": read_linear,
    "sklearn.svm.LinearSVR": read_linear,
}
