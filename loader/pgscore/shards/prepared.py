"""Releases that were prepared for a commit in several databases, and are not over.

They are prepared in the order of their numbers, and number 1 is the first to be committed or rolled back: what became
of it decides the others. Each name says in which database it is, and as which transaction, so that this database can be
asked, also when the client has died and number 1 is over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import Database, rows, transaction

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection as Connection  # noqa: N812

# Whoever lives takes milliseconds from the first to the last.
SECONDS = 2.0
# What names of our prepared transactions begin with.
PREFIX = "pgscore release "
_NAME = re.compile(
    r"pgscore release (?P<what>\w+ \w+ \w+) (?P<tag>[0-9a-f]+) (?P<number>\d+)/(?P<many>\d+)"
    r" (?P<first>\d+-\d+) (?P<transaction>\d+)"
)


@dataclass(frozen=True)
class PreparedRelease:
    """A promotion or a rollback that is prepared in a database, and neither committed nor rolled back.

    Attributes:
        name: what the prepared transaction is called.
        prepared: when it was prepared.
        age: how many seconds ago, by the server's clock.
        owner: who may end it, besides a superuser.
        what: what it is, such as ``promote churn 2``.
        tag: what the names of all of the release share.
        number: its number among the databases of the release; 1 is ended first.
        many: how many databases take part.
        first: which database has number 1: the identifiers of its cluster and of itself.
        transaction: the transaction that number 1 is there.
    """

    name: str
    prepared: datetime
    age: float
    owner: str
    what: str
    tag: str
    number: int
    many: int
    first: str
    transaction: int

    @property
    def is_left(self) -> bool:
        """Whether it is older than it becomes while whoever began it lives."""
        return self.age > SECONDS


def named(what: str, tag: str, number: int, many: int, first: str, transaction: int) -> str:
    """The name of a prepared release."""
    return f"{PREFIX}{what} {tag} {number}/{many} {first} {transaction}"


def settle_hint(many: int) -> str:
    """What ends a release of so many databases."""
    return f"pgscore settle, with --dsn for each of the {many} databases, as who began it"


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
        "select gid as name, prepared, extract(epoch from clock_timestamp() - prepared)::float8 as age, owner"
        " from pg_catalog.pg_prepared_xacts"
        " where database = current_database() and starts_with(gid, %s) order by gid",
        (PREFIX,),
    )
    # A name that only begins as ours is somebody else's.
    return [
        PreparedRelease(
            **each,
            what=parts["what"],
            tag=parts["tag"],
            number=int(parts["number"]),
            many=int(parts["many"]),
            first=parts["first"],
            transaction=int(parts["transaction"]),
        )
        for each in found
        if (parts := _NAME.fullmatch(each["name"]))
    ]
