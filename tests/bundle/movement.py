"""An event table with columns of all types that events are reduced by, a profile that they move, and drawn events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.bindings import shop

if TYPE_CHECKING:
    from tests.support.database import Session

EVENTS, PROFILE = '"Shop".movement', '"Shop".moved'
# Columns of events, with a type that the profile's column has where it takes a value.
TYPES = {
    "small": "smallint",
    "whole": "integer",
    "big": "bigint",
    "exact": "numeric",
    "money": "numeric(10,2)",
    "rough": "double precision",
    "short": "real",
    "yes": "boolean",
    "kind": 'text collate "C"',
    "code": 'varchar(5) collate "C"',
    "fixed": 'char(4) collate "C"',
    "mood": '"Shop".mood',
    "uid": "uuid",
    "day": "date",
    "at": "timestamp",
    "seen": "timestamptz",
}
_WIDER = {"small": "bigint", "whole": "numeric", "short": "double precision", "code": 'text collate "C"'}
_FILTERS: dict[str, Any] = {
    "kind": "a",
    "yes": True,
    "exact": 1.5,
    "rough": 0.1,
    "short": 0.1,
    "seen": "2026-01-31T12:00:00+02:00",
    "day": "2026-02-28",
    "at": "2026-01-31 12:00",
    "uid": "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}",
    "mood": "fine",
    "fixed": "ab",
    "big": 9007199254740993,
    "small": None,
}


def reducers() -> list[dict[str, Any]]:
    """The reducers of the first binding: of those that need others beside them some have these, some have not."""
    found: list[dict[str, Any]] = [{"column": "n", "aggregate": "count"}]
    found += [{"column": f"n_{name}", "aggregate": "count", "where": {name: value}} for name, value in _FILTERS.items()]
    found += [
        {"column": f"sum_{name}", "aggregate": "sum", "of": name}
        for name in ("small", "whole", "big", "exact", "money", "rough", "short")
    ]
    found += [
        {"column": "sum_urgent", "aggregate": "sum", "of": "exact", "where": {"yes": True}, "deletes": "ignore"},
        {"column": "last_kind", "aggregate": "last", "of": "kind", "order_by": "seen"},
        {"column": "last_id", "aggregate": "last", "of": "id", "order_by": "seen"},
        {"column": "latest", "aggregate": "max", "of": "seen"},
        {"column": "last_exact", "aggregate": "last", "of": "exact", "order_by": "whole"},
        {"column": "last_yes", "aggregate": "last", "of": "money", "order_by": "at", "where": {"yes": True}},
        {"column": "latest_yes", "aggregate": "max", "of": "at", "where": {"yes": True}},
        {"column": "sum_price", "aggregate": "sum", "of": "price"},
        {"column": "avg_price", "aggregate": "avg", "of": "price"},
        {"column": "sum_yes", "aggregate": "sum", "of": "price", "where": {"yes": True}},
        {"column": "avg_yes", "aggregate": "avg", "of": "price", "where": {"yes": True}},
        {"column": "avg_exact", "aggregate": "avg", "of": "exact"},
        {"column": "avg_rough", "aggregate": "avg", "of": "rough"},
        {"column": "avg_big", "aggregate": "avg", "of": "big"},
        {"column": "kinds", "aggregate": "distinct", "of": "kind"},
        {"column": "roughs", "aggregate": "distinct", "of": "rough"},
        {"column": "fixeds", "aggregate": "distinct", "of": "fixed", "where": {"yes": True}},
    ]
    return found


def extremes() -> list[dict[str, Any]]:
    """The reducers of the second binding, of another model: min and max of each type."""
    return [
        {"column": f"{aggregate}_{name}", "aggregate": aggregate, "of": name}
        for name in TYPES
        for aggregate in ("min", "max")
    ]


def _target(reducer: dict[str, Any]) -> str:
    of, aggregate = reducer.get("of", ""), reducer["aggregate"]
    if aggregate in ("count", "distinct", "sum"):
        is_rough = aggregate == "sum" and of in ("rough", "short")
        is_exact = aggregate == "sum" and of not in ("small", "whole", "rough", "short")
        kind = "double precision" if is_rough else "numeric" if is_exact or reducer["column"] == "n_kind" else "bigint"
        return f"{kind} default 0 not null"
    if aggregate == "avg":
        return "double precision" if of == "rough" else "numeric"
    kinds = TYPES | {"id": "bigint"} | (_WIDER if aggregate == "max" else {})
    return kinds[of]


def build(session: Session) -> None:
    """Makes the tables and attaches them, as the shop's owner; the profile has the columns that its model reads."""
    session.run(f"set role {shop.OWNER}")
    columns = ", ".join(f"{each['column']} {_target(each)}" for each in [*reducers(), *extremes()])
    session.run(
        f"""
        create type "Shop".mood as enum ('sour', 'fine', 'glad', 'Fine');
        create table {EVENTS} (
            id bigint primary key, customer integer, price numeric(12,3) not null,
            {", ".join(f"{name} {kind}" for name, kind in TYPES.items())}
        );
        create index on {EVENTS} (customer);
        create table {PROFILE} (
            customer bigint primary key, "Age" integer default 1, billed numeric default 0, "Total" numeric default 0,
            "Score" double precision, "Version" integer, other_score double precision, {columns}
        );
        """
    )
    for model, listed, score in (("shop", reducers(), "Score"), ("other", extremes(), "other_score")):
        session.run(
            "select pgscore.attach(%s, %s, %s, 'customer', 'customer', %s, %s, log => false)",
            *(model, EVENTS, PROFILE, json.dumps(listed), score),
        )
    session.run("reset role")


def insert(session: Session, event: dict[str, Any]) -> None:
    """Inserts an event as JSON has it, in a transaction of its own."""
    session.run(
        f"insert into {EVENTS} select (jsonb_populate_record(null::{EVENTS}, %s)).*",
        json.dumps(event),
    )


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values, values, values)


_DECIMALS = st.one_of(
    st.sampled_from(
        ["0", "1.5", "1.50", "-0.0", "0.1", "NaN", "1e3", "1E-9", "12345678901234567890.123456789", 0.1, 7]
    ),
    st.decimals(-1000, 1000, places=2).map(str),
)
_PRICES = st.one_of(
    st.sampled_from(["0", "0.0005", 0.1, 1, "999999999.999", "-0.001"]),
    st.decimals(-5, 5, places=3).map(str),
)
_FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.2, 1e16, -1e16, 5e-324, "NaN", "Infinity", 3.0000000000000004]),
    st.floats(-1e6, 1e6),
)
_SINGLES = st.one_of(
    st.sampled_from([0.1, 0.25, 16777217, "NaN", "-Infinity", 1e-40, 2.0**-96, 2.0**87]), st.floats(-9, 9, width=32)
)
_TEXTS = st.sampled_from(["", "a", "b", "B", "ä", "z", "\uffee", "\U0001f600", "a ", "\ud7ff"])
_SHORT_TEXTS = st.sampled_from(["", "a", "ab", "ab ", "a\t", "\U0001f600", "é"])
_DAYS = st.sampled_from(["2026-01-31", "2026-02-28", "0001-01-01", "9999-12-31", "infinity", "-infinity"])
_TIMES = ["2026-01-31T12:00:00", "2026-01-31 10:00:00.000001", "2026-01-31T10:00", "1969-12-31T23:59:59.5"]
_BIG = st.one_of(st.integers(-9, 9), st.sampled_from(["9007199254740993", "-9007199254740993", "4611686018427387904"]))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "small": st.integers(-9, 9) | st.sampled_from([-32768, 32767]),
    "whole": st.integers(-9, 9) | st.sampled_from([-2147483648, 2147483647]),
    "big": _BIG,
    "exact": _DECIMALS,
    "money": st.sampled_from(["1.005", "-1.005", 0.1, "99999999.99", "1.5", 2, "NaN"]),
    "rough": _FLOATS,
    "short": _SINGLES,
    "yes": st.booleans(),
    "kind": _TEXTS,
    "code": _SHORT_TEXTS,
    "fixed": _SHORT_TEXTS,
    "mood": st.sampled_from(["sour", "fine", "glad", "Fine"]),
    "uid": st.sampled_from(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A12"]),
    "day": _DAYS,
    "at": st.sampled_from([*_TIMES, "infinity"]),
    "seen": st.sampled_from([each + zone for each in _TIMES for zone in ("Z", "+02", "-05:30", "+0545")]),
}
_EVENT = st.fixed_dictionaries(
    {"customer": st.sampled_from([1, 1, 1, 1, 2, None]), "price": _PRICES}
    | {name: _or_null(values) for name, values in _VALUES.items()}
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events that were there, and events that come."""
    before = draw(st.sampled_from([0, 0, 1, 3]))
    events = draw(st.lists(_EVENT, min_size=before + 1, max_size=before + 5))
    numbers = draw(st.permutations(range(len(events))))
    for number, event in zip(numbers, events, strict=True):
        event["id"] = number
    return events[:before], events[before:]
