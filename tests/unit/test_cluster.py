"""The private cluster: whoever starts it, it works, and leaves nothing behind."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg2
import pytest

from examples.server.cluster import PrivateCluster
from examples.server.programs import ClusterError

_SCRIPT = """
import os, psycopg2
from examples.server.cluster import PrivateCluster
with PrivateCluster() as cluster:
    with psycopg2.connect(cluster.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("select current_setting('data_directory')")
        print(cursor.fetchone()[0])
    connection.close()
assert not cluster.directory.exists()
"""


def _left_behind(cluster: PrivateCluster) -> list[str]:
    folders = [str(cluster.directory)] if cluster.directory.exists() else []
    processes = []
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(cluster.directory) in command_line.read_text():
                processes.append(str(command_line))
        except OSError:
            continue
    return folders + processes


def test_it_leaves_nothing_behind() -> None:
    with PrivateCluster() as cluster:
        psycopg2.connect(cluster.dsn()).close()
        assert (cluster.directory.stat().st_mode & 0o077) == 0
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(cluster.dsn().replace(cluster.password, "wrong"))
    assert _left_behind(cluster) == []


def test_one_that_does_not_start_leaves_nothing_behind() -> None:
    cluster = PrivateCluster({"shared_buffers": "'1 elephant'"})
    with pytest.raises(ClusterError, match="pg_ctl failed"):
        cluster.start()
    assert _left_behind(cluster) == []


def test_an_exception_inside_leaves_nothing_behind() -> None:
    with pytest.raises(KeyboardInterrupt), PrivateCluster() as cluster:
        raise KeyboardInterrupt
    assert _left_behind(cluster) == []


def test_an_ordinary_user_starts_one() -> None:
    """Root starts it for the user postgres; run by root, this test also takes the other way."""
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    sources = [str(Path(name)) for name in sys.path if name]
    with tempfile.TemporaryDirectory() as folder:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={"PATH": os.environ["PATH"], "TMPDIR": folder, "PYTHONPATH": os.pathsep.join(sources)},
            cwd="/",
            user=user.pw_name if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.startswith(f"{folder}/pgscore-")
        assert os.listdir(folder) == []
