"""Whether bindings work: their tables, owners and triggers, and the rows that wait for something."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pgscore.database import row, rows

from .finding import Finding, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

_BINDINGS = """
    select b.number, b.name, b.model, m.serving, b.events::text as events, b.profile::text as profile,
        e.oid is null as no_events, p.oid is null as no_profile,
        b.events_owner::text as events_owner, e.relowner::regrole::text as events_owner_now,
        b.profile_owner::text as profile_owner, p.relowner::regrole::text as profile_owner_now
    from pgscore.binding b
    left join pg_class e on e.oid = b.events
    left join pg_class p on p.oid = b.profile
    left join pgscore.model m on m.name = b.model
    order by b.name
"""
# What attach makes, on a table and on each of its partitions: a parent does not hand on triggers for statements.
_TRIGGERS = """
    select w.relation::regclass::text as relation, w.relation <> w.parent as partition, w.name, w.loss,
        coalesce(t.tgenabled::text, 'missing') as state
    from pgscore.binding b,
        lateral (
            select b.events as parent, r.relation, format('pgscore_%%s_%%s', b.number, o) as name,
                'its events move no counter and no score' as loss, 1 as step
            from (select b.events as relation union select relid from pg_partition_tree(b.events)) r,
                unnest(array['insert', 'update', 'delete', 'truncate']) o
            union all
            select b.profile, r.relation, format(o.name, o.number), o.loss, 2
            from (select b.profile as relation union select relid from pg_partition_tree(b.profile)) r,
                (values
                    ('~pgscore_%%s_score', b.profile_number, 'a change of its rows refreshes no score'),
                    ('pgscore_%%s_arrive', b.profile_number, 'events from before their profile are not counted'),
                    ('pgscore_%%s_forget', b.profile_number, 'rows that are deleted stay listed as stale'),
                    ('pgscore_%%s_forget_all', b.profile_number, 'rows that are truncated stay listed as stale'),
                    ('pgscore_%%s_rekey', b.number, 'rows that get another key may not be counted again')
                ) as o (name, number, loss)
        ) w
    left join pg_trigger t on t.tgrelid = w.relation and t.tgname = w.name
    where b.number = %s
    order by w.step, w.relation <> w.parent, w.relation::regclass::text, w.name
"""
_DISABLED = ("D", "R")
_UNCOUNTED = "events from before the tables were tied%"


def check_bindings(connection: Connection) -> Iterator[Finding]:
    """Whether bindings have their tables, owners and triggers, and which rows are stale."""
    for binding in rows(connection, _BINDINGS):
        name = binding["name"]
        dropped = list(_dropped(binding))
        yield from dropped
        if dropped:
            continue
        yield from _owners(binding)
        yield from guarded(connection, name, _triggers, binding)
        if binding["serving"] is None:
            model = binding["model"]
            sentence = f"no version of the model {model} answers: counters move, and the score is not computed"
            yield Finding("warning", name, sentence, f"`pgscore promote {model} VERSION` makes one answer.")
        yield from guarded(connection, name, _stale, binding)
        yield from guarded(connection, name, _reconciliation, binding)


def _dropped(binding: dict[str, Any]) -> Iterator[Finding]:
    for table, gone in (("event", binding["no_events"]), ("profile", binding["no_profile"])):
        if gone:
            remedy = f"{_call('detach', binding)} forgets it."
            yield Finding("problem", binding["name"], f"its {table} table was dropped", remedy)
            return


def _owners(binding: dict[str, Any]) -> Iterator[Finding]:
    """Functions of a binding have the rights of who owned its tables when they were tied."""
    for kind in ("events", "profile"):
        former, owner = binding[f"{kind}_owner"], binding[f"{kind}_owner_now"]
        if former == owner:
            continue
        sentence = f"{owner} owns {binding[kind]} now, and the binding works with the rights of {former}"
        remedy = (
            f"As a superuser, or a member of {former} and {owner}: {_call('detach', binding)}; then attach them again."
        )
        yield Finding("problem", binding["name"], sentence, remedy)


def _triggers(connection: Connection, binding: dict[str, Any]) -> Iterator[Finding]:
    name = binding["name"]
    wrong = [each for each in rows(connection, _TRIGGERS, (binding["number"],)) if each["state"] not in ("O", "A")]
    after = "then `pgscore reconcile` counts what came meanwhile."
    mended = f"{_call('reattach', binding)}; {after}"
    for (relation, partition, loss), found in groupby(wrong, lambda t: (t["relation"], t["partition"], t["loss"])):
        triggers = list(found)
        disabled = [each["name"] for each in triggers if each["state"] in _DISABLED]
        missing = [each["name"] for each in triggers if each["state"] == "missing"]
        if disabled:
            yield Finding(
                "problem",
                name,
                f"{_named(disabled, relation)} disabled: {loss}",
                f"{_enabled(disabled, relation)}; {after}",
            )
        if missing and partition:
            sentence = f"partition {relation} has no trigger of pgscore: for statements that name it, {loss}"
            yield Finding("problem", name, sentence, mended)
        elif missing:
            yield Finding("problem", name, f"{_named(missing, relation)} missing: {loss}", mended)
    if not wrong:
        yield Finding("ok", name, f"events move the counters of {binding['profile']}")


def _stale(connection: Connection, binding: dict[str, Any]) -> Iterator[Finding]:
    found = row(
        connection,
        "select count(*) filter (where s.uncounted) as uncounted, count(*) filter (where not s.uncounted) as stale,"
        " min(s.reason) filter (where not s.uncounted) as reason"
        " from (select reason, reason like %s as uncounted from pgscore.stale where binding = %s) s",
        (_UNCOUNTED, binding["name"]),
    )
    if found["uncounted"]:
        sentence = f"events from before the tables were tied are not counted yet, for {_many(found['uncounted'])}"
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


def _named(triggers: list[str], relation: str) -> str:
    if len(triggers) == 1:
        return f"trigger {triggers[0]} of {relation} is"
    return f"triggers {', '.join(triggers)} of {relation} are"


def _enabled(triggers: list[str], relation: str) -> str:
    names = (f'"{name}"' if name.startswith("~") else name for name in triggers)
    return f"alter table {relation} {', '.join(f'enable trigger {name}' for name in names)}"


def _call(function: str, binding: dict[str, Any]) -> str:
    return f"select pgscore.{function}({_tables(binding)})"


def _reconcile(binding: dict[str, Any]) -> str:
    return f"Unless it is at work: call pgscore.reconcile({_tables(binding)}), which goes on where it was."


def _tables(binding: dict[str, Any]) -> str:
    quoted = (binding[kind].replace("'", "''") for kind in ("events", "profile"))
    return ", ".join(f"'{name}'" for name in quoted)
