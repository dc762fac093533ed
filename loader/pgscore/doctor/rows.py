"""Looking into the tables of a binding: whether the caller can, and then at all that their rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from .counters import Counters, check_counters
from .due import check_due
from .finding import Finding
from .scores import check_queue, check_scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .binding import Binding
    from .comparison import Sight
    from .look import Look

_OBSTACLES = {
    "privilege": "{role} may not read both tables: their owner, or a member of it, can look",
    "row-security": "row-level security hides rows from {role}: their owner can look",
    "kind": "one of its tables is no ordinary table any more",
    "code": "{because} would call a function of somebody else's with the rights of {role}: the tables' owner can look",
}


def check_rows(look: Look, binding: Binding, sight: Sight, counters: Counters | None) -> Iterator[Finding]:
    """Counters, scores and the queue of a binding, in tables that are locked so that they stay what they are."""
    why = _obstacle(look, sight) or _locked(look, binding)
    if why:
        yield Finding("counters-unlooked", binding.name, f"counters were not compared with events: {why}")
        return
    counters = counters or Counters()
    yield from check_counters(look, binding, sight, counters)
    yield from check_due(look, binding, counters.due)
    yield from check_scores(look, binding)
    yield from check_queue(look, binding, sight)


def _obstacle(look: Look, sight: Sight) -> str:
    """Why the caller cannot look into a binding's tables; empty where they can."""
    if sight.obstacle is None:
        return "" if look.has_time else "there was no time left"
    role = str(look.value("select current_user"))
    return _OBSTACLES[sight.obstacle].format(role=role, because=sight.because)


def _locked(look: Look, binding: Binding) -> str:
    """Locks the tables, and says why they are not such as attach takes any more; empty where they are."""
    try:
        with look.trying(), look.connection.cursor() as cursor:
            for relation in (binding.events, binding.profile):
                cursor.execute(f"lock table {relation} in access share mode nowait")
    except psycopg2.errors.LockNotAvailable:
        return "somebody holds one of the tables"
    fits = look.value("select pgscore._doctor_still_fits(%s)", (binding.number,))
    return "" if fits else "the tables have changed just now"
