"""Attaching event tables to profile tables, and detaching them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pgscore.database import Database, row, rows

from .transactions import read_committed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True)
class Advice:
    """What the database advises to do for a binding.

    Attributes:
        cause: ``index``: one is missing that recounts want.
        sentence: how it is.
        statements: the SQL to run, in this order, each outside of a transaction; of a partitioned table they make the
            index on each partition.
    """

    cause: Literal["index"]
    sentence: str
    statements: list[str]


@dataclass(frozen=True)
class Attached:
    """What came of attaching tables.

    Attributes:
        binding: the binding's name.
        uncounted: how many profiles wait for `reconcile` to count the events from before the tables were attached.
        advice: indexes that the database advises to make.
        number: the binding's number in ``pgscore.binding``.
    """

    binding: str
    uncounted: int
    advice: list[Advice]
    number: int


@dataclass(frozen=True)
class Removed:
    """What went when tables were detached.

    Attributes:
        kind: ``binding``, ``trigger``, ``function`` or ``table``.
        name: what it was called, as SQL names it; a trigger with its table.
    """

    kind: Literal["binding", "trigger", "function", "table"]
    name: str


def attach(
    database: Database,
    model: str,
    events: str,
    profile: str,
    *,
    event_key: str | Sequence[str],
    profile_key: str | Sequence[str],
    reducers: str | Sequence[Mapping[str, object]],
    score: str,
    version: str | None = None,
    scored_at: str | None = None,
    timing: str = "commit",
    on_error: str = "keep",
    on_missing: str = "ignore",
    max_scoring_ms: int | None = None,
    log: bool = True,
    backfill: bool | None = None,
    without_index: bool = False,
    notify_above: float | None = None,
    notify_below: float | None = None,
    changes: bool = False,
    reasons: str | None = None,
    top: int = 3,
) -> Attached:
    """Attaches an event table to a profile table: from now on its events move counters and the score of a model.

    Called again it changes timing, policies, log, reasons and what is told, and mends triggers.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name; it need not be published yet.
        events: the table that applications insert into, as SQL names it: ``shop."Order Lines"``.
        profile: the table whose counters move and whose rows are scored.
        event_key: the events' column, or columns, that name the profile.
        profile_key: the profile's column, or columns, that they name.
        reducers: how events change the profile, as a list or as JSON: ``[{"column": "n", "aggregate": "count"}]``.
        score: the profile's column for the score.
        version: the profile's column for the version that gave it.
        scored_at: the profile's column for the time of the score.
        timing: ``commit`` or ``statement``: when profiles change.
        on_error: ``keep`` or ``abort``: what a row that cannot be scored does to the transaction.
        on_missing: ``ignore``, ``insert`` or ``error``: what is done about events without a profile.
        max_scoring_ms: milliseconds after which the rest of many rows goes without a score.
        log: whether scores are written to the prediction log.
        backfill: whether to count in this transaction what the tables hold (True), or in `reconcile` (False); without
            it their size decides.
        without_index: whether a large event table is attached although no index finds the events of a profile; it is
            refused otherwise, before anything is counted, with the statements that make the index as hint.
        notify_above: NOTIFY ``pgscore`` tells of scores that rise above it (`pgscore.changes`); None: of none.
        notify_below: the same of scores that fall below it.
        changes: whether changes of the score are written to ``pgscore.score_change``, for consumers.
        reasons: the profile's column, ``jsonb`` or ``text[]``, for the inputs that add most to the score.
        top: how many of them.

    Raises:
        PgscoreError: the tables cannot be attached like this, or the caller may not attach them.
    """
    with read_committed(database) as connection:
        name = row(
            connection,
            "select pgscore.attach(%s, %s, %s, %s::name[], %s::name[], %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, %s, %s, %s, %s) as name",
            (
                *(model, events, profile, _columns(event_key), _columns(profile_key)),
                *(
                    reducers if isinstance(reducers, str) else json.dumps(list(reducers), ensure_ascii=False),
                    score,
                    version,
                    scored_at,
                ),
                *(timing, on_error, on_missing, max_scoring_ms, log, backfill, without_index),
                *(notify_above, notify_below, changes, reasons, top),
            ),
        )["name"]
        number = row(
            connection,
            "select number from pgscore.binding where (events, profile, model) = (%s::regclass, %s::regclass, %s)",
            (events, profile, model),
        )["number"]
        advice = rows(connection, "select a.* from pgscore._advice(%s) a where a.cause = 'index'", (number,))
        return Attached(name, _uncounted(connection, number), [Advice(**each) for each in advice], number)


def detach(database: Database, events: str, profile: str, *, model: str | None = None) -> list[Removed]:
    """Detaches an event table from a profile table: triggers and generated functions go, the data stays as it is.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        events: the event table.
        profile: the profile table.
        model: the model whose binding goes; without it all bindings of the two tables do.

    Returns:
        What went.

    Raises:
        PgscoreError: they are not attached, or the caller may not detach them.
    """
    with read_committed(database) as connection:
        return _removed(connection, "select * from pgscore.detach(%s, %s, %s)", (events, profile, model))


def detach_bindings(database: Database, *names: str) -> list[Removed]:
    """Detaches bindings by their names, together; it works where their tables were dropped, too.

    Returns:
        What went.

    Raises:
        PgscoreError: there is none of that name, or the caller may not detach it.
    """
    with read_committed(database) as connection:
        return _removed(connection, "select * from pgscore.detach(%s::text[])", (list(names),))


def _uncounted(connection: Connection, binding: int) -> int:
    found = row(
        connection,
        "select count(*) as many from pgscore.stale_row where binding = %s and cause = 'backfill'",
        (binding,),
    )
    return int(found["many"])


def _columns(key: str | Sequence[str]) -> list[str]:
    return [key] if isinstance(key, str) else list(key)


def _removed(connection: Connection, sql: str, parameters: Sequence[object]) -> list[Removed]:
    return [Removed(each["kind"], each["object"]) for each in rows(connection, sql, parameters)]
