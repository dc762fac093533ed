"""Connections: one transaction each, and errors as sentences."""

from __future__ import annotations

import os
import re
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg2
import psycopg2.extras
from psycopg2.extensions import connection as Connection  # noqa: N812

from .dsn import libpq_dsn, without_passwords
from .errors import PgscoreError, UnreachableError, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.engine import Engine


# SQLSTATE classes: connection exception, operator intervention (a shutdown, a terminated backend).
_CONNECTION_LOST = ("08", "57P")
# Texts are not all of the database's own encoding, and a database in SQL_ASCII says nothing of the client's.
_ENCODING = "UTF8"

_UNTRANSLATABLE = re.compile(r'byte sequence ((?:0x[0-9a-f]{2} ?)+) in encoding "UTF8" has .* encoding "(\w+)"')

Database: TypeAlias = "str | Engine | Connection"
"""A connection string (libpq's pairs, a URI of libpq's or SQLAlchemy's; empty: libpq's own variables), an SQLAlchemy
engine on psycopg2, or an open connection of psycopg2, of which each call then takes one transaction."""


@contextmanager
def connected(database: Database) -> Iterator[Connection]:
    """A connection for several transactions, so that a backend need not load a model for each; closed if it is new.

    Raises:
        UnreachableError: there is no connection.
        PgscoreError: the connection string is malformed, or it is no database that pgscore can work with.
    """
    if isinstance(database, Connection):
        yield database
        return
    connection = connect(database)
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
            raise as_unreadable(error) from None


def rows(
    connection: Connection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The result of a query, a dictionary for each row."""
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(sql, parameters)
        return [dict(row) for row in cursor.fetchall()]


def row(
    connection: Connection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
) -> dict[str, Any]:
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
        hint = (
            "A superuser runs pgscore install --plpython, or alembic upgrade plpython@head; "
            "`pgscore doctor` says what is missing."
        )
    elif error.pgcode in ("3F000", "42883", "42P01") and "pgscore" in message:
        hint = (
            "Install pgscore in this database: pgscore install, or alembic upgrade core@head; "
            "`pgscore doctor` says what is missing."
        )
    elif error.pgcode == "42501" and message.endswith("table trusted_key"):
        hint = "Only a superuser trusts keys: their holders can run code as the server's user."
    elif error.pgcode == "42501" and message.endswith("table allowed_engine"):
        hint = "Only a superuser turns engines on and off: they run publishers' data by native code."
    elif error.pgcode == "42501" and not hint:
        hint = (
            "pgscore_publisher publishes, pgscore_operator promotes, pgscore_reader reads: "
            "`pgscore doctor` shows which you are."
        )
    return refusal(message, hint, error.pgcode)


def as_unreadable(error: UnicodeError) -> PgscoreError:
    """The sentence of a text that cannot travel between a client and a database."""
    # Only a database in SQL_ASCII hands out bytes that are no text, and only a connection of the caller's own has
    # another encoding than UTF8.
    reason = getattr(error, "reason", "") or str(error)
    return PgscoreError(
        f"a text does not fit the encoding of the connection: {reason}",
        "A database in SQL_ASCII holds texts in other encodings than UTF8; or the connection that was given is not in "
        "UTF8: connection.set_client_encoding('UTF8').",
    )


def hang_up(connection: Connection) -> None:
    """Has whoever waits for an answer of a connection of psycopg2, in another thread, fail at once.

    For servers that hang: their kernels go on to say that they are there, and closing waits for the answer, too.
    """
    with suppress(psycopg2.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def connect(database: str | Engine) -> Connection:
    """A new connection, in UTF8, that is not in a transaction; whoever calls closes it.

    Raises:
        UnreachableError: there is none.
        PgscoreError: the connection string is malformed, or it is no engine on psycopg2.
    """
    try:
        if isinstance(database, str):
            return psycopg2.connect(libpq_dsn(database), application_name="pgscore", client_encoding=_ENCODING)
        return _of_engine(database)
    except psycopg2.OperationalError as error:
        raise UnreachableError(f"the database cannot be reached: {_one_line(error)}") from None
    except psycopg2.ProgrammingError as error:
        raise PgscoreError(f"the connection string is malformed: {_one_line(error)}") from None


def _of_engine(given: Engine) -> Connection:
    from sqlalchemy.engine import Engine
    from sqlalchemy.exc import DBAPIError

    if hasattr(given, "sync_engine"):
        raise PgscoreError(
            "an async engine is given, and pgscore waits for the database",
            "Give it a connection string, or create_engine('postgresql+psycopg2://…').",
        )
    if not isinstance(given, Engine):
        raise PgscoreError(
            f"a {type(given).__module__}.{type(given).__qualname__} is given, which is no database for pgscore",
            "It takes a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2.",
        )
    if (given.dialect.name, given.dialect.driver) != ("postgresql", "psycopg2"):
        raise PgscoreError(
            f"the engine is one on {given.dialect.name}+{given.dialect.driver}, and pgscore connects with psycopg2",
            "Give it a connection string, or create_engine('postgresql+psycopg2://…').",
        )
    try:
        pooled = given.raw_connection()
    except DBAPIError as error:
        raise UnreachableError(f"the database cannot be reached: {_one_line(error.orig or error)}") from None
    connection = pooled.driver_connection
    pooled.detach()
    if not isinstance(connection, Connection):
        raise PgscoreError("the engine's connections are none of psycopg2's", "Give it a connection string.")
    # What the engine has set is for its own users.
    connection.autocommit = False
    connection.set_client_encoding(_ENCODING)
    return connection


def _one_line(error: BaseException) -> str:
    return without_passwords(" ".join(str(error).split()))
