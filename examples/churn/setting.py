"""What comes before the story: programs to run, and an application's login role."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from pgscore import PgscoreError
from psycopg2 import sql

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

ROOT = Path(__file__).parents[2]
_PROGRAMS = Path(sys.executable).parent
APPLICATION_ROLE = "complaints_app"


def run(dsn: str, folder: Path, *command: str) -> list[str]:
    """Runs a program of this environment in a folder, against a database, and returns the lines that it printed.

    Raises:
        PgscoreError: it failed; with what it said.
    """
    done = subprocess.run(  # noqa: S603  our own arguments
        [str(_PROGRAMS / command[0]), *command[1:]],
        cwd=folder,
        env={**os.environ, "PGSCORE_DSN": dsn},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0:
        raise PgscoreError(f"`{' '.join(command[:2])}` failed: {' '.join(lines[-3:])}")
    return lines


def connect(dsn: str, user: str | None = None, password: str | None = None) -> Connection:
    """A plain connection, as somebody else than the connection string says where a user is given."""
    return psycopg2.connect(dsn) if user is None else psycopg2.connect(dsn, user=user, password=password)


def has_application_role(connection: Connection) -> bool:
    """Whether the application's role is there."""
    with connection, connection.cursor() as cursor:
        cursor.execute("select to_regrole(%s) is not null", (APPLICATION_ROLE,))
        return cursor.fetchone() == (True,)


def create_application_role(connection: Connection, password: str | None = None) -> str:
    """A login role that may insert complaints and nothing else, no profile, model or score; returns its password."""
    role, password = sql.Identifier(APPLICATION_ROLE), password or secrets.token_urlsafe(18)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(password)))
        cursor.execute(sql.SQL("grant usage on schema churn to {}").format(role))
        cursor.execute(sql.SQL("grant insert on churn.complaints to {}").format(role))
    return password
