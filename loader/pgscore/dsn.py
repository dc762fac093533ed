"""Where a database is: the forms of a connection string, and messages without passwords."""

from __future__ import annotations

import re
from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from .errors import PgscoreError

_URI = re.compile(r"([a-z][a-z0-9]*)(?:\+([a-z0-9_]+))?://", re.IGNORECASE)
# What SQLAlchemy writes for drivers that take libpq's parameters.
_LIBPQ_DRIVERS = ("psycopg2", "psycopg")
_ENCODE = "In a URI, @ of a user, a password or a database is written %40, / %2F, : %3A and % itself %25."
# To the last @, because one in a password may not have been written %40.
_IN_URI = re.compile(
    r"(\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@]*):.*@|(\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s]*@", re.IGNORECASE
)
_IN_PAIR = re.compile(r"(\b(?:pg|ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|[^\s&'\"]+)", re.IGNORECASE)
_HIDDEN = "***"


def libpq_dsn(given: str) -> str:
    """A connection string as libpq takes it.

    Args:
        given: key=value pairs, or a URI of libpq's or SQLAlchemy's: ``postgres://``, ``postgresql://``,
            ``postgresql+psycopg2://``. Empty: libpq's own variables.

    Raises:
        PgscoreError: it is none; no part of it is repeated, because that might be the password.
    """
    given = given.strip()
    found = _URI.match(given)
    try:
        if found is None:
            parse_dsn(given)
            return given
        scheme, driver = found[1].lower(), found[2]
        if scheme not in ("postgresql", "postgres"):
            raise PgscoreError(f"{scheme}:// is no PostgreSQL database", "postgresql://user@host/database is one.")
        if driver is not None:
            return _of_sqlalchemy(given, driver.lower())
        uri = f"{scheme}://{given[found.end() :]}"
        _check_parts(parse_dsn(uri), uri)
    except (psycopg2.ProgrammingError, ValueError) as error:
        raise PgscoreError(
            f"the connection string is malformed: {_unquoted(error)}", _ENCODE if found else ""
        ) from None
    return uri


def without_passwords(text: str, *dsns: str) -> str:
    """A message in which passwords of connection strings are hidden: those of any, and all parts of these.

    Args:
        text: what is going to be shown.
        dsns: connection strings whose passwords are hidden wherever they stand, in plain and percent-encoded.
    """
    for dsn in dsns:
        for secret in _passwords(dsn):
            text = text.replace(secret, _HIDDEN)
    text = _IN_URI.sub(lambda found: f"{found[1] or found[2]}:{_HIDDEN}@", text)
    return _IN_PAIR.sub(rf"\1{_HIDDEN}", text)


def _of_sqlalchemy(given: str, driver: str) -> str:
    if driver not in _LIBPQ_DRIVERS:
        raise PgscoreError(
            f"the connection string is for the driver {driver}, and pgscore connects with psycopg2",
            "Write postgresql:// instead.",
        )
    from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        dialect: Any = PGDialect_psycopg2
        _, parameters = dialect().create_connect_args(make_url(given))
    except ArgumentError:
        raise PgscoreError(
            "the connection string is malformed: SQLAlchemy does not take it for a URL", _ENCODE
        ) from None
    # Arguments of the driver, which is no part of where the database is.
    parameters = {name: value for name, value in parameters.items() if name not in ("connection_factory", "dsn")}
    _check_parts(parameters, given)
    return str(make_dsn(**parameters))


def _check_parts(parts: dict[str, Any], uri: str) -> None:
    """Refuses what a / or @ in a password makes of a URI: pieces of the password would be shown as host or port."""
    ports = str(parts.get("port", "")).replace(",", "")
    if "@" in str(parts.get("host", "")) or (ports and not ports.isdigit()):
        raise PgscoreError("the connection string is malformed: its host or its port is none", _ENCODE)
    if "@" in str(parts.get("dbname", "")) and "%40" not in uri:
        raise PgscoreError("the connection string is malformed: @ stands in its database's name", _ENCODE)


def _unquoted(error: Exception) -> str:
    """What libpq says, without the piece that it quotes."""
    said = " ".join(str(error).removeprefix("invalid dsn: ").split())
    return re.sub(r'".*"', "…", said.replace('"=" ', "= "))


def _passwords(dsn: str) -> list[str]:
    from urllib.parse import quote, quote_plus

    try:
        password = str(parse_dsn(libpq_dsn(dsn)).get("password", ""))
    except (PgscoreError, psycopg2.Error):
        return []
    if not password:
        return []
    # The longest first, so that no rest of one is left.
    forms = {password, quote(password), quote(password, safe=""), quote_plus(password), repr(password)[1:-1]}
    return sorted(forms, key=len, reverse=True)
