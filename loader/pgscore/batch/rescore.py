"""Rescoring: brings the scores of a table up to the version that serves, in batches that commit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from pgscore.database import Database, connected, row, rows, transaction
from pgscore.errors import PgscoreError
from pgscore.progress import Step, no_step

from .target import make_target
from .workers import work_together

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Rescored:
    """What came of rescoring a table.

    Attributes:
        model: the model's name.
        profile: the table whose rows were scored.
        target: the table that scores were written to, or None where that was the profile table itself.
        version: the version that gave the scores.
        done: how many rows were looked at.
        changed: how many rows were written: those whose score or version changed.
        refused: how many rows the model refused; those of a profile table are listed in ``pgscore.stale``, in a target
            they stand with NULL.
        left: how many rows others held locked all the time; they stand as they were.
        resumed: whether this went on where an earlier call was interrupted, or joined another one; the counts are of
            both.
    """

    model: str
    profile: str
    target: str | None
    version: int
    done: int
    changed: int
    refused: int
    left: int
    resumed: bool


@dataclass(frozen=True)
class OwnersTable:
    """A table of somebody else's that a model scores.

    Attributes:
        profile: its name.
        owner: the role that owns it, and may have it rescored.
    """

    profile: str
    owner: str


@dataclass(frozen=True)
class _Wanted:
    model: str
    profile: str
    whole: bool
    into: str | None
    batch: int | None


def rescore(
    database: Database,
    model: str,
    profile: str,
    *,
    whole: bool = False,
    into: str | None = None,
    workers: int = 1,
    batch: int | None = None,
    progress: Step = no_step,
) -> Rescored:
    """Brings the scores of a profile table up to the version that serves, while the table is in use.

    It takes rows that another version scored, that no version has scored, or that are listed stale, in batches that
    commit. It waits for no lock: rows that others hold are tried again later. After an interruption it goes on where
    it was, and calls at the same time share the work.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2; with one worker a connection, too.
        model: the model's name.
        profile: the profile table, as SQL names it.
        whole: whether to score every row, and write those whose score differs.
        into: a table to which key, score, version and time of every row are written instead; it is made where there is
            none. The profile table need not be attached for it.
        workers: how many connections share the work.
        batch: how many rows a transaction takes; without it the database decides.
        progress: is told how many rows are done, for a progress display.

    Raises:
        DeniedError: the caller does not own the table, nor is a member of who does.
        NotFoundError: there is no such model or table, or it is not attached for the model.
        PgscoreError: no version serves, or a row cannot be written; what was committed before stands, and the next call
            goes on there.
    """
    if workers < 1:
        raise PgscoreError("rescoring takes at least one worker")
    if workers > 1 and isinstance(database, Connection):
        raise PgscoreError(
            "several workers need connections of their own, and one connection is given", "Give a connection string."
        )
    wanted = _Wanted(model, profile, whole, into, batch)
    with connected(database) as connection:
        progress("scoring")
        job = _start(connection, wanted, make=True)
        resumed = job["done"] > 0 and job["finished"] is None

        def work(worker: Connection, go_on: Callable[[], bool]) -> int | None:
            return _work(worker, wanted, go_on, progress)

        found = job["id"] if job["finished"] else work_together(database, connection, workers, work)
        with transaction(connection):
            told = row(
                connection,
                "select model, profile::text, target::text, version, done, changed, refused, left_out as left"
                " from pgscore.job where id = %s",
                (found,),
            )
    return Rescored(**told, resumed=resumed)


def rescore_model(
    database: Database, model: str, *, workers: int = 1, progress: Step = no_step
) -> tuple[list[Rescored], list[OwnersTable]]:
    """Rescores the tables that bindings of a model score, as far as they are the caller's.

    Args:
        database: as for `rescore`.
        model: the model's name.
        workers: how many connections share the work.
        progress: is told how many rows of each are done.

    Returns:
        What came of each table, and the tables whose owners have to do it.

    Raises:
        PgscoreError: as for `rescore`.
    """
    with transaction(database) as connection:
        found = rows(
            connection,
            "select t.profile::text, t.owner::text,"
            " (pgscore._owner_problem(t.profile, t.profile)).problem is null as mine"
            " from (select distinct b.profile, b.owner from pgscore.binding b"
            " join pg_catalog.pg_class c on c.oid = b.profile where b.model = %s) t order by 1",
            (model,),
        )
    done = [
        rescore(database, model, each["profile"], workers=workers, progress=progress) for each in found if each["mine"]
    ]
    return done, [OwnersTable(each["profile"], each["owner"]) for each in found if not each["mine"]]


def _start(connection: Connection, wanted: _Wanted, *, make: bool = False) -> dict[str, Any]:
    """The job, an unfinished one or a new one."""
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level read committed")
        if make and wanted.into is not None:
            made = make_target(connection, wanted.model, wanted.profile, wanted.into)
            if made is not None:
                return made
        return row(
            connection,
            "select * from pgscore._start_job(%s, %s, %s, %s, %s)",
            (wanted.model, wanted.profile, wanted.whole, wanted.into, wanted.batch),
        )


def _work(connection: Connection, wanted: _Wanted, go_on: Callable[[], bool], progress: Step) -> int | None:
    """Works until all is done, whoever else does; the job, or None where it was told to stop."""
    job: int | None = None
    while go_on():
        if job is None:
            job = _start(connection, wanted)["id"]
        with transaction(connection), connection.cursor() as cursor:
            cursor.execute("set transaction isolation level read committed")
            step = row(connection, "select * from pgscore._rescore_step(%s)", (job,))
        if step["state"] == "finished":
            return job
        if step["state"] == "anew":
            job = None
            continue
        progress("scoring", min(step["done"], step["total"]), step["total"])
        if step["waits"]:
            time.sleep(step["waits"])
    return None
