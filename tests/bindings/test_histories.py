"""Random histories of statements, against a plain GROUP BY and against scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.examples import examples

from . import shop
from .keys import KEYS, Key

if TYPE_CHECKING:
    from tests.support.database import Database, Session

# No savepoint to go back to, no transaction to end, and what follows from it.
_EXPECTED = {"3B001", "25P01", "25P02"}
_ID = st.integers(1, 99)
_TRANSACTION = [
    "begin",
    "begin",
    "commit",
    "rollback",
    "savepoint s",
    "rollback to s",
    "set constraints all immediate",
    "set constraints all deferred",
]
_SETTINGS = [
    "set datestyle = 'German'",
    "set timezone = 'Asia/Kolkata'",
    "set extra_float_digits = -15",
    "set intervalstyle = 'sql_standard'",
    "set plan_cache_mode = 'force_generic_plan'",
    "set search_path = 'Shop', pg_catalog",
    "reset all",
]
_PLACE = st.integers(0, 3)
_TOGETHER = 0


def _row(key: str, number: int, seed: int) -> str:
    kind = ["null", "'billing'", "'other'"][seed % 3]
    amount = ["null", "1.5", "-2", "7"][seed % 4]
    at = ["null", "1", "2"][seed % 3]
    return f"({number}, {key}, {kind}, {seed % 2 == 0}, {amount}, {seed % 5}, {seed / 4}, {at})"


@st.composite
def _statement(draw: st.DrawFn, kind: Key) -> str:
    """A statement of an application: on events, on profiles, on the transaction, or on the session."""
    numbers = draw(st.lists(_ID, min_size=1, max_size=4, unique=True))
    more = draw(st.integers(0, 59))
    key, other = kind.values[draw(_PLACE)], kind.values[draw(_PLACE)]
    about = draw(st.sampled_from([*3 * ["events"], "profiles", "both", "transaction", "transaction", "session"]))
    return draw(
        st.sampled_from(
            {
                "events": _on_events(kind, key, other, numbers, more),
                "profiles": _on_profiles(kind, key, other),
                "both": _on_both(kind, key, other, numbers),
                "transaction": _TRANSACTION,
                "session": _SETTINGS,
            }[about]
        )
    )


def _on_events(kind: Key, key: str, other: str, numbers: list[int], seed: int) -> list[str]:
    events, named = shop.EVENTS, kind.event
    columns = f'(id, {named}, "Kind", rush, amount, pieces, weight, at)'
    rows = ", ".join(_row(kind.values[(n + seed) % 4], n, seed + n) for n in numbers)
    few = ", ".join(map(str, numbers))
    no_key = ", ".join("null" for _ in named.split(", "))
    nobody = f"null, {other.partition(', ')[2]}" if kind.composite else "null"
    return [
        f"insert into {events} {columns} values {rows} on conflict do nothing",
        f"insert into {events} {columns} values {rows} on conflict do nothing",
        f"insert into {events} {columns} values {rows} on conflict (id) do update"
        f" set ({named}) = row({kind.excluded}), amount = excluded.amount",
        f"insert into {events} (id, {named}) values ({numbers[0]}, {nobody}) on conflict do nothing",
        f"update {events} set ({named}) = row({key}) where id in ({few})",
        f"update {events} set ({named}) = row({no_key}) where id in ({few})",
        f"update {events} set amount = amount + 1, \"Kind\" = 'billing', at = 9 where id > {numbers[0]}",
        f"update {events} set id = -id where id in ({few}) and not exists"
        f" (select from {events} where id in (select -unnest(array[{few}])))",
        f"delete from {events} where id in ({few})",
        f"delete from {events} where ({named}) = ({key})",
        f"with gone as (delete from {events} where id in ({few}) returning *)"
        f' insert into {events} {columns} select 100 + id, {key}, "Kind", rush, amount, pieces, weight, at from gone'
        " on conflict do nothing",
        f"with gone as (delete from {events} where id in ({few})),"
        f" moved as (update {events} set ({named}) = row({other})"
        f" where id < {numbers[0]} and id not in ({few})) select 1",
        f"merge into {events} e using unnest(array[{few}]) v (id) on e.id = v.id"
        f" when matched and e.id % 2 = 0 then delete"
        f" when matched and e.id % 3 = 0 then do nothing"
        f" when matched then update set ({named}) = row({key}), amount = 3"
        f" when not matched then insert (id, {named}, amount) values (v.id, {other}, 2)",
        # Events from 50 on are in another partition than those with a number below 0.
        f"merge into {events} e using (select v.id from unnest(array[{few}]) v (id)"
        f" where not exists (select from {events} where id = -v.id)) v on e.id = v.id"
        f" when matched and e.pieces = 3 then delete"
        f" when matched then update set id = -e.id, ({named}) = row({key}), at = 4"
        f" when not matched then insert (id, {named}, amount, pieces) values (-v.id, {other}, 6, 3)",
        f"merge into {events} e using (select -v.id as id from unnest(array[{few}]) v (id)"
        f" where not exists (select from {events} where id = v.id)) v on e.id = v.id"
        f" when matched then update set id = -e.id, ({named}) = row({other}), pieces = e.pieces + 1",
        f"truncate {events}",
    ]


def _on_profiles(kind: Key, key: str, other: str) -> list[str]:
    profile, named = shop.PROFILE, kind.profile
    absent = f"not exists (select from {profile} where ({named}) = ({key}))"
    return [
        f"insert into {profile} ({named}) values ({key}) on conflict do nothing",
        f"insert into {profile} ({named}) values ({key}), ({other}) on conflict do nothing"
        if key != other
        else f'insert into {profile} ({named}, "Age") values ({key}, 3) on conflict ({named}) do update set "Age" = 4',
        f"delete from {profile} where ({named}) = ({key})",
        f"delete from {profile} where ({named}) = ({key})",
        f"update {profile} set ({named}) = row({key}) where ({named}) = ({other}) and {absent}",
        f"insert into {profile} ({named}) values ({other}) on conflict ({named}) do update"
        f" set ({named}) = row({key}) where {absent}",
        f'update {profile} set "Age" = "Age" + 1, note = \'x\' where ({named}) = ({key})',
        f"merge into {profile} p using (values (1)) v (one) on ({named}) = ({key})"
        f' when matched and "Age" > 3 then delete when matched then update set "Age" = "Age" + 2'
        f" when not matched then insert ({named}) values ({key})",
    ]


def _on_both(kind: Key, key: str, other: str, numbers: list[int]) -> list[str]:
    """One statement that brings or takes profiles and events at once."""
    events, profile, named = shop.EVENTS, shop.PROFILE, kind.event
    few = ", ".join(map(str, numbers))
    insert = f"insert into {events} (id, {named}, amount, at) values ({200 + numbers[0]}, {key}, 4, 5)"
    made = f"insert into {profile} ({kind.profile}) values ({key}) on conflict do nothing"
    return [
        f"with made as ({made}), gone as (delete from {events} where id in ({few})) {insert} on conflict do nothing",
        f"with come as ({insert} on conflict do nothing),"
        f" gone as (delete from {events} where ({named}) = ({other}) and id < 200) {made}",
        f"with gone as (delete from {profile} where ({kind.profile}) = ({other})),"
        f" moved as (update {events} set ({named}) = row({other}), at = 3 where id in ({few})),"
        f" come as ({insert} on conflict do nothing) {made}"
        if key != other
        else f"with gone as (delete from {profile} where ({kind.profile}) = ({other})) {insert} on conflict do nothing",
        f"truncate {events}, {profile}",
    ]


def _run(session: Session, statement: str) -> None:
    try:
        session.run(statement)
    except psycopg2.Error as error:
        if error.pgcode not in _EXPECTED:
            raise
        if statement == "rollback to s":
            session.run("rollback")


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "kind", "partitioned", "options", "reducers"),
    [
        (1, "bigint", {}, {"timing": "commit"}, 8),
        (2, "narrow events", {}, {"timing": "commit", "on_missing": "insert"}, 8),
        (3, "narrow profiles", {}, {"timing": "statement"}, 8),
        (4, "text", {"partitioned": True}, {"timing": "commit"}, 8),
        (5, "odd text", {"profile_partitioned": True}, {"timing": "commit"}, 8),
        (6, "uuid", {"partitioned": True}, {"timing": "statement"}, 8),
        (7, "text, integer", {}, {"timing": "commit"}, 8),
        (8, "integer, text", {"partitioned": True}, {"timing": "statement", "on_missing": "insert"}, 8),
        (9, "uuid, uuid", {"partitioned": True, "profile_partitioned": True}, {"timing": "statement"}, 8),
        # These are added up without a look at the events, and have a shorter way.
        (10, "bigint", {}, {"timing": "commit"}, 4),
        (11, "text, integer", {}, {"timing": "statement"}, 4),
        # By many bindings, whose work a trigger of its own does after all of theirs.
        (12, "bigint", {}, {"timing": "statement"}, _TOGETHER),
        (13, "integer, text", {}, {"timing": "statement", "on_missing": "insert"}, _TOGETHER),
    ],
    ids=str,
)
def test_invariants_1_and_2_random_histories(
    serving: Database,
    number: int,
    kind: str,
    partitioned: dict[str, bool],
    options: dict[str, str],
    reducers: int,
) -> None:
    tables = KEYS[kind]
    session = serving.session()
    tables.build(session, **partitioned)
    if reducers == _TOGETHER:
        tables.attach_together(session, **options)
        reducers = len(shop.REDUCERS)
    else:
        tables.attach(session, reducers=shop.REDUCERS[:reducers], **options)
    shop.publish(serving.dsn(), None)

    # Of its own for each: the same for all would run the same statements each time.
    @seed(number)
    @settings(
        max_examples=examples(16),
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_statement(tables), min_size=10, max_size=25))
    def check(statements: list[str]) -> None:
        session.run("rollback; reset all")
        session.run(f"truncate {shop.EVENTS}, {shop.PROFILE}")
        for each in statements:
            _run(session, each)
        session.run("commit; reset all")
        tables.assert_right(session, reducers=reducers)
        assert session.run("select * from pgscore.stale") == []

    check()
