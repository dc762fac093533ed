"""Whether what attach made for bindings is there, works, and is what it would make now."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from .binding import are, named
from .finding import Finding, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .binding import Binding
    from .look import Look

_LOSSES = {
    "count": "events that come, change or go move no counter and no score",
    "truncate": "events that are truncated stay counted",
    "score": "a change of its rows refreshes no score",
    "arrive": "events from before their profile are not counted",
    "forget": "rows that are deleted or truncated stay listed as stale",
    "rekey": "rows that get another key may not be counted again",
    "commit": "what events bring is not done",
    "run": "what events bring is not done",
    "tell": "changes of its scores are missing in pgscore.score_change, and crossings are not noted",
    "notify": "nobody is notified of scores that cross a threshold",
}
_ORDER = tuple(_LOSSES)
_HOW = {
    "missing": ("function-missing", "missing"),
    "owner": ("function-owner", "another role's than the owner's of the tables"),
    "edited": ("function-edited", "not as generated any more: somebody has changed {it}"),
    "loose": ("function-loose", "not guarded any more: {its} rights or settings were changed"),
    "outdated": ("function-outdated", "outdated: {its} tables, or pgscore, have changed since"),
    "queue": ("queue-outdated", "missing or outdated"),
}


@dataclass(frozen=True)
class Trigger:
    """A trigger that does not fire."""

    number: int
    relation: str
    is_partition: bool
    purpose: str
    name: str
    state: str


@dataclass(frozen=True)
class Function:
    """A generated function, or a queue, that is not as it should be; without a name one that was not looked at."""

    number: int
    name: str | None
    state: str


@dataclass(frozen=True)
class _LeftOver:
    relation: str
    owner: str
    names: list[str]
    events: str | None
    profile: str | None


def triggers(binding: Binding, found: Sequence[Trigger]) -> Iterator[Finding]:
    """What the triggers of a binding that do not fire lose."""
    ordered = sorted(found, key=lambda t: (_ORDER.index(t.purpose), t.is_partition, t.relation, t.state, t.name))
    arrived = sorted({each.relation for each in ordered if each.is_partition and each.state == "missing"})
    for relation in arrived:
        sentence = (
            f"partition {relation} came later: rows that it brought are not counted, and statements that name it"
            " fire less than those of the others"
        )
        yield Finding("partition-attached", binding.name, sentence, binding.mended, binding.owner)
    for (purpose, relation, state), group in groupby(ordered, lambda t: (t.purpose, t.relation, t.state)):
        if state == "missing" and relation in arrived:
            continue
        yield _trigger(binding, purpose, relation, state, list(group))


def _trigger(binding: Binding, purpose: str, relation: str, state: str, found: Sequence[Trigger]) -> Finding:
    names = [each.name for each in found]
    place = f"partition {relation}" if found[0].is_partition else relation
    subject = f"{named('trigger', names)} of {place} {are(names)}"
    loss = _LOSSES[purpose]
    if state in ("disabled", "replica"):
        enabling = ", ".join(f"enable trigger {each}" for each in names)
        remedy = joined(f"alter table {relation} {enabling};", binding.reconcile)
        how = "disabled" if state == "disabled" else "enabled for replicas only"
        return Finding("trigger-disabled", binding.name, f"{subject} {how}: {loss}", remedy, binding.owner)
    if state == "replaced":
        sentence = f"{subject} not pgscore's any more and call{'s' if len(names) == 1 else ''} another function: {loss}"
        dropping = "\n".join(f"drop trigger {each} on {relation};" for each in names)
        return Finding("trigger-replaced", binding.name, sentence, joined(dropping, binding.mended), binding.owner)
    return Finding("trigger-missing", binding.name, f"{subject} missing: {loss}", binding.mended, binding.owner)


def functions(binding: Binding, found: Sequence[Function]) -> Iterator[Finding]:
    """The functions and the queue of a binding that are not what attach would make now."""
    for state, (code, how) in _HOW.items():
        names = [each.name for each in found if each.state == state and each.name]
        if not names:
            continue
        one = len(names) == 1
        said = how.format(it="it" if one else "them", its="its" if one else "their")
        what = "table" if state == "queue" else "function"
        sentence = f"{named(what, names)} {are(names)} {said}"
        yield Finding(code, binding.name, sentence, binding.mended, binding.owner)


def check_left_over(look: Look) -> Iterator[Finding]:
    """Triggers that no binding accounts for: what was copied, renamed or taken out of a partitioned table has them."""
    for each in look.ask(_LeftOver, "_doctor_left_over"):
        dropping = "\n".join(f"drop trigger if exists {name} on {each.relation};" for name in each.names)
        subject = named("trigger", each.names)
        if each.events and each.profile:
            sentence = f"it was a partition of {each.events}, and its events stay counted until they are reconciled"
            reconcile = f"call pgscore.reconcile('{_text(each.events)}', '{_text(each.profile)}');"
            yield Finding("partition-detached", each.relation, sentence, joined(dropping, reconcile), each.owner)
            continue
        belong = "belongs" if len(each.names) == 1 else "belong"
        sentence = f"{subject} of it {belong} to no binding: its rows would be counted as another table's"
        yield Finding("trigger-left-over", each.relation, sentence, dropping, each.owner)


def _text(name: str) -> str:
    return name.replace("'", "''")
