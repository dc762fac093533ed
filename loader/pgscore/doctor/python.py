"""The server's Python: whether it is there, what it has, and which keys it trusts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg2

from pgscore.database import as_refusal

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .look import Look

NEEDED = ("scikit-learn", "numpy", "joblib", "cryptography")
_FACTS = """
    select exists (select from pg_namespace where nspname = 'pgscore_trusted'),
        exists (select from pg_language where lanname = 'plpython3u'),
        exists (select from pg_available_extensions where name = 'plpython3u'),
        (select rolsuper from pg_roles where rolname = current_user),
        (
            select has_function_privilege(f.oid, 'execute')
            from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
                pg_proc f join pg_namespace o on o.oid = f.pronamespace
            where n.nspname = 'pgscore_trusted' and p.proname = '_environment'
                and o.nspname = 'pgscore' and f.proname = '_doctor_python'
        ),
        (
            select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = 'pgscore_trusted' and c.relname = 'trusted_key'
        ),
        (
            select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = 'pgscore_trusted' and c.relname = 'allowed_engine'
        )
"""


@dataclass(frozen=True)
class _Facts:
    has_schema: bool
    has_language: bool
    is_available: bool
    is_superuser: bool
    may_ask: bool | None
    may_read_keys: bool | None
    may_read_engines: bool | None


@dataclass(frozen=True)
class _Key:
    key_id: str
    holder: str
    is_revoked: bool


@dataclass(frozen=True)
class _Allowed:
    engine: str
    megabytes: int
    allowed_by: str


@dataclass
class Python:
    """What is known of the server's Python.

    Attributes:
        works: whether functions in PL/Python can be called; None where the caller may not ask.
        prefix: where it stands.
        packages: versions of the packages that matter, None for one that is not there; empty where nothing is known.
        keys: the holders of keys by key id, and whether each was revoked; None where the caller may not ask.
        engines: those that a superuser has turned on; None where the caller may not ask.
    """

    works: bool | None = None
    prefix: str = ""
    packages: dict[str, str | None] = field(default_factory=dict)
    keys: dict[str, tuple[str, bool]] | None = None
    engines: set[str] | None = None


def check_plpython(look: Look, python: Python) -> Iterator[Finding]:
    """Whether PL/Python is there and loads; fills in what is known of it."""
    (facts,) = look.rows(_Facts, _FACTS)
    if facts.has_schema and facts.has_language and facts.may_ask:
        yield from _asked(look, python)
    elif facts.has_schema and facts.has_language and facts.may_ask is not None:
        sentence = "plpython3u and the schema pgscore_trusted are there; publishers and operators may ask for more"
        yield Finding("cannot-look", "PL/Python", sentence)
    else:
        python.works = False
        yield _without(look, facts)
    if facts.may_read_keys:
        yield from _keys(look, python)
    if facts.may_read_engines:
        yield from _allowed(look, python)


def _asked(look: Look, python: Python) -> Iterator[Finding]:
    try:
        with look.trying():
            found = look.value("select pgscore._doctor_python()")
    except psycopg2.Error as error:
        refusal = as_refusal(error)
        if look.connection.closed:
            raise
        python.works = False
        sentence = f"its functions are there and cannot be called: {refusal}"
        yield Finding("plpython-broken", "PL/Python", sentence, _package(look), "the server's administrator")
        return
    here = json.loads(found) if isinstance(found, str) else found
    python.works, python.prefix = True, here["prefix"]
    python.packages.update(here["packages"])
    yield Finding("plpython", "PL/Python", "plpython3u and the schema pgscore_trusted are there")
    path = [entry for entry in here["path"] if entry.endswith("-packages")]
    versions = ", ".join(f"{name} {version}" for name, version in python.packages.items() if version)
    yield Finding(
        "python",
        "Python",
        f"version {here['python']} of {here['prefix']}, with packages from {', '.join(path) or 'nowhere'}:"
        f" {versions or 'none'}",
    )
    missing = [name for name in NEEDED if python.packages.get(name) is None]
    if missing:
        sentence = f"the server's Python of {here['prefix']} lacks {', '.join(missing)}: no artifact can be loaded"
        yield Finding("python-lacks", "Python", sentence, install(python, *missing), "the server's administrator")


def _without(look: Look, facts: _Facts) -> Finding:
    only = "only what becomes SQL is scored"
    upgrade = "pgscore install --plpython"
    if facts.has_schema:
        sentence = "the schema pgscore_trusted is there, and plpython3u or its functions are gone"
        again = "alembic downgrade plpython@base\nalembic upgrade plpython@head"
        return Finding("plpython-broken", "PL/Python", f"{sentence}: {only}", again, "a superuser")
    if not facts.is_available:
        return Finding("no-plpython", "PL/Python", f"the server has no plpython3u: {only}, which is all that most need")
    if facts.has_language:
        sentence = f"plpython3u is there, and the schema pgscore_trusted is not: {only}"
        return Finding("plpython-offered", "PL/Python", sentence, upgrade, "a superuser")
    if not facts.is_superuser:
        sentence = f"the server offers plpython3u; whether its library loads the doctor can tell a superuser: {only}"
        return Finding("no-plpython", "PL/Python", sentence)
    problem = _loading_problem(look)
    if problem:
        sentence = f"the server offers plpython3u, whose library does not load ({problem}): {only}"
        return Finding("no-plpython", "PL/Python", sentence)
    sentence = f"plpython3u loads, and is not installed: {only}"
    return Finding("plpython-offered", "PL/Python", sentence, upgrade, "a superuser")


def _loading_problem(look: Look) -> str:
    """Why the library of PL/Python does not load, which only a superuser can try; empty where it does."""
    try:
        with look.trying(), look.connection.cursor() as cursor:
            # It starts no Python.
            cursor.execute("load '$libdir/plpython3'")
    except psycopg2.Error as error:
        if look.connection.closed:
            raise
        return str(as_refusal(error))
    return ""


def _keys(look: Look, python: Python) -> Iterator[Finding]:
    found = look.rows(_Key, "select key_id, holder, revoked_at is not null from pgscore_trusted.trusted_key")
    python.keys = {each.key_id: (each.holder, each.is_revoked) for each in found}
    holders = sorted(f"{each.holder} ({each.key_id})" for each in found if not each.is_revoked)
    if holders:
        yield Finding("keys", "keys", f"trusted: {', '.join(holders)}")
    else:
        sentence = "no key is trusted: no artifact can be loaded"
        yield Finding("no-key", "keys", sentence, "pgscore keys generate\npgscore keys trust KEY.pub", "a superuser")


def _allowed(look: Look, python: Python) -> Iterator[Finding]:
    found = look.rows(_Allowed, "select engine, megabytes, allowed_by from pgscore_trusted.allowed_engine")
    python.engines = {each.engine for each in found}
    for each in found:
        sentence = (
            f"on, as {each.allowed_by} wants it: graphs of all publishers run, in {each.megabytes} MB for each call"
        )
        yield Finding("engine-on", f"engine {each.engine}", sentence)
        if python.packages and python.packages.get("onnxruntime") is None:
            sentence = f"it is on, and the server's Python of {python.prefix} lacks onnxruntime: no graph can be loaded"
            remedy = install(python, "--no-deps", "--requirement", "docker/requirements-onnx.txt")
            yield Finding("engine-lacks", f"engine {each.engine}", sentence, remedy, "the server's administrator")
    if not found:
        yield Finding("engine-off", "engine onnx", "off: ONNX graphs are scored by their programs, or not at all")


def install(python: Python, *packages: str) -> str:
    """What installs packages for the server's Python."""
    return f"{python.prefix or '/usr'}/bin/python3 -m pip install {' '.join(packages)}"


def _package(look: Look) -> str:
    return f"apt install postgresql-plpython3-{int(look.connection.server_version) // 10000}"
