"""NOTIFY for scores that cross a threshold: at commit, once, and for what the transaction leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.bindings import shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.database import Database, Session

    Heard = Callable[[], list[dict[str, Any]]]

_SCORE = f'update {shop.PROFILE} set "Score" = %s where id = %s'


@pytest.fixture
def heard(shopping: Database) -> Iterator[Heard]:
    """What was notified since it was asked last."""
    listener = psycopg2.connect(shopping.dsn())
    listener.autocommit = True
    with listener.cursor() as cursor:
        cursor.execute("listen pgscore")

        def take() -> list[dict[str, Any]]:
            # What was committed before the query is there with its answer.
            cursor.execute("select 1")
            listener.poll()
            found = [json.loads(each.payload) for each in listener.notifies]
            listener.notifies.clear()
            return found

        yield take
    listener.close()


@pytest.fixture
def watched(shopping: Database) -> Session:
    """Tables that tell of scores above 0.8 and below 0.1, with three customers between."""
    session = shopping.session()
    session.run(f'insert into {shop.PROFILE} (id, "Score") values (1, 0.5), (2, 0.5), (3, 0.5)')
    shop.attach(session, notify_above="0.8", notify_below="0.1")
    # Scores are set directly here; the model is asked where an input changes.
    session.run(f'update {shop.PROFILE} set "Score" = 0.5, "Version" = 1')
    return session


def test_a_score_that_crosses_is_told_once_at_commit(watched: Session, heard: Heard) -> None:
    heard()
    watched.run(_SCORE, 0.9, 1)
    assert heard() == [{"model": "shop", "key": "1", "score": 0.9, "version": 1}]
    watched.run(_SCORE, 0.95, 1)  # it is above already
    watched.run(_SCORE, 0.8, 1)  # it has gone down, and is not below 0.1
    assert heard() == []
    watched.run(_SCORE, 0.05, 1)
    assert [each["score"] for each in heard()] == [0.05]
    # Several statements: what the transaction leaves, and nothing for there and back.
    watched.run("begin")
    watched.run(_SCORE, 0.9, 2)
    watched.run(_SCORE, 0.4, 2)
    watched.run(_SCORE, 0.9, 3)
    watched.run(_SCORE, 0.01, 3)
    watched.run(_SCORE, 0.97, 3)
    watched.run(_SCORE, 0.96, 3)
    assert heard() == []
    watched.run("commit")
    assert [(each["key"], each["score"]) for each in heard()] == [("3", 0.96)]
    # From above, away and back.
    watched.run("begin")
    watched.run(_SCORE, 0.5, 3)
    watched.run(_SCORE, 0.99, 3)
    watched.run("commit")
    watched.run("begin")
    watched.run(_SCORE, 0.99, 2)
    watched.run("rollback")
    watched.run("begin")
    watched.run("savepoint one")
    watched.run(_SCORE, 0.99, 2)
    watched.run("rollback to one")
    watched.run("commit")
    assert heard() == []
    # Rows that come and go.
    watched.run(f'insert into {shop.PROFILE} (id, "Score") values (4, 0.9), (5, 0.5)')
    watched.run(f"delete from {shop.PROFILE} where id = 4")
    assert [(each["key"], each["version"]) for each in heard()] == [("4", None)]
    watched.run("begin")
    watched.run(f'insert into {shop.PROFILE} (id, "Score") values (6, 0.9)')
    watched.run(f"delete from {shop.PROFILE} where id = 6")
    watched.run("commit")
    assert heard() == []
    assert watched.value("select count(*) from pgscore.crossing") == 0


def test_no_score_equality_and_what_is_no_number(watched: Session, heard: Heard) -> None:
    heard()
    # A score that is taken away would be computed anew.
    watched.run(f'alter table {shop.PROFILE} disable trigger "~pgscore_score"')
    for score, told in (
        *((0.8, []), (0.1, []), (None, []), (0.8, []), (None, []), (0.1, [])),
        *((0.9, [0.9]), (None, []), (0.05, [0.05]), (None, []), (0.05, [0.05]), (0.1, [])),
        # PostgreSQL has NaN above all numbers, and so it is told: somebody should look.
        *(("NaN", ["NaN"]), ("Infinity", []), ("NaN", []), ("-Infinity", ["-Infinity"]), ("Infinity", ["Infinity"])),
    ):
        watched.run(_SCORE, score, 1)
        assert [each["score"] for each in heard()] == told, score


def test_a_prepared_transaction_is_prepared_and_tells_nobody(watched: Session, heard: Heard) -> None:
    heard()
    watched.run("begin")
    watched.run(_SCORE, 0.9, 1)
    watched.run("PREPARE /* by a manager of\n transactions */ TRANSACTION 'told'")
    watched.run("commit prepared 'told'")
    assert heard() == []
    assert watched.value("select count(*) from pgscore.crossing") == 0
    # One that only speaks of it is none.
    watched.run(_SCORE + " and note is distinct from 'to prepare a transaction'", 0.9, 2)
    assert [each["key"] for each in heard()] == ["2"]


def test_events_and_rescoring_are_told_like_direct_changes(shopping: Database, heard: Heard) -> None:
    session = shopping.session()
    shop.attach(session, notify_above="0.5")
    session.run(f"insert into {shop.PROFILE} (id) values (1), (2)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id", amount) select g, 1, 9 from generate_series(1, 9) g')
    (found,) = heard()
    assert (found["model"], found["key"], found["version"]) == ("shop", "1", 1)
    assert found["score"] == session.value(f'select "Score" from {shop.PROFILE} where id = 1') > 0.5
    session.run(f'update {shop.PROFILE} set "Age" = 100')
    assert [each["key"] for each in heard()] == ["2"]


def test_keys_of_any_length_and_rows_that_move_fit(shopping: Database, heard: Heard) -> None:
    session = shopping.session()
    session.run('drop schema "Shop" cascade')
    shop.build(session, "text", part="integer", event_part="bigint", profile_partitioned=True)
    shop.attach(session, composite=True, notify_above="0.5", changes="true")
    session.run("set extra_float_digits = 0")
    keys = ("\u20ac" * 800, chr(1) * 1000 + "x" * 500, 'a "quoted"\\ one')
    for number, key in enumerate(keys):
        session.run(f'insert into {shop.PROFILE} (id, part, "Score") values (%s, %s, %s)', key, number, 0.1 + 0.7)
    session.run("reset extra_float_digits")
    for found, number in zip(heard(), range(3), strict=True):
        key, score = session.row(
            f'select array[id, part::text]::text, "Score" from {shop.PROFILE} where part = %s', number
        )
        assert found["score"] == score
        assert found["key"] == (key if len(key.encode()) <= 1000 else key[:1000])
        assert found.get("key_md5") == (None if len(key.encode()) <= 1000 else session.value("select md5(%s)", key))
    # Into another partition, with a score that stays above.
    session.run(f"update {shop.PROFILE} set id = id || 'y' where part = 2")
    session.run("begin")
    session.run(f"""update {shop.PROFILE} set "Score" = 0.2 where part = 2""")
    session.run(f"""update {shop.PROFILE} set "Score" = 0.9 where part = 2""")
    session.run("commit")
    session.run(f'update {shop.PROFILE} set "Score" = 0.3 where part = 2')
    assert [each["key"] for each in heard()] in ([], ['{"a \\"quoted\\"\\\\ oney",2}'])
    assert session.run("select * from pgscore._outdated_bindings()") == []


def test_a_column_that_was_renamed_is_one_sentence(watched: Session) -> None:
    watched.run(f'alter table {shop.PROFILE} rename column "Version" to edition')
    with pytest.raises(psycopg2.Error, match="does not fit its tables any more") as caught:
        watched.run(f'insert into {shop.PROFILE} (id, "Score") values (4, 0.9)')
    assert "reattach" in (caught.value.diag.message_hint or "")
    shop.reattach(watched)
    watched.run(f'insert into {shop.PROFILE} (id, "Score") values (4, 0.9)')
