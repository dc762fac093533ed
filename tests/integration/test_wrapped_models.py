"""What wraps and combines estimators, published to a real database: scores and labels of each engine are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from tests.support.programs import customers, labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.database import Database

_FRAME = customers(rows=120)
_NUMBERS = ["amount", "calls", "shift"]
_BOOSTED: dict[str, Any] = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1}


def _encoded(model: Any) -> Any:  # noqa: ANN401
    columns = make_column_transformer(
        (StandardScaler(), _NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["plan"]), remainder="passthrough"
    )
    return make_pipeline(columns, model)


# How many classes, 0 for a number; and what is fitted.
_MODELS: dict[str, tuple[int, Callable[[], Any]]] = {
    "calibrated": (2, lambda: CalibratedClassifierCV(_encoded(XGBClassifier(**_BOOSTED)), method="isotonic", cv=2)),
    "calibrated_3": (3, lambda: CalibratedClassifierCV(_encoded(RandomForestClassifier(4, max_depth=3)), cv=2)),
    "threshold": (2, lambda: FixedThresholdClassifier(_encoded(LogisticRegression()), threshold=0.3)),
    "threshold_boosted": (2, lambda: FixedThresholdClassifier(_encoded(XGBClassifier(**_BOOSTED)), threshold=0.2)),
    "voting": (
        3,
        lambda: VotingClassifier(
            [("a", _encoded(LogisticRegression())), ("b", _encoded(LGBMClassifier(n_estimators=4, verbose=-1)))],
            voting="soft",
        ),
    ),
    "votes": (
        2,
        lambda: VotingClassifier(
            [("a", _encoded(LogisticRegression())), ("b", _encoded(DecisionTreeClassifier(max_depth=3)))]
        ),
    ),
    "stacking": (
        2,
        lambda: StackingClassifier(
            [("a", _encoded(XGBClassifier(**_BOOSTED))), ("b", _encoded(RandomForestClassifier(4, max_depth=3)))], cv=2
        ),
    ),
    "bagging": (2, lambda: _encoded(BaggingClassifier(n_estimators=4, max_features=3))),
    "adaboost": (2, lambda: _encoded(AdaBoostClassifier(n_estimators=6))),
    "adaboost_3": (3, lambda: _encoded(AdaBoostClassifier(n_estimators=6))),
    "adaboost_median": (0, lambda: _encoded(AdaBoostRegressor(n_estimators=8, random_state=0))),
    "distances": (2, lambda: _encoded(make_pipeline(KMeans(40, n_init=1, random_state=0), LogisticRegression()))),
    "isolation": (0, lambda: _encoded(IsolationForest(n_estimators=10, contamination=0.2, random_state=0))),
    "target": (
        0,
        lambda: TransformedTargetRegressor(
            _encoded(RandomForestRegressor(4, max_depth=3)), func=np.log1p, inverse_func=np.expm1
        ),
    ),
}


def _target(classes: int) -> np.ndarray:
    found = labels(_FRAME, classes)
    return found if classes == 0 else np.unique(found, return_inverse=True)[1]


def _published(database: Database, name: str, model: Any, frame: pd.DataFrame, positive: str | None) -> Any:  # noqa: ANN401
    return pgscore.publish(database.dsn(), name, model, golden=frame, positive=positive, promoted=True)


@pytest.mark.parametrize("name", _MODELS)
def test_it_is_published_as_a_program(shared: Database, name: str) -> None:
    """Publishing replays golden rows in each engine: the score, all probabilities, and the label."""
    classes, make = _MODELS[name]
    model = make().fit(_FRAME, _target(classes))
    published = _published(shared, name, model, _FRAME.head(40), "1" if classes else None)
    assert published.obstacle is None
    assert {each.engine for each in published.verifications} >= {"sql", "interpreter"}
    assert all(each.ok for each in published.verifications), published.verifications


def test_the_label_is_predicted_from_a_threshold_on(shared: Database) -> None:
    frame = _FRAME[_NUMBERS]
    inner = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, labels(_FRAME, 2))
    # The threshold is what a row has, to the last bit.
    threshold = inner.predict_proba(frame)[7, 1]
    model = FixedThresholdClassifier(inner, threshold=threshold).fit(frame, labels(_FRAME, 2))
    _published(shared, "label", model, frame.head(40), None)
    session = shared.session()
    wanted, found = model.predict(frame), []
    for row in frame.to_dict("records"):
        found.append(session.value("select pgscore.predict('label', %s::jsonb) ->> 'label'", pd.Series(row).to_json()))
    near = np.abs(model.predict_proba(frame)[:, 1] - threshold) < 1e-12
    assert (np.array(found) == wanted)[~near].all()
    assert not np.array_equal(found, inner.predict(frame))


_EDGES: dict[str, Callable[[pd.DataFrame], tuple[Any, Any]]] = {
    "constant trees": lambda _: (RandomForestClassifier(3), np.r_[1, np.zeros(len(_FRAME) - 1, dtype=int)]),
    "no splits": lambda _: (
        GradientBoostingClassifier(n_estimators=3, min_samples_split=10_000), labels(_FRAME, 2)
    ),
    "one class": lambda _: (RandomForestClassifier(3), np.zeros(len(_FRAME), dtype=int)),
    "one class of a tree": lambda _: (DecisionTreeClassifier(), np.array(["only"] * len(_FRAME))),
    "bagged, one class": lambda _: (BaggingClassifier(n_estimators=3), np.zeros(len(_FRAME), dtype=int)),
    "one class of XGBoost": lambda _: (XGBClassifier(**_BOOSTED), np.zeros(len(_FRAME), dtype=int)),
    "one class of LightGBM": lambda _: (
        LGBMClassifier(n_estimators=3, verbose=-1), np.zeros(len(_FRAME), dtype=int)
    ),
    "overflows": lambda _: (PoissonRegressor(alpha=0), labels(_FRAME, 0).clip(1)),
}  # fmt: skip


@pytest.mark.parametrize("edge", _EDGES)
def test_models_at_the_edge_publish(shared: Database, edge: str) -> None:
    model, target = _EDGES[edge](_FRAME)
    frame = _FRAME[_NUMBERS]
    positive = str(target[0]) if "one class" in edge else None
    published = _published(
        shared, f"edge_{list(_EDGES).index(edge)}", model.fit(frame, target), frame.head(20), positive
    )
    assert published.obstacle is None
    assert all(each.ok for each in published.verifications), published.verifications


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_columns_that_are_all_missing(shared: Database) -> None:
    frame = _FRAME[_NUMBERS].assign(empty=np.nan)
    for name, model in {
        "empty_filled": make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        "empty_kept": make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression()),
        "empty_trees": VotingClassifier([("a", LGBMClassifier(n_estimators=3, verbose=-1))], voting="soft"),
    }.items():
        published = _published(shared, name, model.fit(frame, _target(2)), frame.head(20), None)
        assert published.obstacle is None
        assert all(each.ok for each in published.verifications), published.verifications


def test_what_is_no_program_of_one_class_publishes_all_the_same(shared: Database) -> None:
    frame = _FRAME[_NUMBERS]
    model = HistGradientBoostingClassifier(max_iter=3).fit(frame, np.zeros(len(frame), dtype=int))
    published = pgscore.publish(shared.dsn(), "one_class_histogram", model, golden=frame.head(20), positive="0")
    assert (
        published.obstacle
        == "the HistGradientBoostingClassifier was fitted on one class, and gives probabilities of two"
    )
