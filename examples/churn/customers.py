"""The customers: the data as a frame, and its way into the profile table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from psycopg2 import sql

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

COUNTER = "number_customer_service_calls"
LABEL = "churn"
_DATA = Path(__file__).with_name("mlc_churn.csv")


def read_customers() -> pd.DataFrame:
    """5,000 customers: 19 predictors and `churn` (yes or no), numbered from 1 as `customer_id`, the index."""
    customers = pd.read_csv(_DATA)
    customers.index = pd.RangeIndex(1, len(customers) + 1, name="customer_id")
    return customers


def load_customers(connection: Connection, customers: pd.DataFrame) -> None:
    """Copies the predictors into `churn.customer_profile`; whether a customer left stays out of the database."""
    predictors = customers.drop(columns=LABEL)
    lines = io.StringIO()
    predictors.to_csv(lines, header=False)
    lines.seek(0)
    columns = [str(predictors.index.name), *predictors.columns]
    copy = sql.SQL("copy churn.customer_profile ({}) from stdin with (format csv)").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection, connection.cursor() as cursor:
        cursor.copy_expert(copy, lines)
        # As after any bulk load.
        cursor.execute("analyze churn.customer_profile")
