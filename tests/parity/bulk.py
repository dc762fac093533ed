"""A table with a column of each type, and models over it: some are programs, the others have to be unpickled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.database import Session

    from .engines import Lab

TABLE = "rows_to_score"
ROWS = 120
# Rows behind this one have a gap, or a number or text that is out of the ordinary, in one column each.
ODD = 1000
# What the columns are, and so what a model reads of them.
NUMBERS: Mapping[str, str] = {
    "small": "smallint", "whole": "integer", "big": "bigint", "share": "real", "amount": "double precision",
    "paid": "numeric", "price": "numeric(12,2)", "owed": "bulk_money", "n1": "double precision", "n2": "integer",
    "n3": "double precision", "n4": "double precision", "n5": "double precision",
}  # fmt: skip
TEXTS: Mapping[str, str] = {
    "plan": "text", "code": "char(6)", "city": "varchar(20)", "tier": "bulk_tier", "Odd name %s": "bulk_word"
}  # fmt: skip
FLAGS: Mapping[str, str] = {"open": "boolean", "urgent": "bulk_flag"}
COLUMNS: Mapping[str, str] = {**NUMBERS, **TEXTS, **FLAGS}
QUOTED = ", ".join(f'"{name}"' for name in COLUMNS)
TYPES = """
create domain bulk_money as numeric;
create domain bulk_word as text;
create domain bulk_flag as boolean;
create type bulk_tier as enum ('gold', 'tin', 'none');
"""
_WORDS = {
    "plan": ["a", "b", "c"],
    "code": ["x     ", "yy    ", "zzzzzz"],
    "city": ["Köln", "Aix", "it's"],
    "tier": ["gold", "tin", "none"],
    "Odd name %s": ["", " ", "%"],
}


@dataclass(frozen=True)
class Model:
    """A model over columns of the table.

    Attributes:
        fitted: the fitted estimator.
        positive: the class that the score is the probability of.
        refuses: whether a missing value has no score.
    """

    fitted: Any
    positive: str | None
    refuses: bool

    def expected(self, frame: pd.DataFrame) -> list[float]:
        """What it gives for whole rows, all at once."""
        given = frame[list(self.fitted.feature_names_in_)]
        if self.positive is None:
            return [float(score) for score in self.fitted.predict(given)]
        place = list(self.fitted.classes_).index(self.positive)
        return [float(score) for score in self.fitted.predict_proba(given)[:, place]]


@cache
def rows(seed: int = 0) -> pd.DataFrame:
    """The rows of the table, numbered from 1; none has a gap. With another seed: like them."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(index=range(1, ROWS + 1))
    for name, kind in NUMBERS.items():
        values = random.normal(10, 40, ROWS)
        if kind in ("smallint", "integer", "bigint"):
            frame[name] = values.round().astype(int)
        elif kind == "real":
            frame[name] = [float(str(np.float32(value))) for value in values]
        else:
            frame[name] = values.round(2)
    for name, words in _WORDS.items():
        frame[name] = pd.Series(random.choice(words, ROWS), frame.index, dtype=object)
    for name in FLAGS:
        frame[name] = random.random(ROWS) < 0.5
    return frame


def _labels(frame: pd.DataFrame) -> pd.Series[str]:
    chosen = (frame["whole"] + frame["amount"] + 60 * frame["open"] + 40 * (frame["plan"] == "a")) > 60
    return chosen.map({True: "yes", False: "no"})


def _prepared(numbers: Any, texts: Any) -> ColumnTransformer:  # noqa: ANN401
    return ColumnTransformer(
        [("numbers", numbers, list(NUMBERS)), ("texts", texts, list(TEXTS)), ("flags", "passthrough", list(FLAGS))]
    )


@cache
def models() -> dict[str, Model]:
    """By name; those that are programs begin with program."""
    # Other rows than those that are scored: the nearest one is never the row itself.
    frame = rows(1)
    labels = _labels(frame)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    near = Pipeline(
        [("prepare", _prepared(StandardScaler(), encode)), ("model", KNeighborsClassifier(7, weights="distance"))]
    )
    filled = make_pipeline(SimpleImputer(), FunctionTransformer(np.arctan), StandardScaler())
    net = Pipeline(
        [
            ("prepare", _prepared(filled, OneHotEncoder(handle_unknown="ignore", sparse_output=False))),
            ("model", MLPRegressor(hidden_layer_sizes=(8,), random_state=0, max_iter=2000, tol=1e-2)),
        ]
    )
    linear = Pipeline([("prepare", _prepared(StandardScaler(), encode)), ("model", LogisticRegression(max_iter=1000))])
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=math.nan)
    trees = Pipeline(
        [("prepare", _prepared("passthrough", codes)), ("model", HistGradientBoostingClassifier(max_iter=5))]
    )
    bare = make_pipeline(StandardScaler(), KNeighborsClassifier(7, weights="distance"))
    return {
        "near": Model(near.fit(frame, labels), "yes", refuses=True),
        "net": Model(net.fit(frame, frame["amount"] / 10), None, refuses=False),
        "bare": Model(bare.fit(frame[["amount", "n1", "n3"]], labels), "yes", refuses=True),
        "program_linear": Model(linear.fit(frame, labels), "yes", refuses=True),
        "program_trees": Model(trees.fit(frame, labels), "yes", refuses=False),
    }


def odd_rows() -> Iterator[tuple[str, str]]:
    """Column and value, as SQL, of each row that is out of the ordinary; the rest of it is as in row 5."""
    for name in COLUMNS:
        yield name, "null"
    for name, kind in NUMBERS.items():
        if kind in ("real", "double precision"):
            for text in ("NaN", "Infinity", "-Infinity", "3.5e38" if kind == "double precision" else "1e-40"):
                yield name, f"'{text}'"
        if kind in ("numeric", "bulk_money"):
            for text in ("NaN", "1e400", "-1e400", "1e-400"):
                yield name, f"'{text}'"
    for name in ("plan", "city", "Odd name %s"):
        for text in ("''", "'never seen'", "E'tab\\tand \\\\ and \"'"):
            yield name, text


def prepare(lab: Lab) -> Session:
    """The table, filled, and all models, each promoted; `program_trees` is served by the interpreter."""
    session = lab.session
    session.run(TYPES)
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    session.run(f"create table {TABLE} (n integer primary key, {columns})")
    marks = ", ".join(["%s"] * (len(COLUMNS) + 1))
    for n, row in rows().iterrows():
        values = [value.item() if hasattr(value, "item") else value for value in row]
        session.run(f"insert into {TABLE} (n, {QUOTED.replace('%', '%%')}) values ({marks})", n, *values)
    for name, model in models().items():
        published = pgscore.publish(
            lab.engine, name, model.fitted, golden=rows().head(12), profile=TABLE, key=lab.key, positive=model.positive
        )
        assert published.problem is None
        assert (published.obstacle is None) == name.startswith("program")
        engine = {"program_linear": "sql", "program_trees": "interpreter"}.get(name, "estimator")
        session.run("select pgscore._serve(%s, 1, %s)", name, engine)
    for number, (column, value) in enumerate(odd_rows(), start=ODD + 1):
        others = ", ".join(value if name == column else f'"{name}"' for name in COLUMNS)
        session.run(f"insert into {TABLE} (n, {QUOTED}) select {number}, {others} from {TABLE} where n = 5")
    session.run(f"analyze {TABLE}")
    return session
