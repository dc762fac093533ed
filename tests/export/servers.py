"""The servers that scores are exported to: Redis, OpenSSH and MariaDB, on ports of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.pooler import free_port, wait_until_it_listens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECRET = "s3cr/t@x"  # noqa: S105
QUOTED = "s3cr%2Ft%40x"
_PATIENCE = 60.0


@dataclass
class Server:
    """A server that runs, and can be killed in the middle of work.

    Attributes:
        process: its process.
        port: where it listens, on 127.0.0.1.
        folder: all that it writes.
    """

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait(_PATIENCE)


@contextmanager
def _running(
    command: Sequence[str | Path], folder: Path, port: int, user: str | None = None, **environment: str
) -> Iterator[Server]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_it_listens(process, port, log)
        yield Server(process, port, folder)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_PATIENCE)


@contextmanager
def _folder(user: str | None = None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pgscore-export-"))
    if user:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(*settings: str) -> Iterator[Server]:
    """A Redis that stores nothing on disk and asks for a password."""
    with _folder() as folder:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--requirepass", SECRET, "--dir", str(folder), *settings]
        with _running(command, folder, port) as server:
            yield server


@dataclass
class Ssh:
    """An OpenSSH server that lets the tests' user in by a key.

    Attributes:
        server: the server.
        key: the private key that it accepts.
        known_hosts: a file that knows its host key.
        home: a folder to write to.
    """

    server: Server
    key: Path
    known_hosts: Path
    home: Path

    def url(self, path: Path | str, **parameters: Path | str) -> str:
        """An address below it, with key and known hosts unless others are given."""
        given = {"key": self.key, "known_hosts": self.known_hosts, **parameters}
        user = pwd.getpwuid(os.geteuid()).pw_name
        query = "&".join(f"{name}={value}" for name, value in given.items())
        return f"sftp://{user}@127.0.0.1:{self.server.port}{path}?{query}"


@contextmanager
def ssh_server(subsystem: str = "internal-sftp") -> Iterator[Ssh]:
    """An OpenSSH server with a configuration, a host key and a user key of its own."""
    with _folder() as folder:
        port = free_port()
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "authorized").write_text((folder / "user.pub").read_text())
        kind, public, *_ = (folder / "host.pub").read_text().split()
        (folder / "known").write_text(f"[127.0.0.1]:{port} {kind} {public}\n")
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nPasswordAuthentication no\n"
            f"PermitRootLogin prohibit-password\nSubsystem sftp {subsystem}\nMaxStartups 100\n"
        )
        # Where it drops its privileges; Debian's service makes it.
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        (folder / "home").mkdir()
        command: list[str | Path] = ["/usr/sbin/sshd", "-D", "-e", "-f", folder / "config"]
        with _running(command, folder, port) as server:
            yield Ssh(server, folder / "user", folder / "known", folder / "home")


@contextmanager
def mariadb_server() -> Iterator[Server]:
    """A MariaDB with a database `shop`, and a user `me` who may do everything in it."""
    user = "mysql" if os.geteuid() == 0 else None
    with _folder(user) as folder:
        port = free_port()
        data = folder / "data"
        install = ["/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        install += ["--auth-root-authentication-method=socket", "--skip-name-resolve"]
        subprocess.run(
            install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, group=user, cwd=folder
        )
        first = folder / "first.sql"
        first.write_text(
            # A statement to a line.
            "create database shop default character set utf8mb4;\n"
            f"create user me@'%' identified by '{SECRET}';\ngrant all on shop.* to me@'%';\n"
        )
        first.chmod(0o644)
        command = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", f"--init-file={first}"]
        command += [
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={folder / 'socket'}",
            "--innodb-flush-log-at-trx-commit=0",
        ]
        command += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--skip-log-bin"]
        with _running(command, folder, port, user) as server:
            yield server


def until(condition: Any, what: str) -> None:  # noqa: ANN401  a function without arguments
    """Returns when a condition holds."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)
