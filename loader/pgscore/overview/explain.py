"""What each input adds to the score of a row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pgscore.database import Database, row, rows, transaction
from pgscore.errors import NotFoundError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_CALL = "pgscore.explain({model}, {row}, {version})"


@dataclass(frozen=True)
class Contribution:
    """What an input adds.

    Attributes:
        input: its name.
        value: what the row has there, as text; None where it is missing.
        contribution: what it adds to the score in the space of the link; negative where it takes away.
    """

    input: str
    value: str | None
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """Why a row has its score.

    Attributes:
        model: the model's name.
        version: the version that was asked.
        base: what the score is before any input has added to it, in the space of the link.
        total: the score in the space of the link: the base and all contributions together.
        contributions: of each input, the strongest first.
    """

    model: str
    version: int
    base: float
    total: float
    contributions: list[Contribution]


def explain(
    database: Database,
    model: str,
    *,
    values: Mapping[str, object] | str | None = None,
    key: Sequence[object] = (),
    profile: str | None = None,
    version: int | None = None,
) -> Explanation | None:
    """Says what each input adds to the score of a row: log-odds, or the logarithm, or the value itself.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        values: the row, as inputs by name, or as JSON.
        key: instead of it, the primary key of a row of a table.
        profile: that table; None: the one that the model scores.
        version: a version's number; None: the one that answers.

    Returns:
        The explanation; None where the row has no score.

    Raises:
        NotFoundError: there is no such model, version, table or row.
        PgscoreError: the version cannot be explained, or an input is missing from the row.
    """
    if (values is None) == (not key):
        raise PgscoreError("a row is given by its values, or by its key in a table: one of them is wanted")
    with transaction(database) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set transaction read only")
        if version is None:
            version = _serving(connection, model)
        named: dict[str, sql.Composable] = {"model": sql.Literal(model), "version": sql.Literal(version)}
        if values is not None:
            given = values if isinstance(values, str) else json.dumps(dict(values), ensure_ascii=False)
            call = sql.SQL(_CALL).format(row=sql.SQL("{}::jsonb").format(sql.Literal(given)), **named)
            found = _read(connection, sql.SQL("select * from {}").format(call))
        else:
            call = sql.SQL(_CALL).format(row=sql.SQL("pgscore_row"), **named)
            found = _of_table(connection, call, profile or _only_profile(connection, model), key)
    if not found:
        return None
    base, *others = found
    contributions = [Contribution(**each) for each in others]
    total = sum((each.contribution for each in contributions), base["contribution"])
    return Explanation(model, version, base["contribution"], total, contributions)


def _read(connection: Connection, query: sql.Composable) -> list[dict[str, Any]]:
    return rows(connection, query.as_string(connection).replace("%", "%%"), ())


def _serving(connection: Connection, model: str) -> int:
    found = rows(connection, "select m.serving from pgscore.model m where m.name = %s", (model,))
    if not found:
        raise NotFoundError(f'model "{model}" is unknown', "`pgscore list` shows the models.")
    if found[0]["serving"] is None:
        raise PgscoreError(f'model "{model}" has no promoted version', "Name one of its versions: --version 1")
    return int(found[0]["serving"])


def _only_profile(connection: Connection, model: str) -> str:
    query = "select t.name from pgscore._model_profiles(%s) t where not t.is_gone order by 1"
    found = [each["name"] for each in rows(connection, query, (model,))]
    if len(found) != 1:
        listed = f"scores several tables: {', '.join(found)}" if found else "scores no table"
        raise PgscoreError(f'model "{model}" {listed}', "Name the table: --profile TABLE")
    return str(found[0])


def _of_table(
    connection: Connection, call: sql.Composable, profile: str, key: Sequence[object]
) -> list[dict[str, Any]]:
    # As the server writes it: nothing of what was typed goes into a query as it is.
    table = row(
        connection,
        "select r.oid::text as name, pgscore._primary_key(r.oid)::text[] as key from (select %s::regclass as oid) r",
        (profile,),
    )
    columns = table["key"] or []
    if len(columns) != len(key):
        raise PgscoreError(
            f"table {table['name']} has a primary key of {len(columns)} columns, and {len(key)} values are given",
            "Give one for each, in the order of the key.",
        )
    match = sql.SQL(" and ").join(
        sql.SQL("pgscore_row.{} = {}").format(sql.Identifier(column), sql.Literal(str(value)))
        for column, value in zip(columns, key, strict=True)
    )
    of = sql.SQL("from {} pgscore_row").format(sql.SQL(table["name"]))
    if not _read(connection, sql.SQL("select 1 {} where {}").format(of, match)):
        raise NotFoundError(f"table {table['name']} has no row {', '.join(map(str, key))}")
    return _read(connection, sql.SQL("select e.* {}, {} e where {}").format(of, call, match))
