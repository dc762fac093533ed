"""Releases that were prepared for a commit in several databases, and are not over: whoever did it has died meanwhile.

They are prepared in the order of their numbers, and committed in that order, number 1 first. So while that one is
prepared none is committed; and where it is not any more the others are to be committed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import Database, rows, transaction

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection as Connection  # noqa: N812

# What names of our prepared transactions begin with.
PREFIX = "pgscore release "
_NAME = re.compile(
    r"pgscore release (?P<what>\w+ \w+ \w+) (?P<tag>[0-9a-f]+) (?P<number>\d+)/(?P<many>\d+) (?P<first>\S+)"
)


@dataclass(frozen=True)
class PreparedRelease:
    """A promotion or a rollback that is prepared in a database, and neither committed nor rolled back.

    Attributes:
        name: what the prepared transaction is called.
        prepared: when it was prepared.
        owner: who may end it, besides a superuser.
    """

    name: str
    prepared: datetime
    owner: str

    @property
    def what(self) -> str:
        """What it is, such as ``promote churn 2``."""
        found = _NAME.fullmatch(self.name)
        return found["what"] if found else self.name

    @property
    def number(self) -> int:
        """Its number among the databases of the release; 1 is committed first."""
        found = _NAME.fullmatch(self.name)
        return int(found["number"]) if found else 1

    @property
    def many(self) -> int:
        """How many databases take part."""
        found = _NAME.fullmatch(self.name)
        return int(found["many"]) if found else 1

    @property
    def first(self) -> str:
        """Which database has number 1: the identifiers of its cluster and of itself."""
        found = _NAME.fullmatch(self.name)
        return found["first"] if found else ""

    @property
    def commit(self) -> str:
        """The SQL that has the version answer here, too."""
        return f"commit prepared '{self.name}'"

    @property
    def rollback(self) -> str:
        """The SQL that takes it back."""
        return f"rollback prepared '{self.name}'"


def named(what: str, tag: str, number: int, many: int, first: str) -> str:
    """The name of a prepared release."""
    return f"{PREFIX}{what} {tag} {number}/{many} {first}"


def prepared_releases(database: Database) -> list[PreparedRelease]:
    """The releases that are prepared in a database and not over; each blocks all other promotions.

    Raises:
        PgscoreError: the database cannot be asked.
    """
    with transaction(database) as connection:
        return prepared_within(connection)


def prepared_within(connection: Connection) -> list[PreparedRelease]:
    """What `prepared_releases` gives, in a transaction of the caller's."""
    found = rows(
        connection,
        "select gid as name, prepared, owner from pg_catalog.pg_prepared_xacts"
        " where database = current_database() and starts_with(gid, %s) order by gid",
        (PREFIX,),
    )
    return [PreparedRelease(**each) for each in found]
