"""`pgscore listen`: what is told reaches people and programs, at least once, whatever is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pgscore import doctor
from pgscore.changes import why_silent

from examples.server.cluster import PrivateCluster
from tests.bindings import shop
from tests.support import migrate
from tests.support.command import COMMAND, environment, run
from tests.support.database import NOBODY, OPERATOR, Database, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Session

_SCORE = f'update {shop.PROFILE} set "Score" = %s where id = %s'
# What listens, seen from the server.
_LISTENERS = (
    "select count(*)::integer from pg_stat_activity where application_name = 'pgscore' and datname = current_database()"
)
_LISTENING = f"{_LISTENERS} and query = 'listen pgscore'"
_TERMINATE = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where application_name = 'pgscore' and datname = current_database() and pid <> pg_backend_pid()"
)
_ALL_READ = (
    "select c.position = (select max(s.position) from pgscore.score_changes(up_to => 10000) s)"
    " from pgscore.change_consumer c"
)
# Notes what it was given; fails while there is a file that says so.
_PROGRAM = """
import json, os, sys
file, key = sys.argv[1:3]
if os.path.exists(file + ".fails"):
    os.unlink(file + ".fails")
    sys.exit(7)
with open(file, "a") as notes:
    notes.write(json.dumps([sys.argv[2:], json.load(sys.stdin)]) + "\\n")
if key == os.environ.get("WAITS_AT"):
    print("waits", flush=True)
    sys.stdin = open(file + ".pipe")
    sys.stdin.read()
"""


@pytest.fixture
def told(shopping: Database) -> Session:
    """Tables that tell everything, with three customers whose first scores were told."""
    session = shopping.session()
    _tell(session)
    return session


def _tell(session: Session) -> None:
    shop.attach(session, changes="true", notify_above="0.8")
    session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 3)")


class Listener:
    """A running `pgscore listen`."""

    def __init__(self, dsn: str, *arguments: str | Path, **variables: str) -> None:
        self.process = subprocess.Popen(
            [COMMAND, "listen", *arguments],
            env={**environment(dsn), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # What hangs is to fail.
        self._limit = threading.Timer(60, self.process.kill)
        self._limit.start()

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip()

    def complaint(self) -> str:
        """The next line on stderr."""
        assert self.process.stderr
        return self.process.stderr.readline().rstrip()

    def end(self, number: int = signal.SIGTERM) -> str:
        """Ends it, cleanly; what it printed meanwhile."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self, code: int = 0) -> str:
        """What it printed until its end."""
        out, err = self.process.communicate()
        self._limit.cancel()
        assert self.process.returncode == code, (self.process.returncode, err)
        return out


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A command that notes the key, the score and the payload in `notes`."""
    file = tmp_path / "program.py"
    file.write_text(_PROGRAM)
    return f"{sys.executable} {file} {tmp_path / 'notes'} {{key}} {{score}} '{{model}} {{version}}'"


def _notes(folder: Path) -> list[Any]:
    file = folder / "notes"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _keys(folder: Path) -> list[str]:
    return [arguments[0] for arguments, _ in _notes(folder)]


def _positions(session: Session) -> list[tuple[Any, ...]]:
    return session.run("select name, position from pgscore.change_consumer")


def test_crossings_are_printed_for_people_and_for_programs(told: Session, shopping: Database) -> None:
    people, programs = Listener(shopping.dsn()), Listener(shopping.dsn(), "--json", "--model", "shop")
    wait_until(told, _LISTENING, 2)
    told.run("notify pgscore, 'anything'; notify pgscore, '{}'")
    told.run(_SCORE, 0.9, 1)
    told.run(f'update {shop.PROFILE} set "Score" = 0.5 where id = 1')
    told.run(f'update {shop.PROFILE} set "Score" = \'Infinity\', "Version" = 7 where id = 2')
    assert people.line() == "shop 1: 0.9 (version 1)"
    assert people.line() == "shop 2: Infinity (version 7)"
    assert json.loads(programs.line()) == {"model": "shop", "key": "1", "score": 0.9, "version": 1}
    assert json.loads(programs.line())["score"] == "Infinity"
    # A session that the server ends is made anew.
    told.run(_TERMINATE)
    for each in (people, programs):
        assert "was lost" in each.complaint()
    wait_until(told, _LISTENING, 2)
    told.run(f'update {shop.PROFILE} set "Score" = 0.85 where id = 3')
    assert people.line() == "shop 3: 0.85 (version 1)"
    assert people.end(signal.SIGINT) == ""
    assert json.loads(programs.end())["key"] == "3"


def test_the_outbox_is_printed_from_where_it_was_left(told: Session, shopping: Database, tmp_path: Path) -> None:
    kept = ("--position-file", tmp_path / "position", "--once")
    first = run(shopping.dsn(), "listen", *kept).stdout.splitlines()
    assert [line.split(":")[0] for line in first] == ["shop 1", "shop 2", "shop 3"]
    assert first[0].startswith("shop 1: no score -> ")
    assert run(shopping.dsn(), "listen", *kept).stdout == ""
    told.run(_SCORE, 0.25, 2)
    (line,) = run(shopping.dsn(), "listen", *kept, "--json").stdout.splitlines()
    found = json.loads(line)
    assert (found["key"], found["score"], found["version"], found["binding"]) == ("2", 0.25, 1, shop.EVENTS)
    assert found["position"] == (tmp_path / "position").read_text().strip()
    assert [each.name for each in tmp_path.iterdir()] == ["position"]
    # Kept in the database, for each role on its own.
    for user, many in ((None, 4), (OPERATOR, 4), (None, 0)):
        done = run(shopping.dsn(user), "listen", "--consumer", "crm", "--once", "--model", "shop")
        assert len(done.stdout.splitlines()) == many
    assert run(shopping.dsn(), "listen", "--consumer", "new", "--once", "--from-now").stdout == ""
    assert [name for name, _ in _positions(told)] == ["crm", "crm", "new"]
    told.run(_SCORE, 0.125, 3)
    assert len(run(shopping.dsn(), "listen", "--consumer", "new", "--once").stdout.splitlines()) == 1


def test_a_program_is_run_for_each_and_again_where_it_fails(
    told: Session, shopping: Database, tmp_path: Path, program: str
) -> None:
    (tmp_path / "notes.fails").touch()
    once = ("listen", "--consumer", "crm", "--once", "--command", program)
    done = run(shopping.dsn(), *once)
    assert "failed with exit code 7, for shop 1; once more in 1 s" in done.stderr
    assert done.stdout == ""
    assert _keys(tmp_path) == ["1", "2", "3"]
    (arguments, payload), *_ = _notes(tmp_path)
    assert arguments == ["1", str(payload["score"]), "shop 1"]
    assert payload.keys() == {"position", "binding", "model", "key", "former", "score", "version", "at"}
    told.run(_SCORE, 0.9, 3)
    told.run(f"update {shop.PROFILE} set id = 77 where id = 2")
    # One that goes on failing ends it, and is begun with by the next.
    (tmp_path / "notes.fails").touch()
    failed = run(shopping.dsn(), *once, "--tries", "1", expect=1)
    assert "failed with exit code 7, for shop 3" in failed.stderr
    run(shopping.dsn(), *once)
    assert _keys(tmp_path)[3:] == ["3", "2", "77"]
    assert _notes(tmp_path)[4][0][1] == ""
    assert run(shopping.dsn(), *once).stderr == ""


def test_it_ends_after_the_one_at_which_it_is(told: Session, shopping: Database, tmp_path: Path, program: str) -> None:
    os.mkfifo(tmp_path / "notes.pipe")
    arguments = ("--consumer", "crm", "--command", program)
    listener = Listener(shopping.dsn(), *arguments, WAITS_AT="2")
    assert listener.line() == "waits"
    listener.process.send_signal(signal.SIGINT)
    (tmp_path / "notes.pipe").write_text("go on")
    assert listener.ended() == ""
    # The second is done with, and not run again. Once more asked, the program ends too, and is run again the next time.
    listener = Listener(shopping.dsn(), *arguments, WAITS_AT="3")
    assert listener.line() == "waits"
    ((_, before),) = _positions(told)
    listener.process.send_signal(signal.SIGTERM)
    wait_until_asked = Listener(shopping.dsn(), "--from-outbox", "--once")
    wait_until_asked.ended()
    assert listener.end(signal.SIGTERM) == ""
    assert _positions(told) == [("crm", before)]
    run(shopping.dsn(), "listen", *arguments, "--once")
    assert _keys(tmp_path) == ["1", "2", "3", "3"]


def test_nothing_is_lost_with_a_connection(told: Session, shopping: Database, tmp_path: Path, program: str) -> None:
    os.mkfifo(tmp_path / "notes.pipe")
    listener = Listener(shopping.dsn(), "--consumer", "crm", "--command", program, "--interval", "0.05", WAITS_AT="2")
    assert listener.line() == "waits"
    told.run(_TERMINATE)
    told.run(_SCORE, 0.9, 1)
    (tmp_path / "notes.pipe").write_text("go on")
    assert "was lost" in listener.complaint()
    wait_until(told, _ALL_READ, True)
    assert listener.end() == ""
    # What was done when the connection was lost is not done again.
    assert _keys(tmp_path) == ["1", "2", "3", "1"]


def test_who_will_be_told_nothing_is_told_that(told: Session, shopping: Database) -> None:
    told.run(f"grant pgscore_reader to {NOBODY}")
    try:
        done = run(shopping.dsn(NOBODY), "listen", "--from-outbox", "--once")
        assert (done.stdout, "no binding tells changes that this role may read" in done.stderr) == ("", True)
    finally:
        told.run(f"revoke pgscore_reader from {NOBODY}")
    for user in (shop.OWNER, OPERATOR):
        assert why_silent(shopping.dsn(user)) is None
    assert why_silent(shopping.dsn(), "shop", outbox=False) is None
    assert 'no binding of model "other" notifies' in str(why_silent(shopping.dsn(), "other", outbox=False))


def test_a_program_that_hangs_is_ended(told: Session, shopping: Database, tmp_path: Path) -> None:
    hangs = f"sh -c 'echo {{key}} >> {tmp_path / 'begun'}; exec sleep 1000'"
    once = ("listen", "--consumer", "crm", "--once", "--command", hangs, "--timeout", "0.2")
    failed = run(shopping.dsn(), *once, "--tries", "2", expect=1)
    assert "sh took longer than 0.2 s, and was ended, for shop 1; once more in 1 s" in failed.stderr
    assert (tmp_path / "begun").read_text() == "1\n1\n"
    assert _positions(told) == []


def test_who_lags_behind_what_is_pruned_is_told(told: Session, shopping: Database) -> None:
    lags = ("listen", "--consumer", "lags", "--once")
    run(shopping.dsn(), *lags)
    told.run(_SCORE, 0.5, 1)
    told.run("update pgscore.score_change set at = now() - interval '40 days'")
    told.run("select pgscore._make_partitions('score_change', '1 day', 0)")
    told.run("select pgscore.prune_score_changes('30 days')")
    assert "were pruned before they were read" in run(shopping.dsn(), *lags, expect=1).stderr
    (finding,) = [each for each in doctor.examine(shopping.dsn()) if each.code == "consumer-refused"]
    assert finding.remedy == "delete from pgscore.change_consumer where name = 'lags';"
    told.run(finding.remedy)
    assert run(shopping.dsn(), *lags, "--from-now").stdout == ""


@pytest.fixture
def restarted() -> Iterator[tuple[PrivateCluster, Database]]:
    """The shop in a cluster of its own, as a restart ends everybody's sessions."""
    with PrivateCluster() as cluster:
        migrate.upgrade(cluster.dsn(), "core@head")
        database = Database(cluster, "postgres")
        shop.build(database.session())
        shop.publish(database.dsn(), None)
        _tell(database.session())
        yield cluster, database
        database.close()


def test_it_goes_on_after_a_restart_of_the_server(restarted: tuple[PrivateCluster, Database]) -> None:
    cluster, shopping = restarted
    told = shopping.session()
    crossings = Listener(shopping.dsn())
    changes = Listener(shopping.dsn(), "--consumer", "crm", "--interval", "0.05")
    assert [changes.line().split(":")[0] for _ in range(3)] == ["shop 1", "shop 2", "shop 3"]
    wait_until(told, _LISTENING, 1)
    cluster.restart()
    for each in (crossings, changes):
        assert "was lost" in each.complaint()
    session = shopping.session()
    wait_until(session, _LISTENING, 1)
    session.run(_SCORE, 0.9, 2)
    assert crossings.line() == "shop 2: 0.9 (version 1)"
    assert changes.line().startswith("shop 2: ")
    assert crossings.end() == changes.end() == ""


def test_wrong_usage_and_positions_that_cannot_be_gone_on_from(
    told: Session, shopping: Database, tmp_path: Path
) -> None:
    dsn = shopping.dsn()
    for arguments, said in (
        (("--consumer", "a", "--position-file", "b"), "not by both"),
        (("--once",), "are for the outbox"),
        (("--command", "run {former}"), "{former} is none of {model}, {key}, {score}, {version}"),
        (("--command", "'run"), "No closing quotation"),
    ):
        assert said in run(dsn, "listen", *arguments, expect=2).stderr
    kept = tmp_path / "position"
    line = told.value("select pgscore.score_change_horizon()").partition("/")[0]
    for held, said in (
        ("9/9", "holds no position"),
        ("00000000.1/9/1", "was read from another database"),
        (f"{line}/999999999/1", "is ahead of this database"),
    ):
        kept.write_text(held)
        assert said in run(dsn, "listen", "--position-file", kept, "--once", expect=1).stderr
    kept.unlink()
    for file, said in ((tmp_path, "cannot be read"), (tmp_path / "none" / "file", "cannot be written")):
        assert said in run(dsn, "listen", "--position-file", file, "--once", expect=1).stderr
    nothing = run(dsn, "listen", "--from-outbox", "--once", "--command", "/no/such/program {key}", expect=1).stderr
    assert "/no/such/program cannot be run" in nothing
    # Two for one consumer: the later one is told.
    run(dsn, "listen", "--consumer", "crm", "--once")
    listener = Listener(dsn, "--consumer", "crm", "--interval", "0.05")
    told.run(_SCORE, 0.1, 2)
    assert listener.line()
    # It has read its position, and moved on.
    wait_until(told, _ALL_READ, True)
    told.run("update pgscore.change_consumer set position = '0/1'")
    told.run(_SCORE, 0.9, 1)
    assert "somebody else has moved the consumer crm" in listener.complaint()
    listener.ended(1)
