"""Takes away what pgscore left beside users' tables where its schema is gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .database import Database, rows, transaction
from .errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

# In an installed package, and in a checkout.
_FOLDERS = (Path(__file__).parent / "_sql", Path(__file__).parents[2] / "sql")
# Anybody may have made a schema of that name: only what the role of pgscore's owns is asked.
_MODELS = """
    select
        pg_catalog.pg_has_role('pgscore_owner', 'member')
            and pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as may
    from pg_catalog.pg_namespace n
    where n.nspname = 'pgscore' and n.nspowner = pg_catalog.to_regrole('pgscore_owner')
        and pg_catalog.to_regnamespace('pgscore_models') is null
"""
# As sql/core/schemas.sql makes it.
_MODELS_ANEW = """
    create schema pgscore_models authorization pgscore_owner;
    comment on schema pgscore_models is 'Functions that pgscore generates for promoted models';
    grant usage on schema pgscore_models to pgscore_publisher, pgscore_operator, pgscore_reader;
    select pgscore._restore_models();
"""


@dataclass(frozen=True)
class LeftOver:
    """Something of pgscore's that no binding needs, or that is missing.

    Attributes:
        kind: ``trigger``, ``function``, ``table``; ``schema``.
        object: its name.
        on_table: a trigger's table, else None.
        owner: who owns it, or the trigger's table.
        state: ``removed``; ``left over``: it can be, in a dry run; ``not yours``: its owner can, or a superuser;
            ``in use``: a view, a trigger or the like of a user's needs it; ``locked``: somebody is at the table;
            ``missing``: the schema pgscore_models is gone; ``made anew``: it is there again.
    """

    kind: str
    object: str
    on_table: str | None
    owner: str
    state: str


def rescue(database: Database, *, dry_run: bool = False) -> list[LeftOver]:
    """Removes triggers, functions and tables of pgscore's that no binding needs; data stays as it is.

    That is what ``drop schema pgscore cascade`` and copies of schemas leave: triggers that fail every insert. An owner
    of tables calls it for their own, a superuser for all. It needs nothing of pgscore's in the database. Where only the
    schema pgscore_models was dropped, whoever installed pgscore has it made anew: the same versions answer.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        dry_run: whether only to list what would be removed.

    Returns:
        What was found, with what became of it, in the order of removal.

    Raises:
        DeniedError: pgscore is there, and the caller may not read which tables are attached.
    """
    with transaction(database) as connection:
        rows(
            connection,
            "select pg_catalog.set_config('pgscore.rescue', %s, true)",
            ("list" if dry_run else "remove",),
        )
        found = [LeftOver(**each) for each in rows(connection, _script())]
        return [*found, *_models(connection, dry_run=dry_run)]


def _models(connection: Connection, *, dry_run: bool) -> Iterator[LeftOver]:
    for missing in rows(connection, _MODELS):
        state = "missing" if dry_run else "made anew" if missing["may"] else "not yours"
        if state == "made anew":
            rows(connection, _MODELS_ANEW)
        yield LeftOver("schema", "pgscore_models", None, "pgscore_owner", state)


def _script() -> str:
    for folder in _FOLDERS:
        path = folder / "rescue.sql"
        if path.is_file():
            return path.read_text(encoding="ascii")
    raise PgscoreError(f"{_FOLDERS[0] / 'rescue.sql'} is missing", "Install pgscore again.")
