"""Publishing and promoting models of so many inputs: seconds by part, beside what importing scikit-learn takes."""

from __future__ import annotations

import time
from contextlib import closing
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import psycopg2
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .figure import Detail, Measured
from .pairs import spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .setting import Server

_ROWS = 400
_GAPS = 0.1
_TEXTS = ("aa", "bb", "cc", "dd", "ee")
# Importing and loading what no artifact of the bench has loaded: a backend's first use.
_IMPORTS = "import sklearn.pipeline, sklearn.compose, sklearn.ensemble, pandas, joblib, cryptography"
_LAST: dict[str, Any] = {
    "linear": lambda: LogisticRegression(max_iter=500),
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "forest": lambda: RandomForestClassifier(100, max_depth=8, random_state=0),
    "neighbours": lambda: KNeighborsClassifier(15),
}


def publish(model: str, inputs: int) -> Callable[[Field], list[Measured]]:
    """Seconds of `pgscore.publish(…, promoted=True)`, beside the imports of client and server.

    Args:
        model: the last step: linear, histogram, forest, or neighbours, which is no program.
        inputs: a fifth of them texts, at most 20.
    """
    return partial(_publish, model, inputs)


@cache
def _fitted(model: str, inputs: int) -> tuple[Any, pd.DataFrame]:
    """A pipeline that fills, scales and encodes, and rows of what it was fitted on."""
    random = np.random.default_rng(0)
    texts = min(inputs // 5, 20)
    frame = pd.DataFrame({f"n{n}": random.normal(scale=10, size=_ROWS) for n in range(inputs - texts)})
    labels = frame["n0"] + frame["n1"] > 0
    for name in frame.columns[::3]:
        frame.loc[random.random(_ROWS) < _GAPS, name] = np.nan
    named = list(frame.columns)
    encoded = pd.DataFrame({f"t{n}": pd.Series(random.choice(_TEXTS, _ROWS), dtype=object) for n in range(texts)})
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = make_column_transformer((numbers, named), (encoder, list(encoded.columns)))
    rows = pd.concat([frame, encoded], axis=1)
    return make_pipeline(prepared, _LAST[model]()).fit(rows, labels), rows.head(200)


def _publish(model: str, inputs: int, field: Field) -> list[Measured]:
    estimator, rows = _fitted(model, inputs)
    found = [
        _seconds(field.server, f"{model}_{inputs}_{time.time_ns()}", estimator, rows, field)
        for _ in range(field.effort.crowds)
    ]
    # What disturbs a run makes it longer: the least counts.
    seconds, parts = min(found, key=lambda each: each[0])
    imports = _imports(field.server)
    details = [Detail(part, spread([value]), "s") for part, value in parts.items()]
    details.append(Detail("the server's imports, which are not in it", spread([imports]), "s"))
    return [
        Measured(spread([seconds]), "s", note=f"{seconds / imports:.1f} times the server's imports", details=details)
    ]


def _seconds(
    server: Server,
    name: str,
    estimator: object,
    rows: pd.DataFrame,
    field: Field,
) -> tuple[float, dict[str, float]]:
    """Seconds of a publication on a backend that has imported all, and of each of its parts."""
    began: list[tuple[str, float]] = []

    def step(text: str, done: int | None = None, total: int | None = None) -> None:
        if not began or began[-1][0] != text:
            began.append((text, time.perf_counter()))

    with closing(psycopg2.connect(server.dsn)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"do language plpython3u '{_IMPORTS}'")
        start = time.perf_counter()
        published = pgscore.publish(connection, name, estimator, golden=rows, key=field.key, promoted=True, step=step)
        end = time.perf_counter()
    if not published.promoted or published.problem:
        raise pgscore.PgscoreError(published.problem or "it is not promoted")
    ends = [at for _, at in began[1:]] + [end]
    return end - start, {text: after - at for (text, at), after in zip(began, ends, strict=True)}


def _imports(server: Server) -> float:
    """Seconds that a backend's first use of scikit-learn takes, the least of three."""
    found = []
    for _ in range(3):
        with server.session() as session:
            found.append(session.seconds(f"do language plpython3u '{_IMPORTS}'"))
    return min(found)
