"""The outbox: every change of a score, whoever makes it, in order and without gaps."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pgscore
import pytest
from alembic.util import CommandError
from pgscore.changes import read_changes

from tests.bindings import shop
from tests.support import migrate
from tests.support.database import NOBODY, OPERATOR, refused

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_ORDER = f'insert into {shop.EVENTS} (id, "Customer Id", amount) values (%s, %s, 2)'
_SCORE = f'update {shop.PROFILE} set "Score" = %s where id = %s'


@pytest.fixture
def told(shopping: Database) -> Session:
    """A superuser's session; the tables are attached, and hold five customers whose scores were told."""
    session = shopping.session()
    shop.attach(session, changes="true")
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 5)")
    return session


def changes(session: Session, since: str | None = None) -> list[tuple[Any, ...]]:
    """Keys with their scores before and after."""
    return [(key, former, score) for _, key, former, score in _read(session, since)]


def _read(session: Session, since: str | None = None) -> list[tuple[Any, ...]]:
    return session.run("select position, key, former, score from pgscore.score_changes(%s)", since)


def _scores(session: Session) -> dict[str, float]:
    return dict(session.run(f'select id::text, "Score" from {shop.PROFILE} where "Score" is not null'))


def _followed(found: list[tuple[Any, ...]]) -> dict[str, float]:
    """What a consumer holds that has followed all changes; each begins where the one before has ended."""
    held: dict[str, float] = {}
    for key, former, score in found:
        assert held.get(key) == former, (key, held.get(key), former)
        if score is None:
            held.pop(key)
        else:
            held[key] = score
    return held


@pytest.fixture(params=["commit", "statement", "partitioned"])
def tables(request: pytest.FixtureRequest, shopping: Database) -> Session:
    session = shopping.session()
    if request.param == "partitioned":
        session.run('drop schema "Shop" cascade')
        shop.build(session, profile_partitioned=True, partitioned=True)
    shop.attach(session, changes="true", timing="statement" if request.param == "statement" else "commit")
    return session


def test_whoever_changes_a_score_it_is_told(tables: Session) -> None:
    """Invariant 2, carried on: who has followed the changes has the scores."""
    tables.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 9)")
    tables.run(f'insert into {shop.PROFILE} (id, "Score") values (20, 0.5)')
    tables.run(_ORDER, 1, 1)
    tables.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", amount)'
        " select 10 + g, mod(g, 7), 3 from generate_series(1, 60) g"
    )
    tables.run(f'update {shop.PROFILE} set "Age" = 5 where id < 4')
    tables.run(f'update {shop.PROFILE} set "Score" = 0.25 where id = 4')
    tables.run(f"update {shop.PROFILE} set id = id + 100 where id in (2, 3)")
    tables.run(f"delete from {shop.EVENTS} where id = 1")
    tables.run(f"delete from {shop.PROFILE} where id = 5")
    tables.copy(f'copy {shop.PROFILE} (id, "Score") from stdin', "30\t0.75\n31\t\\N\n")
    before = len(changes(tables))
    tables.run(f"update {shop.PROFILE} set note = 'nothing that a model reads'")
    found = changes(tables)
    assert len(found) == before
    held = _scores(tables)
    assert _followed(found) == held
    assert len(held) == 11
    # One that is gone is told too, also where no row is named.
    tables.run(f"truncate {shop.PROFILE}")
    assert _followed(changes(tables)) == {}
    tables.run("select pgscore._make_partitions('score_change', '1 day', 2)")
    assert len(changes(tables)) == before + 11
    assert tables.run("select * from pgscore._outdated_bindings()") == []


def test_a_partition_is_truncated_and_one_that_comes_later_tells(shopping: Database) -> None:
    session = shopping.session()
    session.run('drop schema "Shop" cascade')
    shop.build(session, profile_partitioned=True)
    session.run(f'alter table {shop.PROFILE} detach partition "Shop".profile_1')
    shop.attach(session, changes="true")
    session.run(f"insert into {shop.PROFILE} (id) select 1 where false")
    session.run(
        f'alter table {shop.PROFILE} attach partition "Shop".profile_1 for values with (modulus 2, remainder 1)'
    )
    shop.reattach(session)
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 8)")
    session.run('truncate "Shop".profile_1')
    assert _followed(changes(session)) == _scores(session)
    assert 0 < len(_scores(session)) < 8
    session.run(f'alter table {shop.PROFILE} detach partition "Shop".profile_0')
    before = len(changes(session))
    session.run('update "Shop".profile_0 set "Score" = 0.5')
    session.run('truncate "Shop".profile_0')
    assert len(changes(session)) == before


def test_nothing_is_given_before_what_may_still_come(told: Session, shopping: Database) -> None:
    early, late = shopping.session(), shopping.session()
    position = _read(told)[-1][0]
    early.run("begin")
    early.run("select pg_current_xact_id()")
    late.run(_SCORE, 0.2, 2)
    # It is committed, and waits for the transaction that began before it.
    assert _read(told, position) == []
    early.run("savepoint one")
    early.run(_SCORE, 0.9, 3)
    early.run("rollback to one")
    early.run("savepoint two")
    early.run(_SCORE, 0.3, 3)
    early.run("savepoint three")
    early.run(_SCORE, 0.4, 4)
    early.run("release three")
    early.run("commit")
    assert [(key, score) for _, key, _, score in _read(told, position)] == [("2", 0.2), ("3", 0.3), ("4", 0.4)]

    position = _read(told)[-1][0]
    early.run("begin")
    early.run(_SCORE, 0.5, 5)
    early.run("prepare transaction 'waits'")
    late.run(_SCORE, 0.6, 1)
    assert _read(told, position) == []
    told.run("commit prepared 'waits'")
    assert [(key, score) for _, key, _, score in _read(told, position)] == [("5", 0.5), ("1", 0.6)]

    position = _read(told)[-1][0]
    early.run("begin")
    early.run(_SCORE, 0.1, 5)
    late.run(_SCORE, 0.7, 2)
    early.run("rollback")
    assert [(key, score) for _, key, _, score in _read(told, position)] == [("2", 0.7)]
    assert _followed(changes(told)) == _scores(told)


def test_changes_of_one_row_come_in_their_order_whichever_transaction_began_first(
    told: Session, shopping: Database
) -> None:
    early, other, late = shopping.session(), shopping.session(), shopping.session()
    position = _read(told)[-1][0]
    for session in (early, other, late):
        session.run("begin")
        session.run("select pg_current_xact_id()")
    late.run(_SCORE, 0.2, 1)
    late.run("commit")
    early.run(_SCORE, 0.3, 1)
    early.run("commit")
    # The third is open yet, and its number stands between: the second change may not be given before the first.
    assert _read(told, position) == []
    other.run("commit")
    assert [score for *_, score in _read(told, position)] == [0.2, 0.3]
    assert _followed(changes(told)) == _scores(told)


def _change_at_random(session: Session, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    for _ in range(40):
        session.run("begin")
        session.run("select pg_current_xact_id()")
        # In one order, so that they wait for each other and do not deadlock.
        for key in sorted(random.sample(range(1, 6), random.randint(1, 3))):
            session.run("savepoint here")
            session.run(_SCORE, random.random(), key)
            session.run(random.choice(("rollback to here", "release here", "release here")))
        session.run(random.choice(("rollback", "commit", "commit")))


def test_who_follows_while_many_write_has_each_score_in_its_order(told: Session, shopping: Database) -> None:
    writers = [shopping.session() for _ in range(4)]
    jobs = [each.work(_change_at_random, each, seed) for seed, each in enumerate(writers)]
    found: list[tuple[Any, ...]] = []
    position: str | None = None
    while True:
        over = all(job.done() for job in jobs)
        batch = read_changes(shopping.dsn(), position, limit=7)
        found += [(each.key, each.former, each.score) for each in batch.changes]
        position = batch.position
        if over and not batch.changes:
            break
    for job in jobs:
        job.result()
    assert len(found) > 50
    assert _followed(found) == _scores(told)


def test_readers_go_on_from_a_position_and_are_told_what_is_gone(told: Session) -> None:
    first = told.run("select position, key from pgscore.score_changes(null, 'shop', 2)")
    rest = told.run("select position, key from pgscore.score_changes(%s, up_to => 2)", first[-1][0])
    assert [key for _, key in [*first, *rest]] == ["1", "2", "3", "4"]
    assert told.run("select * from pgscore.score_changes(null, 'another')") == []
    horizon = told.value("select pgscore.score_change_horizon()")
    assert _read(told, horizon) == []
    told.run(_SCORE, 0.5, 1)
    assert [key for _, key, *_ in _read(told, horizon)] == ["1"]
    line = horizon.partition("/")[0]
    for wrong, state, said in (
        ("x", "22023", "is no position"),
        ("1/2", "22023", "is no position"),
        (f"{line}/999999999999/0", "55000", "is ahead of this database"),
        ("00000000.1/1/1", "55000", "was read from another database"),
        (f"{line}7/1/99", "55000", "was read before a standby took over"),
    ):
        with refused(state, said):
            _read(told, wrong)
    # Where a standby takes over and has the change, all goes on.
    before = first[-1][0].replace(line, f"{line}7")
    assert [key for _, key, *_ in _read(told, before)] == [key for _, key, *_ in _read(told, first[-1][0])]
    with refused("22023", "up_to is a positive number"):
        told.run("select pgscore.score_changes(up_to => 0)")
    # Old ones go, read or not; who has not read them is told, and nobody else.
    told.run("update pgscore.score_change set at = now() - interval '40 days' where key <> '1'")
    told.run("select pgscore._make_partitions('score_change', '1 day', 0)")
    told.run("set role pgscore_operator")
    told.run("select pgscore.prune_score_changes('30 days')")
    told.run("reset role")
    with refused("55000", f"changes after position {first[0][0]} were pruned before", hint="pgscore export"):
        _read(told, first[0][0])
    assert [key for _, key, *_ in _read(told, horizon)] == ["1"]
    assert told.run("select * from pgscore.score_changes(%s, 'another')", f"{line}/0/0") == []
    # A restore brings numbers of another cluster's, which mean nothing here.
    told.run(
        "insert into pgscore.score_change (position, binding, owner, model, key)"
        " select '99999999999', binding, owner, model, key from pgscore.score_change"
    )
    with refused("55000", "holds changes of another cluster", hint="prune_score_changes()"):
        _read(told)
    told.run("select pgscore.prune_score_changes('30 days')")
    told.run(_SCORE, 0.75, 1)
    assert [key for _, key, *_ in _read(told, horizon)] == ["1"]
    told.run("update pgscore.score_change set at = now() - interval '3 days'")
    assert told.value("select pgscore.prune_score_changes('1 day')") == 1
    assert _read(told) == []


def test_owners_write_and_read_what_is_theirs_and_operators_read_all(told: Session, shopping: Database) -> None:
    owner, operator = shopping.session(shop.OWNER), shopping.session(OPERATOR)
    assert len(changes(owner)) == len(changes(operator)) == 5
    told.run(f"grant pgscore_reader to {NOBODY}")
    nobody = shopping.session(NOBODY)
    try:
        assert changes(nobody) == []
        line = (
            "insert into pgscore.score_change (binding, owner, model, key, score)"
            " values ('\"Shop\".\"Order Lines\"', '{}', 'shop', '1', 1)"
        )
        for role in (shop.OWNER, NOBODY):
            with refused("42501", "row-level security policy"):
                nobody.run(line.format(role))
        with refused("42501", "row-level security policy"):
            nobody.run("insert into pgscore.crossing (binding, key) select number, '1' from pgscore.binding")
        with refused("42501", "permission denied"):
            nobody.run("delete from pgscore.score_change")
        with refused("42501", "permission denied"):
            nobody.run("select pgscore.prune_score_changes()")
        nobody.run("insert into pgscore.change_consumer (name, position) values ('mine', '1/1')")
        assert owner.run("select name from pgscore.change_consumer") == []
        assert operator.run("select name from pgscore.change_consumer") == [("mine",)]
    finally:
        nobody.run("delete from pgscore.change_consumer")
        told.run(f"revoke pgscore_reader from {NOBODY}")


def test_no_setting_of_a_session_changes_what_is_told(told: Session) -> None:
    told.run("set extra_float_digits = 0; set standard_conforming_strings = off; set datestyle = 'German'")
    told.run(_ORDER, 1, 1)
    assert _followed(changes(told)) == _scores(told)
    # A trigger of the owner's that changes the row again comes after.
    told.run(
        f'create function "Shop".again() returns trigger language plpgsql as $$ begin'
        f' update {shop.PROFILE} set "Score" = 0.125 where id = new.id and "Score" > 0.5; return null; end $$;'
        f'create trigger "A first" after update on {shop.PROFILE} for each row execute function "Shop".again()'
    )
    told.run(_SCORE, 0.875, 3)
    assert _followed(changes(told)) == _scores(told)
    assert [score for key, _, score in changes(told) if key == "3"][-2:] == [0.875, 0.125]


def test_what_is_not_wanted_any_more_leaves_nothing(told: Session) -> None:
    made = "select count(*) from pg_trigger where tgname ~ '^!?pgscore_(tell|notify)'"
    functions = "select count(*) from pg_proc where proname ~ '^_pgscore_.*_(tell|notify)$'"
    assert (told.value(made), told.value(functions)) == (4, 1)
    shop.attach(told, notify_above="0.5")
    assert (told.value(made), told.value(functions)) == (6, 2)
    assert told.run("select * from pgscore._outdated_bindings()") == []
    # What somebody has changed is found, and mended.
    told.run(
        f'drop trigger "!pgscore_tell" on {shop.PROFILE}; alter table {shop.PROFILE} disable trigger pgscore_notify'
    )
    told.run('alter function "Shop"."_pgscore_Customer_notify"() security invoker')
    ((reasons,),) = told.run("select reasons from pgscore._outdated_bindings()")
    assert len(reasons) == 3
    listed = told.run("select purpose, state from pgscore._doctor_triggers()")
    assert listed == [("notify", "disabled"), ("tell", "missing")]
    assert told.run("select state from pgscore._doctor_functions()") == [("loose",)]
    shop.reattach(told)
    assert told.run("select * from pgscore._outdated_bindings()") == []
    assert told.run("select notify_above, notify_below, changes from pgscore.binding where model = 'shop'") == [
        (0.5, None, False)
    ]
    with refused("22023", "numbers, not NaN"):
        shop.attach(told, notify_below="nan")
    shop.attach(told)
    assert (told.value(made), told.value(functions)) == (0, 0)
    shop.attach(told, changes="true", notify_below="0.1")
    shop.detach(told)
    assert (told.value(made), told.value(functions)) == (0, 0)
    assert len(changes(told)) == 5


def test_rescue_takes_away_what_told_where_pgscore_is_gone(told: Session, shopping: Database) -> None:
    shop.attach(told, changes="true", notify_above="0.5")
    told.run("drop schema pgscore cascade; drop schema pgscore_models cascade")
    with refused("42P01", "pgscore"):
        told.run(_SCORE, 0.9, 1)
    pgscore.rescue(shopping.dsn())
    told.run(_SCORE, 0.9, 1)
    assert told.run("select tgname from pg_trigger where tgname ~ 'pgscore'") == []


def test_a_downgrade_is_refused_while_tables_tell(told: Session, shopping: Database) -> None:
    """What tells stands beside the tables, and would fail each change of a score."""
    with pytest.raises(CommandError, match=r"triggers of these tables call what would go: .*Order Lines"):
        migrate.downgrade(shopping.dsn(), "core@-1")
    shop.attach(told)
    migrate.downgrade(shopping.dsn(), "core@-1")
    told.run(_ORDER, 1, 1)
    told.run(_SCORE, 0.9, 2)
    assert told.value("select to_regclass('pgscore.score_change')") is None


def test_what_a_truncate_cannot_see_it_leaves(told: Session, shopping: Database) -> None:
    old, other = shopping.session(), shopping.session()
    truncate = f"truncate {shop.PROFILE}"
    for level in ("repeatable read", "serializable"):
        old.run(f"begin isolation level {level}")
        old.run("select 1")
        other.run(f"insert into {shop.PROFILE} (id) select coalesce(max(id), 0) + 1 from {shop.PROFILE}")
        with refused("40001", "may have changed since this transaction began", hint="lock table"):
            old.run(truncate)
        old.run("rollback")
    # The same where it has written before.
    old.run("begin isolation level repeatable read")
    old.run(_SCORE, 0.5, 1)
    other.run(_SCORE, 0.5, 2)
    with refused("40001", "may have changed"):
        old.run(truncate)
    old.run("rollback")
    # What has rolled back has numbered changes that are none; where nobody writes it is no reason to refuse.
    other.run("begin")
    other.run(_SCORE, 0.75, 2)
    other.run("rollback")
    assert len(_scores(told)) == 7
    old.run("begin isolation level repeatable read")
    old.run(truncate)
    old.run("commit")
    assert _followed(changes(told)) == _scores(told) == {}
    # The way that always goes.
    told.run(f"insert into {shop.PROFILE} (id) values (1)")
    old.run("begin isolation level serializable")
    old.run(f"lock table {shop.PROFILE}")
    old.run(truncate)
    old.run("commit")
    assert _followed(changes(told)) == _scores(told) == {}
