"""pgscore.explain beside the package shap, in a database: of each family of models, within 1e-9."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database

_COLUMNS = list("abcd")
_ASKED = 30
_CLOSE = 1e-9
# What single precision leaves of XGBoost's base.
_SINGLE = 1e-6
_FEW: dict[str, Any] = {"n_estimators": 8, "random_state": 0}
_QUIET: dict[str, Any] = {"iterations": 8, "depth": 4, "verbose": 0, "allow_writing_files": False}
_LEAVES: dict[str, Any] = {"min_child_samples": 3, "verbose": -1, "n_jobs": 1} | _FEW


@dataclass(frozen=True)
class _Kind:
    """What is fitted: on how many classes, 0 for a number; and whether values are missing."""

    model: Any
    classes: int = 0
    missing: bool = False


_TREES = {
    "forest": _Kind(RandomForestRegressor(max_depth=5, **_FEW)),
    "forest_of_2": _Kind(RandomForestClassifier(max_depth=5, **_FEW), 2),
    "forest_of_3": _Kind(ExtraTreesClassifier(max_depth=5, **_FEW), 3),
    "boosted": _Kind(GradientBoostingRegressor(**_FEW)),
    "boosted_2": _Kind(GradientBoostingClassifier(**_FEW), 2),
    "histogram": _Kind(HistGradientBoostingRegressor(max_iter=8, min_samples_leaf=5), 0, missing=True),
    "histogram_2": _Kind(HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=5), 2, missing=True),
    "histogram_3": _Kind(HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=5), 3, missing=True),
    "xgboost": _Kind(XGBRegressor(max_depth=4, n_jobs=1, **_FEW), 0, missing=True),
    "xgboost_2": _Kind(XGBClassifier(max_depth=4, n_jobs=1, **_FEW), 2, missing=True),
    "xgboost_3": _Kind(XGBClassifier(max_depth=4, n_jobs=1, **_FEW), 3, missing=True),
    "lightgbm": _Kind(LGBMRegressor(**_LEAVES), 0, missing=True),
    "lightgbm_2": _Kind(LGBMClassifier(**_LEAVES), 2, missing=True),
    "lightgbm_3": _Kind(LGBMClassifier(**_LEAVES), 3, missing=True),
    "catboost": _Kind(CatBoostRegressor(**_QUIET), 0, missing=True),
    "catboost_2": _Kind(CatBoostClassifier(**_QUIET), 2, missing=True),
    "catboost_3": _Kind(CatBoostClassifier(**_QUIET), 3, missing=True),
}
_LINEAR = {
    "linear": _Kind(LinearRegression()),
    "logistic": _Kind(LogisticRegression(), 2),
    "counts": _Kind(PoissonRegressor()),
    "scaled": _Kind(make_pipeline(StandardScaler(), Ridge())),
    "scaled_2": _Kind(make_pipeline(StandardScaler(), LogisticRegression()), 2),
}


@pytest.fixture(scope="module")
def shap() -> Any:  # noqa: ANN401
    """The package, which takes seconds to import, and warns of what it does to matplotlib."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        return shap


def _frame(*, missing: bool) -> pd.DataFrame:
    random = np.random.default_rng(7)
    frame = pd.DataFrame(random.normal(size=(200, len(_COLUMNS))), columns=_COLUMNS)
    gaps = (random.random(frame.shape) < 0.1) & (np.arange(200) > 0)[:, np.newaxis]
    return frame.mask(gaps) if missing else frame


def _fitted(kind: _Kind) -> tuple[Any, pd.DataFrame]:
    whole, frame = _frame(missing=False), _frame(missing=kind.missing)
    value = (whole["a"] + 2 * whole["b"] * (whole["c"] > 0)).abs()
    target = pd.qcut(value, kind.classes, labels=False) if kind.classes else value
    return kind.model.fit(frame, target), frame.head(_ASKED)


@pytest.fixture(scope="module")
def explained(shared: Database) -> Iterator[Any]:
    """Publishes a model, and gives what the inputs of the rows add by pgscore.explain, the base last."""
    session = shared.session()
    for name, missing in (("whole", False), ("gaps", True)):
        session.run(f"create table churn.shap_{name} (id serial primary key, a float8, b float8, c float8, d float8)")
        lines = _frame(missing=missing).head(_ASKED).to_csv(header=False, index=False, na_rep="\\N")
        session.copy(f"copy churn.shap_{name} (a, b, c, d) from stdin with (format csv, null '\\N')", lines)

    def explain(name: str, kind: _Kind, model: Any, frame: pd.DataFrame) -> np.ndarray:  # noqa: ANN401
        published = pgscore.publish(
            shared.dsn(), f"shap_{name}", model, golden=frame.head(5), positive="1" if kind.classes else None
        )
        assert published.obstacle is None
        found = session.run(
            f"select p.id, e.input, e.contribution from churn.shap_{'gaps' if kind.missing else 'whole'} p,"
            f" pgscore.explain('shap_{name}', p, 1) e"
        )
        terms = {(number, name): contribution for number, name, contribution in found}
        rows = sorted({number for number, _, _ in found})
        assert len(rows) == _ASKED
        return np.array([[terms[number, each] for each in (*_COLUMNS, None)] for number in rows])

    yield explain
    session.close()


def _of_second(values: Any, base: Any, classes: int) -> np.ndarray:  # noqa: ANN401
    """What shap says of the value, or of the second class, the base last."""
    values, base = np.asarray(values), np.ravel(base)
    values = values[:, :, 1] if values.ndim > 2 else values
    return np.column_stack([values, np.full(len(values), base[1 if classes and len(base) > 1 else 0])])


def _assert_close(found: np.ndarray, expected: np.ndarray, close: float = _CLOSE) -> None:
    scale = np.abs(found).sum(axis=1, keepdims=True)
    assert found == pytest.approx(expected, abs=close * float(scale.max()), rel=0)
    # Other rows and inputs, or nothing at all, would be no such sums.
    assert np.abs(found).max() > 1e3 * close * scale.max()


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer")
@pytest.mark.parametrize("name", _TREES)
def test_trees_have_the_values_of_shap(shap: Any, explained: Any, name: str) -> None:  # noqa: ANN401
    kind = _TREES[name]
    model, frame = _fitted(kind)
    found = explained(name, kind, model, frame)
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    expected = _of_second(explainer.shap_values(frame), explainer.expected_value, kind.classes)
    if name.startswith("xgboost"):
        # Here it asks XGBoost, which adds in single precision.
        _assert_close(found, expected, _SINGLE)
        return _assert_close(found[:, :-1], _on_doubles(explainer, frame, kind.classes))
    return _assert_close(found, expected)


def _on_doubles(explainer: Any, frame: pd.DataFrame, classes: int) -> np.ndarray:  # noqa: ANN401
    """What shap's own code makes of trees, without the library that they are of."""
    trees = explainer.model
    trees.model_type = "internal"
    for weights, lefts, rights in zip(trees.node_sample_weight, trees.children_left, trees.children_right, strict=True):
        # XGBoost keeps singles: a node's is not the sum of its children's, and shares of it do not add up to 1.
        for node, (left, right) in enumerate(zip(lefts, rights, strict=True)):
            if left > 0:
                weights[[left, right]] *= weights[node] / (weights[left] + weights[right])
    return _of_second(explainer.shap_values(frame.to_numpy(), check_additivity=False), 0.0, classes)[:, :-1]


@pytest.mark.parametrize("name", _LINEAR)
def test_linear_models_have_the_values_of_shap(shap: Any, explained: Any, name: str) -> None:  # noqa: ANN401
    """Beside a background of zeros, behind a scaler too: there these are the means."""
    kind = _LINEAR[name]
    model, frame = _fitted(kind)
    found = explained(name, kind, model, frame)
    given, last = frame.to_numpy(), model
    if hasattr(model, "steps"):
        given, last = model[:-1].transform(frame), model[-1]
    explainer = shap.LinearExplainer((np.ravel(last.coef_), np.ravel(last.intercept_)[0]), np.zeros((1, len(_COLUMNS))))
    _assert_close(found, _of_second(explainer.shap_values(given), explainer.expected_value, kind.classes))
