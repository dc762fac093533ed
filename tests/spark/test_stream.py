"""Messages through Spark Structured Streaming: each does what it does once."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pgscore
import pgscore.spark
import pytest
from pgscore.spark.moving import Mover
from pyspark.errors import StreamingQueryException

from tests.bindings import shop
from tests.spark.streams import DEFINITION, REDUCERS, dead_letters, events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from tests.spark.streams import Stream


@pytest.mark.parametrize("into", ["events", "profile"])
def test_each_message_counts_once(stream: Stream, into: str) -> None:
    sent = events(300)
    stream.send(sent[:200])
    batches = stream.run(into, batch=120)
    assert sum(each.stored for each in batches) == 200
    assert len(batches) > 1
    assert {each.version for each in batches} == {1 if into == "profile" else None}
    stream.assert_right(into, sent[:200])
    # A query that is started again.
    stream.send(sent[200:])
    assert [each.stored for each in stream.run(into)] == [100]
    stream.assert_right(into, sent)
    # One with an empty checkpoint.
    assert [each.messages for each in stream.run(into, checkpoint=str(stream.place / "other"))] in ([], [0])
    stream.assert_right(into, sent)


@pytest.mark.parametrize("into", ["events", "profile"])
def test_what_is_no_event(stream: Stream, into: str) -> None:
    sent = events(30)
    missing = {**sent[0], "id": 501, "Customer Id": "no number"}
    wrong = {**sent[1], "id": 502, "at": "never"}
    stream.send([*sent[:10], b"{", wrong, b"\xff", *sent[10:20], b"[1]", None, missing, *sent[20:]])
    (batch,) = stream.run(into)
    assert (batch.messages, batch.stored, batch.dead) == (36, 30, 6)
    stream.assert_right(into, sent)
    found = dead_letters(stream.broker, stream.dead, 6)
    assert {headers["pgscore-topic"] for _, headers in found} == {stream.events}
    assert len({(headers["pgscore-partition"], headers["pgscore-offset"]) for _, headers in found}) == 6
    reasons = {value: headers["pgscore-reason"] for value, headers in found}
    assert reasons[None] == "it has no value"
    assert reasons[b"[1]"] == "it is no object with names, but of type list"
    assert reasons[b"{"].startswith("it cannot be read: Expecting property name")
    assert "invalid start byte" in reasons[b"\xff"]
    assert "never" in reasons[json.dumps(wrong).encode()]
    assert "no number" in reasons[json.dumps(missing).encode()]


def _dies_once(place: Path) -> Callable[[bytes], dict[str, Any]]:
    """What makes events of messages, and kills the first worker that asks for one."""

    def decode(value: bytes) -> dict[str, Any]:
        try:
            place.touch(exist_ok=False)
        except FileExistsError:
            found: dict[str, Any] = json.loads(value)
            return found
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return decode


@pytest.mark.parametrize("into", ["events", "profile"])
def test_a_task_fails_and_a_batch_is_replayed(stream: Stream, into: str) -> None:
    sent = events(40)
    stream.send(sent)
    (batch,) = stream.run(into, decode=_dies_once(stream.place / "dead"))
    assert (stream.place / "dead").exists()
    assert batch.stored == 40
    stream.assert_right(into, sent)
    # As Spark finds it where its driver dies behind the database's commit.
    for name in ("0", ".0.crc"):
        (stream.place / "checkpoint" / "commits" / name).unlink()
    assert stream.run(into) == [pgscore.spark.Batch(0, 40, known=40)]
    stream.assert_right(into, sent)
    # The database of another day: what it lacks is not passed over.
    stream.session.run("delete from pgscore.stream_batch")
    stream.send(events(1, 41))
    with pytest.raises(StreamingQueryException, match=r"goes on at batch 1, and this database has stored no batch"):
        stream.run(into)
    # An empty checkpoint goes on where the database is.
    assert [each.stored for each in stream.run(into, checkpoint=str(stream.place / "other"))] == [1]
    stream.assert_right(into, [*sent, *events(1, 41)])


def test_somebody_changes_profiles_meanwhile(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(events(50))
    reads: list[bool] = []
    read = Mover.read

    def interfering(*given: Any, lock: bool = False) -> Any:  # noqa: ANN401
        found = read(*given, lock=lock)
        reads.append(lock)
        if not lock:
            stream.session.run(f'update {shop.PROFILE} set "Age" = 77 where id = 3')
        return found

    monkeypatch.setattr(Mover, "read", interfering)
    (batch,) = stream.run("profile")
    assert reads == [False, True]
    assert (batch.stored, batch.version) == (50, 1)
    assert stream.session.value(f'select "Age" from {shop.PROFILE} where id = 3') == 77
    stream.assert_right("profile", events(50))


def test_what_cannot_be_streamed(stream: Stream, spark: SparkSession) -> None:
    refused: list[tuple[dict[str, Any], type[pgscore.PgscoreError], str]] = [
        ({"topics": ["nothing"]}, pgscore.NotFoundError, "there is no topic nothing"),
        ({"topics": []}, pgscore.PgscoreError, "no topic is named"),
        ({"model": "nothing"}, pgscore.NotFoundError, "is unknown"),
        ({"into": '"Shop".nothing'}, pgscore.NotFoundError, "there is no table"),
        ({"into": None}, pgscore.PgscoreError, "into an event table, or by a definition"),
        ({"definition": DEFINITION}, pgscore.PgscoreError, "into an event table, or by a definition"),
        ({"into": None, "definition": DEFINITION}, pgscore.PgscoreError, 'column "Total" .* is moved by the binding'),
        ({"into": None, "definition": {}}, pgscore.PgscoreError, "the definition has no profile"),
        ({"into": None, "definition": "nothing.json"}, pgscore.PgscoreError, "nothing.json cannot be read"),
        ({"into": None, "definition": DEFINITION | {"profile": "a"}}, pgscore.NotFoundError, "there is no table a"),
        ({"dead_letters": stream.events}, pgscore.PgscoreError, "dead letters would go to a topic that is read"),
        ({"dead_letters": ""}, pgscore.PgscoreError, "no topic is named for dead letters"),
        ({"group": ""}, pgscore.PgscoreError, "the query has no name"),
        ({"batch": 0}, pgscore.PgscoreError, "1 is the least"),
        ({"options": {"startingOffsets": "latest"}}, pgscore.PgscoreError, "one that the query sets itself"),
        ({"dsn": "postgresql://127.0.0.1:1/nothing"}, pgscore.UnreachableError, "cannot be reached"),
    ]
    for given, error, message in refused:
        with pytest.raises(error, match=message):
            pgscore.spark.stream(spark, **(stream.options("events") | given))
    with pytest.raises(pgscore.PgscoreError, match="nothing is given for Spark's session"):
        pgscore.spark.stream(None, **stream.options("events"))
    # A topic of the same name is another one.
    stream.send(events(5))
    assert [each.stored for each in stream.run("events")] == [5]
    admin = stream.broker.admin()
    admin.delete_topics([stream.events])[stream.events].result(60)
    stream.broker.create(stream.events)
    with pytest.raises(pgscore.PgscoreError, match="was made anew since group shop read it"):
        stream.run("events", checkpoint=str(stream.place / "other"))


@pytest.mark.parametrize("way", ["insert", "error"])
def test_profiles_that_are_not_there(stream: Stream, way: str) -> None:
    sent, gone = events(40), [1, 2]
    path = stream.place / "definition.json"
    path.write_text(json.dumps(DEFINITION | {"on_missing": way}))
    stream.session.run(f"delete from {shop.PROFILE} where id = any (%s)", gone)
    # Counters begin at 0 by themselves.
    stream.session.run(f"alter table {shop.PROFILE} alter n drop default")
    left = [each for each in sent if way == "insert" or each["Customer Id"] not in gone]
    assert len(left) < 40 or way == "insert"
    stream.send(sent)
    (batch,) = stream.run("profile", definition=path)
    assert (batch.messages, batch.stored, batch.dead, batch.unmatched) == (40, len(left), 40 - len(left), 0)
    if way == "error":
        found = dead_letters(stream.broker, stream.dead, batch.dead)
        assert {headers["pgscore-reason"] for _, headers in found} <= {
            f'there is no profile ["{number}"]' for number in gone
        }
    stream.assert_right("profile", left, profiles=20 if way == "insert" else 18)


def test_a_binding_is_attached_meanwhile(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(events(50))
    read = Mover.read

    def attaching(*given: Any, lock: bool = False) -> Any:  # noqa: ANN401
        shop.attach(stream.session, reducers=REDUCERS)
        return read(*given, lock=lock)

    options = stream.options("profile")
    with monkeypatch.context() as patch:
        patch.setattr(Mover, "read", attaching)
        query = pgscore.spark.stream(stream.spark, **options)
        with pytest.raises(StreamingQueryException, match="is moved by the binding"):
            query.awaitTermination()
    assert stream.session.value(f"select sum(n) from {shop.PROFILE}") == 0
    assert stream.session.value("select count(*) from pgscore.stream_batch") == 0
    # It goes on where that is detached.
    (batch,) = stream.run("profile")
    assert batch.stored == 50
    stream.assert_right("profile", events(50))


def test_fields_that_are_not_there_and_rows_that_the_model_refuses(stream: Stream) -> None:
    session = stream.session
    options = stream.options("profile")
    session.run(f'alter table {shop.PROFILE} alter "Age" drop not null, add at timestamptz')
    session.run(f'update {shop.PROFILE} set "Age" = null where id = 3')
    stream.send([{"Customer Id": 3, "rush": True}, {"Customer Id": 3}, {"Customer Id": None}])
    definition = options["definition"] | {"scored_at": "at"}
    (batch,) = stream.run("profile", definition=definition)
    assert (batch.stored, batch.dead, batch.unmatched, batch.profiles) == (1, 1, 1, 1)
    ((_, headers),) = dead_letters(stream.broker, stream.dead, 1)
    assert '"rush"' in headers["pgscore-reason"]
    stored = session.run(f'select id, n, "Score", "Version" from {shop.PROFILE} where at is not null')
    assert stored == [(3, 1, None, 1)]
    # Where nobody asks for scores, counters move alone.
    bare = {name: each for name, each in definition.items() if name not in ("score", "version", "scored_at")}
    stream.send([{"Customer Id": 4, "rush": True}])
    score = session.row(f'select "Score", 1, at from {shop.PROFILE} where id = 4')
    assert [each.stored for each in stream.run("profile", definition=bare)] == [1]
    assert session.row(f'select "Score", n, at from {shop.PROFILE} where id = 4') == score
