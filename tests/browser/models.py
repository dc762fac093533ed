"""Models of several kinds, and rows for them as JSON: ordinary ones, and those that are odd."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from examples.churn.customers import LABEL, read_customers

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS = ["total_day_minutes", "total_eve_minutes", "total_intl_calls", "number_customer_service_calls"]
_TEXTS = ["state", "international_plan"]
_ODD_NUMBERS = (None, 0.0, -0.0, -1.5, 1e300, -1e300, 5e-324, "Infinity", "-Infinity", "NaN", 2**53 + 2)
_ODD_TEXTS = (None, "", " NY", "ny", "é", "\U0001f600", "a\nb", "'; --")


@cache
def customers() -> pd.DataFrame:
    """600 customers, their labels among the columns."""
    return read_customers().head(600)


def _x() -> pd.DataFrame:
    return customers().drop(columns=LABEL)


@cache
def texts() -> list[str]:
    """The inputs that are texts."""
    return [str(name) for name in _x() if name not in set(_x().select_dtypes("number"))]


def _prepared(classifier: object) -> Pipeline:
    numbers = list(_x().select_dtypes("number"))
    parts = [("numbers", StandardScaler(), numbers), ("texts", OneHotEncoder(handle_unknown="ignore"), texts())]
    return Pipeline([("prepare", ColumnTransformer(parts)), ("model", classifier)]).fit(_x(), customers()[LABEL])


def _gaps() -> pd.DataFrame:
    frame = _x()[[*_NUMBERS, *_TEXTS]].copy()
    drawn = np.random.default_rng(0)
    for name in _NUMBERS:
        frame[name] = frame[name].astype(float).mask(drawn.random(len(frame)) < 0.2)
    return frame


def _missing() -> Pipeline:
    parts = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), _TEXTS)], remainder="passthrough"
    )
    return make_pipeline(parts, HistGradientBoostingClassifier(max_iter=30, random_state=0)).fit(
        _gaps(), customers()[LABEL]
    )


def _value() -> Pipeline:
    x = _x()[_NUMBERS]
    return make_pipeline(StandardScaler(), LinearRegression()).fit(x, x["total_day_minutes"] * 0.17 + np.arange(len(x)))


# By name: what makes it, and golden rows for it.
MODELS: dict[str, tuple[Callable[[], Pipeline], Callable[[], pd.DataFrame]]] = {
    "churn": (lambda: _prepared(GradientBoostingClassifier(n_estimators=30, random_state=0)), _x),
    "linear": (lambda: _prepared(LogisticRegression(max_iter=500)), lambda: _x().head(50)),
    "missing": (_missing, lambda: _gaps().head(50)),
    "value": (_value, lambda: _x()[_NUMBERS].head(50)),
}


def rows(name: str, count: int) -> list[dict[str, Any]]:
    """Rows as JSON: each second one an ordinary customer, the others with a value or two that are odd."""
    frame = MODELS[name][1]()
    drawn = random.Random(name)  # noqa: S311
    found: list[dict[str, Any]] = []
    for n in range(count):
        (row,) = pd.DataFrame([frame.iloc[drawn.randrange(len(frame))]]).to_dict("records")
        made = {str(each): None if value != value else value for each, value in row.items()}  # noqa: PLR0124
        for each in drawn.sample(sorted(made), n % 2 * drawn.randint(1, 2)):
            made[each] = drawn.choice(_ODD_TEXTS if pd.api.types.is_string_dtype(frame[each]) else _ODD_NUMBERS)
        found.append({each: value.item() if isinstance(value, np.generic) else value for each, value in made.items()})
    return found
