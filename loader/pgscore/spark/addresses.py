"""Where a database is, as Spark's workers reach it: over TCP, by the JDBC driver."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import parse_dsn

from pgscore.database import connected
from pgscore.dsn import libpq_dsn
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

# What libpq and the JDBC driver call alike.
_SHARED = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options")


@dataclass(frozen=True)
class Address:
    """A database, as the JDBC driver names it.

    Attributes:
        url: without user and password.
        properties: user, password, and what else the connection string says.
    """

    url: str
    properties: dict[str, str] = field(repr=False)


@contextmanager
def reached(dsn: str) -> Iterator[tuple[Connection, Address]]:
    """A connection of the driver's, and the address for the workers.

    Raises:
        UnreachableError: there is no connection.
        PgscoreError: the connection string is malformed, or leads to a socket's folder.
    """
    if not isinstance(dsn, str):
        raise PgscoreError(
            f"a {type(dsn).__qualname__} is given, and Spark's workers connect by themselves",
            "Give it a connection string: postgresql://user@host/database.",
        )
    with connected(dsn) as connection:
        yield connection, _address(connection, parse_dsn(libpq_dsn(dsn)))


def _address(connection: Connection, said: dict[str, Any]) -> Address:
    info = connection.info
    if not info.host or info.host.startswith(("/", "@")):
        raise PgscoreError(
            f"the connection string leads to the socket in {info.host or 'the usual folder'}, and Spark's workers"
            " connect over TCP",
            "Name the server as the workers reach it: postgresql://user@host/database.",
        )
    host = f"[{info.host}]" if ":" in info.host else info.host
    properties = {name: str(said[name]) for name in _SHARED if said.get(name)}
    properties |= {
        "user": info.user,
        "driver": "org.postgresql.Driver",
        "ApplicationName": "pgscore",
        # What is sent as a text becomes what the column is.
        "stringtype": "unspecified",
        "reWriteBatchedInserts": "true",
    }
    if info.password:
        properties["password"] = info.password
    from urllib.parse import quote

    return Address(f"jdbc:postgresql://{host}:{info.port}/{quote(info.dbname, safe='')}", properties)
