"""What leaves columns out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import CLASSES, Transformer

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.kinds import Target
    from tests.drawn.models import Maker


def _from_model(maker: Maker, of: type) -> Any:  # noqa: ANN401
    from sklearn.tree import DecisionTreeRegressor

    # Labels are no numbers for it, so it is drawn for those alone that a regressor takes.
    tree = DecisionTreeRegressor(max_depth=3, random_state=maker.seed())
    return of(tree, threshold=maker.pick((None, "median", 1e-5)))


def _eliminated(maker: Maker, of: type) -> Any:  # noqa: ANN401
    from sklearn.tree import DecisionTreeRegressor

    given = {} if of.__name__ == "RFECV" else {"n_features_to_select": 1}
    return of(DecisionTreeRegressor(max_depth=2, random_state=maker.seed()), **given)


def _sequential(maker: Maker, of: type) -> Any:  # noqa: ANN401
    from sklearn.tree import DecisionTreeRegressor

    return of(DecisionTreeRegressor(max_depth=1, random_state=maker.seed()), n_features_to_select=1, cv=2)


def _clusters(draw: Draw) -> dict[str, Any]:
    return {"n_clusters": draw.pick((1, 2, 3, 12)), "n_init": 1, "max_iter": 20, "random_state": draw.seed()}


_NUMBERS: tuple[Target, ...] = ("value", "positive", "counts")
_SELECTION = "sklearn.feature_selection."
TRANSFORMERS: dict[str, Transformer] = {
    _SELECTION + "VarianceThreshold": Transformer(
        lambda draw: {"threshold": draw.pick((0.0, 1e-6, 0.05))}, "matrix", missing="passes"
    ),
    _SELECTION + "SelectKBest": Transformer(lambda draw: {"k": draw.pick((1, 2, "all"))}, "matrix", targets=CLASSES),
    _SELECTION + "SelectPercentile": Transformer(
        lambda draw: {"percentile": draw.whole(20, 100)}, "matrix", targets=CLASSES
    ),
    _SELECTION + "SelectFpr": Transformer(lambda draw: {"alpha": draw.real(0.3, 1)}, "matrix", targets=CLASSES),
    _SELECTION + "SelectFdr": Transformer(lambda draw: {"alpha": draw.real(0.3, 1)}, "matrix", targets=CLASSES),
    _SELECTION + "SelectFwe": Transformer(lambda draw: {"alpha": draw.real(0.3, 1)}, "matrix", targets=CLASSES),
    _SELECTION + "GenericUnivariateSelect": Transformer(
        lambda draw: {"mode": draw.pick(("percentile", "k_best")), "param": draw.whole(1, 2)}, "matrix", targets=CLASSES
    ),
    _SELECTION + "SelectFromModel": Transformer(reads="matrix", make=_from_model, targets=_NUMBERS),
    _SELECTION + "RFE": Transformer(reads="matrix", make=_eliminated, targets=_NUMBERS),
    _SELECTION + "RFECV": Transformer(reads="matrix", make=_eliminated, targets=_NUMBERS),
    "sklearn.cluster.KMeans": Transformer(_clusters, "matrix"),
    "sklearn.cluster.MiniBatchKMeans": Transformer(_clusters, "matrix"),
    _SELECTION + "SequentialFeatureSelector": Transformer(reads="matrix", make=_sequential, targets=_NUMBERS),
}
