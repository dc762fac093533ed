"""Trees, forests, and scikit-learn's boosting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import VALUES, Predictor

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.kinds import Target
    from tests.drawn.models import Maker

_NUMBERS: tuple[Target, ...] = ("value", "positive", "counts")


def _tree(draw: Draw) -> dict[str, Any]:
    return {
        "max_depth": draw.pick((1, 3, 6, None)),
        "min_samples_leaf": draw.pick((1, 1, 4, 60)),
        "random_state": draw.seed(),
        **draw.maybe(0.2, ccp_alpha=0.01),
        **draw.maybe(0.2, max_leaf_nodes=draw.whole(2, 9)),
    }


def _forest(draw: Draw) -> dict[str, Any]:
    return {**_tree(draw), "n_estimators": draw.whole(1, 6)}


def _boosting(losses: tuple[str, ...]) -> Any:  # noqa: ANN401
    def drawn(draw: Draw) -> dict[str, Any]:
        return {
            "loss": draw.pick(losses),
            "n_estimators": draw.whole(1, 6),
            "max_depth": draw.whole(1, 4),
            "learning_rate": draw.scale(0.01, 1),
            "subsample": draw.pick((1.0, 0.7)),
            "random_state": draw.seed(),
            **draw.maybe(0.2, init="zero"),
        }

    return drawn


def _histogram(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    losses = {
        "value": ("squared_error", "absolute_error", "quantile"),
        "positive": ("squared_error", "gamma", "poisson"),
        "counts": ("poisson", "squared_error"),
    }.get(target)
    loss = maker.pick(losses) if losses else "log_loss"
    given = {"quantile": maker.real(0.1, 0.9)} if loss == "quantile" else {}
    return of(
        loss=loss,
        max_iter=maker.whole(1, 6),
        max_leaf_nodes=maker.pick((2, 7, 31)),
        min_samples_leaf=maker.pick((1, 5, 20)),
        max_bins=maker.pick((255, 255, 8)),
        categorical_features="from_dtype",
        random_state=maker.seed(),
        early_stopping=False,
        **given,
    )


_TREE, _ENSEMBLE = "sklearn.tree.", "sklearn.ensemble."
PREDICTORS: dict[str, Predictor] = {
    _TREE + "DecisionTreeClassifier": Predictor(_tree, missing=True),
    _TREE + "DecisionTreeRegressor": Predictor(_tree, VALUES, missing=True),
    _TREE + "ExtraTreeClassifier": Predictor(_tree),
    _TREE + "ExtraTreeRegressor": Predictor(_tree, VALUES),
    _ENSEMBLE + "RandomForestClassifier": Predictor(_forest, missing=True, weight=2),
    _ENSEMBLE + "RandomForestRegressor": Predictor(_forest, VALUES, missing=True, weight=2),
    _ENSEMBLE + "ExtraTreesClassifier": Predictor(_forest),
    _ENSEMBLE + "ExtraTreesRegressor": Predictor(_forest, VALUES),
    _ENSEMBLE + "GradientBoostingClassifier": Predictor(_boosting(("log_loss", "log_loss", "exponential")), weight=2),
    _ENSEMBLE + "GradientBoostingRegressor": Predictor(
        _boosting(("squared_error", "absolute_error", "huber", "quantile")), VALUES, weight=2
    ),
    _ENSEMBLE + "HistGradientBoostingClassifier": Predictor(make=_histogram, missing=True, reads="texts", weight=3),
    _ENSEMBLE + "HistGradientBoostingRegressor": Predictor(
        targets=_NUMBERS, make=_histogram, missing=True, reads="texts", weight=3
    ),
}
