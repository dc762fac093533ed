"""Values of columns: what each type of PostgreSQL's holds, in which order, and as what it is given back."""

from __future__ import annotations

import re
import struct
from abc import ABC, abstractmethod
from datetime import UTC, date, datetime
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from math import inf, isfinite, nan
from typing import Any, NoReturn
from uuid import UUID

from pgscore.errors import PgscoreError

# Any sum of two values of numeric is exact in it, and nothing raises.
EXACT = Context(prec=1_000_000, rounding=ROUND_HALF_UP, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
# What numeric holds: digits before the point, and behind it.
_BEFORE, _BEHIND = 131_072, 16_383
_MOST_DIGITS = _BEFORE + _BEHIND
# What PostgreSQL lets a type have in brackets.
_MOST_PRECISION, _MOST_LENGTH = 1000, 10_485_760
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_UUID = re.compile("[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\\1[0-9a-fA-F]{4}\\1[0-9a-fA-F]{4}\\1[0-9a-fA-F]{12}")
_INFINITE = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
_ENDS = {"infinity": 1, "-infinity": -1}
_SHOWN = 60


class ColumnType(ABC):
    """A type of a column.

    Attributes:
        name: as PostgreSQL writes it.
        has_order: whether the order of its values is known here.
        is_known: whether its values are.
        is_exact: whether they are numbers whose sums are not rounded.
    """

    has_order = True
    is_known = True
    is_exact = False

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, value: Any, place: str) -> Any:  # noqa: ANN401
        """A value as the column holds it; None for NULL.

        Raises:
            PgscoreError: it holds no such value.
        """
        if value is None:
            return None
        if hasattr(value, "dtype") and hasattr(value, "item") and not value.shape:
            value = value.item()
        return self._read(value, place)

    def written(self, text: str, place: str) -> Any:  # noqa: ANN401
        """A value that PostgreSQL has written as text."""
        return self._read(text, place)

    def key(self, value: Any) -> Any:  # noqa: ANN401
        """What values are ordered and told apart by; of one that is not NULL."""
        return value

    @abstractmethod
    def _read(self, value: Any, place: str) -> Any: ...  # noqa: ANN401

    def refuse(self, value: Any, place: str, why: str = "is no value of it") -> NoReturn:  # noqa: ANN401
        """Refuses a value of a column."""
        try:
            written = str(value) if isinstance(value, Decimal) else repr(value)
        except ValueError:  # Python writes no integer of more than 4,300 digits
            written = "an integer of thousands of digits"
        except RecursionError:
            written = "what is nested too deeply"
        if len(written) > _SHOWN:
            written = written[:_SHOWN] + "..."
        raise PgscoreError(f"{place} is of type {self.name}, and {written} {why}")


class _Integer(ColumnType):
    is_exact = True

    def __init__(self, name: str, bits: int) -> None:
        super().__init__(name)
        self._least, self._most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def _read(self, value: Any, place: str) -> int:  # noqa: ANN401
        if isinstance(value, str) and len(value) < _MOST_DIGITS and _INTEGER.fullmatch(value):
            value = Decimal(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.refuse(value, place)
        if not isinstance(value, int):
            if not isfinite(value) or not self._least <= value <= self._most:
                self.refuse(value, place, "is out of its range")
            if value != int(value):
                self.refuse(value, place, "has a fraction")
        if not self._least <= value <= self._most:
            self.refuse(value, place, "is out of its range")
        return int(value)


class Numeric(ColumnType):
    """`numeric`, with or without a precision and a scale."""

    is_exact = True

    def __init__(self, name: str, precision: int | None = None, scale: int = 0) -> None:
        super().__init__(name)
        self._precision, self._scale = precision, scale

    def is_within(self, before: int, behind: int) -> bool:
        """Whether its values have no more digits than these before and behind the point."""
        return self._precision is not None and self._precision - self._scale <= before and self._scale <= behind

    def _read(self, value: Any, place: str) -> Decimal:  # noqa: ANN401
        if isinstance(value, str) and value in _INFINITE:
            value = _INFINITE[value]
        elif isinstance(value, str) and len(value) < _MOST_DIGITS and _DECIMAL.fullmatch(value):
            value = Decimal(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.refuse(value, place)
        exact = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
        if exact.is_nan():
            return Decimal("NaN")
        if exact.is_infinite():
            return exact if self._precision is None else self.refuse(value, place)
        if exact != 0 and exact.adjusted() >= _BEFORE:
            self.refuse(value, place, "is out of its range")
        return self._scaled(exact, place)

    def _scaled(self, exact: Decimal, place: str) -> Decimal:
        exponent = int(exact.as_tuple().exponent)
        if self._precision is None:
            if exponent < -_BEHIND:
                self.refuse(exact, place, "has more digits than it holds")
            rounded = EXACT.quantize(exact, Decimal(1)) if exponent > 0 else exact
        else:
            rounded = EXACT.quantize(exact, Decimal(1).scaleb(-self._scale))
            if rounded.copy_abs() >= Decimal(1).scaleb(self._precision - self._scale):
                self.refuse(exact, place, "is out of its range")
            if self._scale < 0:
                rounded = EXACT.quantize(rounded, Decimal(1))
        # numeric has no -0.
        return rounded if rounded else EXACT.abs(rounded)

    def key(self, value: Any) -> tuple[bool, Any]:  # noqa: ANN401
        """NaN is the largest, and equal to itself."""
        return value.is_nan(), 0 if value.is_nan() else value


class Float(ColumnType):
    """`double precision`, or `real`."""

    def __init__(self, name: str, *, single: bool) -> None:
        super().__init__(name)
        self.is_single = single

    def _read(self, value: Any, place: str) -> float:  # noqa: ANN401
        if isinstance(value, str) and value in _INFINITE:
            value = _INFINITE[value]
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.refuse(value, place)
        try:
            double = float(value)
        except (OverflowError, ValueError):
            self.refuse(value, place, "is out of its range")
        if (not isfinite(double) and not _is_infinite(value)) or (double == 0 and value != 0):
            self.refuse(value, place, "is out of its range")
        return self._single(double, place) if self.is_single else double

    def written(self, text: str, place: str) -> float:
        """A number as PostgreSQL writes it."""
        if text not in _INFINITE and not _DECIMAL.fullmatch(text):
            self.refuse(text, place)
        return self._single(float(text), place) if self.is_single else float(text)

    def _single(self, double: float, place: str) -> float:
        try:
            single: float = struct.unpack("<f", struct.pack("<f", double))[0]
        except OverflowError:
            self.refuse(double, place, "is out of its range")
        if single == 0 and double != 0:
            self.refuse(double, place, "is out of its range")
        return single

    def key(self, value: Any) -> tuple[bool, Any]:  # noqa: ANN401
        """NaN is the largest, and equal to itself."""
        return value != value, 0.0 if value != value else value  # noqa: PLR0124


class _Boolean(ColumnType):
    def _read(self, value: Any, place: str) -> bool:  # noqa: ANN401
        return value if isinstance(value, bool) else self.refuse(value, place)

    def written(self, text: str, place: str) -> bool:
        return text == "true" if text in ("true", "false") else self.refuse(text, place)


class _Text(ColumnType):
    def __init__(self, name: str, most: int | None, collation: str) -> None:
        super().__init__(name)
        self._most = most
        self.has_order = collation == "C"
        self.is_told_apart = collation != "nondeterministic"

    def _read(self, value: Any, place: str) -> str:  # noqa: ANN401
        if not isinstance(value, str):
            self.refuse(value, place)
        if "\0" in value:
            self.refuse(value, place, "holds U+0000")
        if self._most is None or len(value) <= self._most:
            return value
        # PostgreSQL lets blanks at the end go.
        return value[: self._most] if not value[self._most :].strip(" ") else self.refuse(value, place, "is too long")

    def key(self, value: Any) -> Any:  # noqa: ANN401
        if not self.is_told_apart:
            raise PgscoreError(f"a {self.name} with a nondeterministic collation is told apart by its database alone")
        return value


class _Padded(_Text):
    def _read(self, value: Any, place: str) -> str:  # noqa: ANN401
        return super()._read(value, place).ljust(self._most or 0)

    def key(self, value: Any) -> Any:  # noqa: ANN401
        return super().key(value).rstrip(" ")


class _Enum(ColumnType):
    def __init__(self, name: str, labels: list[str]) -> None:
        super().__init__(name)
        self._positions = {label: position for position, label in enumerate(labels)}

    def _read(self, value: Any, place: str) -> str:  # noqa: ANN401
        return value if isinstance(value, str) and value in self._positions else self.refuse(value, place)

    def key(self, value: Any) -> int:  # noqa: ANN401
        return self._positions[value]


class _Uuid(ColumnType):
    def _read(self, value: Any, place: str) -> str:  # noqa: ANN401
        if isinstance(value, UUID):
            return str(value)
        return str(UUID(value)) if isinstance(value, str) and _UUID.fullmatch(value) else self.refuse(value, place)


class _Date(ColumnType):
    def _read(self, value: Any, place: str) -> date | str:  # noqa: ANN401
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and value in _ENDS:
            return value
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            self.refuse(value, place, "is no date such as 2026-01-31")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.refuse(value, place, "is no date such as 2026-01-31")

    def key(self, value: Any) -> tuple[int, Any]:  # noqa: ANN401
        return (_ENDS[value], 0) if isinstance(value, str) else (0, value)


class _Time(ColumnType):
    def __init__(self, name: str, *, zoned: bool) -> None:
        super().__init__(name)
        self._zoned = zoned
        self._example = "2026-01-31T12:00:00" + ("+02:00" if zoned else "")

    def _read(self, value: Any, place: str) -> datetime | str:  # noqa: ANN401
        if isinstance(value, str) and value in _ENDS:
            return value
        if isinstance(value, str):
            value = self._parsed(value, place)
        if not isinstance(value, datetime):
            self.refuse(value, place, f"is no time such as {self._example}")
        if (value.utcoffset() is not None) != self._zoned:
            self.refuse(value, place, "has no time zone" if self._zoned else "has a time zone")
        try:
            return value.astimezone(UTC) if self._zoned else value.replace(fold=0)
        except OverflowError:
            self.refuse(value, place, "is beyond the years 1 to 9999")

    def _parsed(self, text: str, place: str) -> datetime:
        found = _TIME.fullmatch(text)
        if found is None:
            self.refuse(text, place, f"is no time such as {self._example}")
        day, minute, second, part, zone = found.groups()
        if zone and zone != "Z":
            zone = zone if len(zone) > len("+00") else zone + ":00"
            zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
        zone = "+00:00" if zone == "Z" else zone or ""
        try:
            return datetime.fromisoformat(f"{day}T{minute}:{second or '00'}.{(part or '').ljust(6, '0')}{zone}")
        except ValueError:
            self.refuse(text, place, f"is no time such as {self._example}")

    def key(self, value: Any) -> tuple[int, Any]:  # noqa: ANN401
        return (_ENDS[value], 0) if isinstance(value, str) else (0, value)


class _Other(ColumnType):
    has_order = False
    is_known = False

    def _read(self, value: Any, place: str) -> NoReturn:  # noqa: ANN401
        raise PgscoreError(
            f"{place} is of type {self.name}, and what its values are is known to the database alone",
            "docs/guide/reduce.md lists the types that events are reduced by.",
        )


def _is_infinite(value: Any) -> bool:  # noqa: ANN401
    return not isinstance(value, int) and not isfinite(value)


def shortest_single(single: float) -> float:
    """A real as PostgreSQL shows it: the fewest digits that give it back."""
    if not isfinite(single):
        return single
    for digits in range(9):
        nearest = Decimal(f"{single:.{digits}e}")
        # Above a power of two there is more room than below it: there the next one may do where the nearest does not.
        for shown in (nearest, nearest + Decimal((single < 0, (1,), int(nearest.as_tuple().exponent)))):
            try:
                if struct.unpack("<f", struct.pack("<f", shown))[0] == single:
                    return float(shown)
            except OverflowError:
                continue
    return single


_WITH_LENGTH = re.compile(r"(numeric|character varying|character)(?:\((\d+)(?:,(-?\d+))?\))?")


def column_type(described: dict[str, Any]) -> ColumnType:
    """The type of a column, as a bundle describes it."""
    name = described["type"]
    if "labels" in described:
        return _Enum(name, described["labels"])
    if name in _PLAIN:
        plain: ColumnType = _PLAIN[name](name)
        return plain
    if name == "text":
        return _Text(name, None, described.get("collation", ""))
    found = _WITH_LENGTH.fullmatch(name)
    return _Other(name) if found is None else _bounded(name, found, described.get("collation", ""))


def _bounded(name: str, found: re.Match[str], collation: str) -> ColumnType:
    length, scale = None if found[2] is None else int(found[2]), int(found[3] or 0)
    most = _MOST_PRECISION if found[1] == "numeric" else _MOST_LENGTH
    if (length or 1) > most or abs(scale) > _MOST_PRECISION:
        return _Other(name)
    if found[1] == "numeric":
        return Numeric(name, length, scale)
    return (_Padded if found[1] == "character" else _Text)(name, length, collation)


_PLAIN: dict[str, Any] = {
    "smallint": lambda name: _Integer(name, 16),
    "integer": lambda name: _Integer(name, 32),
    "bigint": lambda name: _Integer(name, 64),
    "double precision": lambda name: Float(name, single=False),
    "real": lambda name: Float(name, single=True),
    "boolean": _Boolean,
    "uuid": _Uuid,
    "date": _Date,
    "timestamp without time zone": lambda name: _Time(name, zoned=False),
    "timestamp with time zone": lambda name: _Time(name, zoned=True),
}
