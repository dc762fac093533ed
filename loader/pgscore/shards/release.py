"""Promotions and rollbacks in several databases: prepared in all of them, and then committed in all."""

from __future__ import annotations

import signal
import threading
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore import registry
from pgscore.database import rows
from pgscore.errors import BusyError, PgscoreError, UnreachableError

from .prepared import named
from .settling import settle_within
from .shard import at, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.records import Promoted

    from .settling import Settled
    from .shard import Shard

_ASKS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DIGEST = """
    select v.version, v.digest, p.digest as program
    from pgscore.model m join pgscore.model_version v on v.model = m.name
    left join pgscore.program p on p.model = v.model and p.version = v.version
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


def promote_everywhere(
    dsns: Sequence[str],
    model: str,
    version: int,
    *,
    engine: str | None = None,
    max_seconds: float = registry.MAX_SECONDS,
    despite_dependents: bool = False,
    settled: Callable[[Settled], None] = lambda _: None,
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
        settled: is told what an earlier release had left prepared, and how it was ended first.

    Raises:
        PgscoreError: a database refuses, or has another version of that number: nothing was changed anywhere.
        UnreachableError: a connection was lost. Nothing was changed, or the message says where it is prepared: the
            same call ends that first, and so does `settle`.
    """
    with ExitStack() as stack:
        shards = _ready(dsns, stack, settled)
        _check_same(shards, model, version)
        return _release(
            shards,
            f"promote {model} {version}",
            lambda connection: registry.promote_within(
                connection, model, version, engine, max_seconds, despite_dependents=despite_dependents
            ),
        )


def rollback_everywhere(
    dsns: Sequence[str],
    model: str,
    *,
    max_seconds: float = registry.MAX_SECONDS,
    despite_dependents: bool = False,
    settled: Callable[[Settled], None] = lambda _: None,
) -> list[ReleasedIn]:
    """Takes the latest promotion back in several databases, or in none of them.

    Args:
        dsns: as for `promote_everywhere`.
        model: the model's name.
        max_seconds: how long replaying the golden rows may take in each.
        despite_dependents: as for `rollback`.
        settled: as for `promote_everywhere`.

    Raises:
        PgscoreError: a database refuses, or would go back to another version than the others.
        UnreachableError: as for `promote_everywhere`.
    """
    with ExitStack() as stack:
        shards = _ready(dsns, stack, settled)
        return _release(
            shards,
            f"rollback {model} latest",
            lambda connection: registry.rollback_within(
                connection, model, max_seconds, despite_dependents=despite_dependents
            ),
            lambda: _check_same(shards, model, None),
        )


def _ready(dsns: Sequence[str], stack: ExitStack, settled: Callable[[Settled], None]) -> list[Shard]:
    """The databases, able to prepare, and without what another release has left."""
    shards = joined(dsns, stack)
    for shard in shards:
        if not shard.may_prepare:
            raise PgscoreError(
                f"{shard.name}: the server prepares no transactions, so it cannot take part in a release of several",
                "alter system set max_prepared_transactions = 10, and restart it.",
            )
    for each in settle_within(shards):
        settled(each)
    return shards


def _check_same(shards: Sequence[Shard], model: str, version: int | None) -> None:
    """Refuses where a version, or the one that answers, is not the same everywhere."""
    found = []
    for shard in shards:
        with at(shard.name):
            here = rows(shard.connection, _DIGEST, (model, version))
            if not here:
                raise PgscoreError(
                    f"model {model!r} has no version {version}", f"`pgscore publish {model} FILE` stores it there."
                )
            found.append(here[0])
    for shard, each in zip(shards, found, strict=True):
        number = each["version"]
        if (number, each["digest"]) != (found[0]["version"], found[0]["digest"]):
            which = (
                f"version {version} of {model} is another one in {shard.name} than"
                if version
                else f"{model} would go back to version {number} in {shard.name}, and to version {found[0]['version']}"
            )
            raise PgscoreError(
                f"{which} in {shards[0].name}: nothing was changed",
                "The same file is to be published in each, in the same order, by the same libraries, and with the same"
                " --golden; `pgscore show` lists versions.",
            )
        # Going back is never refused for that: what it goes back to served there.
        if version is not None and each["program"] != found[0]["program"]:
            raise PgscoreError(
                f"version {version} of {model} has another program in {shard.name} than in {shards[0].name}, though it"
                " is of the same file: nothing was changed",
                "Releases of pgscore that read it otherwise published it. Publish it in each by one of them, signed"
                " by another key or with another contract, or promote it in each with one --dsn.",
            )


def _release(
    shards: Sequence[Shard],
    what: str,
    work: Callable[[Connection], Promoted],
    check: Callable[[], None] = lambda: None,
) -> list[ReleasedIn]:
    done = []
    # What takes long; an interruption, or a refusal, closes the connections, and nothing has happened.
    for shard in shards:
        with at(shard.name):
            shard.run("begin")
            done.append(ReleasedIn(shard.name, work(shard.connection)))
    check()
    parts = _named(shards, what)
    with _undisturbed():
        _prepare(parts, what)
        _commit(parts, what)
    return done


@dataclass(frozen=True)
class _Part:
    """What is done in one of the databases: the name that it is prepared under, and its transaction's number."""

    shard: Shard
    name: str
    transaction: int

    def end(self, *, commit: bool) -> bool | None:
        return self.shard.end(self.name, self.transaction, commit=commit)


def _named(shards: Sequence[Shard], what: str) -> list[_Part]:
    tag = uuid.uuid4().hex[:8]
    numbers = []
    for shard in shards:
        with at(shard.name):
            numbers.append(shard.transaction())
    return [
        _Part(shard, named(what, tag, place, len(shards), shards[0].identity, numbers[0]), number)
        for place, (shard, number) in enumerate(zip(shards, numbers, strict=True), 1)
    ]


def _prepare(parts: Sequence[_Part], what: str) -> None:
    """Number 1 first: where it is not prepared nothing is, and what becomes of it decides the others."""
    tried: list[_Part] = []
    try:
        for part in parts:
            # It may be prepared although the answer was lost.
            tried.append(part)
            with at(part.shard.name):
                part.shard.run(f"prepare transaction '{part.name}'")
    except PgscoreError as error:
        left = [each for each in tried if each.end(commit=False) is None]
        if not left:
            raise
        raise UnreachableError(
            f"{error}; {what} may be prepared in {_places(left)}, and is committed nowhere", _settle_hint(parts)
        ) from None


def _commit(parts: Sequence[_Part], what: str) -> None:
    first, *others = parts
    committed = first.end(commit=True)
    if committed is None:
        # None of the others before this one: it is what tells how a release is ended.
        raise UnreachableError(
            f"{what} is prepared everywhere, and {first.shard.name} cannot be reached to commit it", _settle_hint(parts)
        )
    if not committed:
        for each in others:
            each.end(commit=False)
        raise BusyError(
            f"somebody has rolled {what} back in {first.shard.name} while it was prepared: nothing was changed",
            "pgscore settle does it, and another release that begins meanwhile. Try again.",
        )
    ended = [(each, each.end(commit=True)) for each in others]
    left = [each for each, done in ended if done is None]
    lost = [each for each, done in ended if done is False]
    if lost:
        raise PgscoreError(
            f"{what} is committed in {first.shard.name}, and somebody has rolled it back in {_places(lost)}",
            "Release it there by itself: the same command with one --dsn.",
        )
    if left:
        raise UnreachableError(
            f"{what} is prepared in {_places(left)}, which cannot be reached or refuses to commit; it is committed"
            " everywhere else",
            _settle_hint(parts),
        )


def _places(parts: Sequence[_Part]) -> str:
    return ", ".join(each.shard.name for each in parts)


def _settle_hint(parts: Sequence[_Part]) -> str:
    return f"The same command, given again, ends it first; so does pgscore settle with the same {len(parts)} databases."


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits, and what else asks to end: between the first commit and the last there is no way back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = {each: signal.signal(each, lambda number, _frame: asked.append(number)) for each in _ASKS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
