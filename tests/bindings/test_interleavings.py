"""Random transactions of several sessions, interleaved step by step, in all isolation levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.examples import examples

from . import shop
from .interleaving import Game

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_LEVELS = ("read committed", "repeatable read", "serializable")
_SESSIONS = 3
_VISITS = '"Shop".visits'
_PLACE = st.integers(1, 5)
_LEVEL = st.sampled_from(["", _LEVELS[0], *_LEVELS])
_TERMINATE = "terminate"
_SUBJECTS = 2 * ["events", "events", "events", "visits", "profiles", "transaction", "transaction"] + [_TERMINATE]


@st.composite
def _step(draw: st.DrawFn) -> tuple[int, str, bool]:
    """Who does what, and whether it is about events only. Events are a session's own; customers belong to all."""
    who = draw(st.integers(0, _SESSIONS - 1))
    one, two = (100 * who + draw(_PLACE) for _ in range(2))
    key, other, seed = draw(_PLACE), draw(_PLACE), draw(st.integers(0, 5))
    about = draw(st.sampled_from(_SUBJECTS))
    statement = draw(
        st.sampled_from(
            {
                "events": _on_events(one, two, key, other, seed),
                "visits": _on_visits(one, two, key),
                "profiles": _on_profiles(key, other),
                "transaction": _on_transactions(),
                _TERMINATE: [_TERMINATE],
            }[about]
        )
    )
    return who, statement, about != "profiles" and not statement.startswith(("set", "truncate"))


def _on_events(one: int, two: int, key: int, other: int, seed: int) -> list[str]:
    events = shop.EVENTS
    kind = ["null", "'billing'", "'other'"][seed % 3]
    values = f"{kind}, {seed % 2 == 0}, {seed}, {seed}, {seed / 4}, {seed}"
    columns = '(id, "Customer Id", "Kind", rush, amount, pieces, weight, at)'
    insert = f"insert into {events} {columns} values ({one}, {key}, {values}), (-{two}, {other}, {values})"
    return [
        f"{insert} on conflict do nothing",
        f"{insert} on conflict do nothing",
        f'{insert} on conflict (id) do update set "Customer Id" = excluded."Customer Id", amount = 9',
        f'update {events} set "Customer Id" = {key} where id in ({one}, -{two})',
        f"update {events} set amount = amount + 1, at = at + 1, rush = not rush where id in ({one}, {two})",
        f"delete from {events} where id in ({one}, -{two})",
        f"merge into {events} e using (select {one} union select {two}) v (id) on e.id = v.id"
        f" when matched and e.id % 2 = 0 then delete"
        f' when matched then update set "Customer Id" = {other}'
        f' when not matched then insert (id, "Customer Id", amount) values (v.id, {key}, 2)',
        *[f"truncate {events}"][: seed == 0],
    ]


def _on_visits(one: int, two: int, key: int) -> list[str]:
    return [
        f"insert into {_VISITS} values ({one}, 'c{key}'), ({two + 50}, 'c{one % 5}') on conflict do nothing",
        f"update {_VISITS} set who = 'c{key}' where id in ({one}, {two + 50})",
        f"delete from {_VISITS} where id in ({one}, {two + 50})",
    ]


def _on_profiles(key: int, other: int) -> list[str]:
    profile = shop.PROFILE
    insert = f"insert into {profile} (id, code) values ({key}, 'c{key}') on conflict do nothing"
    return [
        insert,
        insert,
        f"delete from {profile} where id = {key}",
        f"update {profile} set id = {key} where id = {other} and not exists (select from {profile} where id = {key})",
        f"update {profile} set code = 'c{key}' where id = {other} and not exists"
        f" (select from {profile} where code = 'c{key}')",
        f'update {profile} set "Age" = "Age" + 1 where id = {key}',
    ]


def _on_transactions() -> list[str]:
    return [
        *[f"begin isolation level {level}" for level in _LEVELS],
        "begin isolation level read committed",
        "commit",
        "commit",
        "rollback",
        "savepoint s",
        "rollback to s",
        "set constraints all immediate",
        f"select count(*) from {shop.EVENTS}",
    ]


def _tie(observer: Session, options: dict[str, Any]) -> None:
    shop.attach(observer, **options)
    timing = options["timing"]
    observer.run(
        f"""
        set role {shop.OWNER};
        create table {_VISITS} (id integer primary key, who text);
        create index on {_VISITS} (who);
        alter table {shop.PROFILE} add column visits bigint not null default 0, add column code text unique,
            add column visited double precision;
        select pgscore.attach(
            'visits', '{_VISITS}', '{shop.PROFILE}', 'who', 'code',
            '[{{"column": "visits", "aggregate": "count"}}]', 'visited', timing => '{timing}'
        );
        reset role;
        """
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "options"),
    [(1, {"timing": "commit"}), (2, {"timing": "commit", "on_missing": "insert"}), (3, {"timing": "statement"})],
    ids=str,
)
def test_invariants_1_2_and_3_random_interleavings(shopping: Database, number: int, options: dict[str, Any]) -> None:
    observer = shopping.session()
    _tie(observer, options)

    def connect() -> Session:
        session = shopping.session()
        session.run("set deadlock_timeout = '50ms'")
        return session

    sessions = [connect() for _ in range(_SESSIONS)]

    # Of its own for each: the same for all would run the same steps three times.
    @seed(number)
    @settings(
        max_examples=examples(25),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*_SESSIONS * [_LEVEL]), st.lists(_step(), min_size=15, max_size=40))
    def check(levels: tuple[str, ...], steps: list[tuple[int, str, bool]]) -> None:
        observer.run(f"truncate {shop.EVENTS}, {_VISITS}, {shop.PROFILE}")
        observer.run(f"insert into {shop.PROFILE} (id, code) select n, 'c' || n from generate_series(1, 3) n")
        game = Game(observer, sessions, connect, deadlocks=options["timing"] == "statement")
        try:
            # Most have begun already: short transactions hardly ever meet.
            begun = [(who, f"begin isolation level {level}", True) for who, level in enumerate(levels) if level]
            for who, statement, events_only in [*begun, *steps]:
                if statement == _TERMINATE:
                    game.terminate(who)
                else:
                    game.step(who, statement, events_only=events_only)
            game.finish()
        finally:
            game.abandon()
        shop.assert_right(observer)
        visits = f"select count(*) from {_VISITS} v where v.who = p.code"
        wrong = observer.run(f"select id, code, visits, ({visits}) from {shop.PROFILE} p where visits <> ({visits})")
        assert wrong == []
        assert observer.run("select * from pgscore.stale") == []

    check()
