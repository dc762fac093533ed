"""What reduce refuses, and how: values that a column does not hold, and what a profile does not tell."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from math import inf, nan
from typing import Any
from uuid import UUID

import pytest
from pgscore import PgscoreError
from pgscore.bundle.reducing.binding import Binding

_TYPES = {
    "whole": {"type": "integer"},
    "big": {"type": "bigint"},
    "exact": {"type": "numeric"},
    "money": {"type": "numeric(5,2)"},
    "hundreds": {"type": "numeric(3,-2)"},
    "long": {"type": "numeric(40,0)"},
    "rough": {"type": "double precision"},
    "short": {"type": "real"},
    "yes": {"type": "boolean"},
    "kind": {"type": "text", "collation": "C"},
    "local": {"type": "text", "collation": "de_DE.utf8"},
    "folded": {"type": "text", "collation": "nondeterministic"},
    "code": {"type": "character varying(3)", "collation": "C"},
    "fixed": {"type": "character(3)", "collation": "C"},
    "mood": {"type": "shop.mood", "labels": ["bad", "good"]},
    "uid": {"type": "uuid"},
    "day": {"type": "date"},
    "at": {"type": "timestamp without time zone"},
    "seen": {"type": "timestamp with time zone"},
    "span": {"type": "interval"},
}


def _binding(*reducers: dict[str, Any], **changed: Any) -> Binding:  # noqa: ANN401
    """A binding whose targets have the types of what they take."""
    profile: dict[str, Any] = {"id": {"type": "bigint"}, "part": {"type": "text"}}
    for each in reducers:
        kind = _TYPES.get(each.get("of", ""), {"type": "bigint"})
        if each["aggregate"] in ("count", "distinct"):
            kind = {"type": "bigint"}
        elif each["aggregate"] == "due":
            kind = {"type": "timestamp with time zone"}
        elif each["aggregate"] in ("sum", "avg") and each["of"] not in ("rough", "whole"):
            kind = {"type": "numeric"}
        profile[each["column"]] = kind
    document = {
        "name": "events",
        "events": "s.events",
        "profile": "s.profile",
        "event_key": ["id"],
        "profile_key": ["id"],
        "primary_key": ["number"],
        "event_columns": {**_TYPES, "id": {"type": "bigint"}, "part": {"type": "text"}, "number": {"type": "bigint"}},
        "profile_columns": profile,
        "reducers": list(reducers),
        "score": "score",
        "on_missing": "ignore",
    }
    return Binding(document | changed, "bindings[0]")


def _greatest(of: str) -> Binding:
    return _binding({"column": "most", "aggregate": "max", "of": of})


@pytest.mark.parametrize(
    ("of", "given", "held"),
    [
        ("whole", 5, 5),
        ("whole", 5.0, 5),
        ("whole", "5", 5),
        ("whole", Decimal("5.00"), 5),
        ("big", "9007199254740993", 2**53 + 1),
        ("exact", 0.1, Decimal("0.1")),
        ("exact", "1E+3", Decimal("1000")),
        ("exact", -inf, Decimal("-Infinity")),
        ("money", "1.005", Decimal("1.01")),
        ("money", -2.675, Decimal("-2.68")),
        ("hundreds", 12350, Decimal("12400")),
        ("long", "9" * 40, Decimal("9" * 40)),
        ("rough", Decimal("0.1"), 0.1),
        ("rough", "Infinity", inf),
        ("short", 0.1, 0.1),
        ("short", 16777217, 16777216.0),
        ("yes", True, True),
        ("kind", "\U0001f600", "\U0001f600"),
        ("code", "abc  ", "abc"),
        ("fixed", "a", "a  "),
        ("mood", "good", "good"),
        ("uid", UUID(int=10), "00000000-0000-0000-0000-00000000000a"),
        ("uid", "0000000000000000000000000000000A", "00000000-0000-0000-0000-00000000000a"),
        ("day", "2026-02-28", date(2026, 2, 28)),
        ("day", "infinity", "infinity"),
        ("at", "2026-01-31 12:00", datetime(2026, 1, 31, 12)),
        ("at", "2026-01-31T12:00:00.5", datetime(2026, 1, 31, 12, 0, 0, 500_000)),
        ("seen", "2026-01-31T12:00:00-0330", datetime(2026, 1, 31, 15, 30, tzinfo=UTC)),
        ("seen", "2026-01-31T12:00+14", datetime(2026, 1, 30, 22, tzinfo=UTC)),
        ("seen", datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 1, 30, 22, tzinfo=UTC)),
        ("span", None, None),
    ],
)
def test_a_value_is_read_as_its_column_holds_it(of: str, given: object, held: object) -> None:
    (found,) = _greatest(of).reduce({"most": None}, [{of: given}]).values()
    assert found == held
    assert type(found) is type(held)


@pytest.mark.parametrize(
    ("of", "given", "message"),
    [
        ("whole", 2**31, "is of type integer, and 2147483648 is out of its range"),
        ("whole", 1.5, "1.5 has a fraction"),
        ("whole", True, "True is no value of it"),
        ("whole", "1.0", "'1.0' is no value of it"),
        ("whole", nan, "nan is out of its range"),
        ("exact", "1e200000", "is out of its range"),
        ("exact", "1e-20000", "has more digits than it holds"),
        ("exact", "1e9999999", "is no value of it"),
        ("exact", "0x10", "is no value of it"),
        ("money", 999.995, "is of type numeric(5,2), and 999.995 is out of its range"),
        ("money", inf, "inf is no value of it"),
        ("rough", "1.5", "'1.5' is no value of it"),
        ("rough", 10**400, "is out of its range"),
        ("rough", Decimal("1e-400"), "is out of its range"),
        ("short", 1e39, "1e+39 is out of its range"),
        ("short", 1e-50, "1e-50 is out of its range"),
        ("yes", 1, "1 is no value of it"),
        ("kind", "a\0", "holds U+0000"),
        ("kind", 5, "5 is no value of it"),
        ("code", "abcd", "'abcd' is too long"),
        ("mood", "Good", "'Good' is no value of it"),
        ("uid", "00000000-0000", "is no value of it"),
        ("day", "2026-02-30", "is no date such as 2026-01-31"),
        ("day", "yesterday", "is no date such as 2026-01-31"),
        ("day", datetime(2026, 1, 31, tzinfo=UTC), "is no date"),
        ("at", "2026-01-31T12:00:00Z", "has a time zone"),
        ("at", "2026-01-31T12:00:00.1234567", "is no time such as 2026-01-31T12:00:00"),
        ("at", "2026-01-31T24:00:00", "is no time such as"),
        ("seen", "2026-01-31T12:00:00", "has no time zone"),
        ("seen", "0001-01-01T00:00:00+02", "is beyond the years 1 to 9999"),
        ("seen", "12:00", "is no time such as 2026-01-31T12:00:00+02:00"),
        ("span", "1 day", "is of type interval, and what its values are is known to the database alone"),
        ("local", "a", 'the order of "local", a text, is known to the database alone'),
    ],
)
def test_a_value_that_a_column_does_not_hold_is_refused(of: str, given: object, message: str) -> None:
    with pytest.raises(PgscoreError) as caught:
        _greatest(of).reduce({"most": None}, [{of: given}])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_integer_that_python_does_not_write_is_refused_too() -> None:
    with pytest.raises(PgscoreError, match="an integer of thousands of digits is out of its range"):
        _greatest("big").reduce({"most": None}, [{"big": 10**5000}])


_COUNT = {"column": "n", "aggregate": "count"}
_LATEST = {"column": "latest", "aggregate": "max", "of": "seen"}
_LAST = {"column": "last", "aggregate": "last", "of": "kind", "order_by": "seen"}
_SUM = {"column": "total", "aggregate": "sum", "of": "exact"}
_AVG = {"column": "mean", "aggregate": "avg", "of": "exact"}
_DISTINCT = {"column": "kinds", "aggregate": "distinct", "of": "kind"}
_DUE = {"column": "due", "aggregate": "due"}
_WINDOW = {"window": "30 days", "time": "seen"}
_EARLY, _LATE = "2026-01-01T00:00Z", "2026-01-02T00:00Z"


@pytest.mark.parametrize(
    ("reducers", "profile", "events", "message"),
    [
        ([_LAST], {"last": "a"}, [{"kind": "b", "seen": _LATE}], 'it takes a max of "seen" with the same filter'),
        (
            [_LAST, {**_LATEST, "where": {"yes": "true"}}],
            {"last": "a", "latest": _EARLY},
            [{"kind": "b", "seen": _LATE, "yes": True}],
            'it takes a max of "seen" with the same filter',
        ),
        (
            [_LAST, _LATEST],
            {"last": "a", "latest": _LATE},
            [{"kind": "b", "seen": _LATE}],
            'an event comes at the same time as the last one, and it takes a last of "number"',
        ),
        (
            [_LAST, _LATEST],
            {"last": "a", "latest": _EARLY},
            2 * [{"kind": "b", "seen": _LATE}],
            "two events are the last at one time, and the primary key, number, is not given",
        ),
        (
            [_LAST, _LATEST],
            {"last": "a", "latest": None},
            [{"kind": "b", "seen": None}],
            '"seen" is NULL in the event, and whether there were others is not known',
        ),
        ([_AVG, _SUM], {"mean": 1, "total": 1}, [{"exact": 2}], 'it takes a sum of "exact" and a count'),
        (
            [_AVG, _SUM, _COUNT],
            {"mean": 1, "total": 1, "n": 1},
            [{"exact": 2}],
            '"exact" may be NULL, so a count of events is none of its values',
        ),
        (
            [{"column": "mean", "aggregate": "avg", "of": "rough"}, _COUNT],
            {"mean": None, "n": 0},
            3 * [{"rough": 0.1}],
            "the order in which the database adds up floats decides",
        ),
        ([_DISTINCT], {"kinds": 1}, [{"kind": "a"}], "which values there were is not in it"),
        (
            [_DISTINCT, {**_COUNT, "deletes": "ignore"}],
            {"kinds": 0, "n": 0},
            [{"kind": "a"}],
            "which values there were is not in it",
        ),
        *(
            (
                [{**each, **_WINDOW}, _DUE],
                {each["column"]: 0, "due": None},
                [{"seen": _LATE, "kind": "a", "exact": 1}],
                f'the {each["aggregate"]} "{each["column"]}" cannot be told from the profile alone: its window moves',
            )
            for each in (_COUNT, _SUM, _LATEST, _LAST, _AVG, _DISTINCT)
        ),
        # What is in a window says nothing about what there was.
        (
            [_DISTINCT, {**_COUNT, **_WINDOW}],
            {"kinds": 0, "n": 0},
            [{"kind": "a", "seen": _LATE}],
            "which values there were is not in it",
        ),
        (
            [_LAST, {**_LATEST, **_WINDOW}],
            {"last": "a", "latest": _EARLY},
            [{"kind": "b", "seen": _LATE}],
            'it takes a max of "seen" with the same filter',
        ),
        ([_COUNT], {"n": 2**63 - 1}, [{}], "is of type bigint, and 9223372036854775808 is out of its range"),
        ([_COUNT], {"n": None}, [{}], 'column "n" of the profile is null, and a count is a number'),
        ([_COUNT], {}, [{}], 'column "n" of the profile is not there, and events move it'),
        ([_SUM], {"total": 0}, [{}], 'column "exact" of event 1 is not there, and binding events reads it'),
        (
            [{"column": "total", "aggregate": "sum", "of": "rough"}],
            {"total": 1.7e308},
            [{"rough": 1.7e308}],
            'the sum "total" is past the largest double',
        ),
        (
            [{**_COUNT, "where": {"folded": "a"}}],
            {"n": 0},
            [{"folded": "A"}],
            "a text with a nondeterministic collation is told apart by its database alone",
        ),
    ],
)
def test_what_a_profile_does_not_tell_is_refused(
    reducers: list[dict[str, Any]], profile: dict[str, Any], events: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(PgscoreError) as caught:
        _binding(*reducers).reduce(profile, events)
    assert message in str(caught.value)


def test_what_cannot_be_known_does_not_stand_in_the_way_of_the_rest() -> None:
    binding = _binding(_COUNT, _DISTINCT)
    profile = {"n": 1, "kinds": 1, "age": 31}
    assert binding.reduce(profile, [{"kind": "b"}], ["n"]) == {"n": 2, "age": 31}
    assert profile == {"n": 1, "kinds": 1, "age": 31}
    binding = _binding(_COUNT, {**_LATEST, **_WINDOW}, _DUE)
    assert binding.unforeseen == (
        'the max "latest" cannot be followed from the profile alone: its window moves on with time, and which events'
        " have left it is not in the profile"
    )
    assert binding.reduce({"n": 1, "latest": None, "due": None}, [{}], ["n"]) == {"n": 2}
    binding = _binding(_COUNT, _DISTINCT)
    with pytest.raises(PgscoreError, match='binding events moves no column "age"'):
        binding.reduce(profile, [{"kind": "b"}], ["age"])


def test_events_are_this_profiles_or_they_move_nothing() -> None:
    binding = _binding(_COUNT, event_key=["id", "part"], profile_key=["id", "part"])
    profile = {"id": 1, "part": "a", "n": 0}
    moves: list[tuple[dict[str, Any], int]] = [
        ({}, 1),
        ({"id": 1, "part": "a"}, 1),
        ({"id": "1", "part": "a"}, 1),
        ({"id": 1, "part": "a "}, 0),
        ({"id": 2, "part": "a"}, 0),
        ({"id": None, "part": "a"}, 0),
    ]
    for key, moved in moves:
        assert binding.reduce(profile, [key])["n"] == moved, key
    with pytest.raises(PgscoreError, match='event 1 names its profile by id, and has no column "part"'):
        binding.reduce(profile, [{"id": 1}])
    with pytest.raises(PgscoreError, match='event 2 names its profile, and the profile has no column "id"'):
        binding.reduce({"n": 0}, [{}, {"id": 1, "part": "a"}])
    nothing: list[dict[str, Any]] = []
    assert binding.reduce({"n": "as it is"}, nothing) == {"n": "as it is"}


def test_blanks_at_the_end_do_not_count_in_an_order() -> None:
    for given in (["a", "a\t"], ["a\t", "a"]):
        assert _greatest("fixed").reduce({"most": None}, [{"fixed": each} for each in given]) == {"most": "a\t "}


def test_a_profile_without_a_key_has_no_events_that_name_theirs() -> None:
    assert _binding(_COUNT).reduce({"id": None, "n": 0}, [{"id": None}, {"id": 1}, {}]) == {"id": None, "n": 1}


def test_the_first_events_of_a_profile_tell_everything() -> None:
    binding = _binding(_COUNT, _LAST, _AVG, _DISTINCT)
    events: list[dict[str, Any]] = [
        {"kind": "a", "seen": _EARLY, "exact": 1, "number": 1},
        {"kind": "b", "seen": _LATE, "exact": "2.5", "number": 2},
        {"kind": "c", "seen": _LATE, "exact": None, "number": 1},
        {"kind": "a", "seen": None, "exact": 4, "number": 4},
    ]
    found = binding.reduce({"n": 0, "last": None, "mean": None, "kinds": 0}, events)
    assert found == {"n": 4, "last": "b", "mean": Decimal("2.5000000000000000"), "kinds": 3}
    assert str(found["mean"]) == "2.5000000000000000"


def test_no_digit_of_a_count_or_a_sum_is_lost() -> None:
    """Python's decimals have 28 digits unless they are told otherwise."""
    binding = _binding(
        _COUNT, _SUM, profile_columns={"id": {"type": "bigint"}, "n": _TYPES["exact"], "total": _TYPES["exact"]}
    )
    small = Decimal("1e-60")
    found = binding.reduce({"n": small, "total": "1e60"}, [{"exact": small}])
    assert found == {"n": Decimal(f"1.{'0' * 59}1"), "total": Decimal(f"1{'0' * 60}.{'0' * 59}1")}
