"""Standbys of private clusters."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster

_SERVER_USER = "postgres"


@dataclass(frozen=True)
class Standby:
    """A server that runs.

    Attributes:
        port: where it listens, on the host of its primary.
        programs: the folder of PostgreSQL's programs.
        data: its folder.
    """

    port: int
    programs: str
    data: str

    def promote(self) -> None:
        """Has it take over."""
        _run(f"{self.programs}/pg_ctl", "-D", self.data, "-w", "promote")


@contextmanager
def standby_of(cluster: PrivateCluster, programs: str, *, follows: bool = True) -> Iterator[Standby]:
    """A hot standby.

    Args:
        cluster: its primary.
        programs: the folder of PostgreSQL's programs, as the server sees it.
        follows: whether it gets what the primary writes from now on.
    """
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
        copy = ["--pgdata", data, "--checkpoint=fast", "--no-sync", *(["--write-recovery-conf"] if follows else [])]
        _run(f"{programs}/pg_basebackup", "--dbname", cluster.dsn(), *copy)
        (Path(data) / "standby.signal").touch()
        _run(f"{programs}/pg_ctl", "-D", data, "-l", str(directory / "log"), "-o", options, "-w", "start")
        yield Standby(port, programs, data)
        _run(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run(*arguments: str) -> None:
    user = _SERVER_USER if os.geteuid() == 0 else None
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON"))}
    subprocess.run(
        arguments,
        env={**kept, "PYTHONPATH": os.environ.get("PGSCORE_SERVER_PYTHONPATH", "")},
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
