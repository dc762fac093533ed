"""Transactions in which bindings are made and mended."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pgscore.database import Database, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812


@contextmanager
def read_committed(database: Database) -> Iterator[Connection]:
    """A transaction at the only level at which bindings are made and mended, whatever the database's default is."""
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("set transaction isolation level read committed")
        yield connection
