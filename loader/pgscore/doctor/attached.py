"""Whether the tables of a binding are there, of one owner, and such as attach takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .binding import Binding


@dataclass(frozen=True)
class Misfit:
    """Why attach would refuse the tables of a binding now."""

    number: int
    code: str
    relation: str | None
    column_name: str | None
    column_type: str | None
    renamed: str | None
    other: str | None


def dropped(binding: Binding) -> Iterator[Finding]:
    """A table that was dropped, and one that stands in its place."""
    gone = [
        (kind, once, anew)
        for kind, now, once, anew in (
            ("event", binding.events, binding.events_once, binding.events_anew),
            ("profile", binding.profile, binding.profile_once, binding.profile_anew),
        )
        if now is None
    ]
    if not gone:
        return
    tables = " and ".join(f"{kind} table, {once}," for kind, once, _ in gone)
    were = "was" if len(gone) == 1 else "were"
    owner = binding.events_owner or binding.profile_owner or binding.owner
    if all(anew for *_, anew in gone):
        sentence = f"its {tables} {were} dropped and made anew: what comes into it moves no counter"
        remedy = joined(binding.detach, binding.attach)
        yield Finding("table-recreated", binding.name, sentence, remedy, owner)
    else:
        yield Finding("table-dropped", binding.name, f"its {tables} {were} dropped", binding.detach, owner)


def owners(binding: Binding) -> Iterator[Finding]:
    """Functions of a binding have the rights of who owned both tables when they were attached."""
    former, events, profile = binding.owner, binding.events, binding.profile
    one, now = binding.events_owner, binding.profile_owner
    if one != now:
        sentence = f"{one} owns {events} and {now} owns {profile}, and tables of two owners cannot be attached"
        # The one that has changed hands goes back.
        back = f"alter table {profile if one == former else events} owner to {former if former in (one, now) else now};"
        yield Finding("owners-differ", binding.name, sentence, back, "a superuser, or a member of both")
    elif former != now:
        sentence = f"{now} owns {events} and {profile} now, and the binding works with the rights of {former}"
        if binding.has_functions_of_others:
            remedy = joined(binding.detach, binding.attach, binding.reconcile)
            who = f"{now}, being a member of {former}: grant {former} to {now}"
        else:
            remedy, who = binding.mended, now or ""
        yield Finding("owner-changed", binding.name, sentence, remedy, who)


def renamed(binding: Binding) -> Iterator[Finding]:
    """What is generated names tables with their schemas."""
    for now, once, is_moved, is_renamed in (
        (binding.events, binding.events_once, binding.is_events_moved, binding.is_events_renamed),
        (binding.profile, binding.profile_once, binding.is_profile_moved, binding.is_profile_renamed),
    ):
        if is_moved:
            sentence = f"{now} was moved to another schema, and what is generated for it stands in the former one"
            yield Finding("table-moved", binding.name, sentence, binding.mended, binding.owner)
            return
        if is_renamed:
            sentence = f"{now}, once {once}, was renamed: what is generated for it names it by its former name"
            yield Finding("table-renamed", binding.name, sentence, binding.mended, binding.owner)
            return


def misfits(binding: Binding, found: list[Misfit]) -> Iterator[Finding]:
    """What attach would refuse now: columns that have gone or have other types, and hidden rows."""
    for each in found:
        yield _misfit(binding, each)


def _misfit(binding: Binding, found: Misfit) -> Finding:
    table, column, owner = found.relation, found.column_name, binding.owner
    if found.code == "row-security":
        sentence = f"row-level security of {table} hides rows from its owner: its events cannot be counted"
        remedy = joined(f"alter table {table} no force row level security;", binding.reconcile)
        return Finding("row-security", binding.name, sentence, remedy, owner)
    if found.code == "child":
        sentence = (
            f"{table} has a child, {found.other}, that inherits from it: rows of children cannot be counted right"
        )
        return Finding("child-table", binding.name, sentence, f"alter table {found.other} no inherit {table};", owner)
    if found.code == "unique":
        sentence = f"the key ({column}) of {table} is not unique"
        return Finding("key-not-unique", binding.name, sentence, f"alter table {table} add unique ({column});", owner)
    if found.code == "column":
        return _column(binding, found)
    # The sentence of attach itself.
    remedy = f"{binding.detach} -- or change the table back"
    return Finding("misfit", binding.name, found.other or "attach would refuse its tables now", remedy, owner)


def _column(binding: Binding, found: Misfit) -> Finding:
    table, column = found.relation, found.column_name
    if found.renamed:
        sentence = f"{table} has no column {column} any more, and {found.renamed} seems to be it under another name"
        remedy = joined(f"alter table {table} rename column {found.renamed} to {column};", binding.reconcile)
    elif found.column_type:
        sentence = f"{table} has no column {column} any more, which pgscore fills"
        remedy = joined(
            f"alter table {table} add column {column} {found.column_type};",
            binding.reattach,
            f"update {table} set {binding.score_column} = null;",  # noqa: S608
        )
    else:
        sentence = f"{table} has no column {column} any more, which the binding names"
        remedy = f"{binding.detach} -- or add it again"
    return Finding("column-missing", binding.name, sentence, remedy, binding.owner)
