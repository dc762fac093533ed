"""Engines that are off until a superuser turns them on: they run what publishers hand in by native code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .database import Database, rows, transaction
from .errors import PgscoreError

if TYPE_CHECKING:
    from datetime import datetime

ENGINES = ("onnx",)


@dataclass(frozen=True)
class AllowedEngine:
    """An engine that has to be turned on.

    Attributes:
        engine: its name.
        allowed: whether it is on.
        megabytes: how much memory a call of it may take in a backend; None where it is off.
        allowed_at: since when it is on, or None.
        allowed_by: the role that turned it on, or None.
        models: the models that it serves, or would serve if it were on.
    """

    engine: str
    allowed: bool
    megabytes: int | None
    allowed_at: datetime | None
    allowed_by: str | None
    models: list[str]


def allow_engine(database: Database, engine: str, megabytes: int | None = None) -> AllowedEngine:
    """Turns an engine on, or changes how much memory it may take.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        engine: ``onnx``, which lets whoever may publish have a graph run by onnxruntime.
        megabytes: how much memory a call may take in a backend, 64 to 1048576; without it what stands, or 1024.

    Raises:
        PgscoreError: the caller is no superuser, PL/Python is not installed, or there is no such engine.
    """
    _check(engine)
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into pgscore_trusted.allowed_engine (engine, megabytes) values (%(engine)s, coalesce(%(mb)s, 1024))"
            " on conflict (engine) do update set megabytes = coalesce(%(mb)s, allowed_engine.megabytes)",
            {"engine": engine, "mb": megabytes},
        )
    return allowed_engines(database)[ENGINES.index(engine)]


def forbid_engine(database: Database, engine: str) -> AllowedEngine:
    """Turns an engine off: sessions that have loaded something for it stop with their next statement.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        engine: ``onnx``.

    Raises:
        PgscoreError: the caller is no superuser, PL/Python is not installed, or there is no such engine.
    """
    _check(engine)
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute("delete from pgscore_trusted.allowed_engine where engine = %s", (engine,))
    return allowed_engines(database)[ENGINES.index(engine)]


def allowed_engines(database: Database) -> list[AllowedEngine]:
    """The engines that have to be turned on, and whether they are.

    Raises:
        PgscoreError: PL/Python is not installed, or the caller may not read the list.
    """
    with transaction(database) as connection:
        found = rows(
            connection,
            "select e.engine, a.engine is not null as allowed, a.megabytes, a.allowed_at, a.allowed_by,"
            " array(select m.name from pgscore.model m where e.engine in (m.one_engine, m.many_engine) order by 1)"
            " as models"
            " from unnest(%s) as e (engine) left join pgscore_trusted.allowed_engine a on a.engine = e.engine",
            (list(ENGINES),),
        )
    return [AllowedEngine(**each) for each in found]


def _check(engine: str) -> None:
    if engine not in ENGINES:
        raise PgscoreError(
            f"engine {engine!r} is none that is turned on and off", f"There is {', '.join(ENGINES)}; the others are on."
        )
