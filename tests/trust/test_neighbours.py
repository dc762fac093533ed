"""What applications and administrators do without asking: row security, children, copies, names, and renamed things."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg2
import pytest
from pgscore.doctor import examine

from tests.support import migrate
from tests.support.database import Database, named, wait_until_gone

from . import world as worlds
from .world import MODEL, assert_one_sentence, attempt, call

if TYPE_CHECKING:
    from pgscore.cluster import PrivateCluster

    from tests.support.database import Session

    from .world import World

_UNSUITABLE = ("22023", "42809", "0A000", "55000", "42602", "42701", "42939")
_FORCE = "alter table sa.{table} enable row level security; alter table sa.{table} force row level security"


def _problems(world: World) -> list[str]:
    """What the doctor says of alice's tables."""
    found = examine(world.database.dsn())
    said = [f"{each.subject}: {each.sentence} {each.remedy}" for each in found if each.is_to_mend]
    return [each for each in said if "sa." in each]


# Row security ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_forced_row_security_is_refused(world: World, table: str) -> None:
    world.alice.run(_FORCE.format(table=table))
    with pytest.raises(psycopg2.Error, match=f"sa.{table}") as caught:
        world.attach("alice")
    assert "row" in (caught.value.diag.message_primary or "").lower()
    assert "force" in f"{caught.value.diag.message_primary} {caught.value.diag.message_hint}".lower()
    assert_one_sentence(caught.value)
    world.alice.run(f"alter table sa.{table} no force row level security")
    world.attach("alice")
    call(world.alice, "reconcile", "sa")


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_forced_row_security_that_comes_later(world: World, table: str) -> None:
    """It hides rows from their owner: no counter becomes 0 because of it, and the doctor finds it."""
    world.attach("alice")
    world.insert("sa", 3)
    world.insert("sa", 2, key="k2")
    counted = world.root.run("select k, n from sa.pr order by k")
    world.alice.run(_FORCE.format(table=table))
    assert any("row" in each and "security" in each.lower() for each in _problems(world))
    with pytest.raises(psycopg2.Error) as caught:
        call(world.alice, "reconcile", "sa")
    assert "row" in (caught.value.diag.message_primary or "").lower()
    assert_one_sentence(caught.value)
    assert world.root.run("select k, n from sa.pr order by k") == counted
    # What recounts fails, or leaves counters as they were.
    attempt(world.alice, "update sa.pr set k = 'k9' where k = 'k1'")
    attempt(world.root, "delete from sa.ev where k = 'k2' and id = (select min(id) from sa.ev where k = 'k2')")
    world.alice.run(f"alter table sa.{table} no force row level security")
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_row_security_without_force_hides_nothing_from_the_owner(world: World, table: str) -> None:
    world.alice.run(f"alter table sa.{table} enable row level security; create policy p on sa.{table} using (false)")
    world.alice.run(f"create policy i on sa.{table} for insert with check (true)")
    world.attach("alice")
    world.insert("sa", 2)
    world.alice.run("delete from sa.ev where id = 1")
    world.assert_counted("sa")
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")


# Children and partitions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["ev", "pr"])
def test_children_are_refused(world: World, table: str) -> None:
    world.alice.run(f"create table sa.child () inherits (sa.{table})")
    with pytest.raises(psycopg2.Error, match="inherit") as caught:
        world.attach("alice")
    assert caught.value.pgcode in _UNSUITABLE
    assert_one_sentence(caught.value)
    world.alice.run("drop table sa.child")
    world.attach("alice")
    world.insert("sa")
    world.assert_counted("sa")


def _partitioned(world: World) -> None:
    world.alice.run("drop table sa.ev")
    world.alice.run(
        "create table sa.ev (id bigint generated always as identity, k text, v bigint not null) partition by list (v);"
        "create table sa.first partition of sa.ev for values in (1);"
        "create table sa.rest partition of sa.ev default; create index on sa.ev (k); grant insert on sa.ev to app"
    )


@pytest.mark.parametrize("how", ["", "concurrently"])
def test_a_detached_partition_counts_no_more(world: World, how: str) -> None:
    _partitioned(world)
    if how:
        # It is not to be had beside a default partition.
        world.alice.run("drop table sa.rest; create table sa.rest partition of sa.ev for values in (2)")
    world.attach("alice")
    world.insert("sa", 3)
    world.app.run("insert into sa.ev (k, v) values ('k1', 2), ('k2', 2)")
    world.assert_counted("sa")
    world.alice.run(f"alter table sa.ev detach partition sa.first {how}")
    assert _problems(world) != []
    before = world.root.run("select k, n from sa.pr order by k")
    world.alice.run("insert into sa.first (id, k, v) overriding system value values (100, 'k1', 1), (101, 'k3', 1)")
    world.alice.run("update sa.first set k = 'k2' where id = 100; delete from sa.first where id = 101")
    assert world.root.run("select k, n from sa.pr order by k") == before
    call(world.alice, "reconcile", "sa")
    world.assert_counted("sa")
    world.alice.run("truncate sa.first; insert into sa.first (id, k, v) overriding system value values (100, 'k1', 1)")
    world.insert("sa", 0)
    world.app.run("insert into sa.ev (k, v) values ('k2', 2)")
    world.assert_counted("sa")
    call(world.alice, "reattach", "sa")
    world.assert_counted("sa")
    assert _problems(world) == []
    world.alice.run("alter table sa.ev attach partition sa.first for values in (1)")
    call(world.alice, "reattach", "sa")
    call(world.alice, "reconcile", "sa")
    world.insert("sa", 2)
    world.assert_counted("sa")


# Names ----------------------------------------------------------------------------------------------------------------

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
_COLUMNS = {
    # A column that nothing is done with, one that is summed and the sum, and the key.
    "other": ('"{name}" bigint', 'n bigint not null default 0, "{name}" text', "k", []),
    "sum": (
        '"{name}" bigint',
        'n bigint not null default 0, "{name}" numeric not null default 0',
        "k",
        [{"column": "{name}", "aggregate": "sum", "of": "{name}", "where": {"{name}": 2}}],
    ),
    "largest": (
        '"{name}" bigint',
        'n bigint not null default 0, "{name}" bigint',
        "k",
        [{"column": "{name}", "aggregate": "max", "of": "{name}"}],
    ),
    "last": (
        '"{name}" bigint',
        'n bigint not null default 0, "{name}" bigint',
        "k",
        [{"column": "{name}", "aggregate": "last", "of": "{name}", "order_by": "{name}"}],
    ),
    "key": ("v bigint", "n bigint not null default 0", "{name}", []),
}
_ORACLE = {
    "sum": 'coalesce(sum(e."{name}") filter (where e."{name}" = 2), 0)',
    "largest": 'max(e."{name}")',
    "last": 'max(e."{name}")',
}


def _told_apart(world: World, role: str, name: str) -> str:
    """Ties tables with a column of that name; what is wrong with it."""
    event, profile, key, more = (json.loads(json.dumps(part).replace("{name}", name)) for part in _COLUMNS[role])
    space = f'"in {role} {name}"'
    world.alice.run(
        f"create schema {space}; grant usage on schema {space} to pgscore_owner; set search_path = {space};"
        f'create table ev (id bigint generated always as identity primary key, "{key}" text, {event});'
        f'create table pr ("{key}" text primary key, {profile}, score double precision);'
        f"insert into pr (\"{key}\") values ('k1'), ('k2'), ('k3')"
    )
    reducers = json.dumps([{"column": "n", "aggregate": "count"}, *more])
    error = attempt(
        world.alice, f"select pgscore.attach('{MODEL}', 'ev', 'pr', %s, %s, %s, 'score')", key, key, reducers
    )
    if error is not None:
        assert_one_sentence(error)
        return "" if error.pgcode in _UNSUITABLE else f"refused with {error.pgcode}: {error.diag.message_primary}"
    value = "v" if role == "key" else name
    insert = f'insert into ev ("{key}", "{value}")'
    statements = [
        f"{insert} values ('k1', 1)",
        f"{insert} values ('k1', 2), ('k2', 2), ('k2', 3), ('nobody', 1)",
        f"insert into pr (\"{key}\") values ('nobody')",
        f'update ev set "{value}" = 2 where "{key}" = \'k2\'',
        f"update ev set \"{key}\" = 'k3' where id = 1",
        f"update pr set \"{key}\" = 'k4' where \"{key}\" = 'k3'",
        "delete from ev where id = 2",
        f"begin; {insert} values ('k1', 5); {insert} values ('k2', 2); commit",
        "call pgscore.reconcile('ev', 'pr')",
        "select pgscore.reattach('ev', 'pr')",
        "truncate ev",
        f"{insert} values ('k1', 2), ('k2', 1)",
    ]
    also = _ORACLE.get(role, "count(e.id)").replace("{name}", name)
    stored = f'p."{name}"' if role in _ORACLE else "p.n"
    for statement in statements:
        error = attempt(world.alice, statement)
        if error is not None:
            world.alice.run("rollback")
            return f"{statement}: {error}"
        wrong = world.alice.run(
            f'select p."{key}", p.n, {stored}, count(e.id), {also} from pr p left join ev e on e."{key}" = p."{key}"'
            f' group by p."{key}" having p.n <> count(e.id) or {stored} is distinct from {also}'
        )
        if wrong:
            return f"{statement}: {wrong}"
    return ""


@pytest.mark.parametrize("role", _COLUMNS)
def test_columns_with_names_of_ours(world: World, role: str) -> None:
    """They are counted right, or attach says in a sentence that it does not do them."""
    world.root.run("do $$begin execute format('grant create on database %I to alice', current_database()); end$$")
    found = {name: _told_apart(world, role, name) for name in _TAKEN}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


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


# Renamed and moved things ---------------------------------------------------------------------------------------------

_RENAMED = {
    "counter": ("alter table sa.pr rename n to counted", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "score": ("alter table sa.pr rename score to risk", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "profile's key": ("alter table sa.pr rename k to id", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "events' key": (
        "alter table sa.ev rename k to customer",
        "insert into sa.ev (customer, v) values ('k1', 1)",
        "42703",
    ),
    "counter that was dropped": ("alter table sa.pr drop n", "insert into sa.ev (k, v) values ('k1', 1)", "42703"),
    "profile": ("alter table sa.pr rename to customer", "insert into sa.ev (k, v) values ('k1', 1)", "42P01"),
    "events": ("alter table sa.ev rename to complaints", "insert into sa.complaints (k, v) values ('k1', 1)", "42P01"),
    "profile that was moved": (
        "alter table sa.pr set schema moved",
        "insert into sa.ev (k, v) values ('k1', 1)",
        "42P01",
    ),
    "profile that was dropped": ("drop table sa.pr cascade", "insert into sa.ev (k, v) values ('k1', 1)", "42P01"),
}


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("what", _RENAMED)
def test_an_insert_after_something_was_renamed(world: World, what: str, timing: str) -> None:
    """It works, or the application gets one sentence; the doctor says what to do."""
    change, insert, sqlstate = _RENAMED[what]
    world.attach("alice", timing=timing)
    world.insert("sa")
    world.root.run("create schema moved authorization alice; grant usage on schema moved to app, pgscore_owner")
    world.alice.run(change)
    for statements in (
        [insert],
        ["begin", insert, insert, "commit"],
        [insert.replace("('k1', 1)", "('k1', 1), ('k2', 1)")],
    ):
        error = None
        for statement in statements:
            error = error or attempt(world.app, statement)
        if error is not None:
            assert error.pgcode == sqlstate, error
            assert_one_sentence(error)
            attempt(world.app, "rollback")
    assert _problems(world) != [] or error is None


def test_a_failing_recount_is_one_sentence_too(world: World) -> None:
    """Updates, deletes and TRUNCATE by the owner, and new profiles, after a column was renamed."""
    world.attach("alice")
    world.insert("sa", 2)
    world.alice.run("alter table sa.pr rename n to counted")
    for statement in (
        "update sa.ev set k = 'k2'",
        "delete from sa.ev",
        "truncate sa.ev",
        "insert into sa.pr (k) values ('k9')",
        "update sa.pr set k = 'k8' where k = 'k1'",
        "update sa.pr set secret = 'x'",
        "delete from sa.pr where k = 'k4'",
        "call pgscore.reconcile('sa.ev', 'sa.pr')",
    ):
        error = attempt(world.alice, statement)
        if error is not None:
            assert_one_sentence(error)
            assert error.pgcode == "42703", error


# Copies ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(installed: Database) -> Session:
    """Another database with pgscore, where carol's tables have the number that alice's have at home."""
    session = installed.session()
    session.run(worlds._TABLES.format(owner="carol", space="sc"))
    carol = installed.session("carol")
    worlds.attach(carol, "sc")
    return session


@pytest.mark.parametrize("options", [(), ("--schema-only",)], ids=["with rows", "structure"])
def test_a_schema_that_was_copied(
    world: World, installed: Database, elsewhere: Session, options: tuple[str, ...]
) -> None:
    """Its triggers and functions come without the rows of pgscore's tables."""
    world.attach("alice")
    world.insert("sa", 3)
    # What test attackers need is not there.
    world.root.run("drop function sa.trap(), sa.trap(anyelement), sa.trap_value(bigint), sa.trap_trigger()")
    migrate.psql(installed.dsn(), script=migrate.dump(world.database.dsn(), "-n", "sa", *options))
    if options:
        elsewhere.run("insert into sa.pr (k) values ('k1'), ('k2')")
    alice, app = installed.session("alice"), installed.session("app")
    # Before anybody has said so here, the application inserts, and nobody else feels it.
    app.run("insert into sa.ev (k, v) values ('k1', 1)")
    app.run("begin; insert into sa.ev (k, v) values ('k2', 1); insert into sc.ev (k, v) values ('k1', 1); commit")
    _assert_counted(elsewhere, "sc")
    before = elsewhere.value("select sum(n) from sa.pr")
    assert before <= elsewhere.value("select count(*) from sa.ev where k in (select k from sa.pr)")
    error = attempt(
        alice,
        f"select pgscore.attach('{MODEL}', 'sa.ev', 'sa.pr', 'k', 'k', %s, 'score')",
        json.dumps(worlds.COUNT),
    )
    if error is not None:
        assert_one_sentence(error)
        assert error.pgcode in _UNSUITABLE, error
        assert "already exists" not in (error.diag.message_primary or "")
        assert error.diag.message_hint
        return
    _assert_counted(elsewhere, "sa")
    for _ in range(2):
        app.run("insert into sa.ev (k, v) values ('k1', 1), ('k2', 1)")
        app.run("begin; insert into sa.ev (k, v) values ('k2', 1); insert into sc.ev (k, v) values ('k1', 1); commit")
        _assert_counted(elsewhere, "sa")
        _assert_counted(elsewhere, "sc")
    alice.run("update sa.ev set k = 'k2' where k = 'k1'")
    alice.run("call pgscore.reconcile('sa.ev', 'sa.pr')")
    _assert_counted(elsewhere, "sa")
    alice.run("select pgscore.detach('sa.ev', 'sa.pr')")
    left = "select proname::text from pg_proc where pronamespace = 'sa'::regnamespace and proname ~ '^_pgscore'"
    assert elsewhere.run(left) == []
    assert (
        elsewhere.run("select tgname::text from pg_trigger where tgrelid = 'sa.ev'::regclass and not tgisinternal")
        == []
    )


def test_a_database_that_was_made_from_a_template(world: World, cluster: PrivateCluster) -> None:
    """Everything came along, and works."""
    world.attach("alice")
    world.insert("sa", 2)
    admin, copied = Database(cluster, "postgres"), Database(cluster, "copied")
    observer = admin.session()
    # A template must have no sessions; the fixtures have one, too.
    world.database.close()
    ended = "select pid, pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
    pids = [pid for pid, _ in observer.run(ended, world.database.name)]
    world.__dict__.clear()
    world.database = Database(cluster, named("trust"))
    for pid in pids:
        wait_until_gone(observer, pid)
    observer.run(f"create database copied template {world.database.name}")
    try:
        copied.session("app").run("insert into sa.ev (k, v) values ('k1', 1), ('k2', 1)")
        _assert_counted(copied.session(), "sa")
        copied.session("alice").run("call pgscore.reconcile('sa.ev', 'sa.pr')")
        _assert_counted(copied.session(), "sa")
    finally:
        copied.close()
        observer.run("drop database copied with (force)")
        admin.close()


def _assert_counted(session: Session, space: str) -> None:
    found = session.run(
        f"select p.k, p.n, (select count(*) from {space}.ev e where e.k = p.k) from {space}.pr p order by p.k"
    )
    assert [n for _, n, _ in found] == [events for *_, events in found], found


# Settings of administrators -------------------------------------------------------------------------------------------


def test_inserts_while_somebody_may_not_call_pgscore_any_more(world: World) -> None:
    """A right that is taken away stops owners from changing bindings, and not applications from inserting."""
    world.attach("alice")
    world.root.run("revoke pgscore_reader from alice")
    error = attempt(world.app, "insert into sa.ev (k, v) values ('k1', 1), ('k1', 1)")
    world.root.run("grant pgscore_reader to alice")
    if error is None:
        world.assert_counted("sa")
    else:
        assert_one_sentence(error)
        assert error.pgcode == "42501"
