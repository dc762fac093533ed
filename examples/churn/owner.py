"""The owner's side: what stands in the profile, and what the model says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from psycopg2 import sql

from .customers import COUNTER

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True)
class Standing:
    """What stands in a customer's profile.

    Attributes:
        counter: complaints.
        score: what the model said when the counter last moved; NaN before the first time.
    """

    counter: int
    score: float


class Owner:
    """Somebody who may read the profiles and promote models, over a connection in autocommit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._connection.autocommit = True

    def standing(self, customer: int) -> Standing:
        """Counter and score of a customer."""
        found = self._one(
            f"select {COUNTER}, coalesce(churn_score, 'NaN')"  # noqa: S608  our own constant
            " from churn.customer_profile where customer_id = %s",
            customer,
        )
        return Standing(*found)

    def ask(self, customer: int) -> float:
        """What the model says of a customer now, asked by query; nothing is stored."""
        found = self._one(
            "select pgscore.score('churn', c) from churn.customer_profile c where customer_id = %s", customer
        )
        return float(found[0])

    def promote(self, engine: str | None) -> None:
        """Promotes version 1 again, with the engine that is named or those that are measured to be fastest."""
        with self._connection.cursor() as cursor:
            cursor.execute("select pgscore.promote('churn', 1, %s)", (engine,))

    def predictors(self, customer: int, names: list[str]) -> pd.DataFrame:
        """The profile row as it stands, as a frame of one row for Python to score."""
        query = sql.SQL("select {} from churn.customer_profile where customer_id = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, names))
        )
        return pd.DataFrame([self._one(query, customer)], columns=names)

    def logged(self, customer: int) -> list[float]:
        """The prediction log of a customer, the oldest first."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "select score from pgscore.prediction_log where binding = 'churn.complaints' and key = %s order by id",
                (str(customer),),
            )
            return [score for (score,) in cursor.fetchall()]

    def _one(self, query: str | sql.Composed, customer: int) -> tuple[Any, ...]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, (customer,))
            found = cursor.fetchone()
        if found is None:
            raise LookupError(f"customer {customer} has no profile")
        return found
