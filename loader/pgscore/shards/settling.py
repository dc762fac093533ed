"""Ending what a client has left that died in the middle of a release: in all databases as in the first one."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from pgscore.errors import BusyError, DeniedError, PgscoreError, UnreachableError

from . import prepared
from .shard import Shard, at, fate, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .prepared import PreparedRelease

    # What was left, by the release's tag.
    _Left = Mapping[str, Sequence[tuple[Shard, PreparedRelease]]]

_PAUSE = 0.05


@dataclass(frozen=True)
class Settled:
    """A prepared release that is over now.

    Attributes:
        database: where, as ``host:port/name``.
        what: what it was, such as ``promote churn 2``.
        committed: whether it was committed, and not rolled back.
    """

    database: str
    what: str
    committed: bool


def settle(dsns: Sequence[str]) -> list[Settled]:
    """Ends releases in several databases that were prepared and left: whoever began them has died.

    A release that the first of its databases has committed is committed in the others; any other is rolled back, there
    first. Whoever lives on finds out, and says that somebody has taken the release back.

    Args:
        dsns: connection strings of the databases that took part: those where something is left, and the first one.

    Raises:
        DeniedError: another role has prepared it: nothing was ended.
        PgscoreError: the first database of a release is not among them, or does not remember: nothing was ended.
        UnreachableError: a connection was lost; given again, it ends the rest.
    """
    with ExitStack() as stack:
        return settle_within(joined(dsns, stack))


def settle_within(shards: Sequence[Shard]) -> list[Settled]:
    """What `settle` does, over connections of the caller's."""
    left = _left(shards)
    firsts = {shard.identity: shard for shard in shards}
    for parts in left.values():
        _check(parts, firsts)
    return [
        each
        for parts in left.values()
        for each in _settle(sorted(parts, key=lambda p: p[1].number), firsts[parts[0][1].first])
    ]


def _left(shards: Sequence[Shard]) -> _Left:
    """What is prepared, by release, when those who may be alive had time to end it."""
    until = time.monotonic() + prepared.SECONDS
    while True:
        left: dict[str, list[tuple[Shard, PreparedRelease]]] = defaultdict(list)
        for shard in shards:
            with at(shard.name):
                for each in prepared.prepared_within(shard.connection):
                    left[each.tag].append((shard, each))
        if time.monotonic() > until or all(each.is_left for parts in left.values() for _, each in parts):
            return left
        time.sleep(_PAUSE)


def _check(parts: Sequence[tuple[Shard, PreparedRelease]], firsts: Mapping[str, Shard]) -> None:
    for shard, each in parts:
        if each.owner != shard.role and not shard.is_superuser:
            raise DeniedError(
                f"{each.what} is prepared in {shard.name} since {each.prepared:%Y-%m-%d %H:%M} and not over, and only"
                f" {each.owner} or a superuser may end it",
                "pgscore settle, with --dsn for each of its databases, as that role.",
            )
    shard, each = parts[0]
    said = f"{each.what} is prepared in {shard.name} since {each.prepared:%Y-%m-%d %H:%M} and not over"
    if each.first not in firsts:
        cluster, database = each.first.split("-")
        raise BusyError(
            f"{said}, and the first of its {each.many} databases, which decides whether it is committed, is not given",
            f"Give it, too: pgscore settle --dsn … --dsn …. It has oid {database} in pg_database, in the cluster"
            f" {cluster} by pg_control_system().",
        )
    if 1 not in (release.number for _, release in parts):
        first = firsts[each.first]
        with at(first.name):
            if fate(first.connection, each.transaction) is None:
                raise PgscoreError(
                    f"{said}, and {first.name} cannot say what became of its transaction {each.transaction}, which"
                    " decides whether it is committed",
                    f"See with `pgscore show` what serves there, and commit prepared '{each.name}', or rollback"
                    " prepared.",
                )


def _settle(parts: Sequence[tuple[Shard, PreparedRelease]], first: Shard) -> list[Settled]:
    settled = []
    one = parts[0][1]
    if one.number == 1:
        # Whoever gets there first decides it; the server lets nobody else.
        committed = _ended(first, one, commit=False)
        settled.append(Settled(first.name, one.what, committed))
        parts = parts[1:]
    else:
        with at(first.name):
            committed = bool(fate(first.connection, one.transaction))
    for shard, each in parts:
        settled.append(Settled(shard.name, each.what, committed))
        # Its own transaction's number is in no name; somebody who ended it meanwhile has done the same.
        with at(shard.name):
            _end_here(shard, each, commit=committed)
    return settled


def _ended(first: Shard, each: PreparedRelease, *, commit: bool) -> bool:
    ended = first.end(each.name, each.transaction, commit=commit)
    if ended is None:
        raise UnreachableError(
            f"{each.what} is prepared in {first.name}, and could not be ended there: nothing was changed",
            "The same command, given again, ends it.",
        )
    return ended


def _end_here(shard: Shard, each: PreparedRelease, *, commit: bool) -> None:
    try:
        shard.run(f"{'commit' if commit else 'rollback'} prepared '{each.name}'")
    except psycopg2.errors.UndefinedObject:
        return
