"""How Alembic reaches the database: `-x dsn=…`, PGSCORE_DSN, or libpq's own variables."""

from __future__ import annotations

import os
from logging.config import fileConfig

import psycopg2
from alembic import context
from alembic.util import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

# A name of its own: the database's application may use Alembic too.
_VERSION_TABLE = "pgscore_alembic_version"


def _dsn() -> str:
    return context.get_x_argument(as_dictionary=True).get("dsn") or os.environ.get("PGSCORE_DSN", "")


def _run_offline() -> None:
    context.configure(
        dialect_name="postgresql",
        version_table=_VERSION_TABLE,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run_online() -> None:
    # A database in SQL_ASCII would have the driver read ASCII alone, and messages hold the names of tables.
    def connect() -> psycopg2.extensions.connection:
        return psycopg2.connect(_dsn(), client_encoding="UTF8")

    engine = create_engine("postgresql+psycopg2://", creator=connect, poolclass=NullPool)
    try:
        connection = engine.connect()
    except psycopg2.OperationalError as error:
        raise CommandError(f"the database cannot be reached: {str(error).strip()}") from None
    with connection:
        context.configure(connection=connection, version_table=_VERSION_TABLE, transaction_per_migration=True)
        try:
            with context.begin_transaction():
                context.run_migrations()
        except DBAPIError as error:
            raise CommandError(_sentence(error.orig)) from None


def _sentence(error: BaseException | None) -> str:
    """What the server says, with its hint, without the script that it was in."""
    if not isinstance(error, psycopg2.Error) or not error.diag.message_primary:
        return str(error).strip()
    hint = error.diag.message_hint
    return f"{error.diag.message_primary} ({error.pgcode})" + (f"; {hint}" if hint else "")


if context.config.config_file_name and context.config.attributes.get("configure_logging", True):
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
if context.is_offline_mode():
    _run_offline()
else:
    _run_online()
