"""Scores of rows as the database leaves them: what generated columns and triggers make of rows that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pgscore.bundle.make import pin
from pgscore.database import row
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .definition import Prepared

Key = TypeVar("Key")

# What changes a row beside the statement that does: the table's triggers, and what it generates of other columns.
_CHANGES = """
    select exists (
        select from pg_trigger t
        where t.tgrelid in (select %(oid)s::oid union all select f.relid from pg_partition_tree(%(oid)s::oid) f)
            and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 20 <> 0
    ) or exists (
        select from pg_attribute a
        where a.attrelid = %(oid)s and a.attname = any (%(inputs)s::name[]) and a.attgenerated <> ''
    ) as are_changed
"""
# So often rows are scored again.
_ROUNDS = 3


def settled(
    connection: Connection,
    there: Prepared,
    model: str,
    inputs: Sequence[str],
    scores: Mapping[Key, float | None],
    *,
    again: Callable[[list[Key]], dict[Key, float | None]],
    write: Callable[[dict[Key, float | None]], None],
) -> dict[Key, float | None]:
    """The scores that rows have after they were written.

    Args:
        connection: in the transaction that has written them.
        there: their table.
        model: the model.
        inputs: the columns that it reads.
        scores: what was stored, by the rows' keys.
        again: scores rows as they stand.
        write: stores scores that are others.

    Raises:
        PgscoreError: the rows are others again whenever their scores are stored.
    """
    stored = dict(scores)
    for _ in range(_ROUNDS):
        if not _are_changed(connection, there.oid, inputs):
            return stored
        others = {key: score for key, score in again(list(stored)).items() if not _is_same(score, stored[key])}
        if not others:
            return stored
        write(others)
        stored |= others
    raise PgscoreError(
        f"table {there.shown} changes what {model} reads of a row whenever its score is stored, so no score is that of"
        " the row",
        "A trigger of it does: have it leave alone what the model reads where nothing else was changed.",
    )


def _are_changed(connection: Connection, table: int, inputs: Sequence[str]) -> bool:
    """Whether the database changes rows of a table itself.

    It is asked behind a write, so that whoever makes it do so waits for this, or is seen. Deferred triggers have done
    by then what they do.
    """
    found = bool(row(connection, _CHANGES, {"oid": table, "inputs": list(inputs)})["are_changed"])
    if found:
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate; set constraints all deferred")
        # Triggers may have set what they like.
        pin(connection)
    return found


def _is_same(one: float | None, other: float | None) -> bool:
    # NULL is like NULL, and a NaN like a NaN.
    return one == other or (one is not None and other is not None and one != one and other != other)  # noqa: PLR0124
