"""The SQL that stores staged scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import row, rows
from pgscore.errors import DeniedError, PgscoreError, refusal

from .tables import Table, TableColumn, read_table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pgscore_runtime.contract import Input
    from psycopg2.extensions import connection as Connection  # noqa: N812

_TABLES = ("r", "p")
# Rows that somebody else has locked are passed over, so it waits for nobody and deadlocks with nobody. The place of a
# row that somebody has changed in between is one that the statement does not see, so it is left alone; and where it
# sees rows of another version it sees that this one does not answer any more.
_STORE = """
with locked as materialized (
    select p.tableoid as part, p.ctid as place, s.score, s.version
    from {stage} s
    join {table} p on {match}
    where s.ctid >= '({first},0)'::tid and s.ctid < '({end},0)'::tid
        and s.version = (select m.serving from pgscore.model m where m.name = '{model}')
        and ({differs}){same}
    for no key update of p skip locked
), stored as (
    update {table} p
    set {sets}
    from locked l
    where p.tableoid = l.part and p.ctid = l.place
    returning {key} as key, l.score, l.version
){after}
select count(*) as written from stored
"""
# NULL is like NULL, and a NaN like a NaN.
_SAME = "not coalesce({read} <> s.input_{n}, ({read} is null) <> (s.input_{n} is null))"
_STALE = """exists (
            select from pgscore.stale_row t where t.binding = {binding} and t.cause = 'score' and t.key = {key}
        )"""
_SETTLE = """, settled as (
    delete from pgscore.stale_row t using stored w where t.binding = {binding} and t.cause = 'score' and t.key = w.key
)"""
# Where there is no score the trigger asks the model again, and logs what it says.
_LOG = """, logged as (
    insert into pgscore.prediction_log (model, version, binding, key, score)
    select b.model, w.version, b.name, w.key, w.score
    from stored w join pgscore.binding b on b.number = {binding}
    where w.score is not null
)"""


@dataclass(frozen=True)
class Binding:
    """What a binding adds to a score that is stored.

    Attributes:
        number: the binding's.
        name: the binding's.
        key_text: SQL for the key of a row `p`, as lists show it.
        logs: whether scores are logged, and the caller is the owner, who may.
    """

    number: int
    name: str
    key_text: str
    logs: bool


@dataclass(frozen=True)
class Target:
    """Where scores go.

    Attributes:
        model: the model.
        table: the profile table.
        key: the columns that identify a row.
        into: the columns for score and version, and perhaps for the time.
        inputs: what the model reads.
        read: for each input SQL for what the model reads of a row `p`.
        binding: the binding whose columns these are, or None.
    """

    model: str
    table: Table
    key: tuple[TableColumn, ...]
    into: tuple[TableColumn, ...]
    inputs: tuple[Input, ...]
    read: tuple[str, ...]
    binding: Binding | None

    def create_sql(self, stage: str) -> str:
        """SQL that makes the staging table."""
        inputs = [f"input_{n} {'text' if each.is_text else 'double precision'}" for n, each in enumerate(self.inputs)]
        columns = [
            *(f"key_{n} {each.declared}" for n, each in enumerate(self.key)),
            "score double precision",
            "version integer",
            *inputs,
        ]
        return f"create unlogged table {stage} ({', '.join(columns)})"


def find_target(
    connection: Connection,
    model: str,
    name: str,
    inputs: Sequence[Input],
    into: Sequence[str] | None,
    key: Sequence[str] | None,
    floats: Collection[str],
) -> Target:
    """Finds out where scores of a table go, with the caller's rights.

    Args:
        connection: where the table is.
        model: the model.
        name: the table's name.
        inputs: what the model reads.
        into: the columns for score, version and time; None: those of its binding.
        key: the columns that identify a row; None: its primary key.
        floats: the inputs that come as floats of four bytes.

    Raises:
        NotFoundError: there is no such table.
        DeniedError: the caller is a superuser, and the table another role's.
        PgscoreError: the table has no key, no columns for scores, or not the columns that the model reads.
    """
    table = find_table(connection, name, key)
    bound = rows(
        connection,
        "select b.number, b.name, b.score, b.version, b.scored_at, b.log and pg_get_userbyid(b.owner) = current_user"
        " as logs, pgscore._key_text_sql(b.profile_key, 'p') as key_text"
        " from pgscore._targets_of(%s) b where b.model = %s",
        (table.oid, model),
    )
    names = into if into is not None else _bound_columns(table, model, bound)
    if len(names) not in (2, 3):
        raise PgscoreError("into names two columns, for score and version, or three, for the time too")
    columns = table.checked(names, "scores are to go into")
    binding = (
        Binding(*(bound[0][n] for n in ("number", "name", "key_text", "logs"))) if bound and into is None else None
    )
    read = tuple(input_sql(connection, table, each, is_float=each.name in floats) for each in inputs)
    return Target(model, table, table.checked(table.key, "is its key"), columns, tuple(inputs), read, binding)


def find_table(connection: Connection, name: str, key: Sequence[str] | None) -> Table:
    """Looks up a table whose rows are to be updated, with the caller's rights.

    Args:
        connection: where the table is.
        name: the table's name.
        key: the columns that identify a row; None: its primary key.

    Raises:
        NotFoundError: there is no such table.
        DeniedError: the caller is a superuser, and the table another role's.
        PgscoreError: the table has no key, or is none whose rows could be updated.
    """
    table = read_table(connection, name, key)
    if table.kind not in _TABLES:
        raise PgscoreError(f"{table.name} is no table whose rows could be updated", "Name the table behind it.")
    caller = row(
        connection,
        "select current_user as name, (select rolsuper from pg_roles where rolname = current_user) as is_superuser",
    )
    if caller["is_superuser"] and caller["name"] != table.owner:
        raise DeniedError(
            f"table {table.name} belongs to {table.owner}, and a superuser who changes it would run its triggers",
            f"Connect as {table.owner}, or as a role that may update it.",
        )
    if not table.key:
        raise PgscoreError(
            f"{table.name} has no primary key to find rows by", "Name what tells them apart: key=['id']."
        )
    return table


def _bound_columns(table: Table, model: str, bound: Sequence[dict[str, str | None]]) -> list[str]:
    if not bound:
        raise PgscoreError(
            f"no binding says where scores of model {model} go in {table.name}",
            "into=('churn_score', 'churn_version') names the columns.",
        )
    if bound[0]["version"] is None:
        raise PgscoreError(
            f"the binding of {table.name} has no column for the version, without which no score is known to be right",
            "Attach it again with --version-column, or name columns: into=('churn_score', 'churn_version').",
        )
    return [name for name in (bound[0]["score"], bound[0]["version"], bound[0]["scored_at"]) if name is not None]


def input_sql(connection: Connection, table: Table, wanted: Input, *, is_float: bool = False) -> str:
    """SQL for what the model reads of a row `p`.

    Raises:
        PgscoreError: the table has no such column, or none of a type that can serve.
    """
    column = row(
        connection,
        "select * from pgscore._profile_column(%s, jsonb_build_object('name', %s::text, 'type', %s::text), 'p')",
        (table.oid, wanted.name, wanted.type),
    )
    if column["message"] is not None:
        raise refusal(column["message"], column["hint"] or "", column["sqlstate"])
    # A `real` that came as a float is compared as what it is, and not as what it is shown as.
    compared = wanted.is_text or (is_float and table.columns[wanted.name].base == "real")
    return str(column["compared" if compared else "expression"])


def store_statement(target: Target, stage: str, first: int, end: int) -> str:
    """SQL that stores what stands in some pages of the staging table, and counts the rows that it changed.

    Args:
        target: where the scores go.
        stage: the staging table, qualified and quoted.
        first: the first page.
        end: the page behind the last.
    """
    score, version = target.into[:2]
    differs = f"p.{score.quoted} is distinct from s.score or p.{version.quoted} is distinct from s.version"
    after = ""
    bound = target.binding
    if bound is not None:
        differs += f" or {_STALE.format(binding=bound.number, key=bound.key_text)}"
        after = _SETTLE.format(binding=bound.number) + (_LOG.format(binding=bound.number) if bound.logs else "")
    sets = [f"{score.quoted} = l.score", f"{version.quoted} = l.version"]
    return _STORE.format(
        stage=stage,
        first=first,
        end=end,
        table=target.table.name,
        model=target.model,
        match=" and ".join(f"p.{each.quoted} = s.key_{n}" for n, each in enumerate(target.key)),
        differs=differs,
        same="".join(f"\n        and {_SAME.format(read=read, n=n)}" for n, read in enumerate(target.read)),
        sets=", ".join(sets + [f"{each.quoted} = now()" for each in target.into[2:]]),
        key="null::text" if bound is None else bound.key_text,
        after=after,
    )
