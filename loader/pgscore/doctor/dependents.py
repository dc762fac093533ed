"""What holds scores and is not computed when it is asked: a promotion would make it wrong, and is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.database import rows

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812


def check_dependents(connection: Connection) -> Iterator[Finding]:
    """Which indexes, generated columns, constraints, partition keys and materialized views hold scores."""
    for each in rows(
        connection,
        "select kind, object, on_table, array_remove(array_agg(model order by model), null) as models,"
        " bool_or(model is null) as of_any from pgscore._score_dependents() where is_wrong"
        " group by kind, object, on_table order by 1, 3, 2",
    ):
        whose = "some model" if each["of_any"] else " and ".join(each["models"])
        place = f" of {each['on_table']}" if each["on_table"] not in (None, each["object"]) else ""
        yield Finding(
            "warning",
            each["object"],
            f"{each['kind']}{place} holds scores of {whose}: promotions are refused, for they would make it wrong",
            "Compute scores when they are asked, or attach the table; or drop it before a promotion, and make it anew.",
        )
