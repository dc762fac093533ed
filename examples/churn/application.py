"""An application as it was before pgscore: it knows how to insert a complaint, and imports nothing but psycopg2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

_INSERT = "insert into churn.complaints (customer_id, kind, body) values (%s, %s, %s)"


def complain(connection: Connection, customer: int, kind: str, body: str) -> None:
    """Stores a complaint, in one transaction."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_INSERT, (customer, kind, body))


def complain_and_think_better_of_it(connection: Connection, customer: int) -> None:
    """Stores a complaint, has all deferred work done at once (plain SQL), and rolls back."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, (customer, "none", "never mind"))
        cursor.execute("set constraints all immediate")
    connection.rollback()
