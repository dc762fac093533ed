"""Whether bindings work: their tables and owners, what attach made, and the rows that wait for something."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from .attached import Misfit, dropped, misfits, owners, renamed
from .binding import Binding
from .comparison import Sight
from .counters import counters_of
from .finding import Finding
from .generated import Function, Trigger, functions, triggers
from .rows import check_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .look import Look

# How long to compare what is generated with what would be generated: about a tenth of a second for a binding.
_GENERATING_SECONDS = 0.75
_FULL_SECONDS = 600.0


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


Numbered = TypeVar("Numbered", bound=_Numbered)


@dataclass(frozen=True)
class _Stale:
    number: int
    cause: str
    reason: str
    rows: int
    total: int
    since: datetime


@dataclass
class _Found:
    """What the database says of all bindings, by number."""

    misfits: dict[int, list[Misfit]]
    triggers: dict[int, list[Trigger]]
    functions: dict[int, list[Function]]
    stale: dict[int, list[_Stale]]


def check_bindings(look: Look) -> Iterator[Finding]:
    """Each binding: its tables, what attach made, its counters, and its rows."""
    bindings = look.ask(Binding, "_doctor_bindings")
    if not bindings:
        return
    found = _asked(look)
    looked_into = []
    for binding in bindings:
        gone = list(dropped(binding))
        yield from gone
        if gone:
            continue
        wrong, fits = _structure(binding, found)
        if fits:
            looked_into.append((binding, wrong))
        else:
            yield from wrong
            yield from _waiting(binding, found.stale[binding.number])
    yield from _unlooked(bindings, found)
    yield from _rows(look, looked_into, found)


def _asked(look: Look) -> _Found:
    """A fixed number of questions, whatever the number of bindings."""
    seconds = _FULL_SECONDS if look.full else _GENERATING_SECONDS
    if look.full:
        look.limit(2 * _FULL_SECONDS)
    changed = look.ask(Function, "_doctor_functions") + look.ask(Function, "_doctor_outdated", seconds)
    look.unlimit()
    return _Found(
        _by_number(look.ask(Misfit, "_doctor_misfits")),
        _by_number(look.ask(Trigger, "_doctor_triggers")),
        _by_number(changed),
        _by_number(look.ask(_Stale, "_doctor_stale")),
    )


def _structure(binding: Binding, found: _Found) -> tuple[list[Finding], bool]:
    """What is wrong with a binding's tables and what was made for them, and whether its rows can be looked at."""
    owned = list(owners(binding))
    fitting = list(misfits(binding, found.misfits[binding.number]))
    names = list(renamed(binding))
    fits = not fitting and not names
    wrong = [*owned, *fitting, *names]
    wrong += triggers(binding, found.triggers[binding.number])
    # What does not fit its tables cannot be generated, and another owner's is told with the owner.
    told = {"outdated", "queue"} if wrong else set()
    told |= {"owner"} if owned else set()
    changed = [each for each in found.functions[binding.number] if each.state not in told]
    if not names:
        wrong += functions(binding, changed)
    return wrong, fits


def _rows(look: Look, bindings: Sequence[tuple[Binding, list[Finding]]], found: _Found) -> Iterator[Finding]:
    """What the rows of the tables say, where the caller may look at them and there is time."""
    sights = {each.number: each for each in look.ask(Sight, "_doctor_sights")}
    counters = counters_of(look) if bindings else {}
    for binding, known in bindings:
        sight = sights.get(binding.number)
        wrong, rest = list(known), []
        if sight is not None:
            seen = look.guarded(binding.name, check_rows, binding, sight, counters.get(binding.number))
            wrong += [each for each in seen if each.is_to_mend]
            rest = [each for each in seen if not each.is_to_mend]
        yield from wrong
        if not wrong:
            yield Finding("binding", binding.name, f"events move the counters of {binding.profile}")
        yield from rest
        if binding.serving is None:
            sentence = f"no version of the model {binding.model} answers: counters move, and the score is not computed"
            yield Finding("no-version", binding.name, sentence)
        yield from _waiting(binding, found.stale[binding.number])


def _waiting(binding: Binding, stale: Sequence[_Stale]) -> Iterator[Finding]:
    """Rows that are listed stale, and a reconciliation that has not come to its end."""
    uncounted = [each for each in stale if each.cause == "backfill"]
    refused = [each for each in stale if each.cause != "backfill"]
    if uncounted:
        sentence = f"events from before the tables were attached are not counted yet, for {_many(uncounted[0].total)}"
        yield Finding("uncounted", binding.name, sentence, binding.reconcile, binding.owner)
    if refused:
        many, first = refused[0].total, min(each.since for each in refused)
        reasons = "; ".join(f"{each.reason} ({each.rows:,})" for each in refused)
        rows = f"{many:,} stale row{'s' if many > 1 else ''}, since {first:%Y-%m-%d %H:%M}"
        # Once the reason is gone.
        remedy = f"update {binding.profile} p set {binding.score_column} = null where {_listed(binding)};"  # noqa: S608
        yield Finding("stale", binding.name, f"{rows}, for reasons such as: {reasons}", remedy, binding.owner)
    if binding.started is not None:
        began = f"a reconciliation that began at {binding.started:%Y-%m-%d %H:%M}"
        sentence = f"{began} has come to {_many(binding.checked or 0)} and not to the end"
        yield Finding("reconcile-unfinished", binding.name, sentence, binding.reconcile, binding.owner)


def _listed(binding: Binding) -> str:
    listed = f"s.binding = {binding.number} and s.cause = 'score' and s.key = {binding.row_key}"
    return f"exists (select from pgscore.stale_row s where {listed})"


def _unlooked(bindings: Sequence[Binding], found: _Found) -> Iterator[Finding]:
    names = [each.name for each in bindings if any(one.state == "unlooked" for one in found.functions[each.number])]
    if names:
        many = f"{len(names)} bindings, such as {names[0]}," if len(names) > 1 else f"binding {names[0]}"
        sentence = f"there was no time to compare the functions of {many} with what attach would make now"
        yield Finding("function-unlooked", "bindings", sentence, "pgscore doctor --full")


def _many(profiles: int) -> str:
    return "1 profile" if profiles == 1 else f"{profiles:,} profiles"


def _by_number(found: Iterable[Numbered]) -> dict[int, list[Numbered]]:
    numbered: dict[int, list[Numbered]] = defaultdict(list)
    for each in found:
        numbered[each.number].append(each)
    return numbered
