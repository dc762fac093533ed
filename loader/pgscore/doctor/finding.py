"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import psycopg2

from pgscore.database import as_refusal
from pgscore.errors import PgscoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from psycopg2.extensions import connection as Connection  # noqa: N812

    Check = Callable[..., Iterable["Finding"]]

Level = Literal["ok", "warning", "problem"]

INSTALL = "Install docker/requirements-server.txt for that Python, where the server's PYTHONPATH points."
_PRIVILEGE = "42501"


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor looked at.

    Attributes:
        level: ``ok``, ``warning`` (works, or could not be checked), ``problem`` (does not work).
        subject: what was looked at: a part of the installation, a model, a table.
        sentence: how it is.
        remedy: what to do, or an empty string.
    """

    level: Level
    subject: str
    sentence: str
    remedy: str = ""


def guarded(connection: Connection, subject: str, check: Check, *arguments: Any) -> list[Finding]:  # noqa: ANN401
    """A check in a savepoint, so that one that fails leaves the transaction to the next."""
    with connection.cursor() as cursor:
        cursor.execute("savepoint pgscore_doctor")
        try:
            found = list(check(connection, *arguments))
        except psycopg2.Error as error:
            refusal = as_refusal(error)
            if connection.closed or isinstance(refusal, UnreachableError):
                raise
            cursor.execute("rollback to savepoint pgscore_doctor")
            if refusal.sqlstate == _PRIVILEGE and not str(refusal).startswith("model "):
                return [Finding("warning", subject, f"cannot be checked by you: {refusal}")]
            return [Finding("problem", subject, str(refusal), refusal.hint)]
        except PgscoreError as error:
            return [Finding("problem", subject, str(error), error.hint)]
        cursor.execute("release savepoint pgscore_doctor")
    return found
