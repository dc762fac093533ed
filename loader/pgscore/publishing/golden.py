"""Where golden rows come from: a CSV file, a frame, lists, arrays, or a sample of the profile table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pgscore.database import rows
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from pgscore_runtime.contract import InputType
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .profile import Profile

# A path of a CSV file; a DataFrame of pandas or polars, or what can become one; rows as dicts; a structured array. Rows
# without names, as lists or an array, where the estimator or the publisher names the inputs.
Golden = str | Path | pd.DataFrame | np.ndarray | Sequence[Any] | Mapping[str, Any] | Any

_SAMPLE = 200
_COMPLETE = 50
# Of the first so many rows, so many values of a category.
_LOOKED_AT, _VALUES = 100_000, 300
_WORDS = {"double precision": "numbers", "boolean": "booleans"}
_TRUE = ("t", "true", "y", "yes", "on", "1")
_FALSE = ("f", "false", "n", "no", "off", "0")


@dataclass(frozen=True)
class Given:
    """Golden rows as they were given.

    Attributes:
        frame: rows x columns.
        named: whether the columns have names.
        source: where they come from, for messages.
        texts: whether all values are texts, which a CSV file's are.
        sampled: whether they are the profile table's.
    """

    frame: pd.DataFrame
    named: bool
    source: str
    texts: bool = False
    sampled: bool = False

    @property
    def names(self) -> list[str] | None:
        """The columns' names, if they have some."""
        return [str(each) for each in self.frame.columns] if self.named else None

    def select(self, names: Sequence[str]) -> pd.DataFrame:
        """The columns that the estimator reads, in its order.

        Raises:
            PgscoreError: one is missing, or there are no rows.
        """
        if self.frame.empty:
            raise PgscoreError(f"{self.source} are empty", "Give at least one row.")
        if not self.named:
            if len(names) != self.frame.shape[1]:
                raise PgscoreError(
                    f"{self.source} have {self.frame.shape[1]} columns without names, and the model reads {len(names)}"
                )
            return self.frame.set_axis(list(names), axis=1)
        frame = self.frame.rename(columns=str)
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise PgscoreError(f"{self.source} lack the columns {', '.join(missing)}, which the model reads")
        twice = [name for name in names if list(frame.columns).count(name) > 1]
        if twice:
            raise PgscoreError(f"{self.source} have column {twice[0]} more than once")
        return frame[list(names)]

    def typed(self, types: Mapping[str, InputType | None], categories: Collection[str] = ()) -> Given:
        """The same with the values of a CSV file as these types; where none is known, as what all of them look like.

        Args:
            types: by column.
            categories: columns that hold no numbers, whatever they look like.

        Raises:
            PgscoreError: a value is none of its column's type.
        """
        if not self.texts:
            return self
        columns = {
            name: _parsed(
                self.frame[name].tolist(), types.get(str(name)), str(name), self.source,
                unlike=("double precision",) if str(name) in categories else (),
            )
            for name in self.frame.columns
        }  # fmt: skip
        return Given(pd.DataFrame(columns, index=self.frame.index), self.named, self.source)


def read_golden(golden: Golden) -> Given:
    """Golden rows that were given.

    Raises:
        PgscoreError: the file cannot be read, or this is nothing that holds rows.
    """
    if isinstance(golden, str | Path):
        return _read_csv(Path(golden))
    source = "the golden rows"
    frame = _frame(golden)
    if frame is None:
        raise PgscoreError(
            f"golden rows are given as a {type(golden).__name__}, which holds no rows and columns",
            "Give a DataFrame, a list of dicts, a CSV file's path; or, where the inputs have names, a list of lists.",
        )
    # Numbers are positions, whoever made them.
    named = not all(isinstance(each, int | np.integer) for each in frame.columns)
    return Given(frame, named, source)


def _frame(golden: Any) -> pd.DataFrame | None:  # noqa: ANN401, PLR0911
    if isinstance(golden, pd.DataFrame):
        return golden
    if hasattr(golden, "collect") and hasattr(golden, "lazy"):  # polars, lazily
        golden = golden.collect()
    if isinstance(golden, np.ndarray):
        if golden.dtype.names:
            return pd.DataFrame({name: golden[name] for name in golden.dtype.names})
        return pd.DataFrame(golden).infer_objects() if golden.ndim == 2 else None  # noqa: PLR2004  rows and columns
    if isinstance(golden, Mapping):
        return pd.DataFrame({name: list(values) for name, values in golden.items()}) if golden else None
    if isinstance(golden, Sequence):
        if not all(isinstance(each, Mapping | Sequence | np.ndarray) and not isinstance(each, str) for each in golden):
            return None
        return pd.DataFrame([each if isinstance(each, Mapping) else list(each) for each in golden])
    if type(golden).__module__.partition(".")[0] == "polars" and hasattr(golden, "get_columns"):
        return pd.DataFrame({each.name: each.to_list() for each in golden.get_columns()})
    if hasattr(golden, "to_pydict"):  # pyarrow
        return pd.DataFrame(golden.to_pydict())
    found = golden.to_pandas() if hasattr(golden, "to_pandas") else None
    return found if isinstance(found, pd.DataFrame) else None


def _read_csv(path: Path) -> Given:
    try:
        # As COPY reads it: only an empty field is NULL. Texts that look like numbers stay texts.
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except OSError as error:
        raise PgscoreError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeError) as error:
        raise PgscoreError(f"{path} is no CSV file with a header: {str(error).splitlines()[0]}") from None
    return Given(frame, named=True, source=f"the rows of {path}", texts=True)


def _parsed(
    values: list[Any], kind: InputType | None, name: str, source: str, unlike: Collection[str] = ()
) -> pd.Series[Any]:
    texts = [None if pd.isna(each) else str(each) for each in values]
    looks = [each for each in ("double precision", "boolean", "text") if each not in unlike]
    for wanted in (kind,) if kind is not None else looks:
        strange = [each for each in texts if each is not None and _value(each, wanted, kind) is None]
        if not strange:
            found = [None if each is None else _value(each, wanted, kind) for each in texts]
            return pd.Series(found, dtype=np.float64 if wanted == "double precision" else object)
    raise PgscoreError(f"column {name} is read as {_WORDS.get(str(kind))}, and {source} hold {strange[0]!r} there")


def _value(text: str, kind: str, known: InputType | None) -> Any:  # noqa: ANN401
    """The value that a text stands for; None where it stands for none of this kind."""
    if kind == "text":
        return text
    if kind == "double precision":
        try:
            return float(text)
        except ValueError:
            return None
    lowered = text.strip().lower()
    # Unasked, only what nobody means otherwise.
    true, false = (_TRUE, _FALSE) if known else (("true",), ("false",))
    return True if lowered in true else False if lowered in false else None


def sample(connection: Connection, profile: Profile, names: Sequence[str], categories: Collection[str] = ()) -> Given:
    """Rows of the profile table: the first ones, and complete ones where none of those is.

    Args:
        connection: to its database.
        profile: the table.
        names: the inputs.
        categories: those of which more rows are to show more texts.

    Raises:
        PgscoreError: the table holds no rows, or may not be read.
    """
    rows(connection, "select set_config('extra_float_digits', '1', true)")
    first = _rows(connection, profile, names, f"limit {_SAMPLE}")
    if not first:
        raise PgscoreError(
            f"table {profile.name} has no rows to take golden rows from, and nothing is published unproved",
            "Give --golden FILE.csv with rows as the model reads them.",
        )
    if not any(all(value is not None for value in each) for each in first):
        complete = " and ".join(f"{_quoted(name)} is not null" for name in names)
        first += _rows(connection, profile, names, f"where {complete} limit {_COMPLETE}")
    for name in categories:
        if profile.columns[name] == "text":
            # As different texts, whatever the column takes for equal.
            each = f'distinct on ({_quoted(name)}::text collate "C")'
            some = f"where {_quoted(name)} is not null limit {_VALUES}"
            first += _rows(connection, profile, names, some, each, f"limit {_LOOKED_AT}")
    frame = pd.DataFrame({name: pd.Series([each[n] for each in first], dtype=object) for n, name in enumerate(names)})
    return Given(frame, named=True, source=f"the sample of {profile.name}", sampled=True)


def _rows(
    connection: Connection, profile: Profile, names: Sequence[str], which: str, distinct: str = "", among: str = ""
) -> list[list[Any]]:
    # Texts as the driver hands them over: a char(n) is padded, and a cast would trim it.
    numbers = [profile.columns[name] == "double precision" for name in names]
    quoted = ", ".join(
        f"{_quoted(name)}::text" if number else _quoted(name) for name, number in zip(names, numbers, strict=True)
    )
    # The names come from the catalog, quoted.
    columns = ", ".join(map(_quoted, names))
    found = rows(
        connection,
        f"select {distinct} {quoted} from (select {columns} from {profile.name} {among}) as looked_at {which}",  # noqa: S608
    )
    return [
        [
            float(value) if number and value is not None else value
            for value, number in zip(each.values(), numbers, strict=True)
        ]
        for each in found
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
