"""Which columns of another database hold what is exported."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from .records import Column, Plan

# As long as a key of InnoDB may be in utf8mb4, with others beside it.
_KEY_LENGTH = 255
# The digits of MySQL's numbers, and how many of them follow the point.
_LARGEST = (65, 30)
# What a double holds exactly, which is what SQLite makes of numbers.
_DOUBLE_DIGITS = 15
# PostgreSQL's numbers have fewer digits.
_EXACT = Context(prec=200_000)


def column_for(dialect: sa.Dialect, plan: Plan, column: Column) -> sa.Column[Any]:
    """A column that holds the values, for a table that is made."""
    import sqlalchemy as sa

    is_key = column in plan.columns[: plan.key]
    return sa.Column(
        column.name, _type(dialect, column, is_key=is_key), primary_key=is_key, autoincrement=False, nullable=not is_key
    )


def _type(dialect: sa.Dialect, column: Column, *, is_key: bool) -> Any:  # noqa: ANN401
    import sqlalchemy as sa
    from sqlalchemy.dialects import mysql

    is_mysql = dialect.name in ("mysql", "mariadb")
    if column.kind == "text":
        # Bytes decide which keys are equal, as they do in PostgreSQL.
        if is_mysql and is_key:
            # And the blanks at the end.
            collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
            return mysql.VARCHAR(_KEY_LENGTH, collation=collation)
        return mysql.LONGTEXT() if is_mysql else sa.Text()
    if column.kind == "decimal":
        digits = column.precision or (_LARGEST if is_mysql else ())
        return sa.Text() if dialect.name == "sqlite" and not _fits_double(column) else sa.Numeric(*digits)
    if column.kind in ("moment", "time"):
        return mysql.DATETIME(fsp=6) if is_mysql else sa.DateTime(timezone=column.kind == "moment")
    made: dict[str, Any] = {
        "integer": sa.Integer() if column.small else sa.BigInteger(),
        "double": sa.Double(),
        "boolean": sa.Boolean(),
        "date": sa.Date(),
    }
    return made[column.kind]


def _fits_double(column: Column) -> bool:
    return column.precision is not None and column.precision[0] <= _DOUBLE_DIGITS


def as_stored(dialect: sa.Dialect, column: Column, found: sa.Column[Any]) -> Callable[[Any], Any] | None:
    """What makes of a value that is not NULL what the driver stores exactly; None where it does so itself."""
    if column.kind in ("moment", "time") and dialect.name != "postgresql":
        # What keeps no time zones gets UTC.
        return lambda value: value.replace(tzinfo=None)
    if column.kind == "double" and dialect.name == "sqlite":
        return lambda value: _number(column, value)
    return _decimal_as_stored(dialect, column, found) if column.kind == "decimal" else None


def _decimal_as_stored(dialect: sa.Dialect, column: Column, found: sa.Column[Any]) -> Callable[[Any], Any] | None:
    import sqlalchemy as sa

    if dialect.name == "postgresql":
        # psycopg2 makes NaN of what is infinite.
        return lambda value: value if value.is_finite() else str(value)
    if isinstance(found.type, sa.String):
        return lambda value: format(value, "f")
    if dialect.name in ("mysql", "mariadb"):
        return lambda value: _exact(column, value)
    return None


def _number(column: Column, value: float) -> float:
    if math.isnan(value):
        raise PgscoreError(
            f'NaN in column "{column.name}" would be NULL there: SQLite has no such number',
            "Export to a file, or have the profile hold NULL.",
        )
    return value


def _exact(column: Column, value: Decimal) -> Decimal:
    digits, fraction = _LARGEST
    exponent = value.normalize(_EXACT).as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > fraction or value.adjusted() >= digits - fraction:
        raise PgscoreError(
            f'{value} in column "{column.name}" does not fit there: numbers have {digits} digits, {fraction} of them'
            " after the point",
            "Declare the digits of the profile's column, or export another one.",
        )
    return value


def misfit(dialect: sa.Dialect, column: Column, found: sa.Column[Any] | None) -> str | None:
    """Why a column that is there cannot hold the values, as what its table does; None where it can."""
    import sqlalchemy as sa

    if found is None:
        return "lacks a column"
    kind = found.type
    called = "a type that is not known here" if isinstance(kind, sa.types.NullType) else kind.compile(dialect)
    expected: dict[str, tuple[type[Any], ...]] = {
        "integer": (sa.Integer, sa.Numeric),
        "double": (sa.Float,),
        "decimal": (sa.Numeric, sa.String) if dialect.name == "sqlite" else (sa.Numeric,),
        "boolean": (sa.Boolean,),
        "text": (sa.String, sa.Uuid),
        "date": (sa.Date,),
        "moment": (sa.DateTime,),
        "time": (sa.DateTime,),
    }
    # MySQL's boolean is a TINYINT.
    if column.kind == "boolean" and called.upper().startswith("TINYINT"):
        return None
    if not isinstance(kind, expected[column.kind]):
        return f"holds {called}, which takes no {column.kind}"
    if dialect.name == "sqlite" and column.kind == "decimal":
        exact = isinstance(kind, sa.String) or _fits_double(column)
        return None if exact else f"holds {called}, which rounds"
    # SQLite has one size of numbers.
    return None if dialect.name == "sqlite" else _narrow(column, kind, called)


def _narrow(column: Column, kind: Any, called: str) -> str | None:  # noqa: ANN401
    """Why values would be cut or rounded."""
    import sqlalchemy as sa

    if isinstance(kind, sa.Float):
        rounds = column.kind != "double" or (not column.small and not isinstance(kind, sa.Double))
        return f"holds {called}, which rounds" if rounds else None
    if isinstance(kind, sa.Integer) and not column.small and not isinstance(kind, sa.BigInteger):
        return f"holds {called}, which does not take all integers of 64 bits"
    if isinstance(kind, sa.Numeric) and (kind.precision, kind.scale) == _LARGEST and column.precision is None:
        # Each value is looked at.
        return None
    if isinstance(kind, sa.Numeric) and kind.precision is not None:
        scale = kind.scale or 0
        digits, fraction = column.precision or ((19, 0) if column.kind == "integer" else (scale + 66, scale + 1))
        if scale < fraction or kind.precision - scale < digits - fraction:
            return f"holds {called}, which rounds"
    return None
