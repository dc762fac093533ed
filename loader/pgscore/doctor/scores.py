"""Which version gave the scores that stand in profiles, which have none, and what is left in the queue."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from .comparison import part
from .counters import cost
from .finding import Finding, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .binding import Binding
    from .comparison import Sight
    from .look import Look

_SECONDS = 5
# Up to this cost, by the planner's reckoning, all rows are counted: from an index, where there is one.
_CHEAP = 20_000.0
_LEFT = 1000


@dataclass(frozen=True)
class _Scored:
    version: int | None
    rows: int
    unscored: int


def check_scores(look: Look, binding: Binding) -> Iterator[Finding]:
    """Rows that another version scored than the one that serves, and rows without a score."""
    if binding.serving is None or not binding.has_score_column:
        return
    version = binding.version_column or "null::integer"
    query = f"""
        select {version}, count(*), count(*) filter (where {binding.score_column} is null)
        from {binding.profile} {{sample}} group by 1
    """  # noqa: S608  the database has quoted the names
    every = query.replace("{sample}", "")
    price = cost(look, every)
    is_whole = look.full or price <= _CHEAP
    if not is_whole:
        share = part(look.value("select pgscore._doctor_pages(%s)", (binding.profile,)))
        every = query.replace("{sample}", f"tablesample system ({share})")
        price = cost(look, every)
    began = time.monotonic()
    look.limit(0 if look.full else _SECONDS)
    try:
        with look.trying():
            found = look.rows(_Scored, every)
    except psycopg2.errors.QueryCanceled:
        sentence = f"{_SECONDS} seconds were not enough to count the versions of a sample (cost {price:,.0f})"
        yield Finding("too-slow", binding.name, sentence)
        return
    look.unlimit()
    rows = sum(each.rows for each in found)
    of = f"of {rows:,} rows" if is_whole else f"of a sample of {rows:,} rows"
    yield from _told(binding, found, f"{of} (cost {price:,.0f} by the planner, {time.monotonic() - began:.1f} s)")


def _told(binding: Binding, found: list[_Scored], of: str) -> Iterator[Finding]:
    table, score, serving = binding.profile, binding.score_column, binding.serving
    others = sorted((each for each in found if each.version not in (None, serving)), key=lambda e: e.version or 0)
    if others:
        listed = ", ".join(f"{each.rows:,} by version {each.version}" for each in others)
        sentence = f"{of} {listed} were scored, and version {serving} of model {binding.model} serves"
        remedy = f"update {table} set {score} = null where {binding.version_column} <> {serving};"  # noqa: S608
        yield Finding("rows-outdated", binding.name, sentence, remedy, binding.owner)
    unscored = sum(each.unscored for each in found)
    if unscored:
        sentence = f"{of} {unscored:,} have no score: they changed last before a version served, or lack an input"
        remedy = f"update {table} set {score} = null where {score} is null;"  # noqa: S608
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
