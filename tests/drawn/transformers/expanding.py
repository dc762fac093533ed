"""What makes other columns of columns: bins, products, curves, projections, kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import CLASSES, Transformer

if TYPE_CHECKING:
    from tests.drawn.draw import Draw


def _bins(draw: Draw) -> dict[str, Any]:
    strategy = draw.pick(("uniform", "quantile", "kmeans"))
    return {
        "n_bins": draw.whole(2, 6),
        "encode": draw.pick(("onehot", "onehot-dense", "ordinal")),
        "strategy": strategy,
        "random_state": draw.seed(),
    }


def _polynomial(draw: Draw) -> dict[str, Any]:
    return {
        "degree": draw.whole(1, 3),
        "interaction_only": draw.chance(0.3),
        "include_bias": draw.chance(0.5),
    }


def _spline(draw: Draw) -> dict[str, Any]:
    return {
        "n_knots": draw.whole(2, 5),
        "degree": draw.whole(0, 3),
        "knots": draw.pick(("uniform", "quantile")),
        "extrapolation": draw.pick(("error", "constant", "linear", "continue", "periodic")),
        "include_bias": draw.chance(0.7),
    }


def _pca(draw: Draw) -> dict[str, Any]:
    return {"n_components": draw.pick((1, 2, None)), "whiten": draw.chance(0.4), "random_state": draw.seed()}


def _kernel(draw: Draw) -> dict[str, Any]:
    kernel = draw.pick(("rbf", "rbf", "poly", "sigmoid", "linear"))
    return {
        "kernel": kernel,
        "gamma": draw.scale(1e-3, 1.0),
        "n_components": draw.whole(2, 8),
        "random_state": draw.seed(),
        **({"degree": draw.whole(2, 3), "coef0": draw.real(0, 1)} if kernel == "poly" else {}),
    }


TRANSFORMERS: dict[str, Transformer] = {
    "sklearn.preprocessing.KBinsDiscretizer": Transformer(_bins),
    "sklearn.preprocessing.PolynomialFeatures": Transformer(_polynomial, reads="matrix"),
    "sklearn.preprocessing.SplineTransformer": Transformer(_spline),
    "sklearn.preprocessing.Normalizer": Transformer(lambda draw: {"norm": draw.pick(("l1", "l2", "max"))}, "matrix"),
    "sklearn.decomposition.PCA": Transformer(_pca, reads="matrix"),
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": Transformer(
        lambda draw: {"solver": draw.pick(("svd", "eigen")), **draw.maybe(0.4, n_components=1)},
        reads="matrix",
        targets=CLASSES,
    ),
    "sklearn.decomposition.TruncatedSVD": Transformer(
        lambda draw: {"n_components": 1, "random_state": draw.seed()}, reads="matrix"
    ),
    "sklearn.kernel_approximation.RBFSampler": Transformer(
        lambda draw: {
            "gamma": draw.scale(1e-3, 1.0), "n_components": draw.whole(2, 8), "random_state": draw.seed()
        },
        reads="matrix",
    ),
    "sklearn.kernel_approximation.Nystroem": Transformer(_kernel, reads="matrix"),
}  # fmt: skip
