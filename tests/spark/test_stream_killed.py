"""A driver is killed at each step, with all that it has started; the query goes on where the database is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bindings import shop
from tests.spark.streams import events

if TYPE_CHECKING:
    from tests.spark.streams import Stream
    from tests.support.database import Session

_PATIENCE = 240
_ROOT = Path(__file__).parents[2]
# Whether the batch is stored when the driver dies there, and what it waits for to be killed.
_STEPS = {
    "while workers read": (False, None),
    "while the database stores": (False, "advisory"),
    "while the database commits": (True, "SyncRep"),
    "behind the commit": (True, None),
}
_WAITS = """
create function "Shop".wait() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(1);
    return null;
end
$$;
create trigger waits before insert or update on {table} execute function "Shop".wait()
"""
# What is committed, and not said to be, since a standby that is not there has yet to confirm it.
_STANDBY = ("alter system set synchronous_standby_names = 'nobody'", "select pg_reload_conf()")
_NO_STANDBY = ("alter system reset synchronous_standby_names", "select pg_reload_conf()")
_WAITING = """
    select count(*) = 1 from pg_stat_activity
    where application_name = 'pgscore' and datname = current_database() and wait_event = %s
"""
_DRIVERS = (
    "select count(*) = 0 from pg_stat_activity where application_name = 'pgscore' and datname = current_database()"
)


@pytest.mark.parametrize("into", ["events", "profile"])
def test_a_driver_is_killed(stream: Stream, into: str, tmp_path: Path) -> None:
    observer = stream.session
    shop.run_as_owner(observer, _WAITS.format(table=shop.EVENTS if into == "events" else shop.PROFILE))
    sent = events(200)
    observer.run("set synchronous_commit = local")
    for number, (step, (is_stored, waits)) in enumerate(_STEPS.items()):
        before = _done(observer)
        stream.send(sent[50 * number : 50 * number + 50])
        _killed(stream, into, step, waits, tmp_path)
        assert (_done(observer) == before + 50) == is_stored, step
        batches = stream.run(into)
        assert sum(each.stored for each in batches) == (0 if is_stored else 50), step
        assert sum(each.known for each in batches) == (50 if is_stored else 0), step
        stream.assert_right(into, sent[: 50 * number + 50])


def _done(session: Session) -> int:
    """How many messages are done."""
    return int(session.value(f"select sum(n) from {shop.PROFILE}"))


def _killed(stream: Stream, into: str, step: str, waits: str | None, folder: Path) -> None:
    """Runs a driver until it is dead, and nothing of it runs in the database any more."""
    observer = stream.session
    options = {"options": stream.options(into), "step": step, "folder": str(folder)}
    for statement in {"advisory": ["select pg_advisory_lock(1)"], "SyncRep": _STANDBY}.get(waits or "", ()):
        observer.run(statement)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.spark.driver", json.dumps(options)],
            cwd=_ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        if waits is not None:
            _wait(observer, _WAITING, waits)
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(_PATIENCE) == -signal.SIGKILL, (folder / "log").read_text()[-3000:]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        for statement in {"advisory": ["select pg_advisory_unlock(1)"], "SyncRep": _NO_STANDBY}.get(waits or "", ()):
            observer.run(statement)
    _wait(observer, _DRIVERS)


def _wait(observer: Session, condition: str, *parameters: object) -> None:
    """Waits for what takes as long as a session of Spark's takes to start, and leaves it the processor."""
    deadline = time.monotonic() + _PATIENCE
    while not observer.value(condition, *parameters):
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)
