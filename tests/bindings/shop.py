"""An application that pgscore did not make: its tables, its model, and what its counters ought to be."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import psycopg2
from sklearn.linear_model import LogisticRegression

from tests.support.database import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.database import Session

OWNER = "shop_owner"
CLERK = "shop_clerk"
EVENTS = '"Shop"."Order Lines"'
PROFILE = '"Shop"."Customer"'
QUEUE = '"Shop"."_pgscore_Customer_queue"'
# The columns of keys by which events name profiles, by whether there are two of them: the events' and the profile's.
KEYS = (('"Customer Id"', "id"), ('"Customer Id", "Part"', "id, part"))
INPUTS = ["Age", "n", "billed", "Total"]
REDUCERS: list[dict[str, Any]] = [
    {"column": "n", "aggregate": "count"},
    {"column": "billed", "aggregate": "count", "where": {"Kind": "billing", "rush": True}},
    {"column": "Total", "aggregate": "sum", "of": "amount"},
    {"column": "pieces", "aggregate": "sum", "of": "pieces", "where": {"Kind": None}},
    {"column": "weight", "aggregate": "sum", "of": "weight"},
    {"column": "least", "aggregate": "min", "of": "amount"},
    {"column": "most", "aggregate": "max", "of": "at", "where": {"rush": False}},
    {"column": "latest", "aggregate": "last", "of": "Kind", "order_by": "at"},
]
_ORACLE = f"""
    select {{key}}, count(e.id), count(e.id) filter (where e."Kind" = 'billing' and e.rush), coalesce(sum(e.amount), 0),
        coalesce(sum(e.pieces) filter (where e."Kind" is null), 0), coalesce(sum(e.weight), 0), min(e.amount),
        max(e.at) filter (where not e.rush), (array_agg(e."Kind" order by e.at desc nulls last, e.id desc))[1]
    from {PROFILE} c left join {EVENTS} e on ({{event_key}}) = ({{key}}) group by {{key}} order by {{key}}
"""
_STORED = f"""
    select {{key}}, n, billed, "Total", pieces, weight, least, most, latest from {PROFILE} c order by {{key}}
"""


@cache
def model(strength: float = 1.0) -> LogisticRegression:
    """A linear model of columns of the profile; with another inverse strength of regularisation, another one."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.integers(0, 9, (80, len(INPUTS))).astype(float), columns=INPUTS)
    return LogisticRegression(C=strength).fit(frame, (frame["n"] + frame["Age"] + frame["Total"] > 12).astype(int))


def probability(rows: Sequence[Sequence[Any]]) -> list[float]:
    """What the fitted model gives for rows of its inputs."""
    frame = pd.DataFrame([[float(value) for value in row] for row in rows], columns=INPUTS)
    return [float(score) for score in model().predict_proba(frame)[:, 1]]


def make_roles(session: Session) -> None:
    """Makes the tables' owner and the clerk, which all databases share."""
    for role in (OWNER, CLERK):
        if session.value("select to_regrole(%s)", role) is None:
            session.run(f"create role {role}")
    session.run(f"alter role {OWNER} login password '{PASSWORD}'; grant pgscore_reader to {OWNER}")


def build(
    session: Session,
    key: str = "bigint",
    *,
    event_key: str | None = None,
    part: str = "",
    event_part: str = "",
    partitioned: bool = False,
    profile_partitioned: bool = False,
    foreign_key: str = "",
) -> None:
    """Makes the tables, as a role of their own, which is no superuser; a clerk may insert and do nothing else.

    The owner may log in: it is who attaches its tables, since a superuser is refused.

    Args:
        session: a superuser's.
        key: the type of the profile's key.
        event_key: the type of the events' column that names it, where it is another one.
        part: the type of a second column of the key, `part`, which the events call "Part"; empty for none.
        event_part: the type of the events' second column, where it is another one.
        partitioned: whether the event table is.
        profile_partitioned: whether the profile table is.
        foreign_key: a constraint of the events' column.
    """
    make_roles(session)
    session.run(
        f"""
        create schema "Shop" authorization {OWNER};
        set role {OWNER};
        grant usage on schema "Shop" to pgscore_owner, {CLERK};
        create table {PROFILE} (
            id {key}, "Age" integer not null default 1, n bigint not null default 0,
            billed numeric not null default 0, "Total" numeric not null default 0, pieces bigint not null default 0,
            weight double precision not null default 0, least numeric, most integer, latest text,
            "Score" double precision, "Version" integer, note text, {f"part {part}," if part else ""}
            primary key ({KEYS[bool(part)][1]})
        ) {"partition by hash (id)" if profile_partitioned else ""};
        create table {EVENTS} (
            id integer not null, "Customer Id" {event_key or key} {foreign_key}, "Kind" text,
            rush boolean not null default false, amount numeric, pieces integer, weight double precision, at integer,
            {f'"Part" {event_part or part},' if part else ""} primary key (id)
        ) {"partition by range (id)" if partitioned else ""};
        create index on {EVENTS} ("Customer Id");
        """
    )
    if profile_partitioned:
        for number in range(2):
            session.run(
                f'create table "Shop".profile_{number} partition of {PROFILE}'
                f" for values with (modulus 2, remainder {number})"
            )
    if partitioned:
        session.run(f'create table "Shop".low partition of {EVENTS} for values from (minvalue) to (50)')
        session.run(f'create table "Shop".high partition of {EVENTS} for values from (50) to (maxvalue)')
    session.run(f"grant insert on {EVENTS} to {CLERK}")
    session.run("reset role")


def run_as_owner(session: Session, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Runs a statement as the tables' owner; the rows that it gives, if any."""
    session.run(f"set role {OWNER}")
    try:
        return session.run(sql, *parameters)
    finally:
        # Where a transaction has failed the role goes back with it.
        with suppress(psycopg2.errors.InFailedSqlTransaction):
            session.run("reset role")


def attach(session: Session, *, reducers: object = REDUCERS, composite: bool = False, **options: str) -> str:
    """Attaches the tables, as their owner; by a key of two columns, if it is `composite`."""
    return _attach(session, "shop", ("Score", "Version"), reducers, composite=composite, **options)


def attach_together(session: Session, *, composite: bool = False, **options: str) -> list[str]:
    """The same by five bindings, the last four of which are those of models that are not published; their names."""
    names = [attach(session, reducers=REDUCERS[:4], composite=composite, **options)]
    for number, reducer in enumerate(REDUCERS[4:]):
        columns = (f"score_{number}", f"version_{number}")
        run_as_owner(session, f"alter table {PROFILE} add {columns[0]} float8, add {columns[1]} integer")
        names.append(_attach(session, f"other_{number}", columns, [reducer], composite=composite, **options))
    return names


def _attach(
    session: Session, model: str, columns: tuple[str, str], reducers: object, *, composite: bool, **options: str
) -> str:
    event_key, profile_key = (
        ("array['Customer Id', 'Part']::name[]", "array['id', 'part']::name[]")
        if composite
        else ("'Customer Id'", "'id'")
    )
    named = "".join(f", {name} => '{value}'" for name, value in options.items())
    ((name,),) = run_as_owner(
        session,
        f"select pgscore.attach(%s, %s, %s, {event_key}, {profile_key}, %s, %s, %s{named})",
        *(model, EVENTS, PROFILE, json.dumps(reducers), *columns),
    )
    return str(name)


def detach(session: Session) -> None:
    """Detaches the tables, as their owner."""
    run_as_owner(session, "select pgscore.detach(%s, %s)", EVENTS, PROFILE)


def reattach(session: Session) -> None:
    """Makes triggers and functions anew, as the tables' owner."""
    run_as_owner(session, "select pgscore.reattach(%s, %s)", EVENTS, PROFILE)


def reconcile(session: Session, *, repair: bool = True) -> None:
    """Compares counters with events, and mends them, as the tables' owner."""
    run_as_owner(session, f"call pgscore.reconcile('{EVENTS}', '{PROFILE}', {repair})")


def reconcile_step(session: Session, rows: int) -> None:
    """Compares and mends the next profiles, as the tables' owner."""
    run_as_owner(
        session,
        "select pgscore._reconcile_step(number, true, %s) from pgscore.binding"
        " where (events, profile) = (%s::regclass, %s::regclass)",
        rows,
        EVENTS,
        PROFILE,
    )


def publish(dsn: str, key: Path | None, profile: str | None = PROFILE) -> None:
    """Has the model serve."""
    published = pgscore.publish(dsn, "shop", model(), profile=profile, golden=_golden(), key=key, promoted=True)
    assert published.problem is None


def publish_another(dsn: str, strength: float = 0.01) -> int:
    """Publishes another version, that does not serve yet; its number."""
    published = pgscore.publish(dsn, "shop", model(strength), profile=PROFILE, golden=_golden())
    assert published.problem is None
    return published.version


def _golden() -> pd.DataFrame:
    return pd.DataFrame([[1, 2, 1, 3.5], [4, 0, 0, 0]], columns=INPUTS)


def assert_right(
    session: Session, *, composite: bool = False, in_flight: bool = False, reducers: int = len(REDUCERS)
) -> int:
    """Holds invariants 1 and 2: counters are what GROUP BY says, scores what scikit-learn says.

    Args:
        session: a session that sees the tables.
        composite: whether they have a key of two columns.
        in_flight: whether the session's transaction may have queued work.
        reducers: how many of REDUCERS, from the first, the tables are attached with.

    Returns:
        How many profiles there are.
    """
    event_key = 'e."Customer Id", e."Part"' if composite else 'e."Customer Id"'
    key = "c.id, c.part" if composite else "c.id"
    weight, end = 5 + composite, 1 + composite + reducers
    oracle = session.run(_ORACLE.format(key=key, event_key=event_key))
    for expected, found in zip(oracle, session.run(_STORED.format(key=key)), strict=True):
        # A sum of floats depends on the order of its terms.
        exact = [number for number in range(end) if number != weight]
        assert [found[n] for n in exact] == [expected[n] for n in exact], (found, expected)
        assert weight >= end or abs(found[weight] - expected[weight]) < 1e-9, (found, expected)
    assert in_flight or session.value(f"select count(*) from {QUEUE}") == 0
    columns = ", ".join(f'"{name}"' for name in INPUTS)
    rows = session.run(f'select "Score", "Version", {columns} from {PROFILE} order by id')
    if rows and session.value("select serving from pgscore.model where name = 'shop'"):
        np.testing.assert_allclose(
            [score for score, *_ in rows], probability([row for _, _, *row in rows]), rtol=0, atol=1e-12
        )
        assert {version for _, version, *_ in rows} == {1}
    return len(rows)
