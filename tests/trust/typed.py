"""A table with a column of each type that can be an input, and models that read all of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd
import pgscore
import psycopg2
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeRegressor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

MODELS = ("typed_sum", "typed_tree")
TEXTS = ["fixed", "limited", "plain", "colour", "word", "tinted"]
_TABLE = """
create schema typed;
create type typed.tint as enum ('red', 'green', 'blue');
create domain typed.share as real;
create domain typed.part as typed.share;
create domain typed.word as char(5);
create domain typed.shade as typed.tint;
create table typed.row (
    id integer primary key, whole integer, exact numeric(12, 4), loose numeric, single real, dbl double precision,
    part typed.part, flag boolean, fixed char(4), limited varchar(10), plain text, colour typed.tint, word typed.word,
    tinted typed.shade
);
insert into typed.row
select i, i * 3, i / 7.0, i / 3.0, 1.1 * (i % 9) + 0.1234567, i / 3.0 + 1e-9, 0.7 * (i % 11), i % 3 = 0,
    (array['ab', 'cd', 'abcd'])[1 + i % 3], (array['x', 'yy', 'zzz '])[1 + i % 3], lpad((i % 5)::text, 5, '0'),
    (enum_range(null::typed.tint))[1 + i % 3], (array['a', 'b'])[1 + i % 2],
    (enum_range(null::typed.tint))[1 + i / 2 % 3]
from generate_series(1, 60) i;
grant usage on schema typed to pgscore_owner, public;
grant select on typed.row to public;
"""


def make_models(database: Database, key: Path) -> None:
    """Makes table typed.row, and publishes and promotes a linear model and a tree on it, in the sql engine."""
    session = database.session()
    session.run(_TABLE)
    frame = _frame(session)
    target = frame["whole"] + frame["single"] * 1e3 + frame["part"] * 1e5 + (frame["fixed"] == "ab  ") * 7.0
    # One session for both, which loads scikit-learn once.
    with closing(psycopg2.connect(database.dsn())) as connection:
        for model, estimator in zip(MODELS, (LinearRegression(), DecisionTreeRegressor(random_state=0)), strict=True):
            numbers = [name for name in frame if name not in TEXTS and name != "flag"]
            prepared = ColumnTransformer(
                [
                    ("texts", OneHotEncoder(), TEXTS),
                    ("flag", OrdinalEncoder(), ["flag"]),
                    ("as is", "passthrough", numbers),
                ]
            )
            fitted = make_pipeline(prepared, estimator).fit(frame, target)
            published = pgscore.publish(connection, model, fitted, profile="typed.row", key=key)
            assert (published.problem, published.obstacle) == (None, None)
            pgscore.promote(connection, model, 1, engine="sql", max_seconds=300)


def _frame(session: Session) -> pd.DataFrame:
    names = [
        name
        for (name,) in session.run(
            "select attname::text from pg_attribute where attrelid = 'typed.row'::regclass and attnum > 1"
            " order by attnum"
        )
    ]
    rows: list[tuple[Any, ...]] = session.run(
        "select whole, exact::float8, loose::float8, single::text::float8, dbl, part::text::float8, flag, fixed,"
        " limited, plain, colour::text, word, tinted::text from typed.row order by id"
    )
    return pd.DataFrame(rows, columns=names)
