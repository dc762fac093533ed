"""A private, throw-away PostgreSQL cluster: for the demo, the tests and the benchmarks.

It stands in a temporary folder, listens on a free port of 127.0.0.1, asks for a password, and is run by a user that is
not root. No other cluster of the machine is touched.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from .ports import free_ports
from .programs import ClusterError, Programs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_START_TRIES = 5


class PrivateCluster:
    """A running private cluster. Use it as a context manager, or call `start` and `stop`.

    Args:
        settings: lines for postgresql.conf.
        python_path: handed to the server as PYTHONPATH; without it, that of PGSCORE_SERVER_PYTHONPATH.
        programs: the PostgreSQL to run; without it, `Programs.chosen`.
        place: where its folder is made; without it, among the system's temporary files.

    Raises:
        ClusterError: PostgreSQL is not installed, or does not start.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        python_path: str | None = None,
        programs: Programs | None = None,
        place: Path | None = None,
    ) -> None:
        self._settings = dict(settings or {})
        self._python_path = python_path or os.environ.get("PGSCORE_SERVER_PYTHONPATH", "")
        self.programs = programs or Programs.chosen()
        self._password = secrets.token_urlsafe(18)
        self.directory = Path(tempfile.mkdtemp(prefix="pgscore-", dir=place or self.programs.temporary))
        self.port = 0
        self.user = "postgres"

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return "127.0.0.1"

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self._password

    def dsn(self, database: str = "postgres") -> str:
        """A connection URI for the superuser."""
        return f"postgresql://{self.user}:{quote(self._password)}@{self.host}:{self.port}/{database}"

    def stop_command(self) -> str:
        """What stops it and removes its folder, for a shell."""
        stop = f"{self.programs.prefix}{self.programs.folder}/pg_ctl -D {self._inside(self._data)} -m fast stop"
        return f"{stop} && rm -rf {self.directory}"

    def start(self) -> Self:
        """Makes the cluster and starts it; an interrupted or failed start leaves nothing behind."""
        try:
            self._make()
            for attempt in range(_START_TRIES):
                (self.port,) = free_ports(1)
                try:
                    self.programs.run("pg_ctl", *self._control("start"), environment=self._environment())
                except ClusterError as error:
                    # Another program may have taken the port meanwhile.
                    if attempt == _START_TRIES - 1 or not self._port_was_taken():
                        raise ClusterError(f"{error}; its log ends: {self._log_end()}") from None
                else:
                    return self
        except BaseException:
            self.stop()
            raise
        raise AssertionError

    def restart(self) -> None:
        """Ends all sessions and starts it again, on the same port."""
        self.programs.run("pg_ctl", "-D", self._inside(self._data), "-m", "fast", "-w", "stop")
        self.programs.run("pg_ctl", *self._control("start"), environment=self._environment())

    def stop(self) -> None:
        """Stops it and removes its folder."""
        if (self._data / "postmaster.pid").exists():
            self.programs.run("pg_ctl", "-D", self._inside(self._data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _inside(self, path: Path) -> str:
        return str(self.programs.inside(path))

    def _make(self) -> None:
        self.programs.give(self.directory)
        password_file = self.directory / "password"
        password_file.write_text(self._password)
        self.programs.give(password_file)
        self.programs.run(
            "initdb",
            *("--pgdata", self._inside(self._data), "--username", self.user, "--auth", "scram-sha-256"),
            *("--pwfile", self._inside(password_file), "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            environment=self._environment(),
        )
        password_file.unlink()

    def _control(self, action: str) -> list[str]:
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": self._inside(self.directory),
            "fsync": "off",
            **self._settings,
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        log = self._inside(self.directory / "log")
        return ["-D", self._inside(self._data), "-l", log, "-o", options, "-w", action]

    def _environment(self) -> dict[str, str]:
        # A virtual environment or another Python of the caller's must not reach the one inside the server.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PG", "VIRTUAL_ENV")) and name != "HOME"
        }
        return {**kept, "PYTHONPATH": self._python_path, "PYTHONDONTWRITEBYTECODE": "1"}

    def _log_end(self) -> str:
        log = self.directory / "log"
        return log.read_text().strip()[-500:] if log.exists() else "(nothing)"

    def _port_was_taken(self) -> bool:
        return "Address already in use" in self._log_end()
