"""CSV and Parquet, a batch at a time, and what stands beside such a file."""

from __future__ import annotations

import hashlib
import io
import json
from abc import abstractmethod
from contextlib import suppress
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

from .target import Target, needs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from .address import Address
    from .records import Column, Options, Plan, Stamp
    from .target import Row

FORMATS = (".csv", ".parquet")
# What a row group of Parquet holds at least.
_GATHERED = 20_000
_AT = "{at}"


def format_of(name: str) -> str:
    """The ending that names the format of a file.

    Raises:
        PgscoreError: it names none.
    """
    found = next((ending for ending in FORMATS if name.lower().endswith(ending)), None)
    if found is None:
        raise PgscoreError(f"what is to be written to {name} its name does not say", "It ends in .csv or .parquet.")
    return found


class Hashed(io.RawIOBase):
    """A file that is written from its beginning to its end, and hashed on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._is_abandoned = False
        self.size = 0

    @property
    def sha256(self) -> str:
        """The hash of what was written, in hexadecimal."""
        return self._sha256.hexdigest()

    def abandon(self) -> None:
        """Writes nothing any more: what encodes has an end of its own to write when it goes."""
        self._is_abandoned = True

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  any buffer
        """Writes all of it."""
        held = bytes(data)
        if self._is_abandoned:
            return len(held)
        self._file.write(held)
        self._sha256.update(held)
        self.size += len(held)
        return len(held)


class Encoder:
    """Writes rows of a plan to a file, as CSV or Parquet.

    CSV has a header, texts in quotes and NULL as nothing, so that an empty text is another thing; numbers are exact.

    Args:
        ending: one of FORMATS.
        columns: what the rows hold.
        file: what is written to.
    """

    def __init__(self, ending: str, columns: Sequence[Column], file: Hashed) -> None:
        try:
            import pyarrow as pa
            from pyarrow import csv, parquet
        except ModuleNotFoundError:
            raise needs("pyarrow") from None
        self._arrow = pa
        self._schema = pa.schema([(column.name, _type(pa, column)) for column in columns])
        self._gathered: list[Row] = []
        self._writer: Any = (csv.CSVWriter if ending == ".csv" else parquet.ParquetWriter)(file, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """Takes rows; memory holds some ten thousand."""
        self._gathered += rows
        if len(self._gathered) >= _GATHERED:
            self._flush()

    def finish(self) -> None:
        """Writes what is left; the file itself stays open."""
        if self._gathered:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        arrays = [
            self._array(field, values)
            for field, values in zip(self._schema, zip(*self._gathered, strict=True), strict=True)
        ]
        self._writer.write_batch(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._gathered = []

    def _array(self, field: Any, values: Sequence[Any]) -> Any:  # noqa: ANN401  pyarrow has no types
        if self._arrow.types.is_string(field.type):
            # Decimals for which there is no type are texts.
            values = [format(value, "f") if isinstance(value, Decimal) else value for value in values]
        try:
            return self._arrow.array(values, field.type)
        except (self._arrow.ArrowException, ArithmeticError, ValueError, TypeError) as error:
            raise PgscoreError(
                f'a value of column "{field.name}" does not fit the file: {" ".join(str(error).split())}'
            ) from None


def _type(pa: Any, column: Column) -> Any:  # noqa: ANN401  pyarrow has no types
    if column.kind == "decimal":
        # Without digits that are declared, or with more than fit, only a text is exact.
        fits = column.precision is not None and column.precision[0] <= 38  # noqa: PLR2004
        return pa.decimal128(*column.precision) if column.precision and fits else pa.string()
    kinds: dict[str, Callable[[], Any]] = {
        "integer": pa.int64,
        "double": pa.float64,
        "boolean": pa.bool_,
        "text": pa.string,
        "date": pa.date32,
        "moment": lambda: pa.timestamp("us", tz="UTC"),
        "time": lambda: pa.timestamp("us"),
    }
    return kinds[column.kind]()


class FileTarget(Target):
    """A file that is written beside its place, under another name, and takes it when it is complete.

    Beside it stand its SHA-256, as sha256sum reads it, and a manifest in JSON, which comes last. Those who derive from
    this say how a file is opened, made durable and renamed.
    """

    def __init__(self, address: Address, options: Options, path: str) -> None:
        super().__init__(address, options)
        self.path = path
        self._ending = format_of(path)
        self._plan: Plan
        self._encoder: Encoder
        self._hashed: Hashed
        self._open: IO[bytes] | None = None
        self._left: list[str] = []
        self._mark = ""

    def check(self, *, changed: bool) -> None:
        """An export of changes is a file of its own, or it would replace all that came before."""
        if changed and _AT not in self.path:
            raise PgscoreError(
                f"an export of changes would replace {self.path}, which holds what came before",
                f"Have each write a file of its own: put {_AT} into its name, and its time will stand there.",
            )

    def holds(self, stamp: str) -> bool:
        """Files of changes stand by themselves."""
        return True

    def begin(self, stamp: str, *, changed: bool) -> None:
        """Opens the file under another name, in the same folder."""
        self._mark = stamp[:8]
        with self._said():
            self._open = self.create(self._temporary(self.path))
            self._left.append(self._temporary(self.path))
            self._hashed = Hashed(self._open)
            self._encoder = Encoder(self._ending, self._plan.columns, self._hashed)

    def write(self, rows: Sequence[Row]) -> None:
        """Writes rows."""
        with self._said():
            self._encoder.write(rows)

    def finish(self, stamp: Stamp) -> Mapping[str, Any]:
        """Has file, hash and manifest take their places, in this order."""
        path = self.path.replace(_AT, stamp.at.strftime("%Y%m%dT%H%M%S_%fZ"))
        name = path.rpartition("/")[2]
        details = {"file": path, "sha256": "", "bytes": 0}
        with self._said():
            self._encoder.finish()
            if self._open is None:
                raise AssertionError
            self.sync(self._open)
            self._open.close()
            self._open = None
            details |= {"sha256": self._hashed.sha256, "bytes": self._hashed.size}
            manifest = manifest_of(stamp, self._plan.columns, {**details, "file": name})
            beside = [(path + ".sha256", f"{self._hashed.sha256}  {name}\n"), (path + ".json", manifest)]
            for place, text in beside:
                with self.create(self._temporary(place)) as file:
                    self._left.append(self._temporary(place))
                    file.write(text.encode())
                    self.sync(file)
            for former, place in [(self._temporary(self.path), path)] + [(self._temporary(p), p) for p, _ in beside]:
                self.rename(former, place)
                self._left.remove(former)
            self.settle(path)
        return details

    def abandon(self) -> None:
        """Takes away what was written under other names."""
        if self._open is not None:
            with suppress(Exception):
                self._hashed.abandon()
                self._open.close()
            self._open = None
        for path in self._left:
            with suppress(Exception):
                self.remove(path)
        self._left = []

    def _temporary(self, path: str) -> str:
        folder, slash, name = path.rpartition("/")
        return f"{folder}{slash}.{name.replace(_AT, 'at')}.{self._mark}.part"

    @abstractmethod
    def _said(self) -> AbstractContextManager[None]:
        """Says in sentences what goes wrong meanwhile."""

    @abstractmethod
    def create(self, path: str) -> IO[bytes]:
        """Makes a file that is not there yet."""

    @abstractmethod
    def sync(self, file: IO[bytes]) -> None:
        """Has what was written outlast a power cut."""

    @abstractmethod
    def rename(self, former: str, path: str) -> None:
        """Has a file take the place of another, so that there is always one of them."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Removes a file."""

    def settle(self, path: str) -> None:
        """Has the names outlast a power cut."""


def manifest_of(stamp: Stamp, columns: Sequence[Column], details: Mapping[str, Any]) -> str:
    """What is said of a file, as JSON."""
    return (
        json.dumps(
            {
                **details,
                "model": stamp.model,
                "profile": stamp.profile,
                "rows": stamp.rows,
                "versions": dict(stamp.versions),
                "at": _iso(stamp.at),
                "changed": stamp.changed,
                "export": stamp.stamp,
                "after": stamp.before,
                "columns": [{"name": column.name, "kind": column.kind} for column in columns],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _iso(at: datetime) -> str:
    return at.isoformat()
