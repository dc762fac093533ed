"""Random histories of statements, against a plain GROUP BY and against scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from . import shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_KEYS = {
    "bigint": ["1", "2", "3", "-4"],
    "text": ["a", 'B "q"', "Ä,{}", "NULL"],
    "uuid": [f"00000000-0000-0000-0000-00000000000{n}" for n in range(4)],
}
# No savepoint to go back to, no transaction to end, and what follows from it.
_EXPECTED = {"3B001", "25P01", "25P02"}
_ID = st.integers(1, 99)
_PLACE = st.integers(0, 3)


def _row(key: str, number: int, seed: int) -> str:
    kind = ["null", "'billing'", "'other'"][seed % 3]
    amount = ["null", "1.5", "-2", "7"][seed % 4]
    at = ["null", "1", "2"][seed % 3]
    return f"({number}, {key}, {kind}, {seed % 2 == 0}, {amount}, {seed % 5}, {seed / 4}, {at})"


@st.composite
def _statement(draw: st.DrawFn, keys: list[str]) -> str:
    """A statement of an application: on events, on profiles, or on the transaction."""
    keys = ["'" + key + "'" for key in keys]
    key, other = keys[draw(_PLACE)], keys[draw(_PLACE)]
    numbers = draw(st.lists(_ID, min_size=1, max_size=4, unique=True))
    few = ", ".join(map(str, numbers))
    seed = draw(st.integers(0, 59))
    rows = ", ".join(_row(keys[(n + seed) % 4], n, seed + n) for n in numbers)
    events, profile = shop.EVENTS, shop.PROFILE
    return draw(
        st.sampled_from(
            [
                f"insert into {events} values {rows} on conflict do nothing",
                f"insert into {events} values {rows} on conflict do nothing",
                f"insert into {events} values {rows} on conflict (id) do update"
                ' set "Customer Id" = excluded."Customer Id", amount = excluded.amount',
                f'update {events} set "Customer Id" = {key} where id in ({few})',
                f"update {events} set amount = amount + 1, \"Kind\" = 'billing', at = 9 where id > {numbers[0]}",
                f"update {events} set id = -id where id in ({few}) and not exists"
                f" (select from {events} where id in (select -unnest(array[{few}])))",
                f"delete from {events} where id in ({few})",
                f'delete from {events} where "Customer Id" = {key}',
                f"with gone as (delete from {events} where id in ({few}) returning *)"
                f' insert into {events} select 100 + id, {key}, "Kind", rush, amount, pieces, weight, at from gone'
                " on conflict do nothing",
                f"with gone as (delete from {events} where id in ({few})),"
                f' moved as (update {events} set "Customer Id" = {other}'
                f" where id < {numbers[0]} and id not in ({few})) select 1",
                f"merge into {events} e using (values {rows}) v (id, k) on e.id = v.id"
                ' when matched then update set "Customer Id" = {key}, amount = 3'.replace("{key}", key)
                + f' when not matched then insert (id, "Customer Id", amount) values (v.id, {other}, 2)',
                f"truncate {events}",
                f"insert into {profile} (id) values ({key}) on conflict do nothing",
                f"insert into {profile} (id) values ({key}), ({other}) on conflict do nothing"
                if key != other
                else f'insert into {profile} (id, "Age") values ({key}, 3) on conflict (id) do update set "Age" = 4',
                f"delete from {profile} where id = {key}",
                f"update {profile} set id = {key} where id = {other} and not exists"
                f" (select from {profile} where id = {key})",
                f'update {profile} set "Age" = "Age" + 1, note = \'x\' where id = {key}',
                "begin",
                "commit",
                "rollback",
                "savepoint s",
                "rollback to s",
                "set constraints all immediate",
            ]
        )
    )


def _run(session: Session, statement: str) -> None:
    try:
        session.run(statement)
    except psycopg2.Error as error:
        if error.pgcode not in _EXPECTED:
            raise
        if statement == "rollback to s":
            session.run("rollback")


@pytest.mark.parametrize(
    ("type_", "partitioned", "timing"),
    [("bigint", False, "commit"), ("text", True, "commit"), ("uuid", False, "statement")],
)
def test_invariants_1_and_2_random_histories(
    serving: Database, key: Path, type_: str, *, partitioned: bool, timing: str
) -> None:
    session = serving.session()
    shop.build(session, type_, partitioned=partitioned)
    shop.attach(session, timing=timing)
    shop.publish(serving.dsn(), key)
    keys = _KEYS[type_]

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_statement(keys), min_size=5, max_size=25))
    def check(statements: list[str]) -> None:
        session.run("rollback")
        session.run(f"truncate {shop.EVENTS}, {shop.PROFILE}")
        for each in statements:
            _run(session, each)
        session.run("commit")
        shop.assert_right(session)

    check()
