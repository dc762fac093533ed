"""What wraps another estimator: pipelines, searches, calibration, thresholds, transformed targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.drawn.kinds import BINARY, CLASSES, VALUES, Predictor

if TYPE_CHECKING:
    from tests.drawn.kinds import Target
    from tests.drawn.models import Maker

_ALL: tuple[Target, ...] = ("binary", "classes", "value", "positive")
# Ways to undo what was done to the target.
_PAIRS = ((np.log1p, np.expm1), (np.log, np.exp), (np.sqrt, np.square))


def _pipeline(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    steps = [(f"step {n}", each) for n, each in enumerate(maker.number_chain(gaps=False, least=1))]
    if of.__module__.startswith("imblearn") and target in CLASSES:
        from imblearn.over_sampling import RandomOverSampler

        steps.insert(0, ("more", RandomOverSampler(random_state=maker.seed())))
    return of([*steps, ("last", maker.inner(target))])


def _search(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    tree = DecisionTreeClassifier if target in CLASSES else DecisionTreeRegressor
    given = {"n_iter": 2} if of.__name__ == "RandomizedSearchCV" else {}
    given |= {} if of.__name__ == "GridSearchCV" else {"random_state": maker.seed()}
    maker.made.append(f"sklearn.tree.{tree.__name__}")
    return of(tree(random_state=maker.seed()), {"max_depth": [2, 4]}, cv=2, **given)


def _frozen(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    # It is frozen when it is fitted: `finish` puts it around what was.
    del of
    return maker.inner(target)


def _freeze(fitted: Any) -> Any:  # noqa: ANN401
    from sklearn.frozen import FrozenEstimator

    return FrozenEstimator(fitted)


def _calibrated(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    method = maker.pick(("sigmoid", "isotonic", "isotonic", "temperature"))
    return of(maker.inner(target), method=method, cv=2, ensemble=maker.chance(0.5))


def _fixed_threshold(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    return of(maker.inner(target), threshold=maker.pick(("auto", 0.1, 0.5, 0.8)))


def _tuned_threshold(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    return of(maker.inner(target), cv=2, thresholds=10)


def _transformed_target(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

    if target == "positive" and maker.chance(0.7):
        func, inverse = maker.pick(_PAIRS)
        return of(maker.inner("value"), func=func, inverse_func=inverse, check_inverse=False)
    scaler = maker.pick((StandardScaler(), MinMaxScaler(), QuantileTransformer(n_quantiles=10)))
    return of(maker.inner("value"), transformer=scaler)


def _one_vs_rest(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    return of(maker.inner(BINARY[0] if target == "binary" else "binary"))


_SELECTION = "sklearn.model_selection."
PREDICTORS: dict[str, Predictor] = {
    "sklearn.pipeline.Pipeline": Predictor(targets=_ALL, make=_pipeline),
    "imblearn.pipeline.Pipeline": Predictor(make=_pipeline),
    **{
        _SELECTION + name: Predictor(targets=(*CLASSES, *VALUES), make=_search)
        for name in ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")
    },
    "sklearn.frozen.FrozenEstimator": Predictor(targets=_ALL, make=_frozen, finish=_freeze, sole=True),
    "sklearn.calibration.CalibratedClassifierCV": Predictor(make=_calibrated, weight=2),
    _SELECTION + "FixedThresholdClassifier": Predictor(targets=BINARY, make=_fixed_threshold),
    _SELECTION + "TunedThresholdClassifierCV": Predictor(targets=BINARY, make=_tuned_threshold),
    "sklearn.compose.TransformedTargetRegressor": Predictor(targets=("value", "positive"), make=_transformed_target),
    "sklearn.multiclass.OneVsRestClassifier": Predictor(make=_one_vs_rest),
}
