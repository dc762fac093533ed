"""Whether bindings work: their tables and owners, what attach made, and the rows that wait for something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.database import row, rows

from .counters import check_counters
from .finding import Finding, guarded
from .generated import check_functions, check_left_over, check_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

# What stands beside a table is called as the table was, after "_pgscore_": so it has a name when it has gone.
_BINDINGS = """
    select b.number, b.name, b.model, m.serving, b.events::text as events, b.profile::text as profile,
        e.oid is null as no_events, p.oid is null as no_profile,
        format('%I.%I', b.event_schema, substr(b.event_prefix, 10)) as events_once,
        format('%I.%I', b.profile_schema, substr(b.profile_prefix, 10)) as profile_once,
        b.owner::text as owner, e.relowner::regrole::text as events_owner, p.relowner::regrole::text as profile_owner,
        exists (
            select from pg_proc f join pg_namespace n on n.oid = f.pronamespace
            where f.proowner <> p.relowner and (
                (n.nspname = b.event_schema and f.proname = b.event_prefix || '_recount')
                or (n.nspname = b.profile_schema and f.proname = b.profile_prefix || '_apply')
            )
        ) as functions_of_others
    from pgscore.binding b
    left join pg_class e on e.oid = b.events
    left join pg_class p on p.oid = b.profile
    left join pgscore.model m on m.name = b.model
    order by b.name, b.number
"""
_PROBLEM = """
    select coalesce(
        pgscore._tables_problem(b), pgscore._table_keys_problem(b), pgscore._reducers_problem(b),
        pgscore._columns_problem(b)
    ) as sentence
    from pgscore.binding b where b.number = %s
"""
_STALE = """
    select count(*) filter (where s.cause = 'backfill') as uncounted,
        count(*) filter (where s.cause = 'score') as stale, min(s.reason) filter (where s.cause = 'score') as reason
    from {stale} s where s.binding = %s
"""
# Operators read the list of all rows; the tables' owners their own.
_LISTS = {
    True: "pgscore.stale",
    False: "(select b.name as binding, s.key, s.cause, s.reason from pgscore.stale_row s"
    " join pgscore.binding b on b.number = s.binding)",
}


def check_bindings(connection: Connection) -> Iterator[Finding]:
    """Whether bindings have their tables and what attach made, whether counters are right, and which rows are stale."""
    stale = _LISTS[bool(row(connection, "select has_table_privilege('pgscore.stale', 'select') as may")["may"])]
    for binding in rows(connection, _BINDINGS):
        name = binding["name"]
        dropped = list(_dropped(binding))
        yield from dropped
        if dropped:
            continue
        wrong = [*_owners(binding), *guarded(connection, name, _fits, binding)]
        generated = (binding["name"], binding["number"], _call("reattach", binding))
        wrong += guarded(connection, name, check_triggers, *generated)
        if not wrong:
            # What does not fit its tables cannot be generated.
            wrong += guarded(connection, name, check_functions, *generated)
        if not wrong:
            wrong += guarded(connection, name, check_counters, binding, stale, _reconcile(binding))
        yield from wrong
        if not wrong:
            yield Finding("ok", name, f"events move the counters of {binding['profile']}")
        if binding["serving"] is None:
            model = binding["model"]
            sentence = f"no version of the model {model} answers: counters move, and the score is not computed"
            yield Finding("warning", name, sentence, f"`pgscore promote {model} VERSION` makes one answer.")
        yield from guarded(connection, name, _stale, binding, stale)
        yield from guarded(connection, name, _reconciliation, binding)
    yield from guarded(connection, "bindings", check_left_over)


def _dropped(binding: dict[str, Any]) -> Iterator[Finding]:
    for kind in ("events", "profile"):
        if binding[f"no_{kind}"]:
            table = f"{'event' if kind == 'events' else 'profile'} table, {binding[f'{kind}_once']},"
            remedy = f"{_call('detach', binding)} forgets it."
            yield Finding("problem", binding["name"], f"its {table} was dropped", remedy)
            return


def _owners(binding: dict[str, Any]) -> Iterator[Finding]:
    """Functions of a binding have the rights of who owned both tables when they were attached."""
    former, events, profile = binding["owner"], binding["events"], binding["profile"]
    one, now = binding["events_owner"], binding["profile_owner"]
    if one != now:
        sentence = f"{one} owns {events} and {now} owns {profile}, and tables of two owners cannot be attached"
        # The one that has changed hands goes back.
        back = f"alter table {profile if one == former else events} owner to {former if former in (one, now) else now}"
        yield Finding("problem", binding["name"], sentence, f"{back}, or give both to the new owner.")
    elif former != now:
        sentence = f"{now} owns {events} and {profile} now, and the binding works with the rights of {former}"
        remedy = _call("reattach", binding)
        if binding["functions_of_others"]:
            detach = _call("detach", binding)
            remedy = f"As a member of both (grant {former} to {now}): {detach}; then attach them again."
        yield Finding("problem", binding["name"], sentence, remedy)


def _fits(connection: Connection, binding: dict[str, Any]) -> Iterator[Finding]:
    """What attach would refuse now: columns that have gone or have other types, and hidden rows."""
    found = row(connection, _PROBLEM, (binding["number"],))["sentence"]
    if found is None:
        return
    sentence, _, command = found.partition("; run: ")
    again = f"{_call('detach', binding)}, and attach them again as they are now."
    if command and " add column " not in command:
        remedy = f"{command}; then `pgscore reconcile` counts what came meanwhile."
    else:
        remedy = f"Change it back; or {again}"
    yield Finding("problem", binding["name"], sentence, remedy)


def _stale(connection: Connection, binding: dict[str, Any], stale: str) -> Iterator[Finding]:
    found = row(connection, _STALE.format(stale=stale), (binding["name"],))
    if found["uncounted"]:
        sentence = f"events from before the tables were attached are not counted yet, for {_many(found['uncounted'])}"
        yield Finding("problem", binding["name"], sentence, _reconcile(binding))
    if found["stale"]:
        yield Finding(
            "problem",
            binding["name"],
            f"{found['stale']} stale row{'s' if found['stale'] > 1 else ''}, for reasons such as: {found['reason']}",
            "select key, reason, since from pgscore.stale lists them; each is scored again when what the model reads of"
            " it changes, or its score is set to NULL.",
        )


def _reconciliation(connection: Connection, binding: dict[str, Any]) -> Iterator[Finding]:
    for each in rows(
        connection,
        "select started, checked from pgscore.reconciliation where binding = %s and finished is null",
        (binding["number"],),
    ):
        sentence = (
            f"a reconciliation that began at {each['started']:%Y-%m-%d %H:%M} has come to {_many(each['checked'])}"
        )
        yield Finding("warning", binding["name"], f"{sentence} and not to the end", _reconcile(binding))


def _many(profiles: int) -> str:
    return "1 profile" if profiles == 1 else f"{profiles:,} profiles"


def _call(function: str, binding: dict[str, Any]) -> str:
    return f"select pgscore.{function}({_tables(binding)})"


def _reconcile(binding: dict[str, Any]) -> str:
    return f"Unless it is at work: call pgscore.reconcile({_tables(binding)}), which goes on where it was."


def _tables(binding: dict[str, Any]) -> str:
    quoted = (binding[kind].replace("'", "''") for kind in ("events", "profile"))
    return ", ".join(f"'{name}'" for name in quoted)
