"""How Alembic reaches the database: `-x dsn=…`, PGSCORE_DSN, or libpq's own variables.

All revisions of a command are one transaction, which begins by locking the version table: of several commands at once
one does the work, and the others find it done.

`-x lose=…` lets a downgrade drop data, `-x anew=yes` installs what somebody dropped, `-x version_schema=…` says where
the version table stands.
"""

from __future__ import annotations

import os
import re
from logging.config import fileConfig
from typing import TYPE_CHECKING, Any

import psycopg2
from alembic import context
from alembic.util import CommandError
from pgscore._migrations import version_table
from pgscore.database import as_refusal, as_unreadable, connect
from pgscore.dsn import without_passwords
from pgscore.errors import PgscoreError, UnreachableError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from sqlalchemy import Engine

# What another session may have made at the same moment: a first installation, or roles, which all databases share.
_MET_ANOTHER = ("23505", "42710", "42P06", "42P07", "40P01", "XX000")
_TRIES = 3
_RIGHTS = (
    "The branch core is installed by a role with CREATEROLE that may create in the database and in the schema of the "
    "version table, such as the database's owner; plpython by a superuser."
)


def _argument(name: str) -> str:
    """What `-x name=…` says, or whoever calls Alembic from Python."""
    given = context.get_x_argument(as_dictionary=True).get(name) or context.config.attributes.get(name)
    return str(given or "")


def _options() -> dict[str, Any]:
    return {
        "version_table": version_table.NAME,
        "version_table_schema": _argument("version_schema") or os.environ.get("PGSCORE_VERSION_SCHEMA") or "public",
        "transaction_per_migration": False,
        "on_version_apply": context.config.attributes.get("on_version_apply", ()),
    }


def _lost() -> str:
    """What a downgrade may drop, as the scripts look it up."""
    wanted = _argument("lose")
    if not re.fullmatch(r"[a-z, ]*", wanted):
        raise CommandError("-x lose=… takes words such as models,keys")
    return f"set local pgscore.lose = '{wanted}';" if wanted else ""


def _run_offline() -> None:
    context.configure(dialect_name="postgresql", **_options())
    with context.begin_transaction():
        if _lost():
            context.get_context().impl.static_output(_lost())
        context.run_migrations()


def _run_online() -> None:
    dsn = _argument("dsn") or os.environ.get("PGSCORE_DSN", "")
    engine = create_engine(
        "postgresql+psycopg2://",
        creator=context.config.attributes.get("database") or (lambda: connect(dsn)),
        poolclass=NullPool,
        # An older snapshot would not see what another session has just migrated.
        isolation_level="READ COMMITTED",
    )
    for attempt in range(1, _TRIES + 1):
        try:
            _migrate(engine)
        except DBAPIError as error:
            if attempt < _TRIES and getattr(error.orig, "pgcode", None) in _MET_ANOTHER:
                continue
            refusal = _sentence(error.orig)
        except UnicodeError as error:
            refusal = as_unreadable(error)
        except PgscoreError as error:
            refusal = error
        else:
            return
        raise CommandError(_one_line(refusal)) from refusal


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        context.configure(connection=connection, **_options())
        version_table.claim(connection, context.get_context(), context.script, anew=bool(_argument("anew")))
        if _lost():
            connection.exec_driver_sql(_lost())
        context.run_migrations()
        if _argument("leave"):
            version_table.leave(connection, context.get_context())


def _sentence(error: BaseException | None) -> PgscoreError:
    """What the server says, with its hint, without the script that it was in."""
    if not isinstance(error, psycopg2.Error):
        return PgscoreError(" ".join(str(error).split()))
    code = error.pgcode or ""
    message, hint = error.diag.message_primary, error.diag.message_hint or ""
    if message is None or code.startswith(("08", "57P")):
        lost = as_refusal(error)
        return UnreachableError(str(lost), "Nothing was changed; run it again.")
    if code == "55P03":
        hint = (
            "Another session holds what this needs; nothing was changed, so run it again, with a longer lock_timeout."
        )
    elif code == "25006":
        hint = "Run it on the primary, and without default_transaction_read_only."
    elif code == "42501" and not hint:
        hint = _RIGHTS
    elif code in ("0A000", "58P01") and "plpython3u" in message:
        hint = (
            "The server lacks PL/Python (on Debian postgresql-plpython3-… of its version), without which"
            " `alembic upgrade core@head` does."
        )
    return PgscoreError(message, hint, code)


def _one_line(error: PgscoreError) -> str:
    """What Alembic prints; the command `pgscore` shows the error that it is made of."""
    code = f" ({error.sqlstate})" if error.sqlstate else ""
    # A sentence of its own, or what to run.
    hint = f"{'.' if error.hint[:1].isupper() else ';'} {error.hint}" if error.hint else ""
    return without_passwords(" ".join(f"{str(error).rstrip('.')}{code}{hint}".split()))


if context.is_offline_mode():
    # Nothing but the script on standard output, and errors where nobody takes them for a part of it.
    _run_offline()
else:
    if context.config.config_file_name and context.config.attributes.get("configure_logging", True):
        fileConfig(context.config.config_file_name, disable_existing_loggers=False)
    _run_online()
