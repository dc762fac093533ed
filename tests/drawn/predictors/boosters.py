"""XGBoost, LightGBM and CatBoost, by their scikit-learn interfaces and as files of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import CLASSES, Predictor

if TYPE_CHECKING:
    from tests.drawn.kinds import Target
    from tests.drawn.models import Maker

_NUMBERS: tuple[Target, ...] = ("value", "positive", "counts")
_XGBOOST: dict[str, tuple[str, ...]] = {
    "value": ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"),
    "positive": ("reg:gamma", "reg:tweedie", "reg:squarederror"),
    "counts": ("count:poisson", "reg:tweedie"),
    "binary": ("binary:logistic",),
    "classes": ("multi:softprob", "multi:softmax"),
    "groups": ("rank:pairwise", "rank:ndcg"),
}
_LIGHTGBM: dict[str, tuple[str, ...]] = {
    "value": ("regression", "regression_l1", "huber", "fair", "quantile", "mape"),
    "positive": ("gamma", "tweedie", "poisson", "regression"),
    "counts": ("poisson", "tweedie"),
    "binary": ("binary", "cross_entropy"),
    "classes": ("multiclass", "multiclassova"),
    "groups": ("lambdarank", "rank_xendcg"),
}
_CATBOOST: dict[str, tuple[str, ...]] = {
    "value": ("RMSE", "MAE", "Quantile", "Huber:delta=1.5", "Expectile:alpha=0.3", "MAPE"),
    "positive": ("RMSE", "Tweedie:variance_power=1.5", "LogLinQuantile"),
    "counts": ("Poisson", "RMSE"),
    "binary": ("Logloss", "CrossEntropy"),
    "classes": ("MultiClass", "MultiClassOneVsAll"),
    "groups": ("YetiRank", "QueryRMSE", "PairLogit"),
}


def _xgboost(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    random_forest = "RF" in of.__name__
    booster = "gbtree" if random_forest else maker.pick(("gbtree", "gbtree", "gbtree", "dart", "gblinear"))
    given: dict[str, Any] = {
        "objective": maker.pick(_XGBOOST[target]),
        "booster": booster,
        "n_estimators": maker.whole(1, 6),
        "n_jobs": 1,
        "random_state": maker.seed(),
        **maker.maybe(0.3, base_score=maker.real(0.2, 0.8)),
    }
    if given["objective"] == "reg:quantileerror":
        given["quantile_alpha"] = maker.real(0.2, 0.8)
    if booster != "gblinear":
        given |= {
            "max_depth": maker.whole(1, 5),
            "tree_method": maker.pick(("hist", "hist", "exact", "approx")),
            "enable_categorical": True,
            **maker.maybe(0.3, grow_policy="lossguide", max_leaves=6),
            **maker.maybe(0.3, num_parallel_tree=2),
        }
    if given.get("tree_method") == "exact":
        given["enable_categorical"] = False
        given.pop("grow_policy", None)
        given.pop("max_leaves", None)
    if booster == "dart":
        given |= {"rate_drop": 0.5, "one_drop": True}
    return of(**given)


def _lightgbm(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    boosting = maker.pick(("gbdt", "gbdt", "gbdt", "dart", "rf"))
    return of(
        objective=maker.pick(_LIGHTGBM[target]),
        boosting_type=boosting,
        n_estimators=maker.whole(1, 6),
        num_leaves=maker.pick((2, 7, 31)),
        min_child_samples=maker.pick((1, 5, 20)),
        min_data_per_group=1,
        cat_smooth=1.0,
        max_bin=maker.pick((255, 15)),
        n_jobs=1,
        random_state=maker.seed(),
        verbosity=-1,
        **({"subsample": 0.7, "subsample_freq": 1} if boosting == "rf" else {}),
        **maker.maybe(0.1, zero_as_missing=True),
        **maker.maybe(0.2, extra_trees=True),
    )


def _catboost(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    return of(
        loss_function=maker.pick(_CATBOOST[target]),
        iterations=maker.whole(1, 6),
        depth=maker.whole(1, 4),
        grow_policy=maker.pick(("SymmetricTree", "SymmetricTree", "Depthwise", "Lossguide")),
        nan_mode=maker.pick(("Min", "Max")),
        # Categories are tested one by one, as programs do, or there are statistics of those of more values.
        one_hot_max_size=maker.pick((30, 30, 30, 3)),
        thread_count=1,
        random_seed=maker.seed() % 10_000,
        logging_level="Silent",
        allow_writing_files=False,
    )


def _as_file(fitted: Any) -> Any:  # noqa: ANN401
    """What a LightGBM is when it is read from its own file."""
    from pgscore_runtime.boosters import read_booster

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.txt"
        fitted.booster_.save_model(str(path))
        return read_booster(path.read_bytes(), "lightgbm")


def _lightgbm_file(maker: Maker, target: Target, of: type) -> Any:  # noqa: ANN401
    del of
    from lightgbm import LGBMClassifier, LGBMRegressor

    return _lightgbm(maker, target, LGBMClassifier if target in CLASSES else LGBMRegressor)


def _booster(make: Any, name: str, reads: Any = "texts") -> dict[str, Predictor]:  # noqa: ANN401
    targets: dict[str, tuple[Target, ...]] = {"Classifier": CLASSES, "Regressor": _NUMBERS, "Ranker": ("groups",)}
    return {
        name + kind: Predictor(
            targets=wanted, make=make, missing=True, reads=reads, weight=1 if kind == "Ranker" else 3,
            sole=kind == "Ranker",
        )
        for kind, wanted in targets.items()
    }  # fmt: skip


PREDICTORS: dict[str, Predictor] = {
    **_booster(_xgboost, "xgboost.sklearn.XGB"),
    "xgboost.sklearn.XGBRFClassifier": Predictor(make=_xgboost, missing=True, reads="texts"),
    "xgboost.sklearn.XGBRFRegressor": Predictor(targets=_NUMBERS, make=_xgboost, missing=True, reads="texts"),
    **_booster(_lightgbm, "lightgbm.sklearn.LGBM"),
    **_booster(_catboost, "catboost.core.CatBoost"),
    "pgscore_runtime.boosters.LightGBMFile": Predictor(
        targets=(*CLASSES, *_NUMBERS), make=_lightgbm_file, finish=_as_file, missing=True, sole=True
    ),
}
