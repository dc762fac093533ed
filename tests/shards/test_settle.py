"""What a release leaves whose client dies in the middle, and how it is ended: in all databases as in the first."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
import pytest
from pgscore import BusyError, DeniedError, PgscoreError, UnreachableError, database
from pgscore import shards as releases
from pgscore.shards import prepared
from pgscore.shards import shard as member

from tests.support.command import COMMAND, environment, run, run_json
from tests.support.database import OPERATOR, PASSWORD, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database

    from .conftest import Shards

# Promotes, and is killed before the statement that begins so for the third, first, … time.
_KILLED = """
import os, signal, sys
from pgscore.shards import promote_everywhere
from pgscore.shards.shard import Shard

step, number, *dsns = sys.argv[1:]
ran, count = Shard.run, [0]

def run(shard, sql):
    count[0] += sql.startswith(step)
    if count[0] == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    ran(shard, sql)

Shard.run = run
promote_everywhere(dsns, "shop", 2)
"""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who may be alive is waited for."""
    monkeypatch.setattr(prepared, "SECONDS", -1.0)


def _killed(shards: Shards, step: str, number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, step, str(number), *shards.dsns],
        env=environment(""), stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("step", "number", "left", "served"),
    [("prepare", 1, 0, 1), ("prepare", 2, 1, 1), ("commit", 1, 2, 1), ("commit", 2, 1, 2)],
)
def test_what_a_killed_client_left_is_ended_as_the_first_database_has_it(
    step: str, number: int, left: int, served: int, shards: Shards
) -> None:
    _killed(shards, step, number)
    names = [(dsn, name) for dsn, held in zip(shards.dsns, shards.prepared(), strict=True) for name in held]
    assert len(names) == left
    for dsn, name in names:
        (found,) = releases.prepared_releases(dsn)
        assert (found.name, found.what, found.many) == (name, "promote shop 2", 2)
        said = run(dsn, "doctor", "--json", expect=4).stdout
        assert "release-prepared" in said
        assert "pgscore settle, with --dsn for each of the 2 databases, as who began it" in said
        # Events are scored meanwhile, by the version before.
        session = shards.sessions[shards.dsns.index(dsn)]
        session.run('insert into "Shop"."Customer" (id) values (7)')
    assert [each.committed for each in releases.settle(shards.dsns)] == [served == 2] * left
    assert (shards.serving(), shards.prepared()) == ([served, served], [[], []])
    assert releases.settle(shards.dsns) == []


def test_the_same_command_given_again_ends_what_it_left_and_does_its_work(shards: Shards) -> None:
    _killed(shards, "commit", 1)
    said = run("", "promote", "shop", "2", *shards.named).stdout
    assert said.count("promote shop 2, left prepared in") == said.count("rolled back: no database had it") == 2
    assert "shop version 2 answers now, in 2 databases:" in said
    assert (shards.serving(), shards.prepared()) == ([2, 2], [[], []])
    _killed(shards, "commit", 2)
    assert [each["committed"] for each in run_json("", "settle", *shards.named)["settled"]] == [True]
    assert run("", "settle", *shards.named).stdout == "Nothing was left prepared.\n"


def test_a_release_in_one_database_says_what_stands_in_its_way(shards: Shards) -> None:
    _killed(shards, "commit", 1)
    wait_until(
        shards.sessions[0], "select min(clock_timestamp() - prepared) > '2s' from pg_prepared_xacts", expected=True
    )
    refused = run(shards.dsns[0], "promote", "shop", "2", expect=1).stderr
    assert "promote shop 2 is prepared in 2 databases, this one among them" in refused
    assert "pgscore settle" in refused
    assert shards.serving() == [1, 1]


@contextmanager
def _before(statement: str, number: int, monkeypatch: pytest.MonkeyPatch, shards: Shards) -> Iterator[list[bool]]:
    """Somebody settles before the statement of that number that begins so; what came of it."""
    ran = member.Shard.run
    count = [0]
    ended: list[bool] = []
    meanwhile: list[bool] = []

    def interrupted(shard: member.Shard, sql: str) -> None:
        count[0] += sql.startswith(statement)
        if count[0] == number and sql.startswith(statement) and not meanwhile:
            meanwhile.append(True)
            ended.extend(each.committed for each in releases.settle(shards.dsns))
        ran(shard, sql)

    with monkeypatch.context() as patched:
        patched.setattr(member.Shard, "run", interrupted)
        yield ended


@pytest.mark.usefixtures("at_once")
def test_a_client_that_lives_finds_out_what_somebody_else_has_ended(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    for statement, number, ended in (("commit", 1, [False, False]), ("prepare", 2, [False])):
        with _before(statement, number, monkeypatch, shards) as found:
            with pytest.raises(BusyError, match="somebody has rolled promote shop 2 back"):
                releases.promote_everywhere(shards.dsns, "shop", 2)
            assert found == ended
        assert (shards.serving(), shards.prepared()) == ([1, 1], [[], []])
    with _before("commit", 2, monkeypatch, shards) as found:
        releases.promote_everywhere(shards.dsns, "shop", 2)
        assert found == [True]
    assert (shards.serving(), shards.prepared()) == ([2, 2], [[], []])


@pytest.mark.usefixtures("at_once")
def test_what_could_not_be_taken_back_where_a_server_was_lost_is_never_committed(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, count = member.Shard.run, [0]

    def lost(shard: member.Shard, sql: str) -> None:
        count[0] += sql.startswith("prepare")
        ran(shard, sql)
        if count[0] == 2 and sql.startswith("prepare"):
            # It is prepared, and from now on the server answers nobody.
            monkeypatch.setattr(member, "connect", lambda dsn: _unreachable(dsn, shard.dsn))
            shard.connection.close()
            raise psycopg2.OperationalError

    def _unreachable(dsn: str, gone: str) -> object:
        if dsn == gone:
            raise UnreachableError("gone")
        return connect(dsn)

    connect = database.connect
    monkeypatch.setattr(member, "_PAUSE", 0)
    with monkeypatch.context() as patched:
        patched.setattr(member.Shard, "run", lost)
        with pytest.raises(UnreachableError, match=r"may be prepared in .* and is committed nowhere"):
            releases.promote_everywhere(shards.dsns, "shop", 2)
    monkeypatch.setattr(member, "connect", connect)
    assert sorted(len(names) for names in shards.prepared()) == [0, 1]
    assert [each.committed for each in releases.settle(shards.dsns)] == [False]
    assert (shards.serving(), shards.prepared()) == ([1, 1], [[], []])


@pytest.mark.usefixtures("at_once")
def test_what_cannot_be_decided_is_left_and_said(shards: Shards, shopping: Database) -> None:
    _killed(shards, "commit", 2)
    (left,) = (dsn for dsn, names in zip(shards.dsns, shards.prepared(), strict=True) if names)
    with pytest.raises(BusyError, match="the first of its 2 databases") as caught:
        releases.settle([left])
    assert "oid " in caught.value.hint
    releases.settle(shards.dsns)
    # A server that was restored does not know the transaction.
    (near,) = (each for each in shards.sessions if each.value("select current_database()") == shopping.name)
    identity = near.value(
        "select system_identifier || '-' || (select oid from pg_database where datname = current_database())"
        " from pg_control_system()"
    )
    name = f"pgscore release promote shop 2 ab 2/2 {identity} 99999999999"
    near.run(f"begin; create table later (); prepare transaction '{name}'")
    with pytest.raises(PgscoreError, match=r"cannot say what became of its transaction 99999999999") as unknown:
        releases.settle(shards.dsns)
    assert f"commit prepared '{name}'" in unknown.value.hint
    assert [len(names) for names in shards.prepared()] in ([0, 1], [1, 0])
    with pytest.raises(DeniedError, match="and only postgres or a superuser may end it"):
        releases.settle([shopping.dsn(OPERATOR)])


def test_two_that_name_the_databases_in_opposite_order_end_both(shards: Shards) -> None:
    commands = [
        subprocess.Popen(
            [COMMAND, "promote", "shop", "2", *(f"--dsn={dsn}" for dsn in order)],
            env=environment(""), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for order in (shards.dsns, shards.dsns[::-1])
    ]  # fmt: skip
    said = [command.communicate() for command in commands]
    assert [command.returncode for command in commands] == [0, 0], said
    assert (shards.serving(), shards.prepared()) == ([2, 2], [[], []])


def test_a_version_of_the_same_file_and_another_program_is_refused(shards: Shards) -> None:
    far = shards.sessions[1]
    far.run("set session_replication_role = replica")
    far.run("update pgscore.program set digest = repeat('0', 64) where version = 2")
    far.run("reset session_replication_role")
    refused = run("", "promote", "shop", "2", *shards.named, expect=1).stderr
    assert "version 2 of shop has another program in " in refused
    assert shards.serving() == [1, 1]


def test_a_role_without_the_right_in_one_database_changes_none(shards: Shards, shopping: Database) -> None:
    far = shards.sessions[1]
    far.run(f"create role {OPERATOR} login password '{PASSWORD}'")
    far.run(f"grant pgscore_reader to {OPERATOR}")
    try:
        dsn = f"host=127.0.0.1 port={shards.far.port} dbname=shop_shard user={OPERATOR} password='{PASSWORD}'"
        refused = run("", "promote", "shop", "2", "--dsn", shopping.dsn(OPERATOR), "--dsn", dsn, expect=1).stderr
        assert "/shop_shard: permission denied" in refused
        assert (shards.serving(), shards.prepared()) == ([1, 1], [[], []])
    finally:
        far.run(f"revoke pgscore_reader from {OPERATOR}")
        far.run(f"drop role {OPERATOR}")
