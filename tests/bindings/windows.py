"""A shop whose profiles count events of the last days: its tables, and what the counters ought to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .shop import OWNER, run_as_owner

if TYPE_CHECKING:
    from tests.support.database import Session

EVENTS = "visits.visit"
PROFILE = "visits.member"
REDUCERS: list[dict[str, Any]] = [
    {"column": "n", "aggregate": "count"},
    {"column": "n_day", "aggregate": "count", "window": "1 day", "time": "at"},
    {"column": "long_week", "aggregate": "count", "where": {"kind": "long"}, "window": "7 days", "time": "at"},
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
        f"select pgscore.attach('churn', %s, %s, 'member', 'id', %s, 'score', 'version'{named})",
        *(EVENTS, PROFILE, json.dumps(reducers)),
    )
    return str(name)


def tick(session: Session) -> None:
    """Brings up what is due, as the tables' owner."""
    run_as_owner(session, f"call pgscore.tick('{EVENTS}', '{PROFILE}')")
