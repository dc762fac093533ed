"""Bindings, profiles and events for Hypothesis, without a database: what reduce makes of them is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABELS = ["sour", "fine", "glad", "Fine"]
# Columns of events: how a bundle describes them.
COLUMNS: dict[str, dict[str, Any]] = {
    "small": {"type": "smallint"},
    "whole": {"type": "integer"},
    "big": {"type": "bigint", "not_null": True},
    "exact": {"type": "numeric"},
    "money": {"type": "numeric(10,2)"},
    "price": {"type": "numeric(12,3)", "not_null": True},
    "coarse": {"type": "numeric(5,-2)"},
    "rough": {"type": "double precision"},
    "short": {"type": "real"},
    "yes": {"type": "boolean"},
    "kind": {"type": "text", "collation": "C"},
    "code": {"type": "character varying(3)", "collation": "C"},
    "fixed": {"type": "character(4)", "collation": "C"},
    "word": {"type": "text", "collation": "en_US.utf8"},
    "folded": {"type": "text", "collation": "nondeterministic"},
    "mood": {"type": '"Shop".mood', "labels": _LABELS},
    "uid": {"type": "uuid"},
    "day": {"type": "date"},
    "at": {"type": "timestamp without time zone"},
    "seen": {"type": "timestamp with time zone"},
    "took": {"type": "interval"},
}
KEYS: dict[str, dict[str, Any]] = {
    "customer": {"type": "integer"},
    "shop": {"type": "text", "collation": "C"},
    "id": {"type": "bigint", "not_null": True},
    "line": {"type": "integer", "not_null": True},
}
_WIDER = {"small": "bigint", "whole": "numeric", "short": "double precision", "code": "text", "money": "numeric"}
_SUMMED = ("small", "whole", "big", "exact", "money", "price", "rough", "short")
# Filters, as PostgreSQL writes values.
_FILTERS: dict[str, list[str | None]] = {
    "kind": ["a", None],
    "yes": ["true", "false"],
    "exact": ["1.50"],
    "rough": ["0.1", "NaN", "-0"],
    "short": ["0.1"],
    "seen": ["2026-01-31 10:00:00+00"],
    "day": ["2026-02-28"],
    "at": ["2026-01-31 12:00:00"],
    "uid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "mood": ["fine"],
    "fixed": ["ab  "],
    "big": ["9007199254740993"],
    "took": [None],
    "folded": ["a"],
}
_DECIMALS = st.one_of(
    st.sampled_from(
        ["0", "1.5", "1.50", "-0.0", "0.1", "NaN", "Infinity", "1e3", "1E-9", ".5", "5.", "1e999999", "-1e-17000",
         "12345678901234567890.123456789", 0.1, 7, 1e22, 1.5e-7, 1e300, True, "x", "1_0", " 1", "inf"]
    ),
    st.decimals(-1000, 1000, places=2).map(str),
    st.floats(-1e6, 1e6).map(lambda x: x + 0.0),
)  # fmt: skip
_INTEGERS = st.one_of(
    st.integers(-9, 9),
    st.sampled_from(
        [32767, -32768, 2147483647, -2147483648, "9007199254740993", "9223372036854775807", "12", "+3", "1.0",
         "-9223372036854775809", 1.5, 3.0, "x", False]
    ),
)  # fmt: skip
_FLOATS = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, 1e16, -1e16, 1e308, -1e308, 5e-324, "NaN", "Infinity", "-Infinity", "0.1", True]),
    st.floats(-1e6, 1e6).map(lambda x: x + 0.0),
)
_SINGLES = st.sampled_from([0.1, 0.25, 16777217, 3.4028235e38, 1e39, 1e-46, 1e-40, "NaN", "-Infinity", 0.30000001192])
_TEXTS = st.sampled_from(["", "a", "b", "B", "ä", "z", "￮", "😀", "a ", "\ud7ff", "a\0", "aaaa", "aaa   ", 5])
_DAYS = ["2026-01-31", "2026-02-28", "2024-02-29", "0001-01-01", "9999-12-31", "infinity", "-infinity", "2026-02-29"]
_TIMES = ["2026-01-31T12:00:00", "2026-01-31 10:00:00.000001", "2026-01-31T10:00", "1969-12-31T23:59:59.5",
          "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "2026-01-31T24:00", "2026-13-01T00:00"]  # fmt: skip
_ZONES = ["Z", "+02", "-05:30", "+0545", "", "+24"]
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), _INTEGERS),
    "numeric": _DECIMALS,
    "double precision": _FLOATS,
    "real": _SINGLES,
    "boolean": st.sampled_from([True, False, False, "true", 1]),
    "text": _TEXTS,
    "character": _TEXTS,
    '"Shop".mood': st.sampled_from([*_LABELS, "none", 1]),
    "uuid": st.sampled_from(
        [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC999C0B4EF8BB6D6BB9BD380A12",
            "a0eebc99-9c0b4ef8bb6d6bb9bd380a11",
        ]
    ),
    "date": st.sampled_from([*_DAYS, "2026-01-31T00:00"]),
    "timestamp without time zone": st.sampled_from([*_TIMES, *_DAYS, "2026-01-31T12:00Z"]),
    "timestamp with time zone": st.sampled_from([each + zone for each in _TIMES for zone in _ZONES] + _DAYS[5:]),
    "interval": st.just("1 day"),
}
# As above, without what is no value of the type, so that more comes through.
_GOOD: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), st.integers(-9, 9)),
    "numeric": st.sampled_from(["0", "1.5", "1.50", "-0.10", 0.1, 7, "12.25", "0.3333333333333333333333"]),
    "double precision": st.sampled_from([0.0, 0.1, 0.2, -3.5, "NaN", "Infinity"]),
    "real": st.sampled_from([0.1, 0.25, -3.5, "NaN"]),
    "boolean": st.booleans(),
    "text": st.sampled_from(["", "a", "b", "￮", "😀", "a "]),
    "character": st.sampled_from(["", "a", "ab", "ab "]),
    '"Shop".mood': st.sampled_from(_LABELS),
    "uuid": st.sampled_from(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A12"]),
    "date": st.sampled_from(["2026-01-31", "2026-02-28", "infinity"]),
    "timestamp without time zone": st.sampled_from([_TIMES[0], _TIMES[1], _TIMES[3]]),
    "timestamp with time zone": st.sampled_from(
        ["2026-01-31T12:00:00+02", "2026-01-31T10:00Z", "2026-01-31 10:00:00.5-05:30"]
    ),
    "interval": st.just("1 day"),
}


def _values(kind: str, *, good: bool) -> st.SearchStrategy[Any]:
    name = kind.partition("(")[0].replace("character varying", "text")
    return (_GOOD if good else _VALUES)[name]


@st.composite
def _where(draw: st.DrawFn) -> dict[str, str | None]:
    names = draw(st.lists(st.sampled_from(sorted(_FILTERS)), max_size=1))
    return {name: draw(st.sampled_from(_FILTERS[name])) for name in names}


@st.composite
def bindings(draw: st.DrawFn) -> dict[str, Any]:
    """Bindings as bundles have them."""
    wheres = [{}, draw(_where())]
    reducers: list[dict[str, Any]] = []
    columns: dict[str, dict[str, Any]] = {"id": {"type": "bigint"}, "shop": {"type": "text", "collation": "C"}}
    primary_key = draw(st.sampled_from([["id"], ["id", "line"]]))

    def add(aggregate: str, of: str | None, described: Mapping[str, Any], order_by: str | None = None) -> None:
        name = f"c{len(reducers)}"
        found = {
            "column": name,
            "aggregate": aggregate,
            "of": of,
            "order_by": order_by,
            "where": draw(st.sampled_from(wheres)),
        }
        if aggregate in ("count", "sum") and of not in ("rough", "short") and draw(st.integers(0, 9)) == 0:
            found["deletes"] = "ignore"
        elif draw(st.integers(0, 14)) == 0:
            found |= {"window": "30 days", "time": "seen"}
        reducers.append({field: value for field, value in found.items() if value})
        columns[name] = {field: value for field, value in described.items() if field != "not_null"}

    counted = st.sampled_from([{"type": "bigint"}, {"type": "numeric"}])
    for aggregate in draw(
        st.lists(st.sampled_from(["count", "sum", "min", "last", "last", "avg", "distinct"]), min_size=1, max_size=4)
    ):
        if draw(st.booleans()):
            add("count", None, draw(counted))
        if aggregate == "count":
            add("count", None, draw(counted))
        elif aggregate in ("sum", "avg"):
            of = draw(st.sampled_from(_SUMMED))
            is_float = of in ("rough", "short")
            total = {"type": "double precision" if is_float else "bigint" if of in ("small", "whole") else "numeric"}
            if aggregate == "sum" or draw(st.booleans()):
                add("sum", of, total)
            if aggregate == "avg":
                add("avg", of, {"type": "double precision" if is_float else "numeric"})
        elif aggregate == "min":
            of = draw(st.sampled_from(sorted(COLUMNS)))
            wider = {"type": _WIDER[of]} if of in _WIDER and draw(st.booleans()) else {}
            add(draw(st.sampled_from(["min", "max"])), of, COLUMNS[of] | wider)
        elif aggregate == "last":
            by = draw(st.sampled_from(["seen", "at", "whole", "kind", "word", "day"]))
            of = draw(st.sampled_from(["kind", "exact", "seen", "short"]))
            if draw(st.booleans()):
                add("max", by, COLUMNS[by])
            for key in primary_key if draw(st.booleans()) else ():
                add("last", key, {"type": "bigint"}, by)
            add("last", of, COLUMNS[of], by)
        else:
            add("distinct", draw(st.sampled_from(sorted(COLUMNS))), draw(counted))
    if any("window" in each for each in reducers):
        reducers.append({"column": "due", "aggregate": "due"})
        columns["due"] = {"type": "timestamp with time zone"}
    keys = draw(st.sampled_from([(["customer"], ["id"]), (["customer", "shop"], ["id", "shop"])]))
    return {
        "name": "shop.events", "events": "shop.events", "profile": "shop.customer", "event_key": keys[0],
        "profile_key": keys[1], "primary_key": primary_key, "event_columns": COLUMNS | KEYS, "profile_columns": columns,
        "reducers": reducers, "score": "score", "on_missing": "ignore",
    }  # fmt: skip


@st.composite
def profiles(draw: st.DrawFn, binding: dict[str, Any]) -> dict[str, Any]:
    """A profile of a binding: mostly one that can be."""
    profile: dict[str, Any] = {"id": 1, "shop": "a", "name": "Ann"}
    is_empty = draw(st.booleans())
    for each in binding["reducers"]:
        kind = binding["profile_columns"][each["column"]]["type"]
        if draw(st.integers(0, 30)) == 0:
            continue
        if is_empty and each["aggregate"] in ("count", "sum", "distinct"):
            profile[each["column"]] = 0
        elif is_empty or draw(st.integers(0, 9)) == 0:
            profile[each["column"]] = None
        else:
            good = st.integers(0, 5) if each["aggregate"] in ("count", "distinct") else _values(kind, good=True)
            profile[each["column"]] = draw(good if draw(st.integers(0, 9)) else _values(kind, good=False))
    return profile


@st.composite
def events(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events: most are the profile's, and most of their values are of their types."""
    found = []
    good = draw(st.booleans())
    for number in draw(st.permutations(range(draw(st.integers(0, 4))))):
        event: dict[str, Any] = {"id": number, "line": draw(st.integers(0, 1))}
        for name, described in COLUMNS.items():
            if draw(st.integers(0, 4)) or "not_null" in described:
                event[name] = draw(_values(described["type"], good=good or draw(st.integers(0, 40)) > 0))
            elif good or draw(st.integers(0, 20)):
                event[name] = None
        event |= draw(
            st.sampled_from([{}, {}, {"customer": 1, "shop": "a"}, {"customer": 2, "shop": "a"}, {"customer": None}])
        )
        if draw(st.integers(0, 20)) == 0:
            del event["id"]
        found.append(event)
    return found
