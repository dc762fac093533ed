"""Whether PostgreSQL, the schema, the caller's roles and the server's Python are as they should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pgscore.database import row, rows

from .finding import INSTALL, Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

_OLDEST, _NEWEST = 14, 18
NEEDED = ("scikit-learn", "numpy", "joblib", "cryptography")
_RIGHTS = {
    "pgscore_reader": "read or call scores",
    "pgscore_publisher": "publish",
    "pgscore_operator": "promote",
}


def check_server(connection: Connection) -> Iterator[Finding]:
    """The server's version."""
    here = row(
        connection,
        "select current_setting('server_version') as version, current_database() as database, current_user as role,"
        " pg_is_in_recovery() as standby",
    )
    major = _major(connection)
    sentence = f"version {here['version']}, database {here['database']}, role {here['role']}"
    if here["standby"]:
        sentence += ", a standby: it scores and changes nothing"
    if _OLDEST <= major <= _NEWEST:
        yield Finding("ok", "PostgreSQL", sentence)
        return
    remedy = f"Use a PostgreSQL of {_OLDEST} to {_NEWEST}: pgscore is written for these."
    yield Finding("problem", "PostgreSQL", sentence, remedy)


def check_core(connection: Connection) -> Iterator[Finding]:
    """Whether pgscore is installed."""
    if row(connection, "select to_regnamespace('pgscore') is null as missing")["missing"]:
        yield Finding("problem", "core", "pgscore is not installed in this database", "Run alembic upgrade core@head.")
    else:
        yield Finding("ok", "core", "the schema pgscore is there")


def check_roles(connection: Connection) -> Iterator[Finding]:
    """What the caller may do."""
    me = row(
        connection,
        "select current_user as name, rolsuper as superuser from pg_roles where rolname = current_user",
    )
    if me["superuser"]:
        yield Finding("ok", "roles", f"{me['name']} is a superuser and may do everything")
        return
    held = {
        each["rolname"]
        for each in rows(
            connection,
            "select rolname from pg_roles where rolname = any (%s) and pg_has_role(oid, 'usage')",
            (list(_RIGHTS),),
        )
    }
    denied = [right for role, right in _RIGHTS.items() if role not in held]
    if not held:
        yield Finding(
            "problem",
            "roles",
            f"{me['name']} holds none of {', '.join(_RIGHTS)}, and cannot {', '.join(denied)}",
            f"A superuser runs grant pgscore_reader to {me['name']}, or pgscore_publisher, pgscore_operator.",
        )
        return
    but = f"; it cannot {' or '.join(denied)}" if denied else ""
    yield Finding("ok", "roles", f"{me['name']} holds {', '.join(sorted(held))}{but}")


def check_plpython(connection: Connection) -> Iterator[Finding]:
    """Whether PL/Python is there: a problem where a model that serves needs it, else a warning."""
    found = row(
        connection,
        "select to_regnamespace('pgscore_trusted') is not null as schema,"
        " exists (select from pg_extension where extname = 'plpython3u') as extension,"
        " exists (select from pg_available_extensions where name = 'plpython3u') as available",
    )
    if found["schema"] and found["available"]:
        yield Finding("ok", "PL/Python", "plpython3u and the schema pgscore_trusted are there")
        return
    level = _needed(connection, "interpreter", "estimator")
    steps = "a superuser runs alembic upgrade plpython@head."
    if not found["available"]:
        remedy = f"On the server: apt install postgresql-plpython3-{_major(connection)}"
        remedy += "." if found["schema"] else f"; then {steps}"
        sentence = "the server has no plpython3u: only what becomes SQL is scored"
        yield Finding(level, "PL/Python", sentence, remedy)
        return
    what = "the extension plpython3u is created" if found["extension"] else "the server has plpython3u"
    sentence = f"{what}, and the schema pgscore_trusted is missing: only what becomes SQL is scored"
    yield Finding(level, "PL/Python", sentence, steps.capitalize())


def _needed(connection: Connection, *engines: str) -> Level:
    """How bad it is that these engines do not work: whether a model that serves takes one of them."""
    found = row(
        connection,
        "select exists (select from pgscore.model where one_engine = any (%s) or many_engine = any (%s)) as needed",
        (list(engines), list(engines)),
    )
    return "problem" if found["needed"] else "warning"


def check_python(connection: Connection, packages: dict[str, str | None]) -> Iterator[Finding]:
    """Fills `packages` with the versions that the server's Python has."""
    here = row(connection, "select pgscore_trusted._environment() as found")["found"]
    here = json.loads(here) if isinstance(here, str) else here
    packages.update(here["packages"])
    path = [entry for entry in here["path"] if entry.endswith("-packages")]
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    yield Finding(
        "ok",
        "Python",
        f"version {here['python']} of {here['prefix']}, with packages from {', '.join(path) or 'nowhere'}:"
        f" {versions or 'none'}",
    )
    missing = [name for name in NEEDED if packages.get(name) is None]
    if missing:
        yield Finding(
            _needed(connection, "estimator"),
            "Python",
            f"the server's Python of {here['prefix']} lacks {', '.join(missing)}: no artifact can be loaded",
            INSTALL,
        )


def _major(connection: Connection) -> int:
    return int(connection.server_version) // 10000
