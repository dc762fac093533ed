"""What wraps an estimator predicts as the estimator in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAME = customers(rows=200)[NUMBERS]
_TARGET = labels(customers(rows=200), 2)
_CHOICES = {"logisticregression__C": [0.1, 1.0]}


def _pipeline() -> Any:  # noqa: ANN401
    return make_pipeline(StandardScaler(), LogisticRegression())


_WRAPPED: dict[str, Callable[[], Any]] = {
    "a search of all": lambda: GridSearchCV(_pipeline(), _CHOICES, cv=2),
    "a search at random": lambda: RandomizedSearchCV(_pipeline(), _CHOICES, n_iter=2, cv=2),
    "a search by halves": lambda: HalvingRandomSearchCV(
        _pipeline(), _CHOICES, n_candidates=2, min_resources=100, cv=2, random_state=0
    ),
    "a search in a pipeline": lambda: make_pipeline(
        StandardScaler(), GridSearchCV(GradientBoostingClassifier(n_estimators=3), {"max_depth": [1, 2]}, cv=2)
    ),
    "a sampler": lambda: make_sampling_pipeline(
        RandomOverSampler(random_state=0), StandardScaler(), LogisticRegression()
    ),
    "frozen": lambda: FrozenEstimator(_pipeline().fit(_FRAME, _TARGET)),
    "a pipeline in a pipeline": lambda: make_pipeline(StandardScaler(), _pipeline()),
}


@pytest.mark.parametrize("wrapped", _WRAPPED)
def test_it_gives_what_the_estimator_in_it_gives(wrapped: str) -> None:
    tested = pair(_WRAPPED[wrapped]().fit(_FRAME, _TARGET), _FRAME)
    tested.assert_close(hard_rows(tested, _FRAME))
