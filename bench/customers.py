"""The customers: the 15 numbers of the reference data, as a frame and in two tables."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from examples.churn.customers import LABEL, read_customers

if TYPE_CHECKING:
    from .setting import Session

CUSTOMERS = "bench.customer"
"""5,000 rows, for single rows."""
MANY_CUSTOMERS = "bench.customer_big"
"""200,000 rows, for scans."""
CODED_CUSTOMERS = "bench.customer_coded"
"""5,000 rows with a text column beside the numbers."""
MANY = 200_000
CODE = "tariff_code"
_CODES = 985


@cache
def predictors() -> pd.DataFrame:
    """5,000 rows x 15 numbers, numbered from 1."""
    return read_customers().select_dtypes("number")


@cache
def coded_predictors() -> pd.DataFrame:
    """The same, and a text of 985 values: 1,000 columns once it is one-hot encoded."""
    numbers = predictors()
    return numbers.assign(**{CODE: pd.Series([f"code {i % _CODES:04}" for i in numbers.index], numbers.index)})


@cache
def churned() -> pd.Series[str]:
    """The labels of `predictors`: yes or no."""
    return read_customers()[LABEL]


def declared() -> dict[str, str]:
    """The SQL type of each of the 15 columns."""
    return {
        str(name): "integer" if kind == "int64" else "double precision" for name, kind in predictors().dtypes.items()
    }


def load_customers(session: Session) -> None:
    """Makes the tables of the schema bench and fills them."""
    columns = ", ".join(f"{name} {kind}" for name, kind in declared().items())
    names = ", ".join(declared())
    session.run("create schema bench")
    # Half of each page stays free: a new version of a row stays on its page, as on a table that is looked after.
    session.run(
        f"create table {CUSTOMERS} (id integer primary key, {columns}, score double precision) with (fillfactor = 50)"
    )
    session.run(f"create table {CODED_CUSTOMERS} (id integer primary key, {columns}, {CODE} text)")
    lines = io.StringIO()
    coded_predictors().to_csv(lines, header=False)
    lines.seek(0)
    session.copy(f"copy {CODED_CUSTOMERS} from stdin with (format csv)", lines)
    session.run(f"insert into {CUSTOMERS} (id, {names}) select id, {names} from {CODED_CUSTOMERS}")  # noqa: S608
    session.run(f"create table {MANY_CUSTOMERS} (like {CUSTOMERS} including indexes)")
    session.run(
        f"insert into {MANY_CUSTOMERS} (id, {names})"  # noqa: S608  our own names
        f" select row_number() over (), {names} from {CUSTOMERS}, generate_series(1, {MANY // len(predictors())})"
    )
    session.run("grant usage on schema bench to pgscore_owner")
    session.run(f"vacuum analyze {CUSTOMERS}, {MANY_CUSTOMERS}, {CODED_CUSTOMERS}")
