"""How the doctor asks: rows of a type, each question in a savepoint, none of them for ever."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg2

from pgscore.database import as_refusal
from pgscore.errors import PgscoreError, UnreachableError
from pgscore.progress import Step, no_step

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    Check = Callable[..., Iterable[Finding]]

Row = TypeVar("Row")

_PRIVILEGE, _CANCELED, _LOCKED = "42501", "57014", "55P03"
# A function, a table or a schema that is not there.
_UNDEFINED = ("42883", "42P01", "3F000", "42703")
# How long one question may take; and all that look into users' tables together.
_QUESTION_SECONDS = 30
_ROWS_SECONDS = 60.0
_SAVEPOINT = "pgscore_doctor"


@dataclass
class Look:
    """A look at a database, in one transaction that only reads.

    Attributes:
        connection: the connection.
        full: whether to compare all rows instead of some.
        step: is told what is looked at now.
        began: when it began, by the monotonic clock.
    """

    connection: Connection
    full: bool = False
    step: Step = no_step
    began: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Makes the transaction one that reads, waits for nobody, and depends on no setting of the session."""
        with self.connection.cursor() as cursor:
            # Names then come out qualified, and nobody's function stands in for one of the catalog's.
            cursor.execute(
                "set transaction isolation level read committed, read only;"
                " set local search_path = pg_catalog, pg_temp; set local jit = off; set local lock_timeout = '2s';"
                f" set local statement_timeout = '{_QUESTION_SECONDS}s';"
                " set local idle_in_transaction_session_timeout = 0"
            )

    def limit(self, seconds: float) -> None:
        """From now on a statement may take as long; 0: as long as it takes."""
        with self.connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", (f"{int(seconds * 1000)}ms",))

    def unlimit(self) -> None:
        """Back to what each question may take."""
        self.limit(_QUESTION_SECONDS)

    @property
    def has_time(self) -> bool:
        """Whether there is time to look into users' tables."""
        return self.full or time.monotonic() < self.began + _ROWS_SECONDS

    def ask(self, kind: type[Row], function: str, *arguments: Any) -> list[Row]:  # noqa: ANN401
        """The rows of a function of pgscore's, as a dataclass whose fields are columns."""
        columns = ", ".join(each.name for each in fields(kind))  # type: ignore[arg-type]
        places = ", ".join("%s" for _ in arguments)
        return self.rows(kind, f"select {columns} from pgscore.{function}({places})", arguments)  # noqa: S608  ours

    def rows(self, kind: type[Row], sql: str, parameters: Sequence[Any] | None = None) -> list[Row]:
        """The rows of a query, as a dataclass whose fields are its columns, in their order."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return [kind(*each) for each in cursor.fetchall()]

    def value(self, sql: str, parameters: Sequence[Any] | None = None) -> Any:  # noqa: ANN401
        """The value of a query that gives one."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            (found,) = cursor.fetchone() or (None,)
            return found

    def guarded(self, subject: str, check: Check, *arguments: Any) -> list[Finding]:  # noqa: ANN401
        """A check in a savepoint, so that one that fails leaves the transaction to the next."""
        self.step(f"looking at {subject}")
        with self.connection.cursor() as cursor:
            cursor.execute(f"savepoint {_SAVEPOINT}")
            try:
                found = list(check(self, *arguments))
            except psycopg2.Error as error:
                refusal = as_refusal(error)
                if self.connection.closed or isinstance(refusal, UnreachableError):
                    raise
                cursor.execute(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
                return [_failed(subject, refusal)]
            except PgscoreError as error:
                return [_failed(subject, error)]
            # Nothing was written, and what was locked is free again.
            cursor.execute(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
        return found

    @contextmanager
    def trying(self) -> Iterator[None]:
        """What fails in here leaves the transaction as it was."""
        with self.connection.cursor() as cursor:
            cursor.execute("savepoint pgscore_trying")
            try:
                yield
            except psycopg2.Error:
                if not self.connection.closed:
                    cursor.execute("rollback to savepoint pgscore_trying")
                raise
            cursor.execute("release savepoint pgscore_trying")


def _failed(subject: str, refusal: PgscoreError) -> Finding:
    if refusal.sqlstate == _PRIVILEGE:
        return Finding("cannot-look", subject, f"cannot be looked at by you: {refusal}")
    if refusal.sqlstate == _CANCELED:
        return Finding("too-slow", subject, f"could not be looked at in {_QUESTION_SECONDS} seconds")
    if refusal.sqlstate == _LOCKED:
        return Finding("cannot-look", subject, "could not be looked at: somebody holds what it is about")
    if refusal.sqlstate in _UNDEFINED and "pgscore" in str(refusal):
        return Finding("half-installed", subject, str(refusal), "pgscore upgrade")
    return Finding("check-failed", subject, str(refusal), refusal.hint)
