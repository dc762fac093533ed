"""`%%score`: the rows of a cell, and their scores beside them."""

from __future__ import annotations

import json
import math
import os
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pgscore.database import transaction
from pgscore.errors import PgscoreError

from .lines import MagicError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from psycopg2.extensions import connection as Connection  # noqa: N812

_QUERY = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|table|values)\b", re.IGNORECASE | re.DOTALL)


def score_cell(dsn: str | None, model: str, cell: str, column: str, variables: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a cell with a column for their scores.

    Raises:
        MagicError: the cell holds no rows, or the database refused them.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise MagicError("%%score gives a DataFrame, and pandas is not here", "pip install pandas") from None
    database = os.environ.get("PGSCORE_DSN", "") if dsn is None else dsn
    try:
        with transaction(database) as connection:
            with connection.cursor() as cursor:
                cursor.execute("set transaction read only")
            if _QUERY.match(cell):
                return pd.DataFrame(*_of_query(connection, model, cell, column))
            frame = pd.DataFrame(_rows(cell, variables))
            _refuse_twice(column, list(frame.columns))
            scores = _scores(connection, model, frame.to_dict("records"))
            return frame.assign(**{column: pd.Series(scores, frame.index, dtype="float64")})
    except MagicError:
        raise
    except PgscoreError as error:
        raise MagicError(f"pgscore: {error}", error.hint, error.sqlstate) from None


def _of_query(
    connection: Connection, model: str, query: str, column: str
) -> tuple[list[tuple[Any, ...]], None, list[str]]:
    with connection.cursor() as cursor:
        # The line break ends a comment.
        cursor.execute(
            sql.SQL("select q.*, pgscore.score({model}, q) as {column} from ({query}\n) q").format(
                model=sql.Literal(model), column=sql.Identifier(column), query=sql.SQL(query.strip().rstrip(";"))
            )
        )
        names = [each.name for each in cursor.description or ()]
        _refuse_twice(column, names[:-1])
        return cursor.fetchall(), None, names


def _rows(cell: str, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401
    text = cell.strip()
    if text[:1] in ("[", "{"):
        try:
            return json.loads(
                text if text[0] == "[" else f"[{','.join(filter(None, map(str.strip, text.splitlines())))}]"
            )
        except ValueError:
            # A list in Python's own writing, such as [{"plan": None}].
            pass
    return eval(text, dict(variables))  # noqa: S307  the notebook's own code, in its own variables


def _scores(connection: Connection, model: str, rows: Sequence[Mapping[Any, Any]]) -> list[float | None]:
    payload = json.dumps([{str(name): _jsonable(value) for name, value in row.items()} for row in rows])
    with connection.cursor() as cursor:
        cursor.execute(
            "select pgscore.score(%s, r.value) from jsonb_array_elements(%s::jsonb) with ordinality r (value, n)"
            " order by r.n",
            (model, payload),
        )
        return [score for (score,) in cursor.fetchall()]


def _jsonable(value: Any) -> Any:  # noqa: ANN401
    """A value of a frame as JSON; what is missing is null."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, bool | int | float | str) else _missing_or_text(value)


def _missing_or_text(value: Any) -> str | None:  # noqa: ANN401
    # pandas' NA and NaT are equal to nothing, and NA says not even that.
    same = value == value  # noqa: PLR0124
    return str(value) if isinstance(same, bool) and same else None


def _refuse_twice(column: str, names: Sequence[Any]) -> None:
    if column in names:
        raise MagicError(f"the rows have a column {column} of their own", "Name another one for the scores: --as NAME")
