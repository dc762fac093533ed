"""Exports that die leave the last good one, and nothing that looks whole."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from pgscore import PgscoreError, UnreachableError
from pgscore.export import export_scores

from examples.server.cluster import PrivateCluster
from tests.support.command import COMMAND, environment

from . import world
from .servers import QUOTED, SECRET, mariadb_server, redis_server, ssh_server, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgscore.progress import Step

    from tests.support.database import Database, Session


def _at_the_second_batch(act: Callable[[], object]) -> Step:
    acted: list[int] = []

    def step(text: str, done: int | None = None, total: int | None = None) -> None:
        if text == "exporting" and done and done > 2000 and not acted:
            acted.append(done)
            act()

    return step


def _end_the_export(session: Session) -> None:
    session.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgscore'")


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_a_file_stays_as_it_was(reader: str, session: Session, tmp_path: Path) -> None:
    place = tmp_path / "scores.csv"
    export_scores(reader, "shop", str(place))
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    world.change(session, 1)
    with pytest.raises(UnreachableError, match="the connection to the database was lost"):
        export_scores(
            reader, "shop", str(place), retries=0, progress=_at_the_second_batch(lambda: _end_the_export(session))
        )
    with pytest.raises(KeyboardInterrupt):
        export_scores(reader, "shop", str(place), progress=_at_the_second_batch(_interrupt))
    with pytest.raises(UnreachableError):
        export_scores(
            reader,
            "shop",
            str(place),
            workers=3,
            retries=0,
            progress=_at_the_second_batch(lambda: _end_the_export(session)),
        )
    with pytest.raises(KeyboardInterrupt):
        export_scores(reader, "shop", str(place), workers=3, progress=_at_the_second_batch(_interrupt))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    # What passes is tried again, from the beginning.
    done = export_scores(
        reader, "shop", str(place), retries=1, progress=_at_the_second_batch(lambda: _end_the_export(session))
    )
    assert done.rows == world.ROWS
    assert place.read_bytes().count(b"\n") == world.ROWS + 1
    assert place.read_bytes() != before["scores.csv"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_disk_that_is_full(reader: str, session: Session, tmp_path: Path) -> None:
    place = tmp_path / "scores.csv"
    place.write_text("the former one")
    limited = subprocess.run(
        ["bash", "-c", 'ulimit -f 50; exec "$@"', "-", COMMAND, "export", "shop", "--to", place],
        env=environment(reader),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (limited.returncode, "there is no room for" in limited.stderr) == (1, True), limited.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["scores.csv"]
    assert place.read_text() == "the former one"
    if os.geteuid() == 0:
        small = tmp_path / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
        try:
            with ssh_server() as ssh:
                for to in (str(small / "x.csv"), ssh.url(small / "x.csv")):
                    with pytest.raises(PgscoreError, match=r"there is no room|cannot be written"):
                        export_scores(reader, "shop", to, retries=0)
                    assert list(small.iterdir()) == []
        finally:
            subprocess.run(["umount", small], check=True)


def test_servers_that_are_killed(reader: str, session: Session) -> None:
    session.run("update shop.customer set score = 8 where id = 8")
    other = PrivateCluster()
    with ssh_server() as ssh, redis_server() as cache, mariadb_server() as mariadb, other:
        place = ssh.home / "scores.csv"
        place.write_text("the former one")

        def kill_session() -> None:
            subprocess.run(["pkill", "-9", "-P", str(ssh.server.process.pid)], check=True)

        for to, kill in (
            (ssh.url(place), kill_session),
            (f"redis://:{QUOTED}@127.0.0.1:{cache.port}/0", cache.kill),
            (f"mysql://me:{QUOTED}@127.0.0.1:{mariadb.port}/shop", mariadb.kill),
            (other.dsn(), other.stop),
        ):
            with pytest.raises(UnreachableError) as caught:
                export_scores(reader, "shop", to, retries=0, progress=_at_the_second_batch(kill))
            assert "127.0.0.1" in str(caught.value)
            assert SECRET not in str(caught.value)
            assert other.password not in str(caught.value)
        assert place.read_text() == "the former one"


def test_what_is_terminated_leaves_nothing(reader: str, shop: Database, session: Session, tmp_path: Path) -> None:
    """As systemd and timeout(1) end what takes too long."""
    holder = shop.session()
    holder.run("begin; lock table shop.customer in access exclusive mode")
    to = tmp_path / "scores.csv"
    exporting = subprocess.Popen(
        [COMMAND, "export", "shop", "--to", to], env=environment(reader), stderr=subprocess.PIPE, text=True
    )
    until(
        lambda: session.value(
            "select exists (select from pg_stat_activity"
            " where application_name = 'pgscore' and wait_event_type = 'Lock')"
        ),
        "the export waits",
    )
    exporting.send_signal(signal.SIGTERM)
    _, said = exporting.communicate(timeout=60)
    assert (exporting.returncode, said) == (130, "pgscore: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_another_database_makes_it_wait(
    reader: str, session: Session, empty: Database, tmp_path: Path
) -> None:
    holder = empty.session()
    to = empty.dsn()
    export_scores(reader, "shop", to)
    before = holder.run("select * from shop_scores order by id")
    session.run("update shop.customer set score = 1 where id <> 8")
    holder.run("begin; select from shop_scores where id = 4000 for update")
    exporting = subprocess.Popen(
        [COMMAND, "export", "shop", "--to", to], env=environment(reader), stderr=subprocess.PIPE, text=True
    )
    watcher = empty.session()
    until(
        lambda: watcher.value(
            "select exists (select from pg_stat_activity"
            " where application_name = 'pgscore' and wait_event_type = 'Lock')"
        ),
        "the export waits",
    )
    exporting.send_signal(signal.SIGINT)
    _, said = exporting.communicate(timeout=60)
    assert (exporting.returncode, said) == (130, "pgscore: interrupted\n")
    holder.run("rollback")
    assert holder.run("select * from shop_scores order by id") == before
    assert session.value("select count(*) from pgscore.export where exported is not null") == 1
