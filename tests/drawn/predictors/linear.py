"""Linear models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import CLASSES, VALUES, Predictor, nothing

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.kinds import Parameters, Target
    from tests.drawn.models import Maker

_POSITIVE: tuple[Target, ...] = ("positive",)


def _alpha(draw: Draw) -> dict[str, Any]:
    return {"alpha": draw.scale(1e-4, 1e2), "fit_intercept": draw.chance(0.8)}


def _tries(parameters: Parameters) -> Parameters:
    return lambda draw: {**parameters(draw), "max_iter": 60}


def _logistic(draw: Draw) -> dict[str, Any]:
    return {
        "C": draw.scale(1e-3, 1e3), "fit_intercept": draw.chance(0.8), "max_iter": 60,
        **draw.maybe(0.2, class_weight="balanced"),
    }  # fmt: skip


def _descent(losses: tuple[str, ...]) -> Parameters:
    return lambda draw: {"loss": draw.pick(losses), "max_iter": 20, "tol": None, "random_state": draw.seed()}


def _tweedie(draw: Draw) -> dict[str, Any]:
    return {"power": draw.pick((0, 1, 1.5, 2, 3)), "alpha": draw.scale(1e-3, 10), "link": draw.pick(("auto", "log"))}


def _ransac(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    del target
    return of(maker.inner("value"), min_samples=0.6, max_trials=5, random_state=maker.seed())


def _values(parameters: Parameters = nothing, *, reads: Any = "numbers") -> Predictor:  # noqa: ANN401
    return Predictor(parameters, VALUES, reads=reads)


def _labels(parameters: Parameters) -> Predictor:
    return Predictor(parameters, CLASSES, probabilities=False)


_LINEAR = "sklearn.linear_model."
PREDICTORS: dict[str, Predictor] = {
    _LINEAR + "LinearRegression": _values(lambda draw: {"fit_intercept": draw.chance(0.8)}),
    _LINEAR + "Ridge": _values(_alpha),
    _LINEAR + "RidgeCV": _values(lambda draw: {"alphas": (0.1, 10.0)}),
    _LINEAR + "Lasso": _values(_tries(_alpha)),
    _LINEAR + "LassoCV": _values(lambda draw: {"cv": 2, "max_iter": 60}),
    _LINEAR + "ElasticNet": _values(_tries(_alpha)),
    _LINEAR + "ElasticNetCV": _values(lambda draw: {"cv": 2, "max_iter": 60}),
    _LINEAR + "Lars": _values(),
    _LINEAR + "LarsCV": _values(lambda draw: {"cv": 2}),
    _LINEAR + "LassoLars": _values(_alpha),
    _LINEAR + "LassoLarsCV": _values(lambda draw: {"cv": 2}),
    _LINEAR + "LassoLarsIC": _values(lambda draw: {"criterion": draw.pick(("aic", "bic"))}),
    _LINEAR + "OrthogonalMatchingPursuit": _values(),
    _LINEAR + "OrthogonalMatchingPursuitCV": _values(lambda draw: {"cv": 2}),
    _LINEAR + "BayesianRidge": _values(lambda draw: {"max_iter": 20}),
    _LINEAR + "SGDOneClassSVM": Predictor(
        lambda draw: {"nu": draw.pick((0.1, 0.4)), "random_state": draw.seed()}, VALUES, sole=True
    ),
    _LINEAR + "ARDRegression": _values(lambda draw: {"max_iter": 20}),
    _LINEAR + "HuberRegressor": _values(_tries(lambda draw: {"epsilon": draw.real(1.1, 2)})),
    _LINEAR + "QuantileRegressor": _values(
        lambda draw: {"quantile": draw.real(0.1, 0.9), "alpha": draw.scale(1e-4, 1), "solver": "highs"}
    ),
    _LINEAR + "TheilSenRegressor": _values(
        lambda draw: {"max_subpopulation": 30, "max_iter": 20, "random_state": draw.seed()}
    ),
    _LINEAR + "RANSACRegressor": Predictor(targets=VALUES, make=_ransac),
    _LINEAR + "SGDRegressor": _values(_descent(("squared_error", "huber", "epsilon_insensitive"))),
    _LINEAR + "PassiveAggressiveRegressor": _values(lambda draw: {"max_iter": 20, "random_state": draw.seed()}),
    _LINEAR + "PoissonRegressor": Predictor(_tries(_alpha), ("counts", "positive")),
    _LINEAR + "GammaRegressor": Predictor(_tries(_alpha), _POSITIVE),
    _LINEAR + "TweedieRegressor": Predictor(_tweedie, _POSITIVE),
    _LINEAR + "LogisticRegression": Predictor(_logistic, weight=3),
    _LINEAR + "LogisticRegressionCV": Predictor(lambda draw: {"Cs": [0.1, 10.0], "cv": 2, "max_iter": 40}),
    _LINEAR + "SGDClassifier": Predictor(
        _descent(("log_loss", "hinge", "modified_huber", "modified_huber", "perceptron", "squared_hinge")),
        probabilities=False,
    ),
    _LINEAR + "RidgeClassifier": _labels(_alpha),
    _LINEAR + "RidgeClassifierCV": _labels(lambda draw: {"alphas": (0.1, 10.0)}),
    _LINEAR + "Perceptron": _labels(lambda draw: {"max_iter": 20, "random_state": draw.seed()}),
    _LINEAR + "PassiveAggressiveClassifier": _labels(lambda draw: {"max_iter": 20, "random_state": draw.seed()}),
    "sklearn.svm.LinearSVC": _labels(lambda draw: {"C": draw.scale(1e-3, 10), "max_iter": 200}),
    "sklearn.svm.LinearSVR": _values(lambda draw: {"C": draw.scale(1e-3, 10), "max_iter": 200}),
}
