"""What is to be done from time to time: partitions, the log, jobs, and rows that wait to be rescored."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pgscore.database import Database, connected, row, rows, transaction
from pgscore.progress import Step, no_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

_YEAR, _WEEK, _HOUR, _MONTH = timedelta(days=365), timedelta(days=7), timedelta(hours=1), timedelta(days=30)


@dataclass(frozen=True)
class Maintained:
    """What came of a task.

    Attributes:
        task: ``partitions``, ``prune``, ``jobs`` or ``rescore``.
        model: the model, of `rescore`; else None.
        relation: the table.
        done: what was done, in a few words; None: it failed.
        problem: why it failed, in a sentence, or None.
    """

    task: Literal["partitions", "prune", "jobs", "rescore"]
    model: str | None
    relation: str
    done: str | None
    problem: str | None


def maintain(
    database: Database,
    *,
    keep: timedelta | None = _YEAR,
    keep_rows: int | None = None,
    step: timedelta = _WEEK,
    ahead: int = 4,
    rescores: bool = True,
    retry: timedelta = _HOUR,
    keep_jobs: timedelta = _MONTH,
    keep_changes: timedelta = _MONTH,
    progress: Step = no_step,
) -> list[Maintained]:
    """Does what is to be done from time to time, as far as it is the caller's: `call pgscore.maintain()`.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        keep: how old rows of the prediction log become; None: as old as they like.
        keep_rows: about how many of them are kept at least; None: all.
        step: the time that a partition of the log holds.
        ahead: how many of them are made ahead.
        rescores: whether rows that are outdated, stale or without a score are rescored.
        retry: how long rows that stay stale are left alone.
        keep_jobs: for how long jobs are kept.
        keep_changes: for how long changes of scores are kept, read or not.
        progress: is told which task it is at, for a progress display.

    Returns:
        What came of each task. One that fails does not keep the others from being done; none: nothing is the caller's.

    Raises:
        PgscoreError: the connection was lost, or the caller may not read the bindings.
    """
    done: list[Maintained] = []
    with connected(database) as connection:
        with _read_committed(connection):
            tasks = rows(
                connection,
                "select task, model, relation::oid::bigint as number, relation::text as relation"
                " from pgscore._maintenance_tasks(%s, %s)",
                (rescores, retry),
            )
        for number, task in enumerate(tasks):
            progress(f"{task['task']} {task['relation']}", number, len(tasks))
            done.append(_done(connection, task, (keep, keep_rows, step, ahead, keep_jobs, keep_changes)))
    return done


def _done(connection: Connection, task: dict[str, Any], options: tuple[object, ...]) -> Maintained:
    job = None
    while True:
        with _read_committed(connection):
            found = row(
                connection,
                "select * from pgscore._maintain_step(%s, %s, %s::oid::regclass, %s, %s, %s, %s, %s, %s, %s)",
                (task["task"], task["model"], task["number"], job, *options),
            )
        if found["state"] != "working":
            break
        job = found["unfinished"]
        time.sleep(found["waits"])
    failed = found["state"] == "failed"
    said = found["says"]
    return Maintained(task["task"], task["model"], task["relation"], None if failed else said, said if failed else None)


@contextmanager
def _read_committed(connection: Connection) -> Iterator[None]:
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level read committed")
        yield
