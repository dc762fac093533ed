"""Columns and tables with names that generated SQL has of its own, or that need quoting, or are too long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .world import MODEL, UNSUITABLE, assert_one_sentence, attempt

if TYPE_CHECKING:
    import psycopg2

    from tests.support.database import Session

    from .world import World

# Of columns and variables that generated SQL has, or had, or may have.
_TAKEN = [
    *("pgscore_row", "pgscore_sign", "pgscore_id", "pgscore_task", "pgscore_transaction", "pgscore_binding"),
    *("pgscore_new", "pgscore_old", "pgscore_key", "pgscore_slot", "pgscore_version", "pgscore_score"),
    *(
        "e",
        "q",
        "w",
        "p",
        "c",
        "d",
        "f",
        "r",
        "u",
        "t",
        "s",
        "o",
        "work",
        "key",
        "keys",
        "one",
        "here",
        "item",
        "binding",
    ),
    *(
        "transaction",
        "task",
        "slot",
        "new",
        "old",
        "found",
        "tg_op",
        "sqlerrm",
        "former",
        "present",
        "answer",
        "reason",
    ),
    *("row", "rows", "order", "user", "all", "Work", "ctid_", "number", "events", "profile", "model", "version"),
]
# What stands in the tables for a name, by what is done with the column: of the events, of the profile, and a reducer.
_COLUMNS: dict[str, tuple[str, str, dict[str, object] | None]] = {
    "nothing": ('"{name}" bigint', '"{name}" text', None),
    "sum": (
        '"{name}" bigint',
        '"{name}" numeric not null default 0',
        {"column": "{name}", "aggregate": "sum", "of": "{name}", "where": {"{name}": 2}},
    ),
    "largest": ('"{name}" bigint', '"{name}" bigint', {"column": "{name}", "aggregate": "max", "of": "{name}"}),
    "last": (
        '"{name}" bigint',
        '"{name}" bigint',
        {"column": "{name}", "aggregate": "last", "of": "{name}", "order_by": "{name}"},
    ),
}
_ORACLE = {
    "nothing": "null::text",
    "sum": 'coalesce(sum(e."{name}") filter (where e."{name}" = 2), 0)',
    "largest": 'max(e."{name}")',
    "last": 'max(e."{name}")',
}


def _made(session: Session, keys: list[str], names: list[str], role: str) -> list[dict[str, object]]:
    """Makes tables with columns of these names, first in the session's path; their reducers."""
    events, profile, reducer = _COLUMNS[role]
    own, theirs = ("".join(f", {part.format(name=name)}" for name in names) for part in (events, profile))
    key = ", ".join(f'"{each}" text' for each in keys)
    session.run(
        f"create table ev (id bigint generated always as identity primary key, {key}, v bigint{own});"
        f"create table pr ({key}, n bigint not null default 0, score double precision{theirs},"
        f" primary key ({_listed(keys)}));"
        f"insert into pr ({_listed(keys)}) values {', '.join(_keyed(keys, each) for each in ('k1', 'k2', 'k3'))}"
    )
    reducers = [json.loads(json.dumps(reducer).replace("{name}", name)) for name in names if reducer]
    return [{"column": "n", "aggregate": "count"}, *reducers]


def _listed(names: list[str], of: str = "") -> str:
    return ", ".join(f'{of}"{name}"' for name in names)


def _keyed(keys: list[str], value: str) -> str:
    quoted = f"'{value}'"
    return f"({', '.join([quoted] * len(keys))})"


def _attach(session: Session, keys: list[str], reducers: list[dict[str, object]]) -> psycopg2.Error | None:
    call = f"select pgscore.attach('{MODEL}', 'ev', 'pr', %s::name[], %s::name[], %s, 'score')"
    return attempt(session, call, keys, keys, json.dumps(reducers))


def _refused(error: psycopg2.Error | None, name: str) -> bool:
    """Whether attach says that it does not do a column of this name; it says it in a sentence."""
    if error is None:
        return False
    assert_one_sentence(error)
    assert error.pgcode in UNSUITABLE, error
    return f'"{name}"' in (error.diag.message_primary or "")


def _follow(session: Session, keys: list[str], names: list[str], role: str) -> None:
    """Does all that moves counters, and compares them with the events after each."""
    values = [f'"{name}"' for name in names] or ["v"]
    insert = f"insert into ev ({_listed(keys)}, {', '.join(values)})"

    def row(to: str, value: int) -> str:
        return f"{_keyed(keys, to)[:-1]}, {', '.join([str(value)] * len(values))})"

    def of(to: str) -> str:
        return f"({_listed(keys)}) = {_keyed(keys, to)}"

    def becomes(to: str) -> str:
        return ", ".join(f"\"{each}\" = '{to}'" for each in keys)

    stored = [f'p."{name}"' if role != "nothing" else "null::text" for name in names]
    truth = [_ORACLE[role].format(name=name) for name in names]
    compared = (
        f'select p."{keys[0]}", array[p.n::text{"".join(f", ({each})::text" for each in stored)}],'
        f" array[count(e.id)::text{''.join(f', ({each})::text' for each in truth)}]"
        f" from pr p left join ev e using ({_listed(keys)}) group by {_listed(keys, 'p.')}"
    )
    for statement in (
        f"{insert} values {row('k1', 1)}",
        f"{insert} values {row('k1', 2)}, {row('k2', 2)}, {row('k2', 3)}, {row('nobody', 1)}",
        f"insert into pr ({_listed(keys)}) values {_keyed(keys, 'nobody')}",
        f"update ev set {', '.join(f'{each} = 2' for each in values)} where {of('k2')}",
        f"update ev set {becomes('k3')} where id = 1",
        f"update pr set {becomes('k4')} where {of('k3')}",
        "delete from ev where id = 2",
        f"begin; {insert} values {row('k1', 5)}; {insert} values {row('k2', 2)}; commit",
        "call pgscore.reconcile('ev', 'pr')",
        "select pgscore.reattach('ev', 'pr')",
        "truncate ev",
        f"{insert} values {row('k1', 2)}, {row('k2', 1)}",
    ):
        session.run(statement)
        for _, found, wanted in session.run(compared):
            assert dict(zip(["n", *names], found, strict=True)) == dict(zip(["n", *names], wanted, strict=True)), (
                statement
            )


@pytest.mark.parametrize("role", [*_COLUMNS, "key"])
def test_columns_with_names_of_ours(world: World, role: str) -> None:
    """They are counted right, many in one binding, or attach says in a sentence that it does not do one of them."""
    world.alice.run("set search_path = sa")
    # An index has at most 32 columns.
    for names in [_TAKEN[start : start + 20] for start in range(0, len(_TAKEN), 20)] if role == "key" else [_TAKEN]:
        _told_apart(world.alice, list(names), role)


def _told_apart(session: Session, names: list[str], role: str) -> None:
    refused = []
    while True:
        session.run("drop table ev, pr cascade")
        made = (names, [], "nothing") if role == "key" else (["k"], names, role)
        error = _attach(session, made[0], _made(session, *made))
        if error is None:
            break
        (name,) = [name for name in names if _refused(error, name)]
        names.remove(name)
        refused.append(name)
    assert all(name.startswith("pgscore_") for name in refused), refused
    _follow(session, *made)
    session.run("select pgscore.detach('ev', 'pr')")


_LONG = "a_name_that_is_as_long_as_a_name_may_be_and_then_no_character_x"
_TABLES = [
    *(
        _LONG,
        "bla nk",
        'quo"te',
        "apo'strophe",
        "dol$lar",
        "$function$",
        "$$",
        "per%cent",
        "%I",
        "{{profile}}",
        "{{events}}",
    ),
    *(
        "{profile}",
        "back\\slash",
        "semi;colon",
        "--comment",
        "/*comment",
        "Kunde äöü €",
        "顧客" * 10,
        "Upper",
        "order",
        "a.b",
        "~",
        "_",
    ),
]


@pytest.mark.parametrize("name", _TABLES)
def test_tables_with_odd_names(world: World, name: str) -> None:
    events, profile = (_named(world.root, (name.encode()[:61].decode(errors="ignore") + end)) for end in ("_e", "_p"))
    counter, key = (_named(world.root, f"{name[:20]}{end}") for end in ("n", "k"))
    world.alice.run("begin; set local search_path = sa")
    world.alice.run(f"create table {events[0]} (id bigint generated always as identity primary key, {key[0]} text)")
    world.alice.run(
        f"create table {profile[0]} ({key[0]} text primary key, {counter[0]} bigint not null default 0, score float8)"
    )
    world.alice.run(f"insert into {profile[0]} ({key[0]}) values ('k1'), ('k2')")
    world.alice.run(
        "select pgscore.attach('not_published', %s, %s, %s, %s, %s, 'score')",
        f"sa.{events[0]}",
        f"sa.{profile[0]}",
        key[1],
        key[1],
        json.dumps([{"column": counter[1], "aggregate": "count"}]),
    )
    world.alice.run("commit")
    world.alice.run(f"insert into sa.{events[0]} ({key[0]}) values ('k1'), ('k1'), ('k2')")
    world.alice.run(f"update sa.{events[0]} set {key[0]} = 'k2' where id = 1")
    world.alice.run("call pgscore.reconcile(%s, %s)", f"sa.{events[0]}", f"sa.{profile[0]}")
    counted = f"select {key[0]}, {counter[0]} from sa.{profile[0]} order by 1"
    assert world.alice.run(counted) == [("k1", 1), ("k2", 2)]
    world.alice.run("select pgscore.detach(%s, %s)", f"sa.{events[0]}", f"sa.{profile[0]}")
    left = "select proname::text from pg_proc where pronamespace = 'sa'::regnamespace and proname ~ '^_pgscore'"
    assert world.root.run(left) == []


def _named(session: Session, name: str) -> tuple[str, str]:
    """A name as SQL writes it, and as it is."""
    return str(session.value("select quote_ident(%s)", name)), name


def test_long_names_that_begin_alike(world: World) -> None:
    """Two event tables and two profile tables whose names differ in the last characters only."""
    start = _LONG[:60]
    world.alice.run("set search_path = sa")
    for end in ("aa", "bb"):
        world.alice.run(
            f"create table {start}e{end} (id bigint generated always as identity primary key, k text);"
            f"create table {start}p{end} (k text primary key, n bigint not null default 0, score float8);"
            f"insert into {start}p{end} (k) values ('k1')"
        )
    # The second events also move the first profile: three bindings, whose names begin alike.
    world.alice.run(f"alter table {start}paa add more bigint not null default 0")
    for e, p, counter in (("aa", "aa", "n"), ("bb", "bb", "n"), ("bb", "aa", "more")):
        world.alice.run(
            f"select pgscore.attach('{MODEL}', '{start}e{e}', '{start}p{p}', 'k', 'k', %s, 'score')",
            json.dumps([{"column": counter, "aggregate": "count"}]),
        )
    world.alice.run(f"insert into {start}eaa (k) values ('k1'); insert into {start}ebb (k) values ('k1'), ('k1')")
    counted = f"select a.n, a.more, b.n from {start}paa a, {start}pbb b"
    assert world.alice.run(counted) == [(1, 2, 2)]
    world.alice.run(f"select pgscore.detach('{start}ebb', '{start}paa')")
    world.alice.run(f"insert into {start}eaa (k) values ('k1'); insert into {start}ebb (k) values ('k1')")
    assert world.alice.run(counted) == [(2, 2, 3)]
    world.alice.run(f"select pgscore.detach('{start}eaa', '{start}paa')")
    world.alice.run(f"insert into {start}eaa (k) values ('k1'); insert into {start}ebb (k) values ('k1')")
    assert world.alice.run(counted) == [(2, 2, 4)]
