"""Connections: one transaction each, and errors as sentences."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg2
import psycopg2.extras
from psycopg2.extensions import connection as Connection  # noqa: N812
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from .errors import PgscoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


# SQLSTATE classes: connection exception, operator intervention (a shutdown, a terminated backend).
_CONNECTION_LOST = ("08", "57P")

_UNTRANSLATABLE = re.compile(r'byte sequence ((?:0x[0-9a-f]{2} ?)+) in encoding "UTF8" has .* encoding "(\w+)"')

Database = str | Engine | Connection
"""A libpq connection string or URI (empty: libpq's own variables), an SQLAlchemy engine on psycopg2, or an open
connection of psycopg2, of which each call then takes one transaction."""


@contextmanager
def connected(database: Database) -> Iterator[Connection]:
    """A connection for several transactions, so that a backend need not load a model for each; closed if it is new.

    Raises:
        UnreachableError: there is no connection.
    """
    if isinstance(database, Connection):
        yield database
        return
    connection = _connect(database)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(database: Database) -> Iterator[Connection]:
    """A connection in one transaction: committed at the end, rolled back by an exception.

    Raises:
        UnreachableError: there is no connection, or it was lost; nothing was committed.
        PgscoreError: the database refused, with its sentence, hint and SQLSTATE.
    """
    with connected(database) as connection:
        try:
            with connection:
                yield connection
        except psycopg2.Error as error:
            raise as_refusal(error) from None
        except UnicodeError as error:
            raise PgscoreError(
                f"text cannot be read or written in the encoding {connection.encoding}: {error}",
                "Nothing was changed. The database's encoding or the connection's does not hold this text.",
            ) from None


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
    if error.pgcode == "22P05" and (unknown := _UNTRANSLATABLE.search(message)):
        character = bytes.fromhex(unknown[1].replace("0x", "")).decode()
        message = f'"{character}" does not exist in the encoding of the database, {unknown[2]}'
        hint = "Names of models, columns and categories, and golden rows, must fit; a database in UTF8 holds all."
    elif error.pgcode in ("3F000", "42883", "42P01") and "pgscore_trusted" in message:
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


def _connect(database: str | Engine) -> Connection:
    try:
        if isinstance(database, Engine):
            pooled = database.raw_connection()
            connection = cast("Connection", pooled.driver_connection)
            pooled.detach()
            connection.set_client_encoding("UTF8")
            return connection
        # What cannot be stored is the server's to refuse. A database in SQL_ASCII would have us read ASCII alone.
        return psycopg2.connect(database, application_name="pgscore", client_encoding="UTF8")
    except DBAPIError as error:
        raise UnreachableError(f"the database cannot be reached: {_one_line(error.orig or error)}") from None
    except psycopg2.OperationalError as error:
        raise UnreachableError(f"the database cannot be reached: {_one_line(error)}") from None
    except psycopg2.ProgrammingError as error:
        raise PgscoreError(f"the connection string is malformed: {_one_line(error)}") from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
