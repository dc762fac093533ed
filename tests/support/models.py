"""Small fitted models, and what they say of customers."""

from __future__ import annotations

import io
import pickle
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.database import Session

# Every engine that a version can have, and what stands in the way of `opaque_pipeline` to the first two.
ENGINES = ("sql", "interpreter", "estimator")
OBSTACLE = "step 'model' is a KNeighborsClassifier, which cannot become a program"
COUNTER = "number_customer_service_calls"
LIGHT_INPUTS = ["total_day_minutes", "total_intl_calls", COUNTER]
CUSTOMERS = 60
_DATA = Path(__file__).parents[2] / "examples" / "churn" / "mlc_churn.csv"
_FITTED_ON = 600


@cache
def _data() -> pd.DataFrame:
    return pd.read_csv(_DATA, nrows=_FITTED_ON)


def predictors() -> pd.DataFrame:
    """600 rows x the 19 predictors."""
    return _data().drop(columns="churn")


def churned() -> pd.Series[Any]:
    """The labels of `predictors`: yes or no."""
    return _data()["churn"]


def _fitted(fit: Callable[[], Pipeline]) -> Callable[[], Pipeline]:
    """Fits once; each caller has a model of its own, so that what one test does to it shows in no other."""

    @cache
    def stored() -> bytes:
        return pickle.dumps(fit())

    @wraps(fit)
    def fresh() -> Pipeline:
        model: Pipeline = pickle.loads(stored())
        return model

    return fresh


@_fitted
def pipeline() -> Pipeline:
    """The shape of the demo's pipeline, over all predictors; it needs a DataFrame, and refuses infinity."""
    numbers = list(predictors().select_dtypes("number").columns)
    texts = [name for name in predictors() if name not in numbers]
    prepared = ColumnTransformer(
        [("numbers", StandardScaler(), numbers), ("texts", OneHotEncoder(handle_unknown="ignore"), texts)]
    )
    model = GradientBoostingClassifier(n_estimators=15, random_state=0)
    return Pipeline([("prepare", prepared), ("model", model)]).fit(predictors(), churned())


@_fitted
def light_pipeline() -> Pipeline:
    """Three numbers and a linear model; an array serves."""
    steps = [("scale", StandardScaler()), ("model", LogisticRegression())]
    return Pipeline(steps).fit(predictors()[LIGHT_INPUTS], churned())


@_fitted
def opaque_pipeline() -> Pipeline:
    """The inputs of `light_pipeline`, and no program: only an artifact that is unpickled gives its scores.

    It refuses infinity and NULL; skops trusts neither its tree nor that tree's metric by itself.
    """
    # By distance: a score moves with each input.
    steps = [("scale", StandardScaler()), ("model", KNeighborsClassifier(15, weights="distance"))]
    return Pipeline(steps).fit(predictors()[LIGHT_INPUTS], churned())


def serve(session: Session, model: str, version: int, engine: str) -> None:
    """Has an engine answer, as a promotion that names it does, which first proves and measures all that there are."""
    session.run("select pgscore._serve(%s, %s, %s, %s, %s)", model, version, engine, engine, engine)
    chosen = "select serving, engine, one_engine, many_engine from pgscore.model where name = %s"
    assert session.row(chosen, model) == (version, engine, engine, engine)


def customers() -> pd.DataFrame:
    """The customers that the databases of tests hold: customer_id from 1, and the predictors."""
    frame = predictors().head(CUSTOMERS).copy()
    frame.insert(0, "customer_id", range(1, len(frame) + 1))
    return frame


def load_customers(session: Session) -> None:
    """Puts `customers` into churn.customer_profile."""
    frame = customers()
    lines = io.StringIO()
    frame.to_csv(lines, index=False, header=False)
    session.copy(f"copy churn.customer_profile ({', '.join(map(str, frame))}) from stdin csv", lines.getvalue())


def probability(model: Pipeline, frame: pd.DataFrame) -> list[float]:
    """What the fitted model gives for rows that hold its inputs among others."""
    scores = model.predict_proba(frame[list(model.feature_names_in_)])[:, 1]
    return [float(score) for score in scores]


def profiles(session: Session, where: str = "true") -> pd.DataFrame:
    """Rows of churn.customer_profile as the session sees them, by customer_id."""
    rows = session.run(f"select p.* from churn.customer_profile p where {where} order by p.customer_id")
    names = session.run(
        "select attname from pg_attribute where attrelid = 'churn.customer_profile'::regclass"
        " and attnum > 0 and not attisdropped order by attnum"
    )
    return pd.DataFrame(rows, columns=[name for (name,) in names])


def assert_scores_are_right(session: Session, models: Mapping[int, Pipeline]) -> int:
    """Holds invariant 2: each score is what the version beside it gives, but for rows listed stale.

    Returns:
        How many rows were compared.
    """
    found = profiles(
        session,
        "p.churn_model_version is not null"
        " and not exists (select from pgscore.stale s where s.key = p.customer_id::text)",
    )
    for version, rows in found.groupby("churn_model_version"):
        expected = probability(models[int(str(version))], rows)
        np.testing.assert_allclose(rows["churn_score"].astype(float), expected, rtol=0, atol=1e-12)
    return len(found)


def assert_counters_are_right(session: Session, start: Mapping[int, int]) -> None:
    """Holds invariant 1: each counter is where it started, and what GROUP BY says of the events."""
    found = dict(session.run(f"select customer_id, {COUNTER} from churn.customer_profile"))
    events = dict(session.run("select customer_id, count(*) from churn.complaints group by customer_id"))
    assert found == {key: value + events.get(key, 0) for key, value in start.items()}


def counters(session: Session) -> dict[int, int]:
    """The counters by customer."""
    return dict(session.run(f"select customer_id, {COUNTER} from churn.customer_profile"))
