"""`model.ini` of a MOJO: settings, names of columns, and which of them have a domain.

As hex.genmodel.ModelMojoReader.parseModelInfo and hex.genmodel.utils.ParseUtils read it: a line is trimmed; one that is
empty or begins with # says nothing; the last of equal keys counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pgscore.errors import PgscoreError

from .archive import damaged, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_T = TypeVar("_T")

_MOST_LINES = 100_000
_MOST_COLUMNS = 10_000
_MOST_NUMBERS = 1_000_000
_NULL = "null"
_WHERE = "model.ini"
# What Java's trim() takes away, and what ends a line for its readers.
BLANKS = "".join(map(chr, range(33)))
_LINES = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|NaN|[-+]?Infinity", re.ASCII)
_INTEGER = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_KEY = re.compile(r"\s*=\s*", re.ASCII)
_DOMAIN = re.compile(r"(\d{1,9}):\s*(\d{1,9}) (.+)", re.ASCII)


def lines_of(text: str, most: int, where: str) -> list[str]:
    """The lines of a text, as Java's BufferedReader reads them.

    Raises:
        PgscoreError: there are more than so many.
    """
    if text.count("\n") + text.count("\r") > 2 * most:
        raise too_large(f"{where} has more than {most:,} lines")
    found = _LINES.split(text)
    return found if found[-1] else found[:-1]


@dataclass(frozen=True)
class Settings:
    """What `model.ini` says.

    Attributes:
        info: the settings, as texts.
        columns: the names of columns: features, then special columns, and the response last.
        domains: by column, how many categories it has, and the name of their file.
    """

    info: Mapping[str, str]
    columns: Sequence[str]
    domains: Mapping[int, tuple[int, str]]

    def text(self, key: str, default: str | None = None) -> str | None:
        """A setting, where it is there and not null."""
        found = self.info.get(key)
        return default if found is None or found == _NULL else found

    def needed(self, key: str) -> str:
        """A setting that has to be there."""
        found = self.text(key)
        if found is None:
            raise damaged(f"{_WHERE} does not say {key}")
        return found

    def boolean(self, key: str, default: bool = False) -> bool:
        """A setting that is true or false."""
        found = self.text(key)
        if found not in (None, "true", "false"):
            raise damaged(f"{_WHERE} has {key} = {found[:40] if found else ''}, which is neither true nor false")
        return default if found is None else found == "true"

    def integer(self, key: str, default: int | None = None) -> int:
        """A setting that is an integer; one that has to be there without a default."""
        found = self.text(key)
        if found is None and default is not None:
            return default
        return _read(key, found if found is not None else self.needed(key), _integer)

    def number(self, key: str, default: float | None = None) -> float:
        """A setting that is a double; one that has to be there without a default."""
        found = self.text(key)
        if found is None and default is not None:
            return default
        return _read(key, found if found is not None else self.needed(key), _number)

    def integers(self, key: str) -> list[int]:
        """A setting that is a list of integers; none where it is not there."""
        return _list(key, self.text(key, "[]") or "", _integer)

    def numbers(self, key: str) -> list[float]:
        """A setting that is a list of doubles; none where it is not there."""
        return _list(key, self.text(key, "[]") or "", _number)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _read(key: str, text: str, kind: Callable[[str], _T]) -> _T:
    try:
        return kind(text)
    except ValueError:
        raise damaged(f"{_WHERE} has {key} = {text[:40]}, which is no number that it may be") from None


def _list(key: str, text: str, kind: Callable[[str], _T]) -> list[_T]:
    if not (text.startswith("[") and text.endswith("]")):
        raise damaged(f"{_WHERE} has {key} = {text[:40]}, which is no list")
    inner = text[1:-1].strip(BLANKS)
    if inner.count(",") >= _MOST_NUMBERS:
        raise too_large(f"{_WHERE} has more than {_MOST_NUMBERS:,} numbers in {key}")
    return [_read(key, each.strip(BLANKS), kind) for each in inner.split(",")] if inner else []


def read_settings(text: str) -> Settings:
    """What the text of `model.ini` says.

    Raises:
        PgscoreError: it is damaged.
    """
    info: dict[str, str] = {}
    columns: list[str] = []
    domains: dict[int, tuple[int, str]] = {}
    section = ""
    for raw in lines_of(text, _MOST_LINES, _WHERE):
        line = raw.strip(BLANKS)
        if not line or line.startswith("#"):
            continue
        if line in ("[info]", "[columns]", "[domains]"):
            section = line
        elif section == "[info]":
            key, *value = _KEY.split(line, maxsplit=1)
            if not value:
                raise damaged(f"{_WHERE} has a line without a value: {line[:40]}")
            info[key] = value[0]
        elif section == "[columns]":
            columns.append(line)
            if len(columns) > _MOST_COLUMNS:
                raise too_large(f"{_WHERE} names more than {_MOST_COLUMNS:,} columns")
        elif section == "[domains]":
            column, size, name = _domain(line)
            domains[column] = (size, name)
    found = Settings(info, columns, domains)
    if found.integer("n_columns") != len(columns):
        raise PgscoreError(
            f"{_WHERE} of the MOJO names {len(columns)} columns, and says that there are {found.integer('n_columns')}",
            "H2O loses columns whose names are empty or begin with #: train the model with others.",
        )
    return found


def _domain(line: str) -> tuple[int, int, str]:
    match = _DOMAIN.fullmatch(line)
    if match is None:
        raise damaged(f"{_WHERE} has a line that names no domain: {line[:40]}")
    return int(match[1]), int(match[2]), match[3]
