"""The reference pages that are made of what the code says of itself: `--help`, and the comments of SQL objects."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.database import Session

_ROUTINES = """
    select p.proname, string_to_array(pg_get_function_arguments(p.oid), ', '),
        case p.prokind when 'p' then 'procedure' else pg_get_function_result(p.oid) end,
        coalesce(obj_description(p.oid, 'pg_proc'), ''),
        array(select a.grantee::regrole::text from aclexplode(p.proacl) a
            where a.privilege_type = 'EXECUTE' and a.grantee <> p.proowner order by 1)
    from pg_proc p
    where p.pronamespace = 'pgscore'::regnamespace and p.proname !~ '^_'
        and not exists (select from unnest(p.proargtypes) t join pg_class c on c.reltype = t
            where c.relnamespace <> 'pgscore'::regnamespace)
    order by p.proname, p.oid::regprocedure::text
"""
_RELATIONS = """
    select c.relname, case c.relkind when 'v' then 'view' else 'table' end,
        coalesce(obj_description(c.oid, 'pg_class'), ''), c.oid
    from pg_class c where c.relnamespace = 'pgscore'::regnamespace and c.relkind in ('r', 'p', 'v')
        and not c.relispartition
    order by 1
"""
_COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(a.attrelid, a.attnum), '')
    from pg_attribute a where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum
"""


def command_page() -> str:
    """All commands with their options, as typer writes them."""
    typer = [sys.executable, "-m", "typer", "pgscore.command", "utils", "docs", "--name", "pgscore"]
    return subprocess.run(typer, check=True, capture_output=True, text=True).stdout


def sql_page(session: Session) -> str:
    """The calls, tables and views of schema pgscore that are not internal."""
    lines = ["# SQL", "", "Names that begin with `_` are pgscore's own, and change without notice.", "", "## Calls", ""]
    for name, arguments, gives, comment, roles in session.run(_ROUTINES):
        lines += [f"### {name}", "", f"{comment}.", "", *_signature(name, arguments, gives), "", _who(roles), ""]
    lines += ["## Tables and views", ""]
    for name, kind, comment, number in session.run(_RELATIONS):
        lines += [f"### {name}", "", f"*{kind}*: {comment}.", "", "| column | type | |", "| --- | --- | --- |"]
        lines += [f"| `{column}` | {of} | {_cell(says)} |" for column, of, says in session.run(_COLUMNS, number)]
        lines += [""]
    return "\n".join(lines)


def _signature(name: str, arguments: list[str], gives: str) -> list[str]:
    """A fence that documents show and tests do not run."""
    if len(arguments) < 3:
        return ["```text", f"pgscore.{name}({', '.join(arguments)}) -> {gives}", "```"]
    return ["```text", f"pgscore.{name}(", *(f"    {each}," for each in arguments), f") -> {gives}", "```"]


def _who(roles: list[str]) -> str:
    return f"Called by {', '.join(f'`{role}`' for role in roles)}" + "." if roles else "Called by its owner alone."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
