"""The doctor: looks over a database and says in plain words what is wrong and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.database import Database, transaction
from pgscore.errors import PgscoreError
from pgscore.progress import Step, no_step

from .bindings import check_bindings
from .changes import check_changes
from .dependents import check_dependents
from .finding import AREAS, CODES, LEVELS, Area, Finding, Level
from .generated import check_left_over
from .installation import check_core, check_log, check_rights, check_roles, check_server
from .look import Look
from .models import check_models
from .python import Python, check_plpython
from .tables import check_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AREAS", "CODES", "LEVELS", "Area", "Finding", "Level", "examine", "exit_code"]

_ERRORS, _WARNINGS = 1, 4
_UNREACHED = "Start the server, or say where it is: --dsn, PGSCORE_DSN, PGHOST and PGPORT."


def examine(database: Database, step: Step = no_step, *, full: bool = False) -> list[Finding]:
    """Looks over a database; it changes nothing.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        step: is told what is looked at now, for a progress display.
        full: whether to compare the counters of all profiles with their events, replay the golden rows of all models
            and count all rows, however long that takes; otherwise some of them, in seconds.

    Returns:
        What was found, in the order of the installation. What the caller may not look at is a notice, and a database
        that cannot be reached is an error: nothing is raised.
    """
    findings: list[Finding] = []
    try:
        with transaction(database) as connection:
            look = Look(connection, full, step)
            look.begin()
            for finding in _examination(look):
                findings.append(finding)
    except PgscoreError as error:
        remedy = error.hint or ("" if findings else _UNREACHED)
        findings.append(Finding("unreachable", "database", str(error), remedy))
    return findings


def exit_code(findings: list[Finding]) -> int:
    """What the command exits with: 0 where nothing is to be mended, 1 for errors, 4 where there are warnings alone."""
    levels = {each.level for each in findings}
    return _ERRORS if "error" in levels else _WARNINGS if "warning" in levels else 0


def _examination(look: Look) -> Iterator[Finding]:
    yield from look.guarded("PostgreSQL", check_server)
    core = look.guarded("core", check_core)
    yield from core
    if any(finding.level == "error" for finding in core):
        return
    roles = look.guarded("roles", check_roles)
    yield from roles
    if any(finding.level == "error" for finding in roles):
        return
    python = Python()
    yield from look.guarded("PL/Python", check_plpython, python)
    yield from look.guarded("rights", check_rights)
    yield from look.guarded("pgscore.prediction_log", check_log)
    yield from look.guarded("pgscore.score_change", check_changes)
    yield from look.guarded("models", check_models, python)
    yield from look.guarded("tables", check_tables)
    yield from look.guarded("dependents", check_dependents)
    yield from look.guarded("bindings", check_bindings)
    yield from look.guarded("triggers", check_left_over)
