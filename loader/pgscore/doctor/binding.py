"""A binding as the doctor sees it, and the calls that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .finding import joined


@dataclass(frozen=True)
class Binding:
    """A binding with its tables as they are now; names are None of what was dropped."""

    number: int
    name: str
    model: str
    serving: int | None
    owner: str
    events: str | None
    profile: str | None
    events_once: str
    profile_once: str
    events_anew: str | None
    profile_anew: str | None
    attach_again: str | None
    events_owner: str | None
    profile_owner: str | None
    has_functions_of_others: bool
    is_events_renamed: bool
    is_profile_renamed: bool
    is_events_moved: bool
    is_profile_moved: bool
    has_score_column: bool
    version_column: str | None
    score_column: str
    row_key: str
    checked: int | None
    started: datetime | None

    @property
    def detach(self) -> str:
        """Takes it away; by what is stored of it, where a table was dropped."""
        if self.events and self.profile:
            return f"select pgscore.detach({self._tables});"
        name, owner = literal(self.name), literal(self.owner)
        which = f"(name, owner) = ({name}, {owner}::regrole)"
        return f"select pgscore.detach(events, profile) from pgscore.binding where {which};"  # noqa: S608

    @property
    def reattach(self) -> str:
        """Makes what is generated anew."""
        return f"select pgscore.reattach({self._tables});"

    @property
    def reconcile(self) -> str:
        """Counts what came meanwhile."""
        return f"call pgscore.reconcile({self._tables});"

    @property
    def tick(self) -> str:
        """Brings up what is due."""
        return f"call pgscore.tick({self._tables});"

    @property
    def attach(self) -> str:
        """Attaches its tables again, as they were attached."""
        return f"{self.attach_again};" if self.attach_again else ""

    @property
    def mended(self) -> str:
        """Makes what is generated anew, and counts what came meanwhile."""
        return joined(self.reattach, self.reconcile)

    @property
    def _tables(self) -> str:
        return f"{literal(self.events or '')}, {literal(self.profile or '')}"


def literal(text: str) -> str:
    """A text as SQL."""
    quoted = text.replace("'", "''")
    return " E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in text else f"'{quoted}'"


def named(what: str, names: list[str], *, shown: int = 3) -> str:
    """Some things by their names: the first of them, and how many more."""
    if len(names) == 1:
        return f"{what} {names[0]}"
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{what}s {', '.join(names[:shown])}{more}"


def are(names: list[str]) -> str:
    """The verb for so many."""
    return "is" if len(names) == 1 else "are"
