"""A shop whose profiles count events of the last days: its tables, and what the counters ought to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .shop import OWNER, make_roles, run_as_owner

if TYPE_CHECKING:
    from tests.support.database import Session

EVENTS = "visits.visit"
PROFILE = "visits.member"
_DAY, _WEEK, _FIVE_DAYS, _SHORT = "'24:00:00'", "'168:00:00'", "'120:00:00'", "'01:30:00'"
# What PostgreSQL can add a window to.
_ENDS = "'280000-01-01 00:00:00+00'"
_ORACLE = f"""
    select p.id, t.at as instant, p.due_at,
        array[
            p.n, p.n_day, p.long_week, p.paid_week, p.weight_hour, p.least, p.most, p.usual, p.kinds,
            ascii(p.latest), extract(epoch from p.due_at)
        ]::numeric[] as stored,
        array[
            o.n, o.n_day, o.long_week, o.paid_week, o.weight_hour, o.least, o.most, o.usual, o.kinds,
            ascii(o.latest), extract(epoch from o.due_at)
        ]::numeric[] as expected
    from {PROFILE} p
    cross join lateral (select least(clock_timestamp(), p.due_at - interval '1 microsecond') as at) t
    cross join lateral (
        select count(*) as n, count(*) filter (where e.at > t.at - interval {_DAY}) as n_day,
            count(*) filter (where e.at > t.at - interval {_FIVE_DAYS} and e.kind = 'long') as long_week,
            coalesce(sum(e.amount) filter (where e.at > t.at - interval {_WEEK}), 0) as paid_week,
            coalesce(sum(e.weight) filter (where e.booked > t.at - interval {_SHORT}), 0) as weight_hour,
            min(e.amount) filter (where e.at > t.at - interval {_DAY}) as least,
            max(e.amount) filter (where e.at > t.at - interval {_DAY}) as most,
            avg(e.amount) filter (where e.at > t.at - interval {_WEEK}) as usual,
            count(distinct e.kind) filter (where e.at > t.at - interval {_WEEK}) as kinds,
            (array_agg(e.kind order by e.at desc, e.id desc) filter (where e.at > t.at - interval {_DAY}))[1] as latest,
            least(
                min(e.at) filter (where e.at > t.at - interval {_DAY} and e.at < {_ENDS}) + interval {_DAY},
                min(e.at) filter (where e.at > t.at - interval {_WEEK} and e.at < {_ENDS}) + interval {_WEEK},
                min(e.at) filter (where e.at > t.at - interval {_FIVE_DAYS} and e.at < {_ENDS} and e.kind = 'long')
                    + interval {_FIVE_DAYS},
                min(e.booked) filter (where e.booked > t.at - interval {_SHORT} and e.booked < {_ENDS})
                    + interval {_SHORT}
            ) as due_at
        from {EVENTS} e where e.member = p.id
    ) o
    order by p.id
"""
DUE = f"select array_agg(id order by id) from {PROFILE} where due_at <= clock_timestamp()"
REDUCERS: list[dict[str, Any]] = [
    {"column": "n", "aggregate": "count"},
    {"column": "n_day", "aggregate": "count", "window": "1 day", "time": "at"},
    {"column": "long_week", "aggregate": "count", "where": {"kind": "long"}, "window": "5 days", "time": "at"},
    {"column": "paid_week", "aggregate": "sum", "of": "amount", "window": "7 days", "time": "at"},
    {"column": "weight_hour", "aggregate": "sum", "of": "weight", "window": "90 minutes", "time": "booked"},
    {"column": "least", "aggregate": "min", "of": "amount", "window": "1 day", "time": "at"},
    {"column": "most", "aggregate": "max", "of": "amount", "window": "1 day", "time": "at"},
    {"column": "usual", "aggregate": "avg", "of": "amount", "window": "7 days", "time": "at"},
    {"column": "kinds", "aggregate": "distinct", "of": "kind", "window": "7 days", "time": "at"},
    {"column": "latest", "aggregate": "last", "of": "kind", "order_by": "at", "window": "1 day", "time": "at"},
    {"column": "due_at", "aggregate": "due"},
]


def build(session: Session, *, partitioned: bool = False) -> None:
    """Makes the tables, as a role of their own."""
    make_roles(session)
    session.run(
        f"""
        create schema visits authorization {OWNER};
        set role {OWNER};
        grant usage on schema visits to pgscore_owner;
        create table {PROFILE} (
            id bigint primary key, n bigint, n_day bigint, long_week bigint, paid_week numeric,
            weight_hour double precision, least numeric, most numeric, usual numeric, kinds bigint, latest text,
            due_at timestamptz, score double precision, version integer, note text
        );
        create table {EVENTS} (
            id bigint primary key, member bigint, kind text, amount numeric, weight double precision,
            at timestamptz, booked timestamptz
        ) {"partition by range (id)" if partitioned else ""};
        create index on {EVENTS} (member, at);
        reset role;
        """
    )
    if partitioned:
        session.run(f"set role {OWNER}")
        session.run(f"create table visits.low partition of {EVENTS} for values from (minvalue) to (5)")
        session.run(f"create table visits.high partition of {EVENTS} for values from (5) to (maxvalue)")
        session.run("reset role")


def attach(session: Session, reducers: object = REDUCERS, **options: str) -> str:
    """Attaches the tables, as their owner."""
    named = "".join(f", {name} => '{value}'" for name, value in options.items())
    ((name,),) = run_as_owner(
        session,
        f"select pgscore.attach('visits', %s, %s, 'member', 'id', %s, 'score', 'version'{named})",
        *(EVENTS, PROFILE, json.dumps(reducers)),
    )
    return str(name)


def tick(session: Session) -> None:
    """Brings up what is due, as the tables' owner."""
    run_as_owner(session, f"call pgscore.tick('{EVENTS}', '{PROFILE}')")


def assert_right(session: Session) -> list[tuple[Any, ...]]:
    """Holds invariant 1: each profile is what GROUP BY says as of the moment it was last brought up, and due after it.

    Until it is due nothing leaves a window: the moment may be any before that, and after the last event. So the last
    one before it is due is as good as the one that the binding took, which nothing tells.

    Returns:
        For each profile its key, that moment, and when it is due.
    """
    found = session.run(_ORACLE)
    for key, instant, due, stored, expected in found:
        assert stored == expected, (key, instant, due)
    return [each[:3] for each in found]


def leave(session: Session, *members: int, kind: str = "long") -> None:
    """Gives each profile an event that has left the windows of a day since the profile was brought up.

    No trigger sees that the event was longer ago than it was.
    """
    session.run(
        f"insert into {EVENTS} (id, member, kind, amount, at, booked)"
        " select 1000 + m, m, %s, 5, clock_timestamp() - interval '23 hours', clock_timestamp() from unnest(%s) m",
        kind,
        list(members),
    )
    session.run("set session_replication_role = replica")
    session.run(f"update {EVENTS} set at = at - interval '2 hours' where member = any (%s)", list(members))
    session.run(f"update {PROFILE} set due_at = due_at - interval '2 hours' where id = any (%s)", list(members))
    session.run("set session_replication_role = origin")


def said_by_tick(session: Session, sql: str = f"call pgscore.tick('{EVENTS}', '{PROFILE}')") -> list[str]:
    """Brings up what is due, as the tables' owner; what is said of it."""
    with session.said() as said:
        run_as_owner(session, sql)
    return [text for _, text in said]
