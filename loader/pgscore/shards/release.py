"""Promotions and rollbacks in several databases: prepared in all of them, and then committed in all."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import psycopg2

from pgscore import registry
from pgscore.database import as_refusal, connect, row, rows
from pgscore.errors import BusyError, PgscoreError, UnreachableError

from .prepared import named, prepared_releases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.records import Promoted

    from .prepared import PreparedRelease

_TRIES, _PAUSE = 4, 1.0
_WHO = """
    select s.system_identifier || '-' || d.oid as identity, current_database() as name,
        current_setting('max_prepared_transactions')::integer as may_prepare
    from pg_catalog.pg_control_system() s, pg_catalog.pg_database d where d.datname = current_database()
"""
_DIGEST = """
    select v.version, v.digest from pgscore.model m join pgscore.model_version v on v.model = m.name
    where m.name = %s and v.version = coalesce(%s, m.serving)
"""


@dataclass(frozen=True)
class ReleasedIn:
    """What a release did in one of several databases.

    Attributes:
        database: where, as ``host:port/name``.
        promoted: what it did there.
    """

    database: str
    promoted: Promoted


@dataclass(frozen=True)
class _Shard:
    """A database that takes part; its connection leaves transactions to us."""

    dsn: str
    connection: Connection
    name: str
    identity: str
    may_prepare: int

    def run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)


def promote_everywhere(
    dsns: Sequence[str],
    model: str,
    version: int,
    *,
    engine: str | None = None,
    max_seconds: float = registry.MAX_SECONDS,
    despite_dependents: bool = False,
) -> list[ReleasedIn]:
    """Makes a version the one that answers in several databases, or in none of them.

    Each promotion is prepared, and when all are, all are committed. Who asks between two commits may see the former
    version in one database and the new one in another.

    Args:
        dsns: connection strings, of different databases, whose servers have ``max_prepared_transactions`` above 0.
        model: the model's name.
        version: the version's number: the same version, by its digest, in each.
        engine: as for `promote`; without it each database takes those that it measures to be the fastest.
        max_seconds: how long replaying the golden rows may take in each.
        despite_dependents: as for `promote`.

    Raises:
        PgscoreError: a database refuses, or has another version of that number: nothing was changed anywhere.
        UnreachableError: a connection was lost. Nothing was changed, or the message says which command ends what is
            prepared.
    """
    with ExitStack() as stack:
        shards = _joined(dsns, stack)
        _check_same(shards, model, version)
        return _release(
            shards,
            f"promote {model} {version}",
            lambda connection: registry.promote_within(
                connection, model, version, engine, max_seconds, despite_dependents=despite_dependents
            ),
        )


def rollback_everywhere(
    dsns: Sequence[str], model: str, *, max_seconds: float = registry.MAX_SECONDS, despite_dependents: bool = False
) -> list[ReleasedIn]:
    """Takes the latest promotion back in several databases, or in none of them.

    Args:
        dsns: as for `promote_everywhere`.
        model: the model's name.
        max_seconds: how long replaying the golden rows may take in each.
        despite_dependents: as for `rollback`.

    Raises:
        PgscoreError: a database refuses, or would go back to another version than the others.
        UnreachableError: as for `promote_everywhere`.
    """
    with ExitStack() as stack:
        shards = _joined(dsns, stack)
        return _release(
            shards,
            f"rollback {model} latest",
            lambda connection: registry.rollback_within(
                connection, model, max_seconds, despite_dependents=despite_dependents
            ),
            lambda: _check_same(shards, model, None),
        )


def _joined(dsns: Sequence[str], stack: ExitStack) -> list[_Shard]:
    """The databases, in one order for all who release, so that two of them do not wait for each other."""
    shards = sorted((_connected(dsn, stack) for dsn in dsns), key=lambda shard: shard.identity)
    for one, other in pairwise(shards):
        if one.identity == other.identity:
            raise PgscoreError(f"{one.name} is given twice", "Name each database once.")
    for shard in shards:
        if not shard.may_prepare:
            raise PgscoreError(
                f"{shard.name}: the server prepares no transactions, so it cannot take part in a release of several",
                "alter system set max_prepared_transactions = 10, and restart it.",
            )
    left = [(shard, each) for shard in shards for each in prepared_releases(shard.connection)]
    if left:
        _refuse_left(shards, left)
    return shards


def _connected(dsn: str, stack: ExitStack) -> _Shard:
    connection = stack.enter_context(closing(connect(dsn)))
    connection.autocommit = True
    info = connection.info
    name = f"{info.host}:{info.port}/{info.dbname}"
    with _at(name):
        found = row(connection, _WHO)
    return _Shard(dsn, connection, name, found["identity"], found["may_prepare"])


def _refuse_left(shards: Sequence[_Shard], left: Sequence[tuple[_Shard, PreparedRelease]]) -> None:
    """Says what ends releases that are prepared and not over."""
    given = {shard.identity for shard in shards}
    begun = {each.first for _, each in left if each.number == 1}
    sentences = []
    for shard, each in left:
        if each.first in begun:
            sentences.append(f"in {shard.name}: {each.rollback}")
        elif each.first in given:
            sentences.append(f"in {shard.name}: {each.commit}")
        else:
            sentences.append(f"in {shard.name}: {each.commit}, or {each.rollback} where number 1 of it is prepared yet")
    shard, each = left[0]
    raise BusyError(
        f"{each.what} is prepared in {shard.name} since {each.prepared:%Y-%m-%d %H:%M}, and neither committed nor"
        " rolled back: whoever began it has died",
        f"{'; '.join(sentences)}. As {each.owner}, or as a superuser.",
    )


def _check_same(shards: Sequence[_Shard], model: str, version: int | None) -> None:
    """Refuses where a version, or the one that answers, is not the same everywhere."""
    found = []
    for shard in shards:
        with _at(shard.name):
            here = rows(shard.connection, _DIGEST, (model, version))
            if not here:
                raise PgscoreError(
                    f"model {model!r} has no version {version}", f"`pgscore publish {model} FILE` stores it there."
                )
            found.append((here[0]["version"], here[0]["digest"]))
    for shard, (number, digest) in zip(shards, found, strict=True):
        if (number, digest) != found[0]:
            which = (
                f"version {version} of {model} is another one in {shard.name} than"
                if version
                else f"{model} would go back to version {number} in {shard.name}, and to version {found[0][0]}"
            )
            raise PgscoreError(
                f"{which} in {shards[0].name}: nothing was changed",
                "The same file is to be published in each, in the same order; `pgscore show` lists versions.",
            )


def _release(
    shards: Sequence[_Shard],
    what: str,
    work: Callable[[Connection], Promoted],
    check: Callable[[], None] = lambda: None,
) -> list[ReleasedIn]:
    done = []
    # What takes long; an interruption, or a refusal, closes the connections, and nothing has happened.
    for shard in shards:
        with _at(shard.name):
            shard.run("begin")
            done.append(ReleasedIn(shard.name, work(shard.connection)))
    check()
    tag = uuid.uuid4().hex[:8]
    names = [named(what, tag, number, len(shards), shards[0].identity) for number in range(1, len(shards) + 1)]
    with _undisturbed():
        _prepare(shards, names)
        _commit(shards, names, what)
    return done


def _prepare(shards: Sequence[_Shard], names: Sequence[str]) -> None:
    tried: list[tuple[_Shard, str]] = []
    try:
        for shard, name in zip(shards, names, strict=True):
            # It may be prepared although the answer was lost.
            tried.append((shard, name))
            with _at(shard.name):
                shard.run(f"prepare transaction '{name}'")
    except PgscoreError as error:
        # Number 1 comes last: while it is prepared, whoever finds the others knows that none is committed.
        left = [
            (shard, name) for shard, name in reversed(tried) if not _end(shard, f"rollback prepared '{name}'", name)
        ]
        if not left:
            raise
        ends = "; ".join(f"in {shard.name}: rollback prepared '{name}'" for shard, name in left)
        raise UnreachableError(f"{error}; it may be prepared there, and is to be rolled back", ends) from None


def _commit(shards: Sequence[_Shard], names: Sequence[str], what: str) -> None:
    first, *others = zip(shards, names, strict=True)
    if not _end(first[0], f"commit prepared '{first[1]}'", first[1]):
        # None of the others before this one: it is what tells how a release is ended.
        ends = "; ".join(f"in {shard.name}: commit prepared '{name}'" for shard, name in (first, *others))
        raise UnreachableError(
            f"{what} is prepared everywhere, and {first[0].name} cannot be reached to commit it; it is to be committed"
            " there, and then in the others",
            ends,
        )
    left = [(shard, name) for shard, name in others if not _end(shard, f"commit prepared '{name}'", name)]
    if left:
        ends = "; ".join(f"in {shard.name}: commit prepared '{name}'" for shard, name in left)
        where = ", ".join(shard.name for shard, _ in left)
        raise UnreachableError(
            f"{what} is prepared in {where}, which cannot be reached or refuses to commit; it is committed everywhere"
            " else, and is to be committed there",
            ends,
        )


def _end(shard: _Shard, sql: str, name: str) -> bool:
    """Ends a prepared transaction, by another connection if need be; whether it is over."""
    with suppress(psycopg2.Error):
        shard.run(sql)
        return True
    for attempt in range(_TRIES):
        with suppress(PgscoreError, psycopg2.Error), closing(connect(shard.dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("select from pg_catalog.pg_prepared_xacts where gid = %s", (name,))
                if cursor.rowcount:
                    cursor.execute(sql)
            return True
        if attempt < _TRIES - 1:
            time.sleep(_PAUSE)
    return False


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits: between the first commit and the last there is no way back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _at(name: str) -> Iterator[None]:
    """Has errors say in which database they were."""
    try:
        yield
    except psycopg2.Error as error:
        refused = as_refusal(error)
    except PgscoreError as error:
        refused = error
    else:
        return
    raise type(refused)(f"{name}: {refused}", refused.hint, refused.sqlstate)
