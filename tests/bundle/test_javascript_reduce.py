"""reduce in JavaScript makes of a profile what Python makes of it, and refuses what Python refuses."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgscore.bundle.reducing.binding import Binding
from pgscore.bundle.reducing.values import column_type, shortest_single
from pgscore.errors import PgscoreError

from tests.support.examples import examples

from .node import RefusedError
from .programs import document
from .reducing import bindings, events, profiles

if TYPE_CHECKING:
    from .node import Node

_fuzz = settings(max_examples=examples(250), deadline=None, suppress_health_check=list(HealthCheck))
_PROGRAM: dict[str, Any] = {
    "program": 1,
    "inputs": [{"name": "x", "type": "double precision", "nullable": True}],
    "steps": [],
    "scores": [0],
    "link": "identity",
    "tie": "first",
}


def _reduced(node: Node, binding: dict[str, Any], *given_: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    node.ask("open", document=document(_PROGRAM) | {"bindings": [binding]})
    found: dict[str, Any] = node.ask("reduce", given=[*given_, options])
    return found


def _compare(
    node: Node,
    binding: dict[str, Any],
    profile: dict[str, Any],
    came: list[dict[str, Any]],
    columns: list[str] | None,
) -> None:
    options = {} if columns is None else {"columns": columns}
    try:
        wanted = Binding(binding, "it").reduce(profile, came, columns)
    except PgscoreError:
        with pytest.raises(RefusedError):
            _reduced(node, binding, profile, came, **options)
        return
    found = _reduced(node, binding, profile, came, **options)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if repr(found[name]) == repr(value):
            continue
        assert name in binding["profile_columns"]
        kind = column_type(binding["profile_columns"][name])
        one, other = (None if each is None else kind.read(each, name) for each in (value, found[name]))
        assert (one is None) == (other is None), name
        assert repr(one) == repr(other) or kind.key(one) == kind.key(other), (name, one, other)


@_fuzz
@given(data=st.data())
def test_drawn_events_make_of_a_profile_what_python_makes_of_it(node: Node, data: st.DataObject) -> None:
    binding = data.draw(bindings())
    columns = [each["column"] for each in binding["reducers"]]
    chosen = st.one_of(st.none(), st.just(columns), st.lists(st.sampled_from(columns), max_size=1))
    _compare(node, binding, data.draw(profiles(binding)), data.draw(events()), data.draw(chosen))


def _of(kind: str, aggregate: str = "max", **target: Any) -> dict[str, Any]:  # noqa: ANN401
    collation = {"collation": "C"} if kind.startswith(("text", "character")) else {}
    labels = {"labels": ["sour", "fine"]} if kind == "mood" else {}
    described = {"type": kind, "not_null": True} | collation | labels
    column = {name: value for name, value in described.items() if name != "not_null"} | target
    return {
        "name": "b",
        "event_key": ["customer"],
        "profile_key": ["id"],
        "primary_key": ["id"],
        "event_columns": {"of": described, "customer": {"type": "integer"}, "id": {"type": "integer"}},
        "profile_columns": {"id": {"type": "integer"}, "n": {"type": "bigint"}, "it": column},
        "reducers": [{"column": "n", "aggregate": "count"}, {"column": "it", "aggregate": aggregate, "of": "of"}],
    }


@pytest.mark.parametrize(
    ("kind", "given_", "back"),
    [
        ("smallint", "7", 7),
        ("bigint", "9007199254740991", 2**53 - 1),
        ("bigint", "9007199254740993", 2**53 + 1),
        ("numeric", "1.50", 1.5),
        ("numeric", 0.1, 0.1),
        ("numeric", "12345678901234567890.50", "12345678901234567890.50"),
        ("numeric", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("numeric", "-1e-9", -1e-9),
        ("numeric", "NaN", "NaN"),
        ("numeric(10,2)", "1.005", 1.01),
        ("numeric(10,2)", -1.005, -1.01),
        ("numeric(3,-2)", 149, 100),
        ("double precision", "Infinity", math.inf),
        ("double precision", -0.0, -0.0),
        ("real", 0.1, 0.1),
        ("real", 16777217, 16777216),
        ("real", 1e-40, 1e-40),
        ("real", 2.0**-12, 0.00024414062),
        ("boolean", True, True),
        ("text", "\U0001f600", "\U0001f600"),
        ("character varying(2)", "\U0001f600b  ", "\U0001f600b"),
        ("character(4)", "ab", "ab  "),
        ("mood", "fine", "fine"),
        ("uuid", "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "-infinity", "-infinity"),
        ("timestamp without time zone", "2026-01-31 12:00", "2026-01-31T12:00:00"),
        ("timestamp without time zone", "0001-01-01T00:00:00.000001", "0001-01-01T00:00:00.000001"),
        ("timestamp with time zone", "2026-01-31T12:00:00.50+02", "2026-01-31T10:00:00.5+00:00"),
        ("timestamp with time zone", "1969-12-31T18:29:59.9-05:30", "1969-12-31T23:59:59.9+00:00"),
    ],
)
def test_values_are_given_back_as_the_guide_says(node: Node, kind: str, given_: Any, back: Any) -> None:  # noqa: ANN401
    found = _reduced(node, _of(kind), {"n": 0, "it": None, "name": "Ann"}, [{"of": given_}])
    assert (found, type(found["it"])) == ({"n": 1, "it": back, "name": "Ann"}, type(back))


def test_sums_and_averages_are_of_their_types(node: Node) -> None:
    profile: dict[str, Any] = {"n": 0, "it": 0}
    single = _reduced(node, _of("real", "sum", type="double precision"), profile, [{"of": 0.1}])
    assert single["it"] == 0.10000000149011612
    third = _reduced(
        node, _of("integer", "avg", type="numeric"), profile | {"it": None}, [{"of": n} for n in (0, 1, 0)]
    )
    assert third["it"] == "0.33333333333333333333"
    whole = _reduced(node, _of("integer", "avg", type="numeric"), profile | {"it": None}, [{"of": 3}])
    assert whole["it"] == 3


@pytest.mark.parametrize(("aggregate", "extreme"), [("min", "\ud7ff"), ("max", "\U0001f600")])
def test_texts_are_ordered_by_code_points(node: Node, aggregate: str, extreme: str) -> None:
    texts = ["\uffee", "\U0001f600", "\ue000", "\ud7ff", "\U00010000"]
    for came in (texts, texts[::-1]):
        found = _reduced(node, _of("text", aggregate), {"n": 0, "it": None}, [{"of": each} for each in came])
        assert found["it"] == extreme


def test_long_texts_of_numbers_take_no_time(node: Node) -> None:
    for text in ("1" * 130_000 + "x", "1" * 10**6, "." * 10**5, " " * 10**5 + "x", "1e999999"):
        with pytest.raises(RefusedError):
            _reduced(node, _of("numeric"), {"n": 0, "it": None}, [{"of": text}])
    found = _reduced(node, _of("character(4)"), {"n": 0, "it": None}, [{"of": "a" + " " * 10**6}])
    assert found["it"] == "a   "


def test_a_binding_is_named_where_there_are_several(node: Node) -> None:
    node.ask("open", document=document(_PROGRAM) | {"bindings": [_of("text"), _of("text") | {"name": "c"}]})
    with pytest.raises(RefusedError, match="wants the name of one binding"):
        node.ask("reduce", given=[{"n": 0, "it": None}, []])
    assert node.ask("reduce", given=[{"n": 0, "it": None}, [{"of": "a"}], {"binding": "c"}]) == {"n": 1, "it": "a"}


@pytest.mark.parametrize("kind", ["numeric(1000000000,2)", "character(999999999)", "numeric(5,-999999)"])
def test_types_that_no_column_has_are_refused(node: Node, kind: str) -> None:
    with pytest.raises(RefusedError, match="is the type of no column"):
        _reduced(node, _of(kind), {"n": 0, "it": None}, [{"of": "1"}])


def test_a_real_is_shown_by_its_fewest_digits(node: Node) -> None:
    drawn = random.Random(0)  # noqa: S311
    powers = [sign * 2.0**n for n in range(-149, 128) for sign in (1, -1)]
    singles = [*powers, *(struct.unpack("<f", struct.pack("<I", drawn.randrange(2**32)))[0] for _ in range(2000))]
    singles = [each for each in singles if math.isfinite(each) and each != 0]
    node.ask("open", document=document(_PROGRAM) | {"bindings": [_of("real")]})
    given_ = [[{"n": 0, "it": None}, [{"of": each}]] for each in singles]
    assert [float(node.ask("reduce", given=each)["it"]) for each in given_] == list(map(shortest_single, singles))


_WHERE = {"yes": "true"}
_COUNT = {"column": "n", "aggregate": "count"}
_LAST = {"column": "it", "aggregate": "last", "of": "kind", "order_by": "at"}
_MAX = {"column": "top", "aggregate": "max", "of": "at"}
_KEY = {"column": "key", "aggregate": "last", "of": "id", "order_by": "at"}
_AVG = {"column": "avg", "aggregate": "avg", "of": "price"}
_TOTAL = {"column": "total", "aggregate": "sum", "of": "price"}
_CAME = [
    {"at": at, "kind": kind, "id": key, "yes": True} for at, kind, key in ((5, "a", 3), (None, "b", 9), (5, "c", 2))
]


@pytest.mark.parametrize(
    ("reducers", "profile", "came"),
    [
        # Which event is the last: by the order, NULL first, and by the key.
        ([_COUNT, _LAST], {"n": 0, "it": None}, _CAME),
        ([_COUNT, _LAST], {"n": 0, "it": None}, [{**each, "at": None} for each in _CAME]),
        ([_COUNT, _LAST], {"n": 1, "it": "z"}, _CAME),
        ([_COUNT | {"deletes": "ignore"}, _LAST], {"n": 0, "it": None}, _CAME),
        ([_COUNT, _LAST | {"where": _WHERE}], {"n": 0, "it": None}, _CAME),
        ([_COUNT | {"where": _WHERE}, _LAST], {"n": 0, "it": None}, _CAME),
        *[
            ([_MAX, *others, _LAST], {"top": top, "key": key, "it": "z"}, _CAME)
            for others in ([], [_KEY])
            for top in (4, 5, 6, None)
            for key in (1, 3, 5)
        ],
        ([_MAX, _KEY, _LAST], {"top": None, "key": 5, "it": "z"}, _CAME[1:2]),
        # Of equal values the former stays.
        (
            [{"column": "total", "aggregate": "max", "of": "price"}],
            {"total": f"{10**20}.50"},
            [{"price": f"{10**20}.5"}],
        ),
        (
            [{"column": "total", "aggregate": "min", "of": "price"}],
            {"total": f"{10**20}.50"},
            [{"price": f"{10**20}.5"}],
        ),
        # Averages: by a sum and a count, and of the first events.
        *[
            ([_COUNT, *others, _AVG], {"n": count, "total": total, "avg": 1}, [{"price": 2}, {"price": "3.25"}])
            for others in ([], [_TOTAL], [_TOTAL | {"deletes": "ignore"}])
            for count in (0, 1, 8)
            for total in ("1", "9998", "0.00000000000000000000001", "1.00000000000000000000000", "NaN", "Infinity")
        ],
    ],
)
def test_cases_that_are_drawn_seldom(
    node: Node, reducers: list[dict[str, Any]], profile: dict[str, Any], came: list[dict[str, Any]]
) -> None:
    whole = {"type": "bigint"}
    binding = {
        "name": "b",
        "events": "b",
        "profile": "c",
        "score": "s",
        "on_missing": "ignore",
        "event_key": ["customer"],
        "profile_key": ["id"],
        "primary_key": ["id"],
        "event_columns": {
            "at": whole,
            "kind": {"type": "text", "collation": "C"},
            "id": whole,
            "yes": {"type": "boolean"},
            "price": {"type": "numeric", "not_null": True},
            "customer": whole,
        },
        "profile_columns": {
            **dict.fromkeys(("n", "top", "key", "id"), whole),
            "total": {"type": "numeric"},
            "avg": {"type": "numeric"},
            "it": {"type": "text", "collation": "C"},
        },
        "reducers": reducers,
    }
    _compare(node, binding, profile, came, None)
