"""Which columns of another database hold what is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    from .records import Column, Plan

# As long as a key of InnoDB may be in utf8mb4, with others beside it.
_KEY_LENGTH = 255


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
        return sa.Numeric(*column.precision) if column.precision else sa.Numeric(65, 30) if is_mysql else sa.Numeric()
    if column.kind in ("moment", "time"):
        if is_mysql:
            return mysql.DATETIME(fsp=6)
        return sa.DateTime(timezone=column.kind == "moment")
    made: dict[str, Any] = {
        "integer": sa.Integer() if column.small else sa.BigInteger(),
        "double": sa.Double(),
        "boolean": sa.Boolean(),
        "date": sa.Date(),
    }
    return made[column.kind]


def misfit(dialect: sa.Dialect, column: Column, found: sa.Column[Any] | None) -> str | None:
    """Why a column that is there cannot hold the values, as what its table does; None where it can."""
    import sqlalchemy as sa

    if found is None:
        return "lacks a column"
    kind = found.type
    called = kind.compile(dialect)
    expected: dict[str, tuple[type[Any], ...]] = {
        "integer": (sa.Integer, sa.Numeric),
        "double": (sa.Float,),
        "decimal": (sa.Numeric,),
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
    if isinstance(kind, sa.Numeric) and kind.precision is not None:
        scale = kind.scale or 0
        digits, fraction = column.precision or ((19, 0) if column.kind == "integer" else (scale + 66, scale + 1))
        if scale < fraction or kind.precision - scale < digits - fraction:
            return f"holds {called}, which rounds"
    return None
