"""The table that scores are written to instead of the profile table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pgscore.database import row

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

# Of larger tables no single transaction is to score all rows: an interruption would cost too much.
_AT_ONCE = 20_000_000


def make_target(connection: Connection, model: str, profile: str, into: str) -> dict[str, Any] | None:
    """Makes the table if there is none; the finished job where it was filled at once, too.

    That is done where the database scores rows by itself: one statement takes a fraction of the time of batches, and
    leaves no table where it does not come to its end.

    Raises:
        psycopg2.Error: it cannot be made; the transaction is to be rolled back.
    """
    if row(connection, "select to_regclass(%s) as there", (into,))["there"] is not None:
        return None
    found = row(
        connection,
        "select parse_ident(%s) as name, current_schema() as space, pgscore._into_columns_sql(%s) as columns,"
        " (select sum(greatest(c.reltuples, 0)) from pgscore._partitions(%s) r"
        " join pg_catalog.pg_class c on c.oid = r) as rows,"
        " (select m.many_engine from pgscore.model m where m.name = %s) as engine",
        (into, profile, profile, model),
    )
    with connection.cursor() as cursor:
        if found["columns"] is None or found["engine"] is None:
            # The database says why.
            cursor.execute("select pgscore._serving_version(%s), pgscore._check_into(%s, null)", (model, profile))
        if found["engine"] not in ("estimator", "onnx") and found["rows"] <= _AT_ONCE and len(found["name"]) <= 2:  # noqa: PLR2004
            space = found["name"][0] if len(found["name"]) > 1 else found["space"]
            return row(
                connection,
                "select * from pgscore._fill_new(%s, %s, %s, %s)",
                (model, profile, space, found["name"][-1]),
            )
        cursor.execute(
            sql.SQL("create table {} ({})").format(sql.Identifier(*found["name"]), sql.SQL(found["columns"]))
        )
    return None
