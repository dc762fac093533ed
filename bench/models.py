"""The models that are measured. Fitting all of them takes a few seconds, so nothing is kept between runs."""

from __future__ import annotations

from functools import cache
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from .customers import CODE, churned, coded_predictors, predictors

LINEAR = "linear"
TREES = "trees"
FOREST = "forest"
ONE_HOT = "one_hot"
NET = "net"
NEAREST = "nearest"
XGBOOST = "xgboost"
LIGHTGBM = "lightgbm"
TREES_AS_ONNX = "trees_as_onnx"
"""The trees, as skl2onnx converts them: what is published is the graph."""
BOOSTERS = (XGBOOST, LIGHTGBM)
"""Estimators of other libraries, alone."""
CODED = (ONE_HOT, NET, NEAREST)
"""Models over the numbers and the text; the others take the numbers."""


@cache
def fitted(model: str) -> Any:  # noqa: ANN401  a pipeline, or an estimator
    """What is fitted, by its name."""
    if model in BOOSTERS:
        # Only where it is asked for: its imports take a second.
        from .boosters import fit

        return fit(model)
    if model == TREES_AS_ONNX:
        return fitted(TREES)
    if model == ONE_HOT:
        return _one_hot().fit(coded_predictors(), churned())
    if model in CODED:
        return _no_program(model).fit(coded_predictors(), churned())
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


def _no_program(model: str) -> Pipeline:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = ColumnTransformer([("numbers", StandardScaler(), list(predictors().columns)), ("code", codes, [CODE])])
    classify = (
        MLPClassifier(max_iter=300, early_stopping=True, random_state=0) if model == NET else KNeighborsClassifier(15)
    )
    return Pipeline([("prepare", prepare), ("scale", StandardScaler()), ("classify", classify)])
