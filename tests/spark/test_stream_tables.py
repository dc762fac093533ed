"""Straight to profiles: what the database makes of rows itself, versions to come, databases that are away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pgscore.spark
import pytest
from pgscore.spark.batches import Batches
from pgscore.spark.moving import Mover
from pyspark.errors import StreamingQueryException

from tests.bindings import shop
from tests.spark.streams import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.spark.streams import Stream

# Each makes the age, which the model reads, of what messages move.
_CHANGES = {
    "generated": f"""
        alter table {shop.PROFILE} drop column "Age",
            add "Age" numeric generated always as (3 * n - "Total" / 7) stored
    """,
    "deferred": f"""
        create function "Shop".aging() returns trigger language plpgsql as
            'begin update "Shop"."Customer" set "Age" = 3 * n where id = new.id and "Age" <> 3 * n; return null; end';
        create constraint trigger aging after update on {shop.PROFILE} deferrable initially deferred
            for each row execute function "Shop".aging()
    """,
}
_WRONG = f"""
    select count(*) from {shop.PROFILE} p
    where "Version" is distinct from 1 or not coalesce(abs("Score" - pgscore.score('shop', p)) < 1e-12, false)
"""


@pytest.mark.parametrize("change", _CHANGES)
def test_what_the_database_makes_of_a_row_is_scored(stream: Stream, change: str) -> None:
    options = stream.options("profile")
    shop.run_as_owner(stream.session, _CHANGES[change])
    stream.send(events(200))
    assert [each.stored for each in stream.run("profile", definition=options["definition"])] == [200]
    assert stream.session.value(_WRONG) == 0
    stream.assert_right("profile", events(200))


def test_profiles_move_unscored_until_a_version_answers(stream: Stream) -> None:
    stream.options("profile")
    session = stream.session
    session.run(f'update {shop.PROFILE} set "Score" = null, "Version" = null')
    # As it was before the first promotion.
    session.run("set session_replication_role = replica")
    session.run("create table public.answered as select * from pgscore.model")
    session.run("update pgscore.model set serving = null, one_engine = null, many_engine = null")
    stream.send(events(60))
    (batch,) = stream.run("profile")
    assert (batch.stored, batch.profiles > 0, batch.version) == (60, True, None)
    assert session.row(f'select sum(n), count("Score"), count("Version") from {shop.PROFILE}') == (60, 0, 0)
    session.run(
        "update pgscore.model m set (serving, one_engine, many_engine) = (a.serving, a.one_engine, a.many_engine)"
        " from public.answered a where a.name = m.name"
    )
    session.run("set session_replication_role = origin")
    stream.send(events(200, 61))
    (batch,) = stream.run("profile")
    assert (batch.stored, batch.version) == (200, 1)
    assert session.value(_WRONG) == 0
    stream.assert_right("profile", events(260))


def _away(stream: Stream, monkeypatch: pytest.MonkeyPatch, waits: Callable[[], None]) -> None:
    """Has the database go away while the first batch is read; `waits` is called when the query waits for it."""
    read, wait, gone = Mover.read, Batches._wait, threading.Event()

    def reading(*given: Any, lock: bool = False) -> Any:  # noqa: ANN401
        if not gone.is_set():
            gone.set()
            stream.session.run(f"alter database {stream.session.value('select current_database()')} connection limit 0")
            stream.session.run(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'pgscore' and datname = current_database()"
            )
        return read(*given, lock=lock)

    def waiting(*given: Any) -> None:  # noqa: ANN401
        waits()
        wait(*given)

    monkeypatch.setattr(Mover, "read", reading)
    monkeypatch.setattr(Batches, "_wait", waiting)


def test_a_database_that_is_away_is_waited_for(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stream.session.value("select current_database()")
    tries: list[None] = []

    def waits() -> None:
        tries.append(None)
        if len(tries) == 2:
            stream.session.run(f"alter database {name} connection limit -1")

    _away(stream, monkeypatch, waits)
    stream.send(events(50))
    (batch,) = stream.run("profile")
    assert (batch.stored, len(tries)) == (50, 2)
    stream.assert_right("profile", events(50))


def test_a_query_that_waits_for_the_database_can_be_stopped(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stream.session.value("select current_database()")
    waits = threading.Event()
    _away(stream, monkeypatch, waits.set)
    stream.send(events(50))
    query = pgscore.spark.stream(stream.spark, **stream.options("profile") | {"until_now": False})
    assert waits.wait(60)
    query.stop()
    assert not query.isActive
    monkeypatch.undo()
    stream.session.run(f"alter database {name} connection limit -1")
    assert [each.stored for each in stream.run("profile")] == [50]
    stream.assert_right("profile", events(50))


def test_a_trigger_that_keeps_a_row_ends_the_query(stream: Stream) -> None:
    stream.options("profile")
    shop.run_as_owner(
        stream.session,
        f"""create function "Shop".keeping() returns trigger language plpgsql as
            'begin if new.id = 3 then return null; end if; return new; end';
            create trigger keeping before update on {shop.PROFILE} for each row execute function "Shop".keeping()""",
    )
    stream.send(events(60))
    with pytest.raises(StreamingQueryException, match="keeps rows from being changed"):
        stream.run("profile")
    assert stream.session.value(f"select sum(n) from {shop.PROFILE}") == 0
