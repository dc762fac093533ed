"""Ensembles of other estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import CLASSES, VALUES, Predictor

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.kinds import Target
    from tests.drawn.models import Maker


def _members(maker: Maker, target: Target, *, probabilities: bool = False) -> list[tuple[str, Any]]:
    return [(f"member {n}", maker.inner(target, probabilities=probabilities)) for n in range(maker.whole(1, 3))]


def _voting(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    soft = target in CLASSES and maker.chance(0.7)
    members = _members(maker, target, probabilities=soft)
    given: dict[str, Any] = {"weights": [maker.pick((1, 2, 0.5)) for _ in members]} if maker.chance(0.5) else {}
    if target in CLASSES:
        given["voting"] = "soft" if soft else "hard"
    return of(members, **given)


def _stacking(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    given = maker.maybe(0.5, final_estimator=maker.inner(target))
    return of(_members(maker, target), cv=2, passthrough=maker.chance(0.4), **given)


def _bagging(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    return of(
        maker.inner(target), n_estimators=maker.whole(1, 4), max_features=maker.pick((1.0, 0.6)),
        random_state=maker.seed(),
    )  # fmt: skip


def _ada(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if target not in CLASSES:
        member = maker.inner(target) if maker.chance(0.4) else DecisionTreeRegressor(max_depth=maker.whole(1, 3))
        return of(member, n_estimators=maker.pick((1, 2, 5, 30)), random_state=maker.seed())
    tree = DecisionTreeClassifier
    return of(tree(max_depth=maker.whole(1, 3)), n_estimators=maker.whole(1, 5), random_state=maker.seed())


def _balanced(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    del target
    given: dict[str, Any] = {"n_estimators": maker.whole(1, 4), "random_state": maker.seed()}
    if of.__name__ == "BalancedRandomForestClassifier":
        given |= {"max_depth": maker.whole(1, 4), "sampling_strategy": "all", "replacement": True, "bootstrap": False}
    return of(**given)


def _eliminating(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    tree = DecisionTreeClassifier if target in CLASSES else DecisionTreeRegressor
    given = {"cv": 2} if of.__name__ == "RFECV" else {"n_features_to_select": 1}
    return of(tree(max_depth=maker.whole(1, 3), random_state=maker.seed()), **given)


def _isolation(draw: Draw) -> dict[str, Any]:
    return {
        "n_estimators": draw.whole(1, 8), "max_samples": draw.pick(("auto", 20)),
        "contamination": draw.pick(("auto", 0.1)), "random_state": draw.seed(),
    }  # fmt: skip


_ENSEMBLE = "sklearn.ensemble."
_IMBALANCED = "imblearn.ensemble."
PREDICTORS: dict[str, Predictor] = {
    _ENSEMBLE + "VotingClassifier": Predictor(make=_voting, weight=2),
    _ENSEMBLE + "VotingRegressor": Predictor(targets=VALUES, make=_voting),
    _ENSEMBLE + "StackingClassifier": Predictor(make=_stacking, weight=2),
    _ENSEMBLE + "StackingRegressor": Predictor(targets=VALUES, make=_stacking),
    _ENSEMBLE + "BaggingClassifier": Predictor(make=_bagging),
    _ENSEMBLE + "BaggingRegressor": Predictor(targets=VALUES, make=_bagging),
    _ENSEMBLE + "AdaBoostClassifier": Predictor(make=_ada),
    _ENSEMBLE + "AdaBoostRegressor": Predictor(targets=VALUES, make=_ada),
    _IMBALANCED + "BalancedBaggingClassifier": Predictor(make=_balanced),
    _IMBALANCED + "BalancedRandomForestClassifier": Predictor(make=_balanced),
    _IMBALANCED + "EasyEnsembleClassifier": Predictor(make=_balanced),
    _IMBALANCED + "RUSBoostClassifier": Predictor(make=_balanced),
    "sklearn.feature_selection.RFE": Predictor(targets=(*CLASSES, *VALUES), make=_eliminating),
    "sklearn.feature_selection.RFECV": Predictor(targets=(*CLASSES, *VALUES), make=_eliminating),
    _ENSEMBLE + "IsolationForest": Predictor(_isolation, VALUES, missing=True, sole=True),
}
