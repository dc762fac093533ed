"""Where golden rows come from: a CSV file, a DataFrame, or a sample of the profile table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pgscore.database import row, rows
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

Golden = str | Path | pd.DataFrame

_SAMPLE = 200
_READ_AS = {
    "smallint": "double precision",
    "integer": "double precision",
    "bigint": "double precision",
    "numeric": "double precision",
    "real": "double precision",
    "double precision": "double precision",
    "boolean": "boolean",
}


@dataclass(frozen=True)
class Profile:
    """A profile table as the database knows it.

    Attributes:
        name: qualified and quoted.
        columns: what each column is read as, ``double precision``, ``text``, ``boolean``; None where it cannot serve.
        declared: each column's type as it was declared.
    """

    name: str
    columns: dict[str, str | None]
    declared: dict[str, str]

    def check(self, names: list[str]) -> None:
        """Refuses inputs that are no columns of the table, or columns of a type that cannot serve.

        Raises:
            PgscoreError: naming all of them.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise PgscoreError(
                f"table {self.name} has no column {', '.join(missing)}, which the model reads",
                "Add the column, or publish a model without it.",
            )
        unfit = [f"{name} ({self.declared[name]})" for name in names if self.columns[name] is None]
        if unfit:
            raise PgscoreError(
                f"table {self.name} has columns of types that cannot serve as inputs: {', '.join(unfit)}",
                "Numbers, texts, enums and booleans can.",
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
        # Domains may be over domains.
        " (with recursive b as (select t.oid, t.typbasetype union all"
        " select n.oid, n.typbasetype from b join pg_catalog.pg_type n on n.oid = b.typbasetype)"
        " select b.oid::regtype::text from b where b.typbasetype = 0) as type"
        " from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid"
        " where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum",
        (found["oid"],),
    )
    return Profile(
        found["name"],
        {c["name"]: "text" if c["category"] in "SE" else _READ_AS.get(c["type"]) for c in columns},
        {c["name"]: c["declared"] for c in columns},
    )


def golden_frame(connection: Connection, golden: Golden | None, profile: Profile | None) -> pd.DataFrame:
    """Example rows as a DataFrame: those given, else a sample of the profile table.

    Raises:
        PgscoreError: neither is given, the file cannot be read, or the table holds no rows or may not be read.
    """
    if isinstance(golden, pd.DataFrame):
        return golden
    if golden is not None:
        return _read_csv(Path(golden), profile)
    if profile is None:
        raise PgscoreError(
            "there are no golden rows, and nothing is published unproved",
            "Give --golden FILE.csv, or --profile TABLE to take a sample of it.",
        )
    return _sample(connection, profile)


def select_inputs(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The columns that the estimator reads, in its order.

    Raises:
        PgscoreError: one is missing.
    """
    frame = frame.rename(columns=str)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise PgscoreError(f"the golden rows lack the columns {', '.join(missing)}, which the model reads")
    if frame.empty:
        raise PgscoreError("there are no golden rows", "Give at least one without missing values.")
    return frame[names]


def _read_csv(path: Path, profile: Profile | None) -> pd.DataFrame:
    texts = {name: str for name, kind in (profile.columns if profile else {}).items() if kind == "text"}
    try:
        # As COPY reads it: only an empty field is NULL. Texts that look like numbers stay texts.
        return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
    except OSError as error:
        raise PgscoreError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeError) as error:
        raise PgscoreError(f"{path} is no CSV file with a header: {str(error).splitlines()[0]}") from None


def _sample(connection: Connection, profile: Profile) -> pd.DataFrame:
    fit = {name: kind for name, kind in profile.columns.items() if kind is not None}
    # Texts as the driver hands them over: a char(n) is padded, and a cast would trim it.
    quoted = ", ".join(
        f"{_quoted(name)}::text::float8" if kind == "double precision" else _quoted(name) for name, kind in fit.items()
    )
    rows(connection, "select set_config('extra_float_digits', '1', true)")
    # The name comes from the catalog, quoted.
    found = rows(connection, f"select {quoted} from {profile.name} limit {_SAMPLE}")  # noqa: S608
    frame = pd.DataFrame([list(each.values()) for each in found], columns=list(fit))
    for name, kind in fit.items():
        if kind == "double precision":
            frame[name] = frame[name].astype(float)
    return frame


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def agree(frame: pd.DataFrame, profile: Profile) -> None:
    """Refuses golden rows whose values are not what the profile's columns are read as.

    Raises:
        PgscoreError: naming the first column.
    """
    for name in frame.columns:
        values: Any = frame[name].dropna()
        wanted = profile.columns[name]
        numbers = pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name])
        found = "double precision" if numbers else "text"
        if pd.api.types.is_bool_dtype(frame[name]) or (len(values) and all(isinstance(v, bool) for v in values)):
            found = "boolean"
        if wanted != found and len(values):
            raise PgscoreError(
                f"column {name} of {profile.name} is {profile.declared[name]},"
                f" and the golden rows hold {found} values such as {values.iloc[0]!r}"
            )
