"""Profile tables as the database knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgscore.database import row, rows
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import InputType
    from psycopg2.extensions import connection as Connection  # noqa: N812

_READ_AS: dict[str, InputType] = {
    "smallint": "double precision",
    "integer": "double precision",
    "bigint": "double precision",
    "numeric": "double precision",
    "real": "double precision",
    "double precision": "double precision",
    "boolean": "boolean",
}
# PostgreSQL keeps the length of a char(n) with this added.
_HEADER = 4


@dataclass(frozen=True)
class Profile:
    """A profile table as the database knows it.

    Attributes:
        name: qualified and quoted.
        columns: what each column is read as, ``double precision``, ``text``, ``boolean``; None where it cannot serve.
        declared: each column's type as it was declared.
        padded: how many characters the values of a ``char(n)`` have, by column.
    """

    name: str
    columns: dict[str, InputType | None]
    declared: dict[str, str]
    padded: dict[str, int] = field(default_factory=dict)

    def check(self, names: Sequence[str], learnt: Mapping[str, str] | None = None) -> None:
        """Refuses inputs that are no columns of the table, or columns of a type that cannot serve.

        Args:
            names: the inputs.
            learnt: what the estimator was fitted on, in words, where that is known.

        Raises:
            PgscoreError: naming all of them.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise PgscoreError(
                f"table {self.name} has no column {', '.join(missing)}, which the model reads",
                "Add the column, or publish a model without it.",
            )
        unfit = [name for name in names if self.columns[name] is None]
        if unfit:
            columns = ", ".join(f"{name} ({self.declared[name]})" for name in unfit)
            fitted = [f"{name} on {words}" for name, words in (learnt or {}).items() if name in unfit]
            raise PgscoreError(
                f"table {self.name} has columns of types that cannot serve as inputs: {columns}"
                + (f"; the model was fitted in {', in '.join(fitted)}" if fitted else ""),
                "Numbers, texts, enums and booleans can. Fit the model on one, and name a view that computes it.",
            )


def read_profile(connection: Connection, table: str) -> Profile:
    """Looks a profile table up.

    Raises:
        PgscoreError: there is no such table or view.
    """
    found = row(
        connection,
        "select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name"
        " from (values (to_regclass(%s))) as wanted (oid)"
        " left join pg_catalog.pg_class c using (oid) left join pg_catalog.pg_namespace n on n.oid = c.relnamespace",
        (table,),
    )
    if found["oid"] is None:
        raise PgscoreError(f"there is no table {table} in this database, or you may not see its schema")
    columns = rows(
        connection,
        "select a.attname as name, format_type(a.atttypid, a.atttypmod) as declared, t.typcategory as category,"
        " base.type, base.modifier"
        " from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid"
        # Domains may be over domains.
        " cross join lateral (with recursive b as (select t.oid, t.typbasetype, t.typtypmod, a.atttypmod as modifier"
        " union all select n.oid, n.typbasetype, n.typtypmod, b.typtypmod"
        " from b join pg_catalog.pg_type n on n.oid = b.typbasetype)"
        " select b.oid::regtype::text as type, b.modifier from b where b.typbasetype = 0) as base"
        " where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum",
        (found["oid"],),
    )
    return Profile(
        found["name"],
        {c["name"]: "text" if c["category"] in "SE" else _READ_AS.get(c["type"]) for c in columns},
        {c["name"]: c["declared"] for c in columns},
        # One without a length pads nothing.
        {c["name"]: c["modifier"] - _HEADER for c in columns if c["type"] == "character" and c["modifier"] > _HEADER},
    )
