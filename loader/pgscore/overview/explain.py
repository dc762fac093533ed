"""What each input adds to the score of a row, and the reason codes that a scorecard has for it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pgscore.database import Database, row, rows, transaction
from pgscore.errors import NotFoundError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

_EXPLAIN = "pgscore.explain({model}, {row}, {version})"
_CODES = "pgscore.reason_codes({model}, {row}, {version})"


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
class ReasonCode:
    """A reason code of a scorecard.

    Attributes:
        rank: 1 for the one that counts most.
        code: as the model has it.
        points: how far partial scores of the code are above their baseline, or below it, as the model says; 0 or more.
    """

    rank: int
    code: str
    points: float


@dataclass(frozen=True)
class Explanation:
    """Why a row has its score.

    Attributes:
        model: the model's name.
        version: the version that was asked.
        base: what the score is before any input has added to it, in the space of the link.
        total: the score in the space of the link: the base and all contributions together.
        contributions: of each input, the strongest first.
        codes: the reason codes of a scorecard that has some, by rank; None where the version has none.
    """

    model: str
    version: int
    base: float
    total: float
    contributions: list[Contribution]
    codes: list[ReasonCode] | None = None


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
    with _reading(database, values, key) as connection:
        version = _serving(connection, model) if version is None else version
        asked = _Asked(connection, model, version, values, key, profile)
        found = asked.rows(_EXPLAIN)
        codes = asked.rows(_CODES) if found and _has_codes(connection, model, version) else None
    if not found:
        return None
    base, *others = found
    contributions = [Contribution(**each) for each in others]
    total = sum((each.contribution for each in contributions), base["contribution"])
    named = None if codes is None else [ReasonCode(**each) for each in codes]
    return Explanation(model, version, base["contribution"], total, contributions, named)


def reason_codes(
    database: Database,
    model: str,
    *,
    values: Mapping[str, object] | str | None = None,
    key: Sequence[object] = (),
    profile: str | None = None,
    version: int | None = None,
    most: int | None = None,
) -> list[ReasonCode]:
    """Says the reason codes that a scorecard has for a row, those of negative points left out.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        values: the row, as inputs by name, or as JSON.
        key: instead of it, the primary key of a row of a table.
        profile: that table; None: the one that the model scores.
        version: a version's number; None: the one that answers.
        most: how many at most; None: all.

    Returns:
        The codes by rank; none where the row has no score.

    Raises:
        NotFoundError: there is no such model, version, table or row.
        PgscoreError: the version has no reason codes, or an input is missing from the row.
    """
    with _reading(database, values, key) as connection:
        version = _serving(connection, model) if version is None else version
        found = _Asked(connection, model, version, values, key, profile).rows(_CODES)
    return [ReasonCode(**each) for each in found[:most]]


@contextmanager
def _reading(
    database: Database, values: Mapping[str, object] | str | None, key: Sequence[object]
) -> Iterator[Connection]:
    """A transaction that changes nothing, for a row that is named in one way."""
    if (values is None) == (not key):
        raise PgscoreError("a row is given by its values, or by its key in a table: one of them is wanted")
    with transaction(database) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set transaction read only")
        yield connection


@dataclass(frozen=True)
class _Asked:
    """A row of which a version is asked something."""

    connection: Connection
    model: str
    version: int
    values: Mapping[str, object] | str | None
    key: Sequence[object]
    profile: str | None

    def rows(self, call: str) -> list[dict[str, Any]]:
        """What a function gives for it."""
        named: dict[str, sql.Composable] = {"model": sql.Literal(self.model), "version": sql.Literal(self.version)}
        if self.values is not None:
            given = self.values if isinstance(self.values, str) else json.dumps(dict(self.values), ensure_ascii=False)
            of_values = sql.SQL(call).format(row=sql.SQL("{}::jsonb").format(sql.Literal(given)), **named)
            return _read(self.connection, sql.SQL("select * from {}").format(of_values))
        of_row = sql.SQL(call).format(row=sql.SQL("pgscore_row"), **named)
        profile = self.profile or _only_profile(self.connection, self.model)
        return _of_table(self.connection, of_row, profile, self.key)


def _has_codes(connection: Connection, model: str, version: int) -> bool:
    query = (
        "select v.contract ? 'reason_codes' as has from pgscore.model_version v where (v.model, v.version) = (%s, %s)"
    )
    # Of a database of an older release as well.
    return any(each["has"] for each in rows(connection, query, (model, version)))


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
