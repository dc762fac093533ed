"""The doctor: looks over a database and says in plain words what is wrong and what to do about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import psycopg2

from .database import Database, as_refusal, row, rows, transaction
from .errors import PgscoreError, UnreachableError
from .progress import Step, no_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    Check = Callable[..., Iterable["Finding"]]

Level = Literal["ok", "warning", "problem"]

_OLDEST, _NEWEST = 14, 18
_NEEDED = ("scikit-learn", "numpy", "joblib", "cryptography")
_RIGHTS = {
    "pgscore_reader": "read or call scores",
    "pgscore_publisher": "publish",
    "pgscore_operator": "promote",
}
_INSTALL = "Install docker/requirements-server.txt for that Python, where the server's PYTHONPATH points."
_PRIVILEGE = "42501"


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor looked at.

    Attributes:
        level: ``ok``, ``warning`` (works, or could not be checked), ``problem`` (does not work).
        subject: what was looked at: a part of the installation, a model, a table.
        sentence: how it is.
        remedy: what to do, or an empty string.
    """

    level: Level
    subject: str
    sentence: str
    remedy: str = ""


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
            cursor.execute("set transaction read only; set local search_path = pg_catalog, pg_temp")
            for finding in _examination(connection, step):
                findings.append(finding)
    except PgscoreError as error:
        unreached = "" if findings else "Start the server, or say where it is: --dsn, PGSCORE_DSN, PGHOST and PGPORT."
        findings.append(Finding("problem", "database", str(error), error.hint or unreached))
    return findings


def _examination(connection: Connection, step: Step) -> Iterator[Finding]:
    def look(subject: str, check: Check, *arguments: Any) -> list[Finding]:  # noqa: ANN401
        step(f"looking at {subject}")
        return _guarded(connection, subject, check, *arguments)

    yield from look("PostgreSQL", _server)
    core = look("core", _core)
    yield from core
    if any(finding.level == "problem" for finding in core):
        return
    yield from look("roles", _roles)
    trusted = look("PL/Python", _plpython)
    yield from trusted
    has_python = all(finding.level == "ok" for finding in trusted)
    packages: dict[str, str | None] = {}
    models: list[dict[str, Any]] = []
    if has_python:
        yield from look("Python", _python, packages)
    yield from look("models", _models, models)
    unloadable: set[str] = set()
    if has_python:
        keys = look("keys", _keys, models)
        yield from keys
        unloadable = {finding.subject for finding in keys if finding.level == "problem"}
    for model in models:
        subject = f"{model['model']} {model['version']}"
        if packages:
            yield from look(subject, _libraries, model, packages)
        if has_python and subject not in unloadable:
            yield from look(subject, _golden, model)
    yield from look("profiles", _profiles, models)
    yield from look("bindings", _bindings)


def _guarded(connection: Connection, subject: str, check: Check, *arguments: Any) -> list[Finding]:  # noqa: ANN401
    """A check in a savepoint, so that one that fails leaves the transaction to the next."""
    with connection.cursor() as cursor:
        cursor.execute("savepoint pgscore_doctor")
        try:
            found = list(check(connection, *arguments))
        except psycopg2.Error as error:
            refusal = as_refusal(error)
            if connection.closed or isinstance(refusal, UnreachableError):
                raise
            cursor.execute("rollback to savepoint pgscore_doctor")
            if refusal.sqlstate == _PRIVILEGE and not str(refusal).startswith("model "):
                return [Finding("warning", subject, f"cannot be checked by you: {refusal}")]
            return [Finding("problem", subject, str(refusal), refusal.hint)]
        except PgscoreError as error:
            return [Finding("problem", subject, str(error), error.hint)]
        cursor.execute("release savepoint pgscore_doctor")
    return found


def _server(connection: Connection) -> Iterator[Finding]:
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


def _core(connection: Connection) -> Iterator[Finding]:
    if row(connection, "select to_regnamespace('pgscore') is null as missing")["missing"]:
        yield Finding("problem", "core", "pgscore is not installed in this database", "Run alembic upgrade core@head.")
    else:
        yield Finding("ok", "core", "the schema pgscore is there")


def _roles(connection: Connection) -> Iterator[Finding]:
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


def _plpython(connection: Connection) -> Iterator[Finding]:
    found = row(
        connection,
        "select to_regnamespace('pgscore_trusted') is not null as schema,"
        " exists (select from pg_extension where extname = 'plpython3u') as extension,"
        " exists (select from pg_available_extensions where name = 'plpython3u') as available",
    )
    if found["schema"] and found["available"]:
        yield Finding("ok", "PL/Python", "plpython3u and the schema pgscore_trusted are there")
        return
    steps = "a superuser runs alembic upgrade plpython@head."
    if not found["available"]:
        remedy = f"On the server: apt install postgresql-plpython3-{_major(connection)}"
        remedy += "." if found["schema"] else f"; then {steps}"
        yield Finding("problem", "PL/Python", "the server has no plpython3u: no estimator can be loaded", remedy)
        return
    what = "the extension plpython3u is created" if found["extension"] else "the server has plpython3u"
    yield Finding("problem", "PL/Python", f"{what}, and the schema pgscore_trusted is missing", steps.capitalize())


def _python(connection: Connection, packages: dict[str, str | None]) -> Iterator[Finding]:
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
    missing = [name for name in _NEEDED if packages.get(name) is None]
    if missing:
        yield Finding(
            "problem", "Python", f"the server's Python of {here['prefix']} lacks {', '.join(missing)}", _INSTALL
        )


def _models(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    """Fills `models` with the serving versions: model, version, contract, key_id."""
    found = rows(
        connection,
        "select m.name as model, m.serving as version, v.contract, v.key_id from pgscore.model m"
        " left join pgscore.model_version v on v.model = m.name and v.version = m.serving order by m.name",
    )
    if not found:
        yield Finding("ok", "models", "none is published yet")
    for each in found:
        if each["version"] is None:
            yield Finding(
                "warning",
                each["model"],
                "no version is promoted: its scores are refused",
                f"`pgscore show {each['model']}` lists its versions, `pgscore promote` makes one answer.",
            )
        else:
            models.append(each)


def _keys(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    keys = {
        each["key_id"]: each
        for each in rows(connection, "select key_id, holder, revoked_at from pgscore_trusted.trusted_key")
    }
    holders = [f"{each['holder']} ({each['key_id']})" for each in keys.values() if each["revoked_at"] is None]
    if holders:
        yield Finding("ok", "keys", f"trusted: {', '.join(sorted(holders))}")
    else:
        yield Finding(
            "problem" if models else "warning",
            "keys",
            "no key is trusted: no artifact can be loaded",
            "`pgscore keys generate`, then a superuser runs `pgscore keys trust`.",
        )
    for model in models:
        key_id = model["key_id"]
        if key_id is None:
            wrong, remedy = "it carries no signature", "Publish it again with `pgscore publish --key`."
        elif key_id not in keys:
            wrong, remedy = f"its key {key_id} is not trusted", "A superuser runs `pgscore keys trust`."
        elif keys[key_id]["revoked_at"] is not None:
            wrong = f"its key {key_id} of {keys[key_id]['holder']} is revoked"
            remedy = "Publish it again with a trusted key, and promote that."
        else:
            continue
        sentence = f"{wrong}: new connections cannot load it"
        yield Finding("problem", f"{model['model']} {model['version']}", sentence, remedy)


def _libraries(connection: Connection, model: dict[str, Any], packages: dict[str, str | None]) -> Iterator[Finding]:
    contract, subject = model["contract"], f"{model['model']} {model['version']}"
    del connection
    for name, fitted in contract["libraries"].items():
        # Pandas is only for estimators that need column names; a missing one of _NEEDED was said already.
        if name not in packages or (name in _NEEDED and packages[name] is None):
            continue
        here = packages[name]
        if here is None and (name != "pandas" or contract.get("frame")):
            sentence = f"it was fitted with {name} {fitted}, and the server's Python has none"
            yield Finding("problem", subject, sentence, _INSTALL)
        elif here is not None and here != fitted:
            refused = name == "scikit-learn" and here.split(".")[:2] != fitted.split(".")[:2]
            yield Finding(
                "problem" if refused else "warning",
                subject,
                f"it was fitted with {name} {fitted}, and the server's Python has {here}"
                + (": it cannot be loaded" if refused else ""),
                "Install the same version on the server, or fit it again with the server's."
                + ("" if refused else " Its golden rows say whether it matters."),
            )


def _golden(connection: Connection, model: dict[str, Any]) -> Iterator[Finding]:
    subject = f"{model['model']} {model['version']}"
    for each in rows(connection, "select * from pgscore.verify(%s, %s)", (model["model"], model["version"])):
        sentence = (
            f"{each['rows']} golden rows in the {each['engine']} engine: largest difference {each['max_abs_diff']:g}"
        )
        if each["ok"]:
            yield Finding("ok", subject, sentence)
        else:
            remedy = "Compare the libraries above; publish it again from its source, and promote that."
            yield Finding("problem", subject, f"{sentence}: not what the fitted estimator gave", remedy)


def _profiles(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    # Imported here: it brings pandas, which takes half a second.
    from .golden import read_profile

    contracts = {each["model"]: each["contract"] for each in models}
    for tie in rows(
        connection,
        "select p.model, p.profile::text as profile, c.oid is null as gone from pgscore.model_profile p"
        " left join pg_class c on c.oid = p.profile order by 1, 2",
    ):
        if tie["gone"]:
            sentence = f"its profile table (once number {tie['profile']}) was dropped"
            yield Finding("warning", tie["model"], sentence, "Publish the model again with another --profile.")
            continue
        if tie["model"] not in contracts:
            continue
        yield from _guarded(connection, tie["profile"], _profile, tie["profile"], contracts[tie["model"]], read_profile)


def _profile(
    connection: Connection, table: str, contract: dict[str, Any], read_profile: Callable[..., Any]
) -> Iterator[Finding]:
    profile = read_profile(connection, table)
    profile.check([each["name"] for each in contract["inputs"]])
    changed = [
        f"{each['name']} is {profile.declared[each['name']]}, and the model reads {each['type']}"
        for each in contract["inputs"]
        if profile.columns[each["name"]] != each["type"]
    ]
    if changed:
        yield Finding("problem", table, "; ".join(changed), "Change the type back, or publish a model fitted on it.")
    else:
        yield Finding("ok", table, f"has the {len(contract['inputs'])} columns that the model reads")


def _bindings(connection: Connection) -> Iterator[Finding]:
    for each in rows(
        connection,
        "select b.name, b.model, b.events::text as events, b.profile::text as profile, e.oid is null as no_events,"
        " p.oid is null as no_profile, m.serving, array(select tgname::text from pg_trigger where tgrelid = b.events"
        r"   and not tgisinternal and tgname like 'pgscore\_%%' and tgenabled in ('O', 'A')) as enabled,"
        " array(select tgname::text from pg_trigger where tgrelid = b.events and not tgisinternal"
        r"   and tgname like 'pgscore\_%%' and tgenabled in ('D', 'R')) as disabled"
        " from pgscore.binding b left join pg_class e on e.oid = b.events left join pg_class p on p.oid = b.profile"
        " left join pgscore.model m on m.name = b.model order by b.name",
        (),
    ):
        yield from _binding(each)
        yield from _guarded(connection, each["name"], _stale, each["name"])


def _binding(binding: dict[str, Any]) -> Iterator[Finding]:
    name, events = binding["name"], binding["events"]
    for table, gone in (("event", binding["no_events"]), ("profile", binding["no_profile"])):
        if gone:
            yield Finding("problem", name, f"its {table} table was dropped", "Remove the binding.")
            return
    for trigger in binding["disabled"]:
        yield Finding(
            "problem",
            name,
            f"the trigger {trigger} on {events} is disabled: its events move no counter and no score",
            f"alter table {events} enable trigger {trigger}; what came meanwhile is not counted.",
        )
    if not binding["enabled"] and not binding["disabled"]:
        sentence = f"{events} has no trigger of pgscore: its events move no counter and no score"
        yield Finding("problem", name, sentence, "Bind the tables again.")
    elif not binding["disabled"]:
        yield Finding("ok", name, f"events move the counters of {binding['profile']}")
    if binding["serving"] is None:
        sentence = f"no version of the model {binding['model']} answers: counters move, and the score is not computed"
        yield Finding("warning", name, sentence, f"`pgscore promote {binding['model']} VERSION` makes one answer.")


def _stale(connection: Connection, binding: str) -> Iterator[Finding]:
    stale = row(
        connection,
        "select count(*) as many, min(reason) as reason from pgscore.stale where binding = %s",
        (binding,),
    )
    if stale["many"]:
        yield Finding(
            "problem",
            binding,
            f"{stale['many']} stale row{'s' if stale['many'] > 1 else ''}, for reasons such as: {stale['reason']}",
            "select key, reason, since from pgscore.stale lists them; each is scored again at its next event.",
        )


def _major(connection: Connection) -> int:
    return int(connection.server_version) // 10000
