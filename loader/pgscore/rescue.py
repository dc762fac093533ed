"""Takes away what pgscore left beside users' tables where its schema is gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .database import Database, rows, transaction
from .errors import PgscoreError

# In an installed package, and in a checkout.
_FOLDERS = (Path(__file__).parent / "_sql", Path(__file__).parents[2] / "sql")


@dataclass(frozen=True)
class LeftOver:
    """Something of pgscore's that no binding needs.

    Attributes:
        kind: ``trigger``, ``function``, ``table``.
        object: its name.
        on_table: a trigger's table, else None.
        owner: who owns it, or the trigger's table.
        state: ``removed``; ``left over``: it can be, in a dry run; ``not yours``: its owner can, or a superuser;
            ``in use``: a view, a trigger or the like of a user's needs it; ``locked``: somebody is at the table.
    """

    kind: str
    object: str
    on_table: str | None
    owner: str
    state: str


def rescue(database: Database, *, dry_run: bool = False) -> list[LeftOver]:
    """Removes triggers, functions and tables of pgscore's that no binding needs; data stays as it is.

    That is what ``drop schema pgscore cascade`` and copies of schemas leave: triggers that fail every insert. An owner
    of tables calls it for their own, a superuser for all. It needs nothing of pgscore's in the database.

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
        return [LeftOver(**each) for each in rows(connection, _script())]


def _script() -> str:
    for folder in _FOLDERS:
        path = folder / "rescue.sql"
        if path.is_file():
            return path.read_text(encoding="ascii")
    raise PgscoreError(f"{_FOLDERS[0] / 'rescue.sql'} is missing", "Install pgscore again.")
