"""Bindings: attaching event tables to profile tables, detaching them, mending them, comparing counters with events."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .database import Database, connected, row, rows, transaction
from .errors import PgscoreError, UnreachableError
from .progress import Step, no_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_EXAMPLES = 20
_STEP = 500


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


@dataclass(frozen=True)
class Outdated:
    """A binding of which something stands otherwise than this release would generate it.

    Attributes:
        binding: its name.
        number: its number in ``pgscore.binding``.
        owner: the role that owns its tables.
        events: the event table.
        profile: the profile table.
        mine: whether the caller may reattach it.
        state: ``outdated``: as another release generated it, or for tables as they were; ``edited``: somebody has
            changed it; ``unfit``: the tables are to be mended first.
        reasons: what differs, a sentence for each.
    """

    binding: str
    number: int
    owner: str
    events: str
    profile: str
    mine: bool
    state: Literal["outdated", "edited", "unfit"]
    reasons: list[str]


@dataclass(frozen=True)
class Reattached:
    """What came of reattaching a binding.

    Attributes:
        binding: its name.
        problem: why it was left as it is, in a sentence; None: it was reattached.
        hint: what to do about that, or an empty string.
    """

    binding: str
    problem: str | None = None
    hint: str = ""


@dataclass(frozen=True)
class Reconciled:
    """How the counters of a binding compare with its events.

    Attributes:
        binding: the binding's name.
        checked: how many profiles were compared.
        differing: how many of them held other counters than their events give.
        examples: the first of these, each as its key and its differences; what an interrupted call had found before is
            not among them.
        repaired: whether they were mended.
        resumed: whether this went on where an earlier call was interrupted; profiles that it had compared were not
            compared again.
    """

    binding: str
    checked: int
    differing: int
    examples: list[str]
    repaired: bool
    resumed: bool = False


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
    with _read_committed(database) as connection:
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
    with _read_committed(database) as connection:
        return _removed(connection, "select * from pgscore.detach(%s, %s, %s)", (events, profile, model))


def detach_bindings(database: Database, *names: str) -> list[Removed]:
    """Detaches bindings by their names, together; it works where their tables were dropped, too.

    Returns:
        What went.

    Raises:
        PgscoreError: there is none of that name, or the caller may not detach it.
    """
    with _read_committed(database) as connection:
        return _removed(connection, "select * from pgscore.detach(%s::text[])", (list(names),))


def reattach(database: Database, events: str, profile: str) -> None:
    """Generates anew what belongs to the bindings of two tables, and follows columns that were renamed.

    Raises:
        PgscoreError: they are not attached, the caller may not mend them, or the tables do not fit any more.
    """
    with _read_committed(database) as connection, connection.cursor() as cursor:
        cursor.execute("select pgscore.reattach(%s, %s)", (events, profile))


def outdated(database: Database) -> list[Outdated]:
    """The bindings of which something stands otherwise than this release would generate it; reads the catalog only.

    Raises:
        PgscoreError: the caller may not read the bindings.
    """
    with _read_committed(database) as connection:
        found = rows(
            connection,
            "select name as binding, number, owner, events, profile, mine, state, reasons"
            " from pgscore._outdated_bindings()",
        )
        return [Outdated(**each) for each in found]


def reattach_outdated(database: Database, *, progress: Step = no_step) -> list[Reattached]:
    """Reattaches the outdated bindings that are the caller's, the tables of each in a transaction of their own.

    Applications go on inserting: each transaction holds their tables for a fraction of a second.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        progress: is told which binding it is at, for a progress display.

    Returns:
        What came of each: one that cannot be reattached does not keep the others from it.

    Raises:
        PgscoreError: the caller may not read the bindings, or the connection was lost.
    """
    done: list[Reattached] = []
    tables: dict[tuple[str, str], Reattached] = {}
    with connected(database) as connection:
        mine = [each for each in outdated(connection) if each.mine]
        for number, each in enumerate(mine):
            progress(f"reattaching {each.binding}", number, len(mine))
            pair = (each.events, each.profile)
            if each.state == "unfit":
                done.append(Reattached(each.binding, each.reasons[0]))
                continue
            if pair not in tables:
                tables[pair] = _reattached(connection, *pair)
            done.append(Reattached(each.binding, tables[pair].problem, tables[pair].hint))
    return done


def reconcile(
    database: Database, events: str, profile: str, *, repair: bool = True, progress: Step = no_step
) -> list[Reconciled]:
    """Compares the counters of all profiles with their events, some hundred at a time, each in a transaction.

    After an interruption it goes on where it was.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        events: the event table.
        profile: the profile table.
        repair: whether to mend counters that differ, and the scores with them.
        progress: is told how many profiles were compared, for a progress display.

    Returns:
        What was found, for each binding of the two tables.

    Raises:
        PgscoreError: they are not attached, or the caller may not change them.
    """
    with connected(database) as connection:
        with transaction(connection):
            found = row(connection, "select pgscore._bindings_to_reconcile(%s, %s) as numbers", (events, profile))
        return [_reconciled(connection, number, progress, repair=repair) for number in found["numbers"]]


def count_events(database: Database, attached: Attached, *, progress: Step = no_step) -> Reconciled:
    """Counts, for tables that were just attached, the events from before, as `reconcile` does for one binding.

    Raises:
        PgscoreError: the tables were detached meanwhile.
    """
    with connected(database) as connection:
        return _reconciled(connection, attached.number, progress, repair=True)


def _reconciled(connection: Connection, binding: int, progress: Step, *, repair: bool) -> Reconciled:
    with _read_committed(connection):
        name, profile = _named(connection, binding)
        total = int(row(connection, f"select count(*) as many from {profile}")["many"])  # noqa: S608  quoted there
    found = Reconciled(name, 0, 0, [], repair)
    finished = False
    while not finished:
        progress("comparing", min(found.checked, total), total)
        with _read_committed(connection):
            step = row(connection, "select * from pgscore._reconcile_step(%s, %s, %s)", (binding, repair, _STEP))
        examples = (found.examples + (step["examples"] or []))[:_EXAMPLES]
        resumed = found.resumed or step["checked"] > found.checked + _STEP
        found = Reconciled(name, step["checked"], step["differing"], examples, repair, resumed)
        finished = step["finished"]
    return found


@contextmanager
def _read_committed(database: Database) -> Iterator[Connection]:
    # Bindings are made and mended at no other level, whatever the database's default is.
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("set transaction isolation level read committed")
        yield connection


def _uncounted(connection: Connection, binding: int) -> int:
    found = row(
        connection,
        "select count(*) as many from pgscore.stale_row where binding = %s and cause = 'backfill'",
        (binding,),
    )
    return int(found["many"])


def _named(connection: Connection, binding: int) -> tuple[str, str]:
    """The binding's name, and its profile table, qualified and quoted: none that a session made."""
    found = row(
        connection,
        "select b.name, format('%%I.%%I', n.nspname, c.relname) as profile from pgscore.binding b"
        " join pg_catalog.pg_class c on c.oid = b.profile join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where b.number = %s",
        (binding,),
    )
    return found["name"], found["profile"]


def _columns(key: str | Sequence[str]) -> list[str]:
    return [key] if isinstance(key, str) else list(key)


def _removed(connection: Connection, sql: str, parameters: Sequence[object]) -> list[Removed]:
    return [Removed(each["kind"], each["object"]) for each in rows(connection, sql, parameters)]


def _reattached(connection: Connection, events: str, profile: str) -> Reattached:
    try:
        reattach(connection, events, profile)
    except UnreachableError:
        raise
    except PgscoreError as error:
        return Reattached("", str(error), error.hint)
    return Reattached("")
