"""Names in statements that have parameters: a percent sign in one would be a parameter, too."""

from __future__ import annotations

from psycopg2 import sql


def identifier(*names: str) -> sql.Identifier:
    """A name, perhaps with its schema before it."""
    return sql.Identifier(*(each.replace("%", "%%") for each in names))


def type_name(name: str) -> sql.SQL:
    """A type, as PostgreSQL writes it."""
    return sql.SQL(name.replace("%", "%%"))
