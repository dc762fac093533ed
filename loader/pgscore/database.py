"""Connections: one transaction each, and errors as sentences."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg2
import psycopg2.extras
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from .errors import PgscoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

# SQLSTATE classes: connection exception, operator intervention (a shutdown, a terminated backend).
_CONNECTION_LOST = ("08", "57P")

Database = str | Engine
"""A libpq connection string or URI (empty: libpq's own variables), or an SQLAlchemy engine on psycopg2."""


@contextmanager
def transaction(database: Database) -> Iterator[Connection]:
    """A connection in one transaction: committed at the end, rolled back by an exception.

    Raises:
        UnreachableError: there is no connection, or it was lost; nothing was committed.
        PgscoreError: the database refused, with its sentence, hint and SQLSTATE.
    """
    connection = _connect(database)
    try:
        with connection:
            yield connection
    except psycopg2.Error as error:
        raise as_refusal(error) from None
    finally:
        connection.close()


def rows(connection: Connection, sql: str, parameters: Sequence[Any] | None = None) -> list[dict[str, Any]]:
    """The result of a query, a dictionary for each row."""
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(sql, parameters)
        return [dict(row) for row in cursor.fetchall()]


def row(connection: Connection, sql: str, parameters: Sequence[Any] | None = None) -> dict[str, Any]:
    """The first row of a query that gives at least one."""
    return rows(connection, sql, parameters)[0]


def as_refusal(error: psycopg2.Error) -> PgscoreError:
    """The sentence of a database error, without context and traceback."""
    if error.diag.message_primary is None or (error.pgcode or "").startswith(_CONNECTION_LOST):
        return UnreachableError(
            f"the connection to the database was lost: {_one_line(error)}",
            "Nothing is half done: run it again, and what was stored already is found.",
        )
    message, hint = error.diag.message_primary, error.diag.message_hint or ""
    if error.diag.message_detail:
        message = f"{message} ({error.diag.message_detail})"
    if error.pgcode in ("3F000", "42883", "42P01") and "pgscore_trusted" in message:
        hint = "A superuser runs alembic upgrade plpython@head; `pgscore doctor` says what is missing."
    elif error.pgcode in ("3F000", "42883", "42P01") and "pgscore" in message:
        hint = "Install pgscore in this database: alembic upgrade core@head; `pgscore doctor` says what is missing."
    elif error.pgcode == "42501" and message.endswith("table trusted_key"):
        hint = "Only a superuser trusts keys: their holders can run code as the server's user."
    elif error.pgcode == "42501" and not hint:
        hint = (
            "pgscore_publisher publishes, pgscore_operator promotes, pgscore_reader reads: "
            "`pgscore doctor` shows which you are."
        )
    return PgscoreError(message, hint, error.pgcode)


def _connect(database: Database) -> Connection:
    try:
        if isinstance(database, Engine):
            pooled = database.raw_connection()
            connection = cast("Connection", pooled.driver_connection)
            pooled.detach()
            return connection
        return psycopg2.connect(database, application_name="pgscore")
    except DBAPIError as error:
        raise UnreachableError(f"the database cannot be reached: {_one_line(error.orig or error)}") from None
    except psycopg2.OperationalError as error:
        raise UnreachableError(f"the database cannot be reached: {_one_line(error)}") from None
    except psycopg2.ProgrammingError as error:
        raise PgscoreError(f"the connection string is malformed: {_one_line(error)}") from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
