"""Where a consumer of the outbox keeps how far it has come."""

from __future__ import annotations

import os
import re
import tempfile
from typing import TYPE_CHECKING, Protocol

from pgscore.database import rows, transaction
from pgscore.errors import BusyError, PgscoreError

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection  # noqa: N812

_POSITION = re.compile(r"[0-9a-f]{8}[.][0-9]{1,10}/[0-9]{1,18}/[0-9]{1,18}")


class KeptPosition(Protocol):
    """How far a consumer has come."""

    def load(self, connection: Connection) -> str | None:
        """The position; None: it has not begun."""

    def store(self, connection: Connection, position: str) -> None:
        """Keeps a position, for good when it returns."""


class NoPosition:
    """Keeps nothing: each run begins anew."""

    def load(self, connection: Connection) -> str | None:
        """None."""
        return None

    def store(self, connection: Connection, position: str) -> None:
        """Keeps nothing."""


class FilePosition:
    """Keeps the position in a file, which is replaced as a whole.

    Args:
        path: the file; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, connection: Connection) -> str | None:
        """What the file holds; None where there is none.

        Raises:
            PgscoreError: it cannot be read, or holds no position.
        """
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PgscoreError(f"{self._path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            text = ""
        if not _POSITION.fullmatch(text):
            raise PgscoreError(
                f"{self._path} holds no position such as 5e1c08ab.1/7423/15",
                "Name the file that pgscore listen has written, or one that is not there yet.",
            )
        return text

    def store(self, connection: Connection, position: str) -> None:
        """Writes another file, and puts it in the place of this one: a crash leaves one of the two.

        Raises:
            PgscoreError: it cannot be written.
        """
        name = ""
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(f"{position}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except OSError as error:
            if name and os.path.exists(name):
                os.unlink(name)
            raise PgscoreError(f"{self._path} cannot be written: {error.strerror}") from None


class TablePosition:
    """Keeps the position in ``pgscore.change_consumer``, for the role that is connected.

    Args:
        name: the consumer's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: str | None = None

    def load(self, connection: Connection) -> str | None:
        """What the table holds; None where there is no such consumer yet."""
        with transaction(connection):
            found = rows(
                connection,
                "select position from pgscore.change_consumer where reader = current_user::regrole and name = %s",
                (self._name,),
            )
        self._last = found[0]["position"] if found else None
        return self._last

    def store(self, connection: Connection, position: str) -> None:
        """Moves the consumer on.

        Raises:
            BusyError: somebody else has moved it meanwhile.
            UnreachableError: the connection was lost; the position may be stored or not.
        """
        with transaction(connection):
            # Where the connection was lost at COMMIT it may be there already.
            moved = rows(
                connection,
                "insert into pgscore.change_consumer as c (name, position) values (%s, %s)"
                " on conflict (reader, name) do update set position = excluded.position, moved_at = now()"
                " where c.position in (%s, excluded.position) returning c.position",
                (self._name, position, self._last),
            )
        if not moved:
            raise BusyError(
                f"somebody else has moved the consumer {self._name} meanwhile",
                "One listener at a time goes on for a consumer; give the other one another name.",
            )
        self._last = position
