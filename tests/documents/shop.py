"""The shop that the pages speak of: its tables, and files of who fits its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.support.database import Session

if TYPE_CHECKING:
    from .examples import Reader

_CUSTOMERS = 120


def build(reader: Reader) -> None:
    """Makes the tables, which belong to shop_owner, as they are before pgscore comes."""
    session = Session(reader.dsn(None))
    session.run(
        """
        create schema shop authorization shop_owner;
        set role shop_owner;
        create table shop.customer (id bigint generated always as identity primary key, age integer not null);
        create table shop.complaints (
            id bigint generated always as identity primary key, customer_id bigint not null, kind text, amount numeric,
            at timestamptz not null default now()
        );
        create index on shop.complaints (customer_id);
        """
    )
    session.run("insert into shop.customer (age) select 18 + mod(i, 60) from generate_series(1, %s) i", _CUSTOMERS)
    session.close()


def add_columns(reader: Reader) -> None:
    """Adds the columns that pgscore is to keep."""
    session = Session(reader.dsn(None))
    session.run(
        """
        alter table shop.customer
            add column complaints bigint not null default 0, add column churn_score double precision,
            add column churn_version integer, add column churn_scored_at timestamptz;
        """
    )
    session.close()


def grant(reader: Reader) -> None:
    """Grants the owner what attaching needs."""
    session = Session(reader.dsn(None))
    session.run("grant pgscore_reader to shop_owner; grant usage on schema shop to pgscore_owner")
    session.close()


def write_files(reader: Reader) -> None:
    """Writes `customers.csv`, `model.joblib`, and `second.joblib`, a forest."""
    random = np.random.default_rng(8)
    frame = pd.DataFrame({"age": random.integers(18, 80, 400), "complaints": random.integers(0, 9, 400)})
    left = (frame["complaints"] + random.normal(0, 1, 400) > 4).astype(int)
    frame.assign(left=left).to_csv(reader.folder / "customers.csv", index=False)
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, left), reader.folder / "model.joblib")
    forest = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0).fit(frame, left)
    joblib.dump(forest, reader.folder / "second.joblib")
