"""Whether a binding's reducers can be moved by new events for ever, from the profile alone.

`reduce` refuses what it cannot know when it comes to it. Who follows a stream wants to hear that before the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .reducers import WINDOW
from .values import Numeric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from .reducers import Reducer
    from .values import ColumnType

# An average has sixteen digits that count; below this size those behind the point do not depend on what has gone.
_MOST_BEFORE, _MOST_BEHIND = 12, 4


def unforeseen(
    reducers: Sequence[Reducer],
    event_types: Mapping[str, ColumnType],
    profile_types: Mapping[str, ColumnType],
    not_null: Set[str],
    primary_key: Sequence[str],
) -> str | None:
    """What the profile alone will not tell, in one sentence; None where it always does."""
    for reducer in reducers:
        named = f'the {reducer.aggregate} "{reducer.column}" cannot be followed from the profile alone'
        for name in sorted(reducer.reads):
            if not event_types[name].is_known:
                return f'{named}: "{name}" is of type {event_types[name].name}, whose values the database alone knows'
        why = WINDOW if reducer.moves_on else _why(reducer, reducers, event_types, profile_types, not_null, primary_key)
        if why is not None:
            return f"{named}: {why}"
    return None


def _why(
    reducer: Reducer,
    reducers: Sequence[Reducer],
    event_types: Mapping[str, ColumnType],
    profile_types: Mapping[str, ColumnType],
    not_null: Set[str],
    primary_key: Sequence[str],
) -> str | None:
    def lacks(aggregate: str, of: str | None, order_by: str | None = None) -> bool:
        return not any(
            (each.aggregate, each.of, each.order_by) == (aggregate, of, order_by)
            and each.where == reducer.where
            and not each.ignores_deletes
            and not each.moves_on
            for each in reducers
        )

    of, order_by = reducer.of or "", reducer.order_by or ""
    if reducer.aggregate in ("min", "max") and not profile_types[reducer.column].has_order:
        return f"the order of a {profile_types[reducer.column].name} with this collation is known to the database alone"
    if reducer.aggregate == "distinct":
        return "which values there were is not in it"
    if reducer.aggregate == "avg":
        has_both = not lacks("sum", reducer.of) and not lacks("count", None) and of in not_null
        return _why_no_average(of, event_types[of], has_both=has_both)
    if reducer.aggregate == "last":
        if not event_types[order_by].has_order or order_by not in not_null or lacks("max", order_by):
            return f'it takes a max of "{order_by}" with the same filter, and "{order_by}" not null, of a known order'
        unknown = [
            name
            for name in primary_key
            if not event_types[name].has_order or name not in not_null or lacks("last", name, order_by)
        ]
        if unknown or not primary_key:
            return (
                "of two events at one time the primary key decides, and it takes a last"
                f' of each of its columns by "{order_by}", not null'
            )
    return None


def _why_no_average(of: str, kind: ColumnType, *, has_both: bool) -> str | None:
    if not kind.is_exact:
        return "an average of floats is a sum over the events as they stand"
    if not has_both:
        return f'it takes a sum of "{of}" and a count, both with the same filter, and "{of}" not null'
    if isinstance(kind, Numeric) and not kind.is_within(_MOST_BEFORE, _MOST_BEHIND):
        return f'"{of}" may have so many digits that those of events that have gone matter'
    return None
