"""The arithmetic and the lines of the benchmarks; what they measure needs a database and is no test."""

from __future__ import annotations

import json

import pytest

from bench.figure import Detail, Measured, Wanted, at_least, at_most
from bench.listing import Line, document, text
from bench.pairs import Spread, in_turn, spread
from bench.stream_place import WARM, Run


def test_spread_is_median_and_quartiles() -> None:
    assert spread([5, 1, 2, 4, 3]) == Spread(3, 2, 4, 5)
    assert spread([7.0]) == Spread(7, 7, 7, 1)


def test_sides_take_turns_and_each_keeps_its_place() -> None:
    order: list[str] = []

    def side(name: str, value: float) -> float:
        order.append(name)
        return value

    found = in_turn([lambda: side("a", 1), lambda: side("b", 2)], pairs=3)
    assert found == [(1, 2)] * 3
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_slow_sides_end_early_but_not_before_three_pairs() -> None:
    assert len(in_turn([lambda: 0.0], pairs=40, seconds=0)) == 3


@pytest.mark.parametrize(
    ("wanted", "value", "verdict"),
    [
        (at_most(0.5), 0.5, "ok"),
        (at_most(0.5), 0.51, "short"),
        (at_least(50), 50, "ok"),
        (at_least(50), 49, "short"),
        (None, 1, "stated"),
    ],
)
def test_verdict(wanted: Wanted | None, value: float, verdict: str) -> None:
    assert Line("figure", wanted, Measured(spread([value]))).verdict == verdict


def test_line_of_a_figure() -> None:
    details = [Detail("pgscore", spread([1200.0]), "rows/s")]
    line = Line("memory", at_most(8), Measured(Spread(101.4, 100, 102, 3), "MB", details=details))
    assert text(line, long=False).split() == ["memory", "101", "MB", "<=", "8.00", "MB", "short"]
    spreads = text(line, long=True).splitlines()[1:]
    assert [each.strip() for each in spreads] == [
        "101 MB, quartiles 100 to 102, of 3",
        "pgscore: 1,200 rows/s, quartiles 1,200 to 1,200, of 1",
    ]


def test_line_of_what_was_refused_or_wrong() -> None:
    assert text(Line("a", at_least(1), reason="too large"), long=True).split() == [
        *("a", "-", ">=", "1.00", "refused:", "too", "large")
    ]
    assert Line("a", None, reason="7 scores differ", wrong=True).verdict == "wrong"


def test_document_holds_everything() -> None:
    line = Line("a", at_least(1), Measured(Spread(2, 1, 3, 5), note="of 100 rows"))
    found = json.loads(document(["here"], [line, Line("b", None, reason="too large")]))
    assert found["place"] == ["here"]
    measured, refused = found["figures"]
    assert measured["value"] == {"median": 2, "lower": 1, "upper": 3, "count": 5}
    assert (measured["verdict"], measured["note"], measured["wanted"]) == (
        "ok",
        "of 100 rows",
        {"bound": 1, "most": False},
    )
    assert (refused["verdict"], refused["reason"]) == ("refused", "too large")


def test_the_first_seconds_of_a_worker_are_no_latency() -> None:
    sent = [0.0, 1.0, 2.0, 1 + WARM, 2 + WARM, 3 + WARM]
    ages = [9.0, 0.5, 0.7, 0.01, 0.02, 0.03]
    run = Run([done + age for done, age in zip(sent, ages, strict=True)], sent)
    assert run.latency(0.5) == pytest.approx(20)
    assert run.latency(0.99) == pytest.approx(30)
    assert run.slowest_first == pytest.approx(700)


def test_a_worker_is_level_when_it_commits_what_has_just_come() -> None:
    sent = [float(number) for number in range(10)]
    # It was stopped from 2.5 to 7.2, with what had come before done at once.
    times = [0.1, 1.1, 2.1, 7.3, 7.4, 7.5, 7.6, 7.7, 8.1, 9.1]
    run = Run(times, sent, resumed=7.2)
    assert run.level == pytest.approx(8.1 - 7.2)
    assert run.followed == pytest.approx(9 - 7.2)
    assert run.worst_lag == 5
    assert Run(times[:8], sent[:8], resumed=7.2).level == float("inf")
