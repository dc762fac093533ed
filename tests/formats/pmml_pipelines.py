# mypy: ignore-errors
"""Pipelines of scikit-learn that sklearn2pmml makes PMML of, and rows for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVR
from sklearn2pmml.decoration import CategoricalDomain, ContinuousDomain
from sklearn2pmml.pipeline import PMMLPipeline
from sklearn2pmml.preprocessing import ExpressionTransformer

if TYPE_CHECKING:
    from collections.abc import Callable

Made = tuple[PMMLPipeline, list[dict[str, Any]]]
_SEED = 20261126


def _data() -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.Series]:
    """Customers, whether they leave, in which of three ways, and what they pay."""
    random = np.random.default_rng(_SEED)
    frame = pd.DataFrame(
        {
            "age": random.normal(40, 12, 240),
            "minutes": random.lognormal(4, 1, 240),
            "plan": random.choice(["gold", "silver", "none"], 240),
        }
    )
    score = (frame["age"] - 40) / 8 + np.where(frame["plan"] == "gold", 1.5, -0.5) + random.normal(0, 1, 240)
    two = pd.Series(np.where(score > 0, "yes", "no"), name="y")
    three = pd.Series(np.digitize(score, [-0.7, 0.7]), name="y")
    return frame, two, three, pd.Series(10 + 3 * score + frame["minutes"] / 50, name="y")


def _rows(frame: pd.DataFrame, *, missing: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = frame.iloc[:24].to_dict("records")
    base = found[0]
    found += [{**base, "age": value} for value in (0.0, 1e6, -30.0)]
    if missing:
        found += [{**base, name: None} for name in base]
    found += [{**base, "plan": value} for value in ("Gold", "other", "gold ")]
    return found


def _columns(*numbers: Any, encoder: Any = None) -> ColumnTransformer:  # noqa: ANN401
    treated = make_pipeline(ContinuousDomain(invalid_value_treatment="as_is"), *numbers)
    encoded = encoder or OneHotEncoder(handle_unknown="ignore")
    texts = make_pipeline(CategoricalDomain(invalid_value_treatment="as_is"), encoded)
    return ColumnTransformer([("numbers", treated, ["age", "minutes"]), ("texts", texts, ["plan"])])


def _pipeline(*steps: Any) -> PMMLPipeline:  # noqa: ANN401
    return PMMLPipeline([(f"step{number}", step) for number, step in enumerate(steps)])


def logistic() -> Made:
    """Two classes; missing ages are filled, and invalid ones are missing."""
    frame, two, _, _ = _data()
    frame.loc[frame.index[30:60:5], "age"] = np.nan
    numbers = make_pipeline(ContinuousDomain(invalid_value_treatment="as_missing"), SimpleImputer(), StandardScaler())
    texts = make_pipeline(CategoricalDomain(invalid_value_treatment="return_invalid"), OneHotEncoder())
    columns = ColumnTransformer([("numbers", numbers, ["age", "minutes"]), ("texts", texts, ["plan"])])
    return _pipeline(columns, LogisticRegression()).fit(frame, two), _rows(frame)


def multinomial() -> Made:
    """Three classes that are numbers."""
    frame, _, three, _ = _data()
    return _pipeline(_columns(MinMaxScaler()), LogisticRegression()).fit(frame, three), _rows(frame)


def linear() -> Made:
    """A number, of polynomials."""
    frame, _, _, value = _data()
    columns = _columns(StandardScaler(), PolynomialFeatures(2, include_bias=False))
    return _pipeline(columns, LinearRegression()).fit(frame, value), _rows(frame)


def expressions() -> Made:
    """A number, of expressions and bins."""
    frame, _, _, value = _data()
    given = frame[["age", "minutes"]]
    several = ColumnTransformer(
        [
            ("ratio", ExpressionTransformer("X[0] / (X[1] + 1)"), ["age", "minutes"]),
            ("root", ExpressionTransformer("numpy.sqrt(X[0] + X[1] ** 2)"), ["minutes", "age"]),
            ("bins", KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), ["age"]),
        ]
    )
    found = _rows(frame)
    rows = [{name: row[name] for name in ("age", "minutes")} for row in found]
    return _pipeline(several, Ridge()).fit(given, value), rows


def bayes() -> Made:
    """Normal distributions."""
    frame, _, three, _ = _data()
    given = frame[["age", "minutes"]]
    rows = [{name: row[name] for name in ("age", "minutes")} for row in _rows(frame)]
    return _pipeline(ContinuousDomain(invalid_value_treatment="as_is"), GaussianNB()).fit(given, three), rows


def perceptron() -> Made:
    """A network for three classes."""
    frame, _, three, _ = _data()
    network = MLPClassifier((4, 3), activation="tanh", random_state=1, max_iter=60)
    return _pipeline(_columns(StandardScaler()), network).fit(frame, three), _rows(frame)


def perceptron_of_two() -> Made:
    """A network for two classes."""
    frame, two, _, _ = _data()
    network = MLPClassifier((4,), activation="logistic", random_state=1, max_iter=60)
    return _pipeline(_columns(StandardScaler()), network).fit(frame, two), _rows(frame)


def perceptron_of_values() -> Made:
    """A network for a number."""
    frame, _, _, value = _data()
    network = MLPRegressor(hidden_layer_sizes=(4,), activation="relu", random_state=1, max_iter=60)
    return _pipeline(_columns(StandardScaler()), network).fit(frame, value), _rows(frame)


def means() -> Made:
    """Clusters."""
    frame, _, _, _ = _data()
    rows = [{name: row[name] for name in ("age", "minutes")} for row in _rows(frame, missing=False)]
    columns = _pipeline(
        ContinuousDomain(invalid_value_treatment="as_is"), StandardScaler(), KMeans(3, n_init=1, random_state=1)
    )
    return columns.fit(frame[["age", "minutes"]]), rows


def vector_machine() -> Made:
    """Votes of pairs, by radial bases."""
    frame, _, three, _ = _data()
    part = frame.iloc[:60]
    machine = SVC(gamma=0.5)
    return _pipeline(_columns(StandardScaler()), machine).fit(part, three.iloc[:60]), _rows(frame, missing=False)


def vector_value() -> Made:
    """A number, by a linear kernel."""
    frame, _, _, value = _data()
    part = frame.iloc[:40]
    return _pipeline(_columns(StandardScaler()), SVR(kernel="linear")).fit(part, value.iloc[:40]), _rows(frame)


def vector_linear() -> Made:
    """A number, of a linear machine over codes."""
    frame, _, _, value = _data()
    columns = _columns(StandardScaler(), encoder=OrdinalEncoder())
    return _pipeline(columns, LinearSVR(max_iter=5000, random_state=1)).fit(frame, value), _rows(frame)


def _of_numbers(estimator: Any, *, three: bool = False, size: int = 240) -> Made:  # noqa: ANN401
    frame, two, more, _ = _data()
    rows = [{name: row[name] for name in ("age", "minutes")} for row in _rows(frame, missing=False)]
    given, target = frame[["age", "minutes"]].iloc[:size], (more if three else two).iloc[:size]
    return Pipeline([("scaled", StandardScaler()), ("model", estimator)]).fit(given, target), rows


def nyoka_logistic() -> Made:
    """Two classes, as nyoka writes them."""
    return _of_numbers(LogisticRegression())


def nyoka_network() -> Made:
    """A network for three classes, as nyoka writes it."""
    return _of_numbers(MLPClassifier((3,), random_state=1, max_iter=60), three=True)


def nyoka_vectors() -> Made:
    """A support vector machine for two classes, as nyoka writes it."""
    return _of_numbers(SVC(), size=50)


def nyoka_means() -> Made:
    """Clusters, as nyoka writes them."""
    return _of_numbers(KMeans(3, n_init=1, random_state=1))


NYOKA: dict[str, Callable[[], Made]] = {
    each.__name__: each for each in (nyoka_logistic, nyoka_network, nyoka_vectors, nyoka_means)
}
PIPELINES: dict[str, Callable[[], Made]] = {
    f"sklearn_{each.__name__}": each
    for each in (
        logistic, multinomial, linear, expressions, bayes, perceptron, perceptron_of_two, perceptron_of_values, means,
        vector_machine, vector_value, vector_linear,
    )
}  # fmt: skip
