"""Whether PostgreSQL, the schema, the caller's roles and privileges are as they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding, joined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .look import Look

_OLDEST, _NEWEST = 14, 18
_RIGHTS = {
    "pgscore_reader": "read or call scores",
    "pgscore_publisher": "publish",
    "pgscore_operator": "promote",
}
# Without these nothing of what follows can be asked.
_RELATIONS = (
    *("model", "model_version", "program", "golden_row", "artifact_chunk", "promotion", "retirement", "model_profile"),
    *("binding", "stale_row", "reconciliation", "prediction_log", "bound_owner", "measurement"),
)
_FUNCTIONS = (
    *("_doctor_bindings", "_doctor_misfits", "_doctor_triggers", "_doctor_left_over", "_doctor_functions"),
    *("_doctor_outdated", "_doctor_rights", "_doctor_stale", "_doctor_log", "_doctor_models", "_doctor_libraries"),
    *("_has_foreign_changes", "_doctor_consumers"),
    *("_doctor_profiles", "_doctor_golden", "_doctor_sights", "_doctor_counters", "_doctor_keys"),
    "_doctor_due",
    *(
        "_doctor_still_fits",
        "_doctor_python",
        "_doctor_pages",
        "_outdated_profiles",
        "_partition_state",
        "_count_versions",
        "promote",
        "verify",
        "attach",
        "reattach",
        "detach",
        "reconcile",
        "tick",
    ),
)
_CORE = """
    select exists (select from pg_namespace where nspname = 'pgscore'),
        array(
            select w.name from unnest(%s::text[]) w (name)
            where not exists (
                select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'pgscore' and c.relname = w.name
            )
            union all
            select w.name || '()' from unnest(%s::text[]) w (name)
            where not exists (
                select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname = 'pgscore' and p.proname = w.name
            )
        ),
        exists (select from pg_class c where c.relname = 'pgscore_alembic_version' and c.relkind = 'r'),
        (
            select count(distinct t.tgrelid) from pg_trigger t join pg_proc p on p.oid = t.tgfoid
            where t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and not t.tgisinternal
        )
"""
_LARGE_LOG = 1 << 30
_LOG, _OPERATOR = "pgscore.prediction_log", "a member of pgscore_operator"
# No more are counted.
_COUNTED = 1000
_SHOWN = 3


@dataclass(frozen=True)
class _Server:
    version: str
    number: int
    database: str
    role: str
    is_standby: bool
    replication_role: str
    is_superuser: bool


@dataclass(frozen=True)
class _Core:
    has_schema: bool
    missing: list[str]
    has_versions: bool
    tables_with_triggers: int


@dataclass(frozen=True)
class _Right:
    subject: str
    role: str
    lacks: str
    remedy: str


@dataclass(frozen=True)
class _Log:
    bytes: int
    rows: int
    oldest: datetime | None


@dataclass(frozen=True)
class _Partitions:
    until: datetime | None
    is_ahead: bool
    in_default: int | None


def check_server(look: Look) -> Iterator[Finding]:
    """The server's version, whether it is a standby, and whether this session's events would count."""
    (here,) = look.rows(
        _Server,
        "select current_setting('server_version'), current_setting('server_version_num')::integer, current_database(),"
        " current_user, pg_is_in_recovery(), current_setting('session_replication_role'), rolsuper"
        " from pg_roles where rolname = current_user",
    )
    sentence = f"version {here.version}, database {here.database}, role {here.role}"
    if _OLDEST <= here.number // 10000 <= _NEWEST:
        yield Finding("server", "PostgreSQL", sentence)
    else:
        wanted = f"pgscore is written for {_OLDEST} to {_NEWEST}"
        yield Finding("server-unsupported", "PostgreSQL", f"{sentence}: {wanted}", "Upgrade the server.")
    if here.is_standby:
        sentence = "this is a standby: it scores and changes nothing, and remedies are for its primary"
        yield Finding("standby", "PostgreSQL", sentence)
    if here.replication_role == "replica":
        yield Finding(
            "replica-role",
            here.role,
            "sessions of this role and database have session_replication_role = replica: their events count nowhere",
            joined(
                f"alter role {_quoted(here.role)} reset session_replication_role;",
                f"alter database {_quoted(here.database)} reset session_replication_role;",
            ),
            "a superuser",
        )


def check_core(look: Look) -> Iterator[Finding]:
    """Whether pgscore is installed, all of it, and still."""
    (core,) = look.rows(_Core, _CORE, (list(_RELATIONS), list(_FUNCTIONS)))
    anew = joined("pgscore rescue", "pgscore install --anew")
    if core.has_schema and not core.missing:
        yield Finding("core", "core", "the schema pgscore is there")
    elif core.has_schema:
        more = f" and {len(core.missing) - _SHOWN} more" if len(core.missing) > _SHOWN else ""
        named = ", ".join(f"pgscore.{each}" for each in core.missing[:_SHOWN]) + more
        sentence = f"the schema pgscore lacks {named}: it is of an older release, or was installed by half"
        yield Finding("half-installed", "core", sentence, "pgscore upgrade", "who installed it")
    elif core.tables_with_triggers:
        many = "a table" if core.tables_with_triggers == 1 else f"{core.tables_with_triggers} tables"
        sentence = f"the schema pgscore was dropped, and triggers of {many} call it: events fail"
        yield Finding("schema-dropped", "core", sentence, anew)
    elif core.has_versions:
        sentence = "the schema pgscore is gone, and pgscore_alembic_version says that it is installed"
        yield Finding("schema-dropped", "core", sentence, anew)
    else:
        yield Finding("not-installed", "core", "pgscore is not installed in this database", "pgscore install")


def check_roles(look: Look) -> Iterator[Finding]:
    """What the caller may do."""
    name, is_superuser = look.value("select array[rolname, rolsuper::text] from pg_roles where rolname = current_user")
    if is_superuser == "true":
        yield Finding("roles", "roles", f"{name} is a superuser and may do everything")
        return
    held = look.value(
        "select array(select rolname::text from pg_roles where rolname = any (%s) and pg_has_role(oid, 'usage'))",
        (list(_RIGHTS),),
    )
    denied = [right for role, right in _RIGHTS.items() if role not in held]
    if not held:
        sentence = f"{name} holds none of {', '.join(_RIGHTS)}: it cannot {', '.join(denied)}, nor look"
        yield Finding("no-role", "roles", sentence, f"grant pgscore_reader to {_quoted(name)};", "a superuser")
        return
    but = f"; it cannot {' or '.join(denied)}" if denied else ""
    yield Finding("roles", "roles", f"{name} holds {', '.join(sorted(held))}{but}")


def check_rights(look: Look) -> Iterator[Finding]:
    """Privileges that were taken away from tables' owners or from pgscore's roles."""
    for each in look.ask(_Right, "_doctor_rights"):
        sentence = f"{each.role} lacks {each.lacks}"
        yield Finding("right-missing", each.subject, sentence, f"{each.remedy};", "who may grant it")


def check_log(look: Look) -> Iterator[Finding]:
    """Whether the prediction log has grown large, and has partitions for what is to come."""
    (log,) = look.ask(_Log, "_doctor_log")
    (state,) = look.rows(
        _Partitions,
        "select until, until > now() + interval '1 day' is true, in_default"
        " from pgscore._partition_state('prediction_log')",
    )
    make = "call pgscore.maintain(keep => null, rescores => false);"
    if state.in_default:
        many = f"{state.in_default:,}" if state.in_default < _COUNTED else f"{_COUNTED:,} or more"
        sentence = f"{many} rows stand in its default partition: no partition was made for their time"
        yield Finding("log-default", _LOG, sentence, make, _OPERATOR)
    if not state.is_ahead:
        until = f"end on {state.until:%Y-%m-%d}" if state.until else "hold no row of today"
        sentence = f"its partitions {until}; what comes then goes to the default one, which is slow to be pruned"
        yield Finding("log-partitions", _LOG, sentence, make, _OPERATOR)
    if log.bytes >= _LARGE_LOG:
        since = f", since {log.oldest:%Y-%m-%d}" if log.oldest else ""
        sentence = f"it has {log.bytes / (1 << 30):.1f} GB and about {log.rows:,} rows{since}"
        remedy = "call pgscore.maintain(keep => '90 days', rescores => false);"
        yield Finding("log-growth", _LOG, sentence, remedy, _OPERATOR)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
