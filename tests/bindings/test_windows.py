"""Windows of time: random events about their borders against a plain GROUP BY, and steps of several sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.database import refused
from tests.support.examples import ALIKE, examples

from . import shop, windows

if TYPE_CHECKING:
    from tests.support.database import Database, Session

# From the clock: about the borders of each window, and far away.
_TIMES = [
    *(
        f"clock_timestamp() - interval '{window}' + interval '{more}'"
        for window in ("24 hours", "120 hours", "168 hours", "90 minutes")
        for more in ("-1 second", "-1 microsecond", "2 milliseconds", "20 milliseconds", "1 second", "1 hour")
    ),
    "clock_timestamp()",
    "clock_timestamp() + interval '3 days'",
    "null",
    "'infinity'",
    "'-infinity'",
    "'294000-01-01'",
    "'1999-12-31 23:59:59.999999+00'",
]
_KINDS = ["null", "'long'", "'short'"]
_AMOUNTS = ["null", "0", "1.5", "-2", "7"]
_SETTINGS = [
    "set datestyle = 'German'",
    "set timezone = 'Asia/Kolkata'",
    "set timezone = 'America/New_York'",
    "set intervalstyle = 'sql_standard'",
    "set plan_cache_mode = 'force_generic_plan'",
    "set default_transaction_isolation = 'repeatable read'",
    "reset all",
]
_MEMBER, _ID = st.sampled_from([*"1112239", "null"]), st.integers(1, 9)


@st.composite
def _event(draw: st.DrawFn) -> str:
    return (
        f"({draw(_ID)}, {draw(_MEMBER)}, {draw(st.sampled_from(_KINDS))}, {draw(st.sampled_from(_AMOUNTS))},"
        f" {draw(st.sampled_from(['null', '0.25', '3']))}, ({draw(st.sampled_from(_TIMES))})::timestamptz,"
        f" ({draw(st.sampled_from(_TIMES))})::timestamptz)"
    )


@st.composite
def _statement(draw: st.DrawFn) -> str:
    """A statement of an application; several of them make a transaction."""
    member, number, time = draw(_MEMBER), draw(_ID), draw(st.sampled_from(_TIMES))
    few = ", ".join(draw(st.lists(_event(), min_size=1, max_size=3)))
    insert = f"insert into {windows.EVENTS} values {few} on conflict (id) do"
    one = "set member = excluded.member, at = excluded.at, amount = excluded.amount where visit.id ="
    return draw(
        st.sampled_from(
            [
                f"{insert} nothing",
                f"{insert} nothing",
                # An id twice in one statement would be refused.
                f"insert into {windows.EVENTS} values {draw(_event())} on conflict (id) do update {one} {number}",
                f"update {windows.EVENTS} set at = {time} where id = {number}",
                f"update {windows.EVENTS} set booked = {time} where id >= {number}",
                f"update {windows.EVENTS} set member = {member} where id = {number}",
                f"delete from {windows.EVENTS} where id = {number}",
                f"truncate {windows.EVENTS}",
                f"delete from {windows.PROFILE} where id = {number}",
                f"insert into {windows.PROFILE} (id) values (1), (2), (9) on conflict do nothing",
                f"update {windows.PROFILE} set id = 9 where id = 2 and not exists"
                f" (select from {windows.PROFILE} where id = 9)",
                "tick",
                draw(st.sampled_from(_SETTINGS)),
            ]
        )
    )


def _run(owner: Session, session: Session, transaction: list[str]) -> None:
    if "tick" in transaction:
        before = owner.value("select clock_timestamp()")
        windows.tick(session)
        overdue = owner.run(f"select id, due_at from {windows.PROFILE} where due_at <= %s", before)
        assert overdue == []
        return
    with_begin = len(transaction) > 1
    if with_begin:
        session.run("begin")
    for statement in transaction:
        session.run(statement)
    if with_begin:
        session.run("commit")


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("partitioned", [False, True])
def test_invariant_1_random_events_about_the_borders(shopping: Database, partitioned: bool, timing: str) -> None:
    owner = shopping.session()
    windows.build(owner, partitioned=partitioned)
    windows.attach(owner, timing=timing)
    session = shopping.session()

    @settings(
        max_examples=examples(40),
        deadline=None,
        derandomize=ALIKE,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        st.lists(_event(), min_size=4, max_size=9),
        st.lists(st.lists(_statement(), min_size=1, max_size=3), min_size=2, max_size=10),
    )
    def check(events: list[str], history: list[list[str]]) -> None:
        session.run("rollback; reset all")
        session.run(f"truncate {windows.EVENTS}; delete from {windows.PROFILE}")
        session.run(f"insert into {windows.PROFILE} (id) values (1), (2), (3)")
        for event in events:
            session.run(f"insert into {windows.EVENTS} values {event} on conflict do nothing")
        windows.assert_right(owner)
        for transaction in history:
            before = owner.value("select clock_timestamp()")
            named: dict[Any, Any] = dict(owner.run(f"select id, md5(p::text) from {windows.PROFILE} p"))
            _run(owner, session, transaction)
            right = windows.assert_right(owner)
            changed = dict(owner.run(f"select id, md5(p::text) from {windows.PROFILE} p"))
            for key, _, due in right:
                # Whoever is written is right as of a moment since.
                assert changed[key] == named.get(key) or due is None or due > before, key

    check()


def test_a_day_has_24_hours_in_every_session(shopping: Database) -> None:
    """Where clocks change in between, an interval of days would be an hour longer or shorter."""
    session = shopping.session()
    windows.build(session)
    session.run("set timezone = 'Europe/Berlin'; set intervalstyle = 'sql_standard'; set datestyle = 'SQL, DMY'")
    # From any day of the year the clocks have changed once since one of these.
    lengths = {"n_day": 60, "long_week": 120, "kinds": 240, "n": 300}
    reducers = [
        {"column": name, "aggregate": "count", "window": f"{days} days", "time": "at"} for name, days in lengths.items()
    ]
    windows.attach(session, [*reducers, {"column": "due_at", "aggregate": "due"}])
    session.run(f"insert into {windows.PROFILE} (id) select generate_series(1, 2)")
    for days in lengths.values():
        for member, more in ((1, "30 minutes"), (2, "-30 minutes")):
            session.run(
                f"insert into {windows.EVENTS} (id, member, at) values ({days} * 2 + {member}, {member},"
                f" clock_timestamp() - interval '{days * 24} hours' + interval '{more}')"
            )
    inside = session.run(f"select n_day, long_week, kinds, n, due_at > now() from {windows.PROFILE} order by id")
    assert inside == [(1, 2, 3, 4, True), (0, 1, 2, 3, True)]
    assert session.value(f"select due_at < now() + interval '31 minutes' from {windows.PROFILE} where id = 1")


@pytest.mark.parametrize("backfill", ["true", "false"])
def test_events_from_before(shopping: Database, backfill: str) -> None:
    session = shopping.session()
    windows.build(session)
    session.run(f"insert into {windows.PROFILE} (id) select generate_series(1, 3)")
    session.run(
        f"insert into {windows.EVENTS} (id, member, kind, amount, at, booked)"
        " select g, 1 + g %% 3, 'long', g, now() - make_interval(hours => g), now() - make_interval(mins => g)"
        " from generate_series(1, %s) g",
        200,
    )
    windows.attach(session, backfill=backfill)
    if backfill == "false":
        shop.run_as_owner(session, f"call pgscore.reconcile('{windows.EVENTS}', '{windows.PROFILE}')")
    assert len(windows.assert_right(session)) == 3
    assert session.value(f"select count(due_at) from {windows.PROFILE}") == 3


_COUNT = {"column": "n_day", "aggregate": "count", "window": "1 day", "time": "at"}
_DUE = {"column": "due_at", "aggregate": "due"}


@pytest.mark.parametrize(
    ("reducers", "says"),
    [
        ([_COUNT], "a binding with windows says in a column of the profile when it is due; add"),
        ([_COUNT, _DUE, {**_DUE, "column": "note"}], 'column "note" must be timestamp with time zone'),
        ([_COUNT, _DUE, {**_DUE, "column": "other_due"}], "a binding has one reducer of the aggregate due"),
        ([{"column": "n", "aggregate": "count"}, _DUE], "no reducer of the binding has a window"),
        (
            [_COUNT, {**_DUE, "where": {"kind": "long"}}],
            'due is of all windows of a binding, and takes nothing but a "column"',
        ),
        ([{**_COUNT, "window": "1 month"}, _DUE], 'the window of column "n_day" has months or years'),
        ([{**_COUNT, "window": "2 years 1 day"}, _DUE], 'the window of column "n_day" has months or years'),
        ([{**_COUNT, "window": "0"}, _DUE], "must be longer than nothing"),
        ([{**_COUNT, "window": "-3 days"}, _DUE], "must be longer than nothing"),
        ([{**_COUNT, "window": "1 day -24 hours"}, _DUE], "must be longer than nothing"),
        ([{**_COUNT, "window": "40000 days"}, _DUE], "is longer than 36500 days"),
        ([{**_COUNT, "window": "soon"}, _DUE], 'is a time such as "30 days", not "soon"'),
        ([{**_COUNT, "window": "99999999999999 days"}, _DUE], "is a time such as"),
        ([{**_COUNT, "window": "infinity"}, _DUE], ""),
        ([{**_COUNT, "time": "kind"}, _DUE], 'column "kind" of table visits.visit is text, and a window takes'),
        (
            [{**_COUNT, "time": "local"}, _DUE],
            "is timestamp without time zone, of which the moment depends on a time zone",
        ),
        ([{**_COUNT, "time": "day"}, _DUE], "is date, of which the moment depends on a time zone"),
        ([{**_COUNT, "time": "nothing"}, _DUE], 'table visits.visit has no column "nothing" to say when an event was'),
        ([{**_COUNT, "deletes": "ignore"}, _DUE], "it cannot ignore deletes"),
        ([{k: v for k, v in _COUNT.items() if k != "time"}, _DUE], 'a "window" takes a "time"'),
        ([{k: v for k, v in _COUNT.items() if k != "window"}, _DUE], 'a "time" goes with a "window"'),
        ([{**_COUNT, "window": 30}, _DUE], 'the field "window" of a reducer is a text'),
        ([_DUE, {**_COUNT, "where": {"kinds": 1}}], 'has no column "kinds" to filter by'),
        ([_COUNT, {**_DUE, "column": "always"}], "is NULL where no event will leave a window"),
    ],
)
def test_refused(shopping: Database, reducers: object, says: str) -> None:
    session = shopping.session()
    windows.build(session)
    session.run(
        f"alter table {windows.EVENTS} add local timestamp, add day date;"
        f" alter table {windows.PROFILE} add other_due timestamptz, add always timestamptz not null default now()"
    )
    with refused("22023", says):
        windows.attach(session, reducers)


def test_the_columns_are_followed(shopping: Database) -> None:
    """A column of times that is renamed is found by reattach; one of another type is told."""
    session = shopping.session()
    windows.build(session)
    windows.attach(session)
    session.run(f"insert into {windows.PROFILE} (id) values (1)")
    session.run(f"alter table {windows.EVENTS} rename booked to reserved")
    with refused("42703", 'column "booked" of visits.visit is called "reserved" now'):
        session.run(f"insert into {windows.EVENTS} (id, member) values (1, 1)")
    shop.run_as_owner(session, f"select pgscore.reattach('{windows.EVENTS}', '{windows.PROFILE}')")
    session.run(f"insert into {windows.EVENTS} (id, member, reserved) values (1, 1, now())")
    assert session.value(
        f"select due_at = (select reserved from {windows.EVENTS}) + interval '90 minutes' from {windows.PROFILE}"
    )
    session.run(f"alter table {windows.EVENTS} alter reserved type timestamp")
    with refused("42883", "is timestamp without time zone, of which the moment depends on a time zone"):
        session.run(f"insert into {windows.EVENTS} (id, member) values (2, 1)")


def test_the_indexes_that_are_wanted(shopping: Database) -> None:
    session = shopping.session()
    windows.build(session)
    windows.attach(session)
    advice = session.run(
        "select sentence, statements from pgscore.binding b, pgscore._advice(b.number) where b.profile = %s::regclass",
        windows.PROFILE,
    )
    assert advice == [
        (
            "no index of visits.visit has booked after member: each look-up reads all events of a profile",
            ["create index concurrently on visits.visit (member, booked)"],
        ),
        (
            "no index of visits.member begins with due_at: each tick reads all of the table",
            ["create index concurrently on visits.member (due_at)"],
        ),
    ]
    session.run(
        "create index on visits.visit (member, booked); create index on visits.member (due_at) where due_at is not null"
    )
    assert (
        session.value(
            "select count(*) from pgscore.binding b, pgscore._advice(b.number) where b.profile = %s::regclass",
            windows.PROFILE,
        )
        == 0
    )
