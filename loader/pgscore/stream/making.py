"""Whether profiles that are not there can be made: rows of a key and of counters alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.database import row, rows
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg2.extensions import connection as Connection  # noqa: N812

# Columns that take no NULL, and that nothing fills: neither the row that is made, nor the table, nor a trigger of it.
_UNFILLED = """
    select a.attname::text as name
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = %(table)s and a.attnum > 0 and not a.attisdropped
        and (a.attnotnull or t.typnotnull) and a.attidentity = '' and a.attgenerated = ''
        and case
            when a.attname = any (%(null)s::name[]) then true
            when a.attname = any (%(given)s::name[]) then false
            else not a.atthasdef and t.typdefault is null
        end
    order by a.attnum
"""
# Before rows are inserted, and for each of them.
_FILLS = """
    select exists (
        select from pg_trigger t
        where t.tgrelid = %s and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 7 = 7
    ) as fills
"""


def check_making(connection: Connection, table: int, shown: str, given: Collection[str], null: Collection[str]) -> None:
    """Returns where rows can be made.

    Args:
        connection: where the table is.
        table: the profile table.
        shown: its name, as the definition has it.
        given: the columns of a row that is made.
        null: those of them that begin with NULL.

    Raises:
        PgscoreError: a column takes no NULL, and nothing fills it.
    """
    found = rows(connection, _UNFILLED, {"table": table, "given": list(given), "null": list(null)})
    if found and not row(connection, _FILLS, (table,))["fills"]:
        name = found[0]["name"]
        raise PgscoreError(
            f'a profile that is made has no value for column "{name}" of {shown}, which takes no NULL',
            f'As its owner: alter table {shown} alter column "{name}" drop not null; or leave "on_missing" out.'
            if name in given
            else f'As its owner: alter table {shown} alter column "{name}" set default …; or leave "on_missing" out.',
        )
