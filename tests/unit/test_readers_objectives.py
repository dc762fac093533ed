"""Objectives of boosters with a link of their own: counts, amounts, shares, roots, each class against the others."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pgscore.errors import NotAProgramError
from pgscore.readers import read_program

from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    import pandas as pd

_OPTIONS: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 12, "n_jobs": 1},
    "lightgbm": {"n_estimators": 12, "min_child_samples": 3, "verbose": -1, "n_jobs": 1},
    "catboost": {"iterations": 12, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1},
}
# The library, what is fitted, its objective, how many classes (0: a number; 1: a share), and the link.
_CASES = [
    ("xgboost", "XGBRegressor", {"objective": "count:poisson"}, 0, "exp"),
    ("xgboost", "XGBRegressor", {"objective": "reg:gamma", "base_score": 3.5}, 0, "exp"),
    ("xgboost", "XGBRegressor", {"objective": "reg:tweedie"}, 0, "exp"),
    ("xgboost", "XGBRegressor", {"objective": "reg:logistic"}, 1, "expit"),
    ("xgboost", "XGBRegressor", {"objective": "binary:logistic"}, 1, "expit"),
    ("xgboost", "XGBClassifier", {"objective": "reg:logistic"}, 2, "logistic"),
    ("lightgbm", "LGBMRegressor", {"objective": "poisson"}, 0, "exp"),
    ("lightgbm", "LGBMRegressor", {"objective": "gamma"}, 0, "exp"),
    ("lightgbm", "LGBMRegressor", {"objective": "tweedie"}, 0, "exp"),
    ("lightgbm", "LGBMRegressor", {"objective": "cross_entropy"}, 1, "expit"),
    ("lightgbm", "LGBMRegressor", {"objective": "regression", "reg_sqrt": True}, 0, "square_signed"),
    ("lightgbm", "LGBMClassifier", {"objective": "multiclassova"}, 3, "one_vs_all"),
    ("lightgbm", "LGBMClassifier", {"objective": "multiclassova", "sigmoid": 2.5}, 3, "one_vs_all"),
    ("catboost", "CatBoostRegressor", {"loss_function": "Poisson"}, 0, "exp"),
    ("catboost", "CatBoostRegressor", {"loss_function": "Tweedie:variance_power=1.5"}, 0, "exp"),
    ("catboost", "CatBoostClassifier", {"loss_function": "MultiClassOneVsAll"}, 3, "one_vs_all"),
]


def _fitted(library: str, name: str, objective: dict[str, Any], classes: int) -> tuple[Any, pd.DataFrame]:
    pytest.importorskip(library)
    frame = customers(missing=True)
    target: np.ndarray = labels(frame, 0) / 100
    if classes == 1:
        target = target / target.max()
    elif classes:
        target = np.unique(labels(frame, classes), return_inverse=True)[1]
    model = getattr(importlib.import_module(library), name)(**_OPTIONS[library], **objective)
    return model.fit(frame[NUMBERS], target), frame[NUMBERS]


@pytest.mark.parametrize(("library", "name", "objective", "classes", "link"), _CASES)
def test_objectives(library: str, name: str, objective: dict[str, Any], classes: int, link: str) -> None:
    model, frame = _fitted(library, name, objective, classes)
    tested = pair(model, frame)
    assert tested.document["link"] == link
    stated = read_program(model, tested.contract).tolerance
    tolerance = 1e-12 if stated is None else stated.relative * max(1.0, stated.terms)
    assert tolerance < 1e-3
    for row, one, other in tested.both(hard_rows(tested, frame)):
        assert other == pytest.approx(one, rel=tolerance, abs=tolerance), row


def test_linear_boosters_of_counts_are_refused() -> None:
    model, frame = _fitted("xgboost", "XGBRegressor", {"objective": "count:poisson", "booster": "gblinear"}, 0)
    with pytest.raises(NotAProgramError, match="has linear boosters with the objective 'count:poisson'"):
        pair(model, frame)
