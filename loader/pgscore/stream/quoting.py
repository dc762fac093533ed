"""Names in statements that have parameters: a percent sign in one would be a parameter, too."""

from __future__ import annotations

from psycopg2 import sql


def without_parameters(text: str) -> str:
    """A text of which nothing is a parameter."""
    return text.replace("%", "%%")


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + without_parameters(name).replace('"', '""') + '"'


def identifier(*names: str) -> sql.Identifier:
    """A name, perhaps with its schema before it."""
    return sql.Identifier(*map(without_parameters, names))


def type_name(name: str) -> sql.SQL:
    """A type, as PostgreSQL writes it."""
    return sql.SQL(without_parameters(name))
