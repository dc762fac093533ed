"""Profile tables: their columns, and what identifies their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.database import row, rows
from pgscore.errors import NotFoundError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

# Types that Spark reads as they are. A cast leads out of domains, and is none where there is no domain.
_CASTS = {
    **{
        name: name
        for name in (
            "smallint",
            "integer",
            "bigint",
            "boolean",
            "real",
            "double precision",
            "timestamp without time zone",
            "timestamp with time zone",
        )
    },
    "date": "pg_catalog.date",
}


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        name: its name.
        quoted: the name as SQL writes it.
        declared: its type as it was declared.
        base: its type without domains and lengths.
        category: its type's category.
    """

    name: str
    quoted: str
    declared: str
    base: str
    category: str

    def read_sql(self, *, is_key: bool = False) -> str:
        """SQL for what Spark reads of it: numbers, booleans, times, and texts for all else."""
        if self.base == "numeric" and not is_key:
            # Spark's decimals have 38 digits, and PostgreSQL's any number: as models read them, and NaN too.
            return f"pgscore._number({self.quoted})"
        if self.base in _CASTS:
            return f"{self.quoted}::{_CASTS[self.base]}"
        if self.base == "uuid" and is_key:
            return f"{self.quoted}::pg_catalog.uuid"
        if self.base == "character":
            # Padded, as drivers hand it over; the cast would trim it.
            return f"pg_catalog.textin(pg_catalog.bpcharout({self.quoted}))"
        if self.category == "E":
            return f"pg_catalog.textin(pg_catalog.enum_out({self.quoted}))"
        return f"{self.quoted}::pg_catalog.text"


@dataclass(frozen=True)
class Table:
    """A table or view.

    Attributes:
        oid: its number.
        name: qualified and quoted.
        schema: its schema's name.
        bare: its own name.
        columns: by name, in their order.
        key: the columns that identify a row; empty where nothing says so.
        kind: ``r`` a table, ``p`` a partitioned one, others as `pg_class.relkind` has them.
        owner: the role that it belongs to.
    """

    oid: int
    name: str
    schema: str
    bare: str
    columns: dict[str, TableColumn]
    key: tuple[str, ...]
    kind: str
    owner: str

    def checked(self, names: Sequence[str], what: str) -> tuple[TableColumn, ...]:
        """The columns of these names.

        Raises:
            PgscoreError: one of them is none.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise PgscoreError(f"table {self.name} has no column {', '.join(missing)}, which {what}")
        return tuple(self.columns[name] for name in names)


def read_table(connection: Connection, name: str, key: Sequence[str] | None) -> Table:
    """Looks a table up.

    Args:
        connection: where it is.
        name: as SQL writes it.
        key: the columns that identify a row; None: its primary key, or the key of its binding.

    Raises:
        NotFoundError: there is no such table.
        PgscoreError: a column of the key is none.
    """
    found = row(
        connection,
        "select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, n.nspname, c.relname,"
        " c.relkind::text as kind, pg_get_userbyid(c.relowner) as owner, pgscore._row_key(c.oid)::text[] as key"
        " from (values (to_regclass(%s))) as wanted (oid)"
        " left join pg_catalog.pg_class c using (oid) left join pg_catalog.pg_namespace n on n.oid = c.relnamespace",
        (name,),
    )
    if found["oid"] is None:
        raise NotFoundError(f"there is no table {name} in this database, or you may not see its schema")
    columns = rows(
        connection,
        "select a.attname as name, quote_ident(a.attname) as quoted, format_type(a.atttypid, a.atttypmod) as declared,"
        " t.typcategory::text as category, base.type as base"
        " from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid"
        # Domains may be over domains.
        " cross join lateral (with recursive b as (select t.oid, t.typbasetype union all"
        " select n.oid, n.typbasetype from b join pg_catalog.pg_type n on n.oid = b.typbasetype)"
        " select format_type(b.oid, null) as type from b where b.typbasetype = 0) as base"
        " where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum",
        (found["oid"],),
    )
    table = Table(
        found["oid"],
        found["name"],
        found["nspname"],
        found["relname"],
        {each["name"]: TableColumn(**each) for each in columns},
        tuple(key if key is not None else found["key"] or ()),
        found["kind"],
        found["owner"],
    )
    table.checked(table.key, "is to be its key")
    return table
