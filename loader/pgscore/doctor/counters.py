"""Whether the counters of some profiles are what their events give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg2

from pgscore.database import row, rows

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_PROFILES = 100
_SMALL = 10_000_000
_PATIENCE = "5s"
_CANCELED = "57014"
# The caller has to see all rows of both tables, and an index has to find the events of a profile.
_SEEN = """
    select bool_and(has_table_privilege(c.oid, 'select') and not row_security_active(c.oid)) and (
            exists (
                select from pg_index i
                where i.indrelid = b.events and i.indisvalid and i.indpred is null
                    and (
                        select a.attname from pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                    ) = any (b.event_key)
            )
            or (
                select sum(pg_relation_size(t.relation))
                from (select b.events as relation union select p.relid from pg_partition_tree(b.events) p) t
            ) < %s
        ) as seen,
        least(100, 1000.0 * 100 / greatest((select sum(p.relpages) from pg_class p where p.oid = b.profile), 1)) as part
    from pgscore.binding b join pg_class c on c.oid in (b.events, b.profile)
    where b.number = %s group by b.events, b.profile, b.event_key
"""
_FITS = """
    select pgscore._tables_problem(b) is null and pgscore._table_keys_problem(b) is null
        and pgscore._reducers_problem(b) is null as fits
    from pgscore.binding b where b.number = %s
"""
_REDUCERS = """
    select r.ordinal, r.target, quote_ident(r.target) as column, r.recounted, r.differs
    from pgscore.binding b, pgscore._reducers_of(b) r
    where b.number = %s and r.differs is not null order by r.ordinal
"""
# As an argument of the function that recounts: in the type of keys, and compared as the events' column is.
_KEY = """
    select format('pgscore_row.%%I::%%s', p.name, pgscore._key_type(a.atttypid)) || coalesce(
            (
                select format(' collate %%I.%%I', n.nspname, l.collname)
                from pg_collation l join pg_namespace n on n.oid = l.collnamespace where l.oid = a.attcollation
            ), ''
        ) as part
    from pgscore.binding b,
        unnest(b.event_key) with ordinality as e (name, ordinal)
    join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal),
        lateral (select c.* from pg_attribute c where c.attrelid = b.events and c.attname = e.name) a
    where b.number = %s order by ordinal
"""
_TEXTS = """
    select pgscore._key_text_sql(profile_key, 'pgscore_row') as key,
        pgscore._present_sql(profile_key, 'pgscore_row') as present
    from pgscore.binding where number = %s
"""
# Identifiers and literals, as quote_ident and quote_literal write them, and the arguments beside them.
_ARGUMENT = re.compile(r"""("(?:[^"]|"")*"|E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*')|\$(\d+)""", re.DOTALL)


def check_counters(connection: Connection, binding: dict[str, Any], stale: str, remedy: str) -> Iterator[Finding]:
    """Compares the counters of some profiles with their events, where that is cheap.

    What belongs to the tables' owner is not called: it would run with the rights of who looks.

    Args:
        connection: a connection.
        binding: the binding.
        stale: a relation that says which rows are stale.
        remedy: what to do if they differ.
    """
    number, profile = binding["number"], binding["profile"]
    seen = row(connection, _SEEN, (_SMALL, number))
    if not seen["seen"] or not _stay_as_they_are(connection, binding):
        return
    reducers = rows(connection, _REDUCERS, (number,))
    if not reducers:
        return
    texts = row(connection, _TEXTS, (number,))
    key = [each["part"] for each in rows(connection, _KEY, (number,))]
    given = ", ".join(f"({_with(key, each['recounted'])}) as value_{each['ordinal']}" for each in reducers)
    differ = {
        each["ordinal"]: each["differs"]
        .replace("{{present}}", f"pgscore_row.{each['column']}")
        .replace("{{recounted}}", f"r.value_{each['ordinal']}")
        for each in reducers
    }
    shown = ", ".join(
        f"{differ[n]} as differs_{n}, {_shown('pgscore_row.' + each['column'])} as present_{n},"
        f" {_shown(f'r.value_{n}')} as given_{n}"
        for each in reducers
        for n in [each["ordinal"]]
    )
    listed = f"s.binding = b.name and b.number = {number} and s.cause = 'backfill' and s.key = {texts['key']}"
    query = f"""
        select {texts["key"]} as key, {shown}, {" or ".join(differ.values())} as differs
        from (
            select pgscore_row.* from {profile} as pgscore_row tablesample system ({seen["part"]})
            where {texts["present"]} and not exists (select from {stale} s, pgscore.binding b where {listed})
            limit {_PROFILES}
        ) as pgscore_row cross join lateral (select {given}) as r
    """  # noqa: S608  the database has quoted the names
    before = row(connection, "select current_setting('statement_timeout') as timeout")["timeout"]
    _limit(connection, _PATIENCE)
    try:
        found = rows(connection, query)
    except psycopg2.Error as error:
        if error.pgcode != _CANCELED:
            raise
        with connection.cursor() as cursor:
            cursor.execute("rollback to savepoint pgscore_doctor")
        sentence = f"in {_PATIENCE} the counters of {_PROFILES} profiles could not be compared with their events"
        yield Finding("warning", binding["name"], sentence, "`pgscore reconcile --check` takes its time.")
        return
    _limit(connection, before)
    wrong = [each for each in found if each["differs"]]
    if wrong:
        first = "; ".join(
            f"{each['target']} is {wrong[0][f'present_{n}']} and the events give {wrong[0][f'given_{n}']}"
            for each in reducers
            for n in [each["ordinal"]]
            if wrong[0][f"differs_{n}"]
        ).replace("None", "NULL")
        sentence = (
            f"of {len(found)} profiles that were compared {len(wrong)} hold other counters than their events give"
        )
        yield Finding("problem", binding["name"], f"{sentence}, such as {wrong[0]['key']}: {first}", remedy)


def _stay_as_they_are(connection: Connection, binding: dict[str, Any]) -> bool:
    """Locks the tables, and says whether they still are such as attach takes.

    An empty table can be made a view, and a column can get a type with a cast of its own: both may call anything.
    """
    try:
        with connection.cursor() as cursor:
            for relation in (binding["events"], binding["profile"]):
                cursor.execute(f"lock table {relation} in access share mode nowait")
    except psycopg2.errors.LockNotAvailable:
        with connection.cursor() as cursor:
            cursor.execute("rollback to savepoint pgscore_doctor")
        return False
    return bool(row(connection, _FITS, (binding["number"],))["fits"])


def _shown(value: str) -> str:
    """SQL for a value as its type writes it: a cast to text may be a function of the type's owner."""
    return f"case when {value} is not null then format('%s', {value}) end"


def _limit(connection: Connection, timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", (timeout,))


def _with(key: Sequence[str], sql: str) -> str:
    """SQL with its arguments, `$1` and so on, replaced by the parts of a key."""
    # The generators keep line breaks of literals as this character while they indent.
    return _ARGUMENT.sub(lambda m: m[1] or key[int(m[2]) - 1], sql.replace("\x02", "\n"))
