"""Whether what attach made for bindings is there, works, and is what it would make now."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pgscore.database import row, rows

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812


def _called(kind: str, what: str) -> str:
    """SQL for a trigger function of a binding; to_regprocedure would ask for rights on the schema."""
    functions = "select f.oid from pg_proc f join pg_namespace n on n.oid = f.pronamespace where f.pronargs = 0"
    return f"({functions} and n.nspname = b.{kind}_schema and f.proname = b.{kind}_prefix || '_' || {what})"


_COUNTED = "'its events move no counter and no score'"
# What attach makes, on a table and on each of its partitions. Of partitioned events the parent hands on a trigger for
# rows, and none for statements.
_WANTED = f"""
    select b.number, b.events as parent, r.relation, w.loss, 1 as step, t.name, f.function
    from pgscore.binding b
    join pg_class c on c.oid = b.events,
        (values
            ('insert', false, {_COUNTED}), ('update', false, {_COUNTED}), ('delete', false, {_COUNTED}),
            ('row', true, {_COUNTED}), ('truncate', null, 'events that are truncated stay counted')
        ) as w (what, partitioned, loss),
        lateral (select substr(b.event_prefix || '_' || w.what, 2) as name) t,
        lateral (select {_called("event", "w.what")} as function) f,
        lateral (select c.oid::regclass as relation union select p.relid from pg_partition_tree(c.oid) p) r
    where coalesce(w.partitioned = (c.relkind = 'p'), true)
    union all
    select b.number, b.profile, r.relation, w.loss, 2, w.name, f.function
    from pgscore.binding b
    join pg_class c on c.oid = b.profile,
        (values
            ('~pgscore_score', 'score', 'a change of its rows refreshes no score'),
            ('pgscore_arrive', 'arrive', 'events from before their profile are not counted'),
            ('pgscore_forget', 'forget', 'rows that are deleted stay listed as stale'),
            ('pgscore_forget_all', 'forget', 'rows that are truncated stay listed as stale'),
            ('pgscore_rekey', 'rekey', 'rows that get another key may not be counted again')
        ) as w (name, what, loss),
        lateral (select {_called("profile", "w.what")} as function) f,
        lateral (select c.oid::regclass as relation union select p.relid from pg_partition_tree(c.oid) p) r
    union all
    select b.number, q.relation, q.relation, 'what events bring is not done', 3, w.name, f.function
    from pgscore.binding b,
        (values ('pgscore_commit'), ('pgscore_statement')) as w (name),
        lateral (select {_called("profile", "'commit'")} as function) f,
        lateral (
            select c.oid::regclass as relation from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = b.profile_schema and c.relname = b.profile_prefix || '_queue'
        ) q
"""  # noqa: S608  all are constants
_TRIGGERS = f"""
    select w.relation::text, w.relation <> w.parent as partition, quote_ident(w.name) as name, w.loss,
        case when t.tgfoid = w.function then t.tgenabled::text else 'missing' end as state
    from ({_WANTED}) w
    left join pg_trigger t on t.tgrelid = w.relation and t.tgname = w.name
    where w.number = %s
    order by w.step, w.relation <> w.parent, w.relation::text, w.loss, w.name
"""  # noqa: S608  both are constants
_LEFT_OVER = f"""
    select t.tgrelid::regclass::text as relation, array_agg(quote_ident(t.tgname) order by t.tgname) as names
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid
    where t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and t.tgparentid = 0
        and coalesce(obj_description(t.tgrelid, 'pg_class'), '') !~ '^pgscore: '
        and not exists (select from ({_WANTED}) w where w.relation = t.tgrelid and w.name = t.tgname)
    group by t.tgrelid order by 1
"""  # noqa: S608
# A generator says the hash of a function's text in its comment. Of several bindings of a profile table the one that was
# attached last stands in what they share.
_FUNCTIONS = r"""
    with b as (select b from pgscore.binding b where b.number = %s),
    given as (
        select substring(s from '\(([0-9a-f]{32})\)''$') as hash
        from (
            select s from b, pgscore._event_functions_sql(b.b) s
            union all select s from b, pgscore._reconcile_sql(b.b) s
            union all select s from b, pgscore._bindings_of((b.b).profile) o, pgscore._profile_functions_sql(o) s
        ) g
        where s like 'comment on function %%'
    )
    select format('%%I.%%I', w.schema, w.prefix || '_' || w.what) as name, case
            when p.oid is null then 'missing'
            when md5(p.prosrc) not in (select hash from given) then 'outdated'
            when not p.prosecdef or not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
                or has_function_privilege('public', p.oid, 'execute') then 'loose'
            else 'ok'
        end as state
    from b
    join pg_class c on c.oid = (b.b).events,
        lateral (
            select (b.b).event_schema as schema, (b.b).event_prefix as prefix, e as what, 1 as step
            from unnest(case c.relkind when 'p' then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) e
            union all
            select (b.b).profile_schema, (b.b).profile_prefix, e, 2
            from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) e
        ) w
    left join pg_namespace n on n.nspname = w.schema
    left join pg_proc p on p.pronamespace = n.oid and p.proname = w.prefix || '_' || w.what
    order by w.step, 1
"""
_MAY_GENERATE = """
    select bool_and(has_schema_privilege(n.oid, 'usage')) as may
    from pgscore.binding b join pg_namespace n on n.nspname in (b.event_schema, b.profile_schema) where b.number = %s
"""
_DISABLED = ("D", "R")
_SHOWN = 3
_AFTER = "then `pgscore reconcile` counts what came meanwhile."


def check_triggers(connection: Connection, name: str, number: int, reattach: str) -> Iterator[Finding]:
    """Whether the tables of a binding have their triggers."""
    mended = f"{reattach}; {_AFTER}"
    wrong = [each for each in rows(connection, _TRIGGERS, (number,)) if each["state"] not in ("O", "A")]
    for (relation, partition, loss), found in groupby(wrong, lambda t: (t["relation"], t["partition"], t["loss"])):
        triggers = list(found)
        place = f"partition {relation}" if partition else relation
        disabled = [each["name"] for each in triggers if each["state"] in _DISABLED]
        missing = [each["name"] for each in triggers if each["state"] == "missing"]
        if disabled:
            enabling = ", ".join(f"enable trigger {each}" for each in disabled)
            sentence = f"{_named('trigger', disabled)} of {place} {_are(disabled)} disabled: {loss}"
            yield Finding("problem", name, sentence, f"alter table {relation} {enabling}; {_AFTER}")
        if missing:
            named = "for statements that name it, " if partition else ""
            sentence = f"{_named('trigger', missing)} of {place} {_are(missing)} missing: {named}{loss}"
            yield Finding("problem", name, sentence, mended)


def check_functions(connection: Connection, name: str, number: int, reattach: str) -> Iterator[Finding]:
    """Whether the functions and the queue of a binding are what attach would make now."""
    # What would be made is only found with rights on the schemas.
    if not row(connection, _MAY_GENERATE, (number,))["may"]:
        return
    found = rows(connection, _FUNCTIONS, (number,))
    for state, how in (
        ("missing", "missing"),
        ("outdated", "outdated: its tables have changed since, or somebody has changed it"),
        ("loose", "not guarded any more: its rights or settings were changed"),
    ):
        names = [each["name"] for each in found if each["state"] == state]
        if names:
            how_many = how if len(names) == 1 else how.replace("changed it", "changed them").replace("its r", "their r")
            sentence = f"{_named('function', names)} {_are(names)} {how_many}"
            yield Finding("problem", name, sentence, f"{reattach}; {_AFTER}")
    queue = row(
        connection,
        "select exists (select from pgscore._queue_sql(b) s where s ~ '^create (unlogged )?table') as outdated"
        " from pgscore.binding b where b.number = %s",
        (number,),
    )
    if queue["outdated"]:
        sentence = "the table in which what events bring is queued is missing or outdated, or has triggers of others"
        yield Finding("problem", name, sentence, f"{reattach}; {_AFTER}")


def check_left_over(connection: Connection) -> Iterator[Finding]:
    """Triggers that no binding accounts for: what was copied, renamed or taken out of a partitioned table has them."""
    for each in rows(connection, _LEFT_OVER):
        relation, names = each["relation"], each["names"]
        sentence = f"{_named('trigger', names)} of it {'belongs' if len(names) == 1 else 'belong'} to no binding"
        dropped = "; ".join(f"drop trigger {name} on {relation}" for name in names)
        yield Finding("problem", relation, f"{sentence}: its rows would be counted as another table's", dropped)


def _named(what: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{what} {names[0]}"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what}s {', '.join(names[:_SHOWN])}{more}"


def _are(names: Sequence[Any]) -> str:
    return "is" if len(names) == 1 else "are"
