"""What every target of an export can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .address import Address
    from .records import Options, Plan, Stamp

    Row = tuple[Any, ...]

_SWITCHES = {
    "pattern": "--pattern",
    "value": "--as",
    "expire": "--expire",
    "table": "--table",
    "delete_missing": "--delete-missing",
}


class Target(ABC):
    """Where scores go. Used as: `prepare`, `begin`, `write` for each batch, `finish` or `abandon`, `close`.

    Each raises what a person can read: `UnreachableError` and `BusyError` for what may pass, `PgscoreError` for what
    stays.

    Attributes:
        takes: the options that concern it.
    """

    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, address: Address, options: Options) -> None:
        unknown = sorted(options.given() - self.takes)
        if unknown:
            raise PgscoreError(f"{_SWITCHES[unknown[0]]} means nothing for {address.shown}")
        self.address = address
        self.options = options

    @property
    def where(self) -> str:
        """How it is called in messages and in pgscore.export, with all that tells it from others."""
        return self.address.shown

    @abstractmethod
    def check(self, *, changed: bool) -> None:
        """Refuses what cannot be, before anything is connected."""

    @abstractmethod
    def prepare(self, plan: Plan) -> None:
        """Connects, and looks whether rows of this plan fit; changes nothing that can be seen."""

    @abstractmethod
    def holds(self, stamp: str) -> bool:
        """Whether the export with this stamp is what it holds, and changes can be put upon it."""

    @abstractmethod
    def begin(self, stamp: str, *, changed: bool) -> None:
        """Opens what `write` writes to."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None:
        """Takes rows, in the order of the plan's columns."""

    @abstractmethod
    def finish(self, stamp: Stamp) -> Mapping[str, Any]:
        """Makes all that was written what readers see; what is worth telling of it."""

    @abstractmethod
    def abandon(self) -> None:
        """Takes back what can be; never raises."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of connections; never raises."""


def needs(module: str) -> PgscoreError:
    """The refusal where a library is missing."""
    return PgscoreError(
        f"exporting to this target needs {module}, which this Python does not have",
        "pip install 'pgscore[export]' brings it; drivers of other databases are packages of their own.",
    )


class KeyedTarget(Target):
    """A target that finds each profile by its key, and so can remove those that are gone: with `delete_missing`."""

    @abstractmethod
    def keep(self, rows: Sequence[Row]) -> None:
        """Takes key and score of profiles that are there: whatever else the target holds is removed by `finish`."""

    def may_hold_more(self, rows: int) -> bool:
        """Whether the target, with what was written now, may hold others than so many profiles."""
        return True
