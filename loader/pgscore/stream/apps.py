"""What a consumer does with messages: an app. The consumer stores how far it has come with what they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psycopg2

from pgscore.database import as_refusal
from pgscore.errors import BusyError, PgscoreError, UnreachableError

from .messages import Dead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .messages import Message

# SQLSTATE classes: data, constraints, views' checks, what triggers raise, what is too deep or too long.
_POISON = ("22", "23", "44", "P0", "54")
# Resources, the system: they may be there again.
_PASSING = ("53", "58")
_CANCELED = "57014"


class Output(NamedTuple):
    """A message that an app writes to another topic."""

    topic: str
    key: bytes | None
    content: bytes
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Done:
    """What came of messages.

    Attributes:
        dead: those that nothing can be done with.
        outputs: what is to be written to topics before the transaction commits: after a crash it is written again.
        counts: what metrics count, by name.
    """

    dead: list[Dead] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, other: Done) -> Done:
        """Takes over what came of other messages."""
        self.dead += other.dead
        self.outputs += other.outputs
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        return self


class App(Protocol):
    """What is done with messages."""

    def begin(self, connection: Connection) -> None:
        """Looks whether it can work, in a transaction: at the beginning, and on each new connection.

        Raises:
            PgscoreError: it cannot.
        """

    def apply(self, connection: Connection, messages: Sequence[Message]) -> Done:
        """Does its work in an open transaction, which the consumer commits.

        Where the database refuses a message the consumer tries them in smaller parts, in savepoints, until it is found.

        Raises:
            PgscoreError: it cannot go on, and no message is to blame.
            psycopg2.Error: the database refused.
        """


def apply(app: App, connection: Connection, messages: Sequence[Message]) -> Done:
    """Has an app do its work, and finds the messages that the database refuses.

    Raises:
        UnreachableError, BusyError: it may work later.
        PgscoreError: it cannot go on.
    """
    with connection.cursor() as cursor:
        cursor.execute("savepoint messages")
        try:
            done = app.apply(connection, messages)
            # What waits for the commit is done here, so that what it refuses is found, too.
            cursor.execute("set constraints all immediate")
        except (psycopg2.Error, UnicodeError) as error:
            if not _is_poison(error):
                raise sentence(error) from None
            cursor.execute("rollback to savepoint messages")
            cursor.execute("release savepoint messages")
            if len(messages) == 1:
                said = sentence(error) if isinstance(error, psycopg2.Error) else error
                return Done(dead=[Dead(messages[0].raw, " ".join(str(said).split()))])
        else:
            cursor.execute("release savepoint messages")
            return done
    middle = len(messages) // 2
    return apply(app, connection, messages[:middle]).add(apply(app, connection, messages[middle:]))


def _is_poison(error: psycopg2.Error | UnicodeError) -> bool:
    return isinstance(error, UnicodeError) or (error.pgcode or "").startswith(_POISON)


def sentence(error: psycopg2.Error | UnicodeError) -> PgscoreError:
    """The sentence of an error, of the class that says whether to try again."""
    if isinstance(error, UnicodeError):
        return PgscoreError(f"a text does not fit the encoding of the connection: {error}")
    refused = as_refusal(error)
    if isinstance(refused, UnreachableError | BusyError):
        return refused
    code = error.pgcode or ""
    if code.startswith(_PASSING) or code == _CANCELED:
        return BusyError(str(refused), refused.hint, code)
    return refused
