"""PgBouncer in front of a private cluster, as another user than root, like the cluster itself."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.database import APPLICATION, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster

_PATIENCE = 30.0
# Whom it runs as where the tests are run by root, which it refuses to be.
_USER = "postgres"
_PROGRAM = "/usr/sbin/pgbouncer"


@contextmanager
def pooler(cluster: PrivateCluster, database: str, connections: int, role: str = APPLICATION) -> Iterator[str]:
    """A connection URI of a role, the application's, through a pool of this many server connections."""
    user = _USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pgscore-pooler-"))
    port = free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""
        [databases]
        {database} = host={cluster.host} port={cluster.port} user={role} password='{PASSWORD}'
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = {connections}
        max_client_conn = 50
        ignore_startup_parameters = extra_float_digits, options
        logfile = {folder / "log"}
        """.replace("        ", "")
    )
    if user:
        owner = pwd.getpwnam(user)
        for path in (folder, settings):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    process = subprocess.Popen(
        [_PROGRAM, "--quiet", str(settings)],
        user=user,
        group=user,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_it_listens(process, port, folder / "log")
        yield f"postgresql://{role}@127.0.0.1:{port}/{database}"
    finally:
        process.terminate()
        process.wait(_PATIENCE)
        shutil.rmtree(folder)


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path | None = None) -> None:
    """Returns when a program listens on a port of 127.0.0.1; fails with its log where it ends."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            said = log.read_text() if log and log.exists() else ""
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
        else:
            return


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
