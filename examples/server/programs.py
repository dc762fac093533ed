"""A PostgreSQL's programs: where they stand, whom they run as, and in which root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pgscore import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSTALLATIONS = Path("/usr/lib/postgresql")
_SERVER_USER = "postgres"
_HOST = Path("/")


class ClusterError(PgscoreError):
    """The private cluster cannot be made or started."""


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL.

    Args:
        folder: holds `initdb`, `pg_ctl` and `postgres`; as it is called below `root`.
        root: the tree in which they run, such as one that debootstrap made; changing to it takes root.
    """

    folder: Path
    root: Path = _HOST

    @classmethod
    def chosen(cls) -> Self:
        """Those that PGSCORE_SERVER_PROGRAMS and PGSCORE_SERVER_ROOT name, else the newest that are installed.

        Raises:
            ClusterError: there are none.
        """
        root = Path(os.environ.get("PGSCORE_SERVER_ROOT") or _HOST)
        named = os.environ.get("PGSCORE_SERVER_PROGRAMS")
        return cls(Path(named) if named else _newest(root), root)

    @property
    def user(self) -> str | None:
        """Whom they run as, since PostgreSQL refuses root; None: the caller."""
        return _SERVER_USER if os.geteuid() == 0 else None

    @property
    def prefix(self) -> str:
        """What a shell's command line begins with that calls one of them."""
        if self.root != _HOST:
            return f"chroot --userspec={self.user}:{self.user} {self.root} "
        return f"runuser -u {self.user} -- " if self.user else ""

    @property
    def temporary(self) -> Path | None:
        """Where a cluster's folder must stand, so that they see it; None: anywhere."""
        return None if self.root == _HOST else self.root / "tmp"

    def inside(self, path: Path) -> Path:
        """What they call a path."""
        return path if self.root == _HOST else _HOST / path.relative_to(self.root)

    def outside(self, path: Path) -> Path:
        """What the caller calls a path of theirs."""
        return self.root / path.relative_to(_HOST)

    def give(self, path: Path) -> None:
        """Makes a file or folder theirs."""
        if self.user:
            uid, gid = self._ids()
            os.chown(path, uid, gid)

    def run(self, program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Runs one of them.

        Raises:
            ClusterError: it failed; with what it said.
        """
        self.output(program, *arguments, environment=environment, discard=True)

    def output(
        self,
        program: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        given: str | None = None,
        discard: bool = False,
    ) -> str:
        """Runs one of them and returns what it prints.

        Args:
            program: its name.
            arguments: its arguments.
            environment: all of its environment.
            given: its standard input.
            discard: whether what it prints goes nowhere: a server that it starts would keep a pipe open.

        Raises:
            ClusterError: it failed; with what it said.
        """
        command = [str(self.folder / program), *arguments]
        user: str | None = self.user
        if self.root != _HOST:
            if not user:
                raise ClusterError(f"{program} runs below {self.root}, which takes root")
            command = ["/usr/sbin/chroot", f"--userspec={user}:{user}", str(self.root), *command]
            user = None
        try:
            done = subprocess.run(  # noqa: S603  our own arguments
                command,
                check=True,
                input=given or "",
                stdout=subprocess.DEVNULL if discard else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=dict(environment or {}),
                user=user,
                group=user,
                extra_groups=[] if user else None,
                umask=0o077,
            )
        except subprocess.CalledProcessError as error:
            raise ClusterError(f"{program} failed: {error.stderr.strip()}") from None
        return "" if discard else done.stdout

    def _ids(self) -> tuple[int, int]:
        if self.root == _HOST:
            found = pwd.getpwnam(_SERVER_USER)
            return found.pw_uid, found.pw_gid
        for line in (self.root / "etc" / "passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == _SERVER_USER:
                return int(uid), int(gid)
        raise ClusterError(f"{self.root} has no user {_SERVER_USER}")


def _newest(root: Path) -> Path:
    """The programs of the newest PostgreSQL that has PL/Python, else of the newest."""
    installations = root / _INSTALLATIONS.relative_to(_HOST)
    found = sorted(installations.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True)
    with_python = [path for path in found if (path.parents[1] / "lib" / "plpython3.so").exists()]
    if not found:
        raise ClusterError("PostgreSQL is not installed: run docker/install-packages, or apt install postgresql-15")
    return _HOST / (with_python or found)[0].parent.relative_to(root)
