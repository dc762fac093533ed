"""The doctor: looks over a database and says in plain words what is wrong and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.database import Database, transaction
from pgscore.errors import PgscoreError
from pgscore.progress import Step, no_step

from .bindings import check_bindings
from .dependents import check_dependents
from .finding import Finding, guarded
from .installation import check_core, check_plpython, check_python, check_roles, check_server
from .models import check_golden_rows, check_keys, check_libraries, check_models
from .tables import check_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .finding import Check

__all__ = ["Finding", "examine"]


def examine(database: Database, step: Step = no_step) -> list[Finding]:
    """Looks over a database; it changes nothing.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        step: is told what is looked at now, for a progress display.

    Returns:
        What was found, in the order of the installation. What the caller may not look at is a warning, and a database
        that cannot be reached is a problem: nothing is raised.
    """
    findings: list[Finding] = []
    try:
        with transaction(database) as connection, connection.cursor() as cursor:
            # Names then come out qualified, and nobody's function stands in for one of the catalog's.
            cursor.execute(
                "set transaction read only; set local search_path = pg_catalog, pg_temp; set local jit = off"
            )
            for finding in _examination(connection, step):
                findings.append(finding)
    except PgscoreError as error:
        unreached = "" if findings else "Start the server, or say where it is: --dsn, PGSCORE_DSN, PGHOST and PGPORT."
        findings.append(Finding("problem", "database", str(error), error.hint or unreached))
    return findings


def _examination(connection: Connection, step: Step) -> Iterator[Finding]:
    def look(subject: str, check: Check, *arguments: Any) -> list[Finding]:  # noqa: ANN401
        step(f"looking at {subject}")
        return guarded(connection, subject, check, *arguments)

    yield from look("PostgreSQL", check_server)
    core = look("core", check_core)
    yield from core
    if any(finding.level == "problem" for finding in core):
        return
    yield from look("roles", check_roles)
    trusted = look("PL/Python", check_plpython)
    yield from trusted
    has_python = all(finding.level == "ok" for finding in trusted)
    packages: dict[str, str | None] = {}
    models: list[dict[str, Any]] = []
    if has_python:
        yield from look("Python", check_python, packages)
    yield from look("models", check_models, models)
    unloadable: set[str] = set()
    if has_python:
        keys = look("keys", check_keys, models)
        yield from keys
        unloadable = {finding.subject for finding in keys if finding.level == "problem"}
    for model in models:
        subject = f"{model['model']} {model['version']}"
        if packages:
            yield from look(subject, check_libraries, model, packages)
        if (has_python or not model["unpickled"]) and subject not in unloadable:
            yield from look(subject, check_golden_rows, model)
    yield from look("profiles", check_profiles, models)
    yield from look("dependents", check_dependents)
    yield from look("bindings", check_bindings)
