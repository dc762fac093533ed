"""Whether the counters of profiles are what their events give: of some, or of all."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2

from pgscore.database import as_refusal

from .comparison import Comparison, CounterSql, DueSql, KeySql, Sight
from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .binding import Binding
    from .look import Look

_SECONDS = 5
_CANCELED = "57014"
# By the planner's reckoning: some ten seconds of reading.
DEAREST = 2_000_000.0


@dataclass
class Counters:
    """How the counters of a binding are compared with its events."""

    counters: list[CounterSql] = field(default_factory=list)
    keys: list[KeySql] = field(default_factory=list)
    due: DueSql | None = None


@dataclass
class _Compared:
    """What came of comparing."""

    rows: int = 0
    differing: int = 0
    example: str = ""
    cost: float = 0.0
    seconds: float = 0.0


def counters_of(look: Look) -> dict[int, Counters]:
    """The counters and keys of all bindings, by number."""
    found: dict[int, Counters] = defaultdict(Counters)
    for counter in look.ask(CounterSql, "_doctor_counters"):
        found[counter.number].counters.append(counter)
    for key in look.ask(KeySql, "_doctor_keys"):
        found[key.number].keys.append(key)
    for due in look.ask(DueSql, "_doctor_due"):
        found[due.number].due = due
    return dict(found)


def check_counters(look: Look, binding: Binding, sight: Sight, counters: Counters) -> Iterator[Finding]:
    """Compares the counters of some profiles, or of all, with what GROUP BY gives of their events.

    What belongs to the tables' owner is not called: it would run with the rights of who looks.
    """
    if not counters.counters:
        return
    comparison = Comparison(binding, sight, counters.counters, counters.keys, counters.due)
    compared = _Compared()
    try:
        with look.trying():
            why = _all(look, comparison, compared) if look.full else _some(look, comparison, compared)
    except psycopg2.Error as error:
        if look.connection.closed:
            raise
        refusal = as_refusal(error)
        slow = refusal.sqlstate == _CANCELED
        why = f"{_SECONDS} seconds were not enough for a sample{_no_index(sight)}" if slow else str(refusal)
    look.unlimit()
    yield from _told(look, binding, compared, why)


def _told(look: Look, binding: Binding, compared: _Compared, why: str) -> Iterator[Finding]:
    asked = f"(cost {compared.cost:,.0f} by the planner, {compared.seconds:.1f} s)"
    profiles = "profile" if compared.rows == 1 else "profiles"
    which = "all " if look.full and not why else ""
    if compared.differing:
        hold = "holds" if compared.differing == 1 else "hold"
        sentence = (
            f"of {which}{compared.rows:,} {profiles} that were compared {compared.differing:,} {hold} other counters"
            f" than their events give, such as {compared.example} {asked}"
        )
        yield Finding("counters-differ", binding.name, sentence, binding.reconcile, binding.owner)
    elif why:
        yield Finding(
            "counters-unlooked", binding.name, f"counters were not compared with events: {why}", "pgscore doctor --full"
        )
    elif compared.rows:
        sentence = f"the counters of {which}{compared.rows:,} {profiles} are what their events give {asked}"
        yield Finding("counters", binding.name, sentence)


def _some(look: Look, comparison: Comparison, compared: _Compared) -> str:
    """Compares a sample; why not, where it would cost too much."""
    binding = comparison.binding
    pages = look.value(
        "select array[pgscore._doctor_pages(%s), pgscore._doctor_pages(%s)]", (binding.profile, binding.events)
    )
    query = comparison.sample(*pages)
    compared.cost = cost(look, query)
    if compared.cost > DEAREST:
        return f"a sample would cost {compared.cost:,.0f} by the planner{_no_index(comparison.sight)}"
    look.limit(_SECONDS)
    _add(look, comparison, query, (), compared)
    return ""


def _all(look: Look, comparison: Comparison, compared: _Compared) -> str:
    """Compares all profiles, page by page in the order of their keys, each in a snapshot of its own."""
    after: tuple[str, ...] = ()
    look.limit(0)
    while True:
        look.step(f"comparing {comparison.binding.name}", compared.rows)
        query = comparison.page(is_first=not after)
        compared.cost += cost(look, query, after)
        found, last = _add(look, comparison, query, after, compared)
        if found < comparison.page_size:
            return ""
        after = last


def _add(
    look: Look, comparison: Comparison, query: str, parameters: tuple[str, ...], compared: _Compared
) -> tuple[int, tuple[str, ...]]:
    """Runs a query of the comparison: how many rows it compared, and the key of the last one."""
    began = time.monotonic()
    with look.connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    compared.seconds += time.monotonic() - began
    compared.rows += len(rows)
    for each in rows:
        if comparison.differs(each):
            compared.differing += 1
            compared.example = compared.example or comparison.shown(each)
    return len(rows), comparison.key(rows[-1]) if rows else ()


def cost(look: Look, query: str, parameters: tuple[str, ...] = ()) -> float:
    """What a query costs by the planner's reckoning."""
    plan = look.value(f"explain (format json) {query}", parameters)
    return float(plan[0]["Plan"]["Total Cost"])


def _no_index(sight: Sight) -> str:
    return "" if sight.has_index else ", since no index of the events begins with their key"
