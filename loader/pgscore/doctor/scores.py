"""Which version gave the scores that stand in profiles, which have none, and what is left in the queue."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from .binding import literal
from .finding import Finding, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .binding import Binding
    from .comparison import Sight
    from .look import Look

_SECONDS = 5
_LEFT = 1000


@dataclass(frozen=True)
class _Scored:
    version: int | None
    is_scored: bool
    rows: int
    method: str
    rows_read: int
    cost: float


def check_scores(look: Look, binding: Binding) -> Iterator[Finding]:
    """Rows that another version scored than the one that serves, and rows without a score."""
    if binding.serving is None or not binding.has_score_column:
        return
    began = time.monotonic()
    look.limit(0 if look.full else _SECONDS)
    try:
        with look.trying():
            found = look.rows(
                _Scored,
                "select version, is_scored, rows, method, rows_read, cost from pgscore._count_versions("
                "%s::regclass, (parse_ident(%s))[1]::name, (parse_ident(%s))[1]::name, %s)",
                (binding.profile, binding.version_column, binding.score_column, look.full),
            )
    except psycopg2.errors.QueryCanceled:
        yield Finding("too-slow", binding.name, f"{_SECONDS} seconds were not enough to count the versions of a sample")
        return
    look.unlimit()
    if not found:
        return
    rows, how = sum(each.rows for each in found), found[0]
    of = f"of about {rows:,} rows, by a sample of {how.rows_read:,}" if how.method == "sample" else f"of {rows:,} rows"
    yield from _told(binding, found, f"{of} (cost {how.cost:,.0f} by the planner, {time.monotonic() - began:.1f} s)")


def _told(binding: Binding, found: list[_Scored], of: str) -> Iterator[Finding]:
    serving, remedy = (
        binding.serving,
        f"call pgscore.rescore({literal(binding.model)}, {literal(binding.profile or '')});",
    )
    others = sorted(
        (each for each in found if each.is_scored and each.version not in (None, serving)),
        key=lambda e: e.version or 0,
    )
    if others:
        listed = ", ".join(f"{each.rows:,} by version {each.version}" for each in others)
        sentence = f"{of} {listed} were scored, and version {serving} of model {binding.model} serves"
        yield Finding("rows-outdated", binding.name, sentence, remedy, binding.owner)
    unscored = sum(each.rows for each in found if not each.is_scored)
    if unscored:
        sentence = f"{of} {unscored:,} have no score: they changed last before a version served, or lack an input"
        yield Finding("rows-unscored", binding.name, sentence, remedy, binding.owner)


def check_queue(look: Look, binding: Binding, sight: Sight) -> Iterator[Finding]:
    """What transactions that are over have left in the queue: nothing does it any more."""
    if not sight.has_queue:
        return
    try:
        with look.trying(), look.connection.cursor() as cursor:
            cursor.execute(f"lock table {sight.queue} in access share mode nowait")
    except psycopg2.errors.LockNotAvailable:
        return
    left = look.value(f"select count(*) from (select from {sight.queue} limit {_LEFT}) q")  # noqa: S608  quoted there
    if left:
        many = f"{left:,} rows" if left < _LEFT else f"{_LEFT:,} rows or more"
        sentence = f"{many} of transactions that are over stand in {sight.queue}: what they bring was not done"
        remedy = joined(f"delete from {sight.queue};", binding.reconcile)  # noqa: S608
        yield Finding("queue-left", binding.name, sentence, remedy, binding.owner)
