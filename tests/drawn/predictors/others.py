"""Naive Bayes, discriminants, clusters, networks, support vectors, and what guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import BINARY, CLASSES, VALUES, Predictor, nothing

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.kinds import Target
    from tests.drawn.models import Maker


def _smooth(draw: Draw) -> dict[str, Any]:
    return {"alpha": draw.pick((1.0, 0.1, 1e-3)), "fit_prior": draw.chance(0.7)}


def _discriminant(draw: Draw) -> dict[str, Any]:
    solver = draw.pick(("svd", "lsqr", "eigen"))
    return {"solver": solver, **({} if solver == "svd" else {"shrinkage": draw.pick(("auto", 0.3))})}


def _clusters(draw: Draw) -> dict[str, Any]:
    return {"n_clusters": draw.whole(1, 5), "n_init": 1, "max_iter": 20, "random_state": draw.seed()}


def _network(draw: Draw) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": draw.pick(((3,), (8,), (5, 4))),
        "activation": draw.pick(("relu", "tanh", "logistic", "identity")),
        "max_iter": 20,
        "random_state": draw.seed(),
    }


def _vectors(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    kernel = maker.pick(("linear", "rbf", "rbf", "poly", "sigmoid"))
    given: dict[str, Any] = {
        "kernel": kernel, "C": maker.scale(0.1, 10), "gamma": maker.pick(("scale", "auto", 0.1)),
        "degree": maker.whole(2, 3), "coef0": maker.pick((0.0, 1.0)), "max_iter": 300,
    }  # fmt: skip
    if target in CLASSES:
        given |= {"random_state": maker.seed(), **maker.maybe(0.3, break_ties=True)}
    if target in BINARY:
        given["probability"] = maker.chance(0.4)
    elif target in CLASSES and "break_ties" not in given:
        given |= maker.maybe(0.3, decision_function_shape="ovo")
    return of(**given)


def _centroid(draw: Draw) -> dict[str, Any]:
    return {
        "metric": draw.pick(("euclidean", "euclidean", "manhattan")),
        **draw.maybe(0.3, shrink_threshold=0.2), **draw.maybe(0.3, priors="empirical"),
    }  # fmt: skip


def _guess(draw: Draw) -> dict[str, Any]:
    return {"strategy": draw.pick(("prior", "most_frequent", "stratified", "uniform")), "random_state": draw.seed()}


_CLUSTER = "sklearn.cluster."
_BAYES = "sklearn.naive_bayes."
_DISCRIMINANT = "sklearn.discriminant_analysis."
PREDICTORS: dict[str, Predictor] = {
    _BAYES + "GaussianNB": Predictor(lambda draw: {"var_smoothing": draw.pick((1e-9, 1e-3))}),
    _BAYES + "BernoulliNB": Predictor(lambda draw: {**_smooth(draw), "binarize": draw.pick((0.0, 1.0, -0.5))}),
    _BAYES + "MultinomialNB": Predictor(_smooth, reads="nonnegative"),
    _BAYES + "ComplementNB": Predictor(lambda draw: {**_smooth(draw), "norm": draw.chance(0.4)}, reads="nonnegative"),
    _BAYES + "CategoricalNB": Predictor(lambda draw: {**_smooth(draw), "min_categories": 7}, reads="codes"),
    _DISCRIMINANT + "LinearDiscriminantAnalysis": Predictor(_discriminant),
    _DISCRIMINANT + "QuadraticDiscriminantAnalysis": Predictor(lambda draw: {"reg_param": draw.pick((0.01, 0.3))}),
    _CLUSTER + "KMeans": Predictor(_clusters, VALUES, sole=True),
    _CLUSTER + "MiniBatchKMeans": Predictor(_clusters, VALUES, sole=True),
    "sklearn.neural_network.MLPClassifier": Predictor(_network),
    "sklearn.neural_network.MLPRegressor": Predictor(_network, VALUES),
    "sklearn.svm.SVC": Predictor(make=_vectors, probabilities=False),
    "sklearn.svm.NuSVC": Predictor(
        lambda draw: {
            "nu": 0.2, "kernel": draw.pick(("rbf", "linear")), "max_iter": 300, "probability": draw.chance(0.3),
        },
        BINARY, probabilities=False,
    ),
    "sklearn.svm.SVR": Predictor(targets=VALUES, make=_vectors),
    "sklearn.svm.NuSVR": Predictor(
        lambda draw: {"kernel": draw.pick(("rbf", "linear")), "max_iter": 300}, VALUES
    ),
    "sklearn.svm.OneClassSVM": Predictor(lambda draw: {"nu": 0.3, "max_iter": 300}, VALUES, sole=True),
    "sklearn.neighbors.NearestCentroid": Predictor(_centroid, probabilities=False),
    "sklearn.dummy.DummyClassifier": Predictor(_guess),
    "sklearn.dummy.DummyRegressor": Predictor(lambda draw: {"strategy": draw.pick(("mean", "median"))}, VALUES),
    "sklearn.isotonic.IsotonicRegression": Predictor(nothing, VALUES, sole=True),
}  # fmt: skip
