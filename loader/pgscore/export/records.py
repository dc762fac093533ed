"""What is exported, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Kind = Literal["integer", "double", "decimal", "boolean", "text", "moment", "time", "date"]
"""What a value is: a moment has a time zone, a time has none; what is none of these travels as text."""


@dataclass(frozen=True)
class Column:
    """A column of an export.

    Attributes:
        name: what it is called where it goes.
        source: what the profile table calls it.
        kind: what its values are.
        precision: of a ``decimal``, its digits and how many of them follow the point; None: any.
        small: whether an ``integer`` fits 32 bits, and a ``double`` is one of 32 bits.
    """

    name: str
    source: str
    kind: Kind
    precision: tuple[int, int] | None = None
    small: bool = False


@dataclass(frozen=True)
class Plan:
    """What is exported.

    Attributes:
        model: the model.
        binding: the number of the binding that says where the scores stand.
        profile: the profile table, as people call it.
        relation: the same, quoted for SQL.
        key: how many of the columns, from the first, are the key.
        columns: key, ``score``, ``version`` and ``scored_at`` where the binding names columns for them, and
            further ones.
    """

    model: str
    binding: int
    profile: str
    relation: str
    key: int
    columns: tuple[Column, ...]

    def position(self, name: str) -> int | None:
        """Where a column that is no part of the key stands, or None."""
        names = [column.name for column in self.columns[self.key :]]
        return self.key + names.index(name) if name in names else None


@dataclass(frozen=True)
class Stamp:
    """What a target is marked with when an export is complete.

    Attributes:
        stamp: tells this export from all others.
        model: the model.
        profile: the profile table.
        rows: how many rows were exported.
        versions: how many of them each version had scored, ``"none"`` for rows without a version; empty where the
            binding names no column for it.
        at: when the snapshot was taken, in UTC: what was committed then is in it.
        changed: whether these are changes since the export before, and not all rows.
        before: the stamp of that one, or None.
    """

    stamp: str
    model: str
    profile: str
    rows: int
    versions: Mapping[str, int]
    at: datetime
    changed: bool
    before: str | None = None


@dataclass(frozen=True)
class Options:
    """How scores are laid out in a target; each takes what concerns it, and refuses the rest.

    Attributes:
        pattern: Redis: what keys are called, ``churn:{key}``, or with the key's columns, ``churn:{shop}:{number}``.
        value: Redis: ``number``, or ``hash`` with version and time.
        expire: Redis: after how many seconds keys go.
        table: databases: the table, with its schema if need be.
        delete_missing: Redis and databases: whether what is there of profiles that are gone is removed.
    """

    pattern: str | None = None
    value: str | None = None
    expire: int | None = None
    table: str | None = None
    delete_missing: bool | None = None

    def given(self) -> set[str]:
        """The names of those that are not left out."""
        names = ("pattern", "value", "expire", "table", "delete_missing")
        return {name for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes:
        model: the model.
        profile: the profile table.
        target: where the scores went, without password.
        rows: how many.
        versions: how many of them each version had scored, as in the stamp.
        at: when the snapshot was taken.
        changed: whether these were the changes since the export before.
        why_all: why all rows were exported although changes were asked for, or None.
        stamp: what the target was marked with.
        details: what the target tells beside, such as file names and hashes.
    """

    model: str
    profile: str
    target: str
    rows: int
    versions: Mapping[str, int]
    at: datetime
    changed: bool
    why_all: str | None
    stamp: str
    details: Mapping[str, Any] = field(default_factory=dict)
