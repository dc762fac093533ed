"""The models that are measured. Fitting all of them takes a few seconds, so nothing is kept between runs."""

from __future__ import annotations

from functools import cache

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .customers import CODE, churned, coded_predictors, predictors

LINEAR = "linear"
TREES = "trees"
FOREST = "forest"
ONE_HOT = "one_hot"


@cache
def fitted(model: str) -> Pipeline:
    """A fitted pipeline by its name."""
    if model == ONE_HOT:
        return _one_hot().fit(coded_predictors(), churned())
    return _of_numbers(model).fit(predictors(), churned())


def _of_numbers(model: str) -> Pipeline:
    if model == LINEAR:
        return Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())])
    if model == TREES:
        return Pipeline([("classify", GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=0))])
    return Pipeline([("classify", RandomForestClassifier(n_estimators=500, max_depth=6, random_state=0))])


def _one_hot() -> Pipeline:
    prepare = ColumnTransformer(
        [("numbers", StandardScaler(), list(predictors().columns)), ("code", OneHotEncoder(), [CODE])]
    )
    return Pipeline([("prepare", prepare), ("classify", LogisticRegression(max_iter=1000))])
