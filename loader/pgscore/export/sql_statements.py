"""The statements by which another database takes scores, and the table of its stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    from .records import Plan

STAMPS = "pgscore_export"
TRANSACTIONAL: dict[str, Any] = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def stamps(made: sa.MetaData) -> sa.Table:
    """A row for each table, which says what was exported to it last."""
    import sqlalchemy as sa

    return sa.Table(
        STAMPS,
        made,
        sa.Column("table_name", sa.String(200), primary_key=True),
        sa.Column("export", sa.String(36), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("profile", sa.String(200), nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("exported_at", sa.String(40), nullable=False),
        sa.Column("changes", sa.Boolean, nullable=False),
        **TRANSACTIONAL,
    )


def upsert(dialect: sa.Dialect, table: sa.Table, plan: Plan) -> Any:  # noqa: ANN401  each dialect has its own class
    """The statement that inserts or updates; None where the dialect has none."""
    keys = [column.name for column in plan.columns[: plan.key]]
    rest = [column.name for column in plan.columns[plan.key :]]
    if dialect.name in ("mysql", "mariadb"):
        from sqlalchemy.dialects import mysql

        into = mysql.insert(table)
        return into.on_duplicate_key_update({name: into.inserted[name] for name in rest})
    if dialect.name == "postgresql":
        return _of_arrays(dialect, table, plan)
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        insert = sqlite.insert(table)
        return insert.on_conflict_do_update(index_elements=keys, set_={name: insert.excluded[name] for name in rest})
    return None


def _of_arrays(dialect: sa.Dialect, table: sa.Table, plan: Plan) -> Any:  # noqa: ANN401
    """PostgreSQL's, with an array for each column: a statement for each batch, of the same text. Equal rows stay."""
    import sqlalchemy as sa

    def quoted(name: str) -> str:
        # A colon would begin a parameter of SQLAlchemy's, which sees to % itself.
        return '"' + name.replace('"', '""').replace(":", "\\:") + '"'

    names = [quoted(column.name) for column in plan.columns]
    into = ".".join(quoted(name) for name in (table.schema, table.name) if name)
    keys, rest = names[: plan.key], names[plan.key :]
    types = [table.columns[column.name].type.compile(dialect) for column in plan.columns]
    arrays = ", ".join(f"cast(:c{number} as {kind}[])" for number, kind in enumerate(types))
    sets = ", ".join(f"{name} = excluded.{name}" for name in rest)
    present, coming = (", ".join(f"{of}.{name}" for name in rest) for of in ("present", "excluded"))
    return sa.text(
        f"insert into {into} as present ({', '.join(names)})"  # noqa: S608  quoted above
        f" select * from unnest({arrays})"
        f" on conflict ({', '.join(keys)}) do update set {sets} where ({present}) is distinct from ({coming})"
    )
