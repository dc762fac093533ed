"""On a server in recovery the doctor looks as it does on its primary, and asks for nothing that a standby cannot do."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pgscore.doctor import examine, exit_code

from tests.bindings import shop
from tests.support.database import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database

_SERVER_USER = "postgres"


def _run(*arguments: str, **environment: str) -> None:
    user = _SERVER_USER if os.geteuid() == 0 else None
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON"))}
    subprocess.run(
        arguments,
        env={**kept, "PYTHONPATH": os.environ.get("PGSCORE_SERVER_PYTHONPATH", ""), **environment},
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def standby(cluster: PrivateCluster, ward: Database) -> Iterator[int]:
    """The port of a hot standby of the tests' cluster."""
    programs = ward.session().value("select setting from pg_config where name = 'BINDIR'")
    directory = Path(tempfile.mkdtemp(prefix="pgscore-standby-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_SERVER_USER)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    data = str(directory / "data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    settings = {
        "port": str(port),
        "listen_addresses": cluster.host,
        "unix_socket_directories": str(directory),
        "max_connections": "200",
        "max_prepared_transactions": "4",
        "hot_standby": "on",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        copy = ("--pgdata", data, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        _run(f"{programs}/pg_basebackup", "--dbname", cluster.dsn(), *copy)
        _run(f"{programs}/pg_ctl", "-D", data, "-l", str(directory / "log"), "-o", options, "-w", "start")
        yield port
        _run(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_a_standby(standby: int, cluster: PrivateCluster, ward: Database) -> None:
    for user in (None, OPERATOR, shop.OWNER):
        dsn = ward.dsn(user).replace(f":{cluster.port}/", f":{standby}/")
        for full in (False, True):
            found = {each.code: each for each in examine(dsn, full=full)}
            wrong = [each for each in found.values() if each.is_to_mend]
            assert (exit_code(wrong), wrong) == (0, [])
            assert ("counters" in found) == (user != OPERATOR), found
