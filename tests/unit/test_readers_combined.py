"""Ensembles of any estimators: voting, stacking, bagging, boosting, isolation; and what counts of their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from lightgbm import LGBMClassifier
from pgscore.errors import NotAProgramError
from pgscore_runtime.formulas import weighted_median
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAME = customers(rows=200)
_NUMBERS = _FRAME[NUMBERS]
_XGB: dict[str, Any] = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1}


def _scaled(model: Any) -> Any:  # noqa: ANN401
    return make_pipeline(StandardScaler(), model)


def _several() -> list[tuple[str, Any]]:
    return [
        ("line", _scaled(LogisticRegression())),
        ("gone", "drop"),
        ("forest", RandomForestClassifier(4, max_depth=3, random_state=0)),
        ("boosted", GradientBoostingClassifier(n_estimators=3)),
    ]


def _single() -> list[tuple[str, Any]]:
    return [("single", XGBClassifier(**_XGB)), ("double", LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1))]


def _values() -> list[tuple[str, Any]]:
    return [("line", _scaled(Ridge())), ("forest", RandomForestRegressor(3)), ("poisson", _scaled(PoissonRegressor()))]


def _target(classes: int) -> np.ndarray:
    found = labels(_FRAME, classes)
    return found if classes == 0 else np.unique(found, return_inverse=True)[1]


def _fitted(model: Any, classes: int) -> Pair:  # noqa: ANN401
    return pair(model.fit(_NUMBERS, _target(classes)), _NUMBERS)


def _assert_alike(tested: Pair, classes: int) -> None:
    rows = hard_rows(tested, _NUMBERS, count=30)
    tested.assert_tolerable(rows)
    if classes:
        tested.assert_labels(rows)


_OF_CLASSES: dict[str, Callable[[], Any]] = {
    "soft": lambda: VotingClassifier(_several(), voting="soft"),
    "soft, weighted": lambda: VotingClassifier(_several(), voting="soft", weights=[1, 5, 2.5, 0.5]),
    "soft, in float32": lambda: VotingClassifier(_single(), voting="soft"),
    "hard": lambda: VotingClassifier(_several()),
    "hard, weighted": lambda: VotingClassifier(_several(), weights=[1, 5, 2.5, 0.5]),
    "stacked": lambda: StackingClassifier(_several(), cv=2),
    "stacked labels": lambda: StackingClassifier(_several(), cv=2, stack_method="predict"),
    "stacked decisions": lambda: StackingClassifier(
        [("a", _scaled(LinearSVC())), ("b", HistGradientBoostingClassifier(max_iter=3))], cv=2
    ),
    "stacked, passed on": lambda: StackingClassifier(
        _several(), cv=2, passthrough=True, final_estimator=RandomForestClassifier(3, max_depth=3)
    ),
    "stacked below a label": lambda: StackingClassifier(_several(), cv=2, final_estimator=RidgeClassifier()),
    "stacked in float32": lambda: StackingClassifier(
        _single(), cv=2, passthrough=True, final_estimator=LogisticRegression(max_iter=5000, C=0.01)
    ),
    "stacked in float32 alone": lambda: StackingClassifier([("a", XGBClassifier(**_XGB))], cv=2),
    "bagged lines": lambda: BaggingClassifier(_scaled(LogisticRegression()), 3, max_features=2, random_state=0),
    "bagged votes": lambda: BaggingClassifier(_scaled(LinearSVC()), 3, random_state=0),
    "bagged in float32": lambda: BaggingClassifier(XGBClassifier(**_XGB), 2, random_state=0),
    "boosted lines": lambda: _scaled(AdaBoostClassifier(LogisticRegression(), n_estimators=3)),
    "boosted trees": lambda: AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=6),
    "boosted beside samplers": lambda: RUSBoostClassifier(n_estimators=4, random_state=0),
    "easy ensemble": lambda: EasyEnsembleClassifier(
        n_estimators=2, estimator=AdaBoostClassifier(n_estimators=3), random_state=0
    ),
    "against the rest": lambda: OneVsRestClassifier(_scaled(LogisticRegression())),
    "against the rest by label": lambda: OneVsRestClassifier(_scaled(LinearSVC())),
    "forests against the rest": lambda: OneVsRestClassifier(RandomForestClassifier(3, max_depth=2)),
    "against the rest, beyond numbers": lambda: OneVsRestClassifier(GaussianNB()),
    "against the rest in float32": lambda: OneVsRestClassifier(XGBClassifier(**_XGB)),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", _OF_CLASSES)
def test_classifiers(kind: str, classes: int) -> None:
    _assert_alike(_fitted(_OF_CLASSES[kind](), classes), classes)


_OF_VALUES: dict[str, Callable[[], Any]] = {
    "mean": lambda: VotingRegressor(_values()),
    "weighted mean": lambda: VotingRegressor(_values(), weights=[1, 2, 0.3]),
    "mean in float32": lambda: VotingRegressor([("a", XGBRegressor(**_XGB)), ("b", Ridge())]),
    "stacked": lambda: StackingRegressor(_values(), cv=2, passthrough=True),
    "stacked in float32": lambda: StackingRegressor([("a", XGBRegressor(**_XGB)), ("b", Ridge())], cv=2),
    "bagged lines": lambda: BaggingRegressor(_scaled(Ridge()), 3, max_features=2, random_state=0),
}

_MEDIANS: dict[str, Callable[[], Any]] = {
    "trees": lambda: AdaBoostRegressor(n_estimators=50, random_state=0),
    "one tree": lambda: AdaBoostRegressor(DecisionTreeRegressor(), random_state=0),
    "two trees": lambda: AdaBoostRegressor(n_estimators=2, random_state=0),
    "lines": lambda: _scaled(AdaBoostRegressor(Ridge(), n_estimators=5, random_state=0)),
    "forests": lambda: AdaBoostRegressor(RandomForestRegressor(2, max_depth=2), n_estimators=3, random_state=0),
    "in float32": lambda: AdaBoostRegressor(XGBRegressor(**_XGB), n_estimators=3, random_state=0),
    "of a median": lambda: VotingRegressor([("a", AdaBoostRegressor(n_estimators=3)), ("b", _scaled(Ridge()))]),
}


@pytest.mark.parametrize("kind", _MEDIANS)
def test_medians(kind: str) -> None:
    _assert_alike(_fitted(_MEDIANS[kind](), 0), 0)


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
def test_medians_of_ties_are_those_of_the_estimator(loss: str) -> None:
    """Of few different values, so many that numpy sorts equal ones in an order of its own."""
    model = AdaBoostRegressor(DecisionTreeRegressor(max_depth=2), n_estimators=60, loss=loss, random_state=0)
    tested = pair(model.fit(_NUMBERS, np.round(_target(0) / 60)), _NUMBERS)
    assert len(model.estimators_) > 16
    tested.assert_identical(hard_rows(tested, _NUMBERS))
    model.estimator_weights_[:] = 0.1
    pair(model, _NUMBERS).assert_identical(hard_rows(tested, _NUMBERS))
    model.estimator_weights_[:] = 0
    pair(model, _NUMBERS).assert_identical(hard_rows(tested, _NUMBERS))


def test_equal_values_have_one_median_whatever_their_order() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        values = random.integers(0, 4, 9).astype(float)
        weights = random.integers(0, 5, 9).astype(float)
        found = {
            weighted_median(values[order].tolist(), weights[order].tolist())
            for order in (random.permutation(9) for _ in range(20))
        }
        assert len(found) == 1


def test_a_first_estimator_that_is_no_good_has_no_weight() -> None:
    model = AdaBoostRegressor(DecisionTreeRegressor(min_samples_split=1.0, max_depth=1, min_samples_leaf=0.5))
    values = np.where(np.arange(len(_NUMBERS)) % 2, 1.0, -1.0)
    tested = pair(model.fit(_NUMBERS, values), _NUMBERS)
    assert len(model.estimators_) == 1
    assert model.estimator_weights_.tolist() == [0] * 50
    tested.assert_identical(hard_rows(tested, _NUMBERS))


@pytest.mark.parametrize("kind", _OF_VALUES)
def test_regressors(kind: str) -> None:
    _assert_alike(_fitted(_OF_VALUES[kind](), 0), 0)


_OF_TREES: dict[str, tuple[int, Callable[[], Any]]] = {
    "bagged": (2, lambda: BaggingClassifier(DecisionTreeClassifier(max_depth=4), 5, random_state=0)),
    "bagged, three classes": (3, lambda: BaggingClassifier(n_estimators=4, max_features=2, random_state=0)),
    "bagged, columns twice": (
        0,
        lambda: BaggingRegressor(DecisionTreeRegressor(max_depth=4), 5, bootstrap_features=True, random_state=0),
    ),
    "bagged beside samplers": (2, lambda: BalancedBaggingClassifier(n_estimators=4, random_state=0)),
    "forest beside samplers": (3, lambda: BalancedRandomForestClassifier(n_estimators=4, random_state=0)),
    "isolation": (0, lambda: IsolationForest(n_estimators=15, contamination=0.2, random_state=0)),
    "isolation by itself": (0, lambda: IsolationForest(n_estimators=15, max_features=2, random_state=0)),
    "isolation of one": (0, lambda: IsolationForest(n_estimators=3, max_samples=1, random_state=0)),
}


@pytest.mark.parametrize("kind", _OF_TREES)
def test_trees_are_one_ensemble_and_give_the_same_doubles(kind: str) -> None:
    classes, make = _OF_TREES[kind]
    tested = _fitted(make(), classes)
    assert [step["step"] for step in tested.document["steps"]].count("trees") == 1
    tested.assert_identical(hard_rows(tested, _NUMBERS))


def test_isolation_takes_what_is_missing_or_infinite() -> None:
    frame = customers(rows=200, missing=True)[NUMBERS]
    tested = pair(IsolationForest(n_estimators=15, contamination=0.3, random_state=0).fit(frame), frame)
    tested.assert_identical(hard_rows(tested, frame))
    assert all("minimum" not in each and each["nullable"] for each in tested.document["inputs"])


def test_votes_go_by_scores_where_probabilities_are_equal() -> None:
    fitted = VotingClassifier([("line", LogisticRegression())]).fit(_NUMBERS, _target(2))
    fitted.estimators_[0].coef_ = np.array([[1e-25, 0.0, 0.0]])
    fitted.estimators_[0].intercept_ = np.zeros(1)
    tested = pair(fitted, _NUMBERS)
    rows = [[3.0, 1.0, 0.5], [-3.0, 1.0, 0.5], [0.0, 1.0, 0.5]]
    assert fitted.predict(pd.DataFrame(rows, columns=list(_NUMBERS))).tolist() == [1, 0, 0]
    tested.assert_labels(rows)


def test_a_few_votes_decide_by_their_sum_and_not_by_its_probability() -> None:
    """What is less than a probability can tell from a half still has a sign."""
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=3).fit(_NUMBERS, _target(2))
    model.estimators_ = model.estimators_[:2]
    model.estimator_weights_ = np.array([1.0, 1.0 + 2.0**-52])
    tested = pair(model, _NUMBERS)
    rows = hard_rows(tested, _NUMBERS)
    tested.assert_tolerable(rows)
    assert tested.document["decide"]


@pytest.mark.parametrize(
    ("model", "classes", "why"),
    [
        (VotingClassifier(_single()), 2, "step 'single' adds in single precision, and what follows decides by less"),
        (
            StackingClassifier(_single(), cv=2, final_estimator=RandomForestClassifier(2)),
            2,
            "step 'single' adds in single precision, and what follows decides by less",
        ),
        (StackingRegressor([("a", XGBRegressor(**_XGB))], cv=2, final_estimator=XGBRegressor(**_XGB)), 0, "step 'a'"),
    ],
    ids=["votes of float32", "trees over float32", "float32 over float32"],
)
def test_what_cannot_become_a_program_is_named(model: Any, classes: int, why: str) -> None:  # noqa: ANN401
    with pytest.raises(NotAProgramError, match=why):
        _fitted(model, classes)


def test_no_number_over_a_sum_of_none_is_not_0() -> None:
    """At the largest double the densities of all classes vanish, and what is left over what is left is no number."""
    fitted = OneVsRestClassifier(GaussianNB()).fit(_NUMBERS, _target(3))
    tested = pair(fitted, _NUMBERS)
    ((_, one, other),) = tested.both([[-1.7976931348623157e308, 1.0, 0.0]])
    assert one is None
    assert other is None
