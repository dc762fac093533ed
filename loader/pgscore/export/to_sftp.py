"""Exports to files of a server that speaks SFTP."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

from pgscore.errors import DeniedError, PgscoreError, UnreachableError

from .formats import FileTarget
from .target import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import Address
    from .records import Options, Plan
    from .target import Target

_PORT = 22
_SECONDS = 15
_PARAMETERS = ("key", "known_hosts", "passphrase")


class Sftp(FileTarget):
    """A file of an SFTP server: ``sftp://user@host:port/path/scores.csv?key=FILE&known_hosts=FILE``.

    What the URL leaves out ~/.ssh/config says, by OpenSSH's names; keys are also those of the agent. A server is
    believed only where known_hosts has its key.
    """

    def __init__(self, address: Address, options: Options) -> None:
        parts = address.parts
        super().__init__(address, options, unquote(parts.path))
        unknown = sorted(set(address.parameters) - set(_PARAMETERS))
        if unknown or not parts.hostname:
            wrong = f"has the parameter {unknown[0]}, which is none" if unknown else "names no host"
            raise PgscoreError(
                f"the target's URL {wrong}", "sftp://user@host/folder/scores.csv?key=FILE&known_hosts=FILE"
            )
        self._client: Any = None
        self._sftp: Any = None

    def prepare(self, plan: Plan) -> None:
        """Connects, after the server has shown a key that is known, and looks for the folder."""
        self._plan = plan
        try:
            import paramiko
        except ModuleNotFoundError:
            raise needs("paramiko") from None
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.RejectPolicy())
        for name in ("key", "known_hosts"):
            file = self.address.parameters.get(name)
            if file is not None and not os.access(file, os.R_OK):
                raise PgscoreError(f"the file that the target's URL names as {name} cannot be read: {file}")
        wanted = self._wanted(paramiko)
        with self._said():
            self._know(wanted.pop("known_hosts"))
            self._client.connect(**wanted)
            self._sftp = self._client.open_sftp()
            self._sftp.get_channel().settimeout(4 * _SECONDS)
            folder = self.path.rpartition("/")[0] or "/"
            try:
                self._sftp.stat(folder)
            except FileNotFoundError:
                raise PgscoreError(f"there is no folder {folder} on {wanted['hostname']}", "Make it first.") from None
            with suppress(FileNotFoundError):
                # Through a link it is the link that would be replaced.
                if not stat.S_ISREG(self._sftp.lstat(self.path).st_mode or stat.S_IFREG):
                    raise PgscoreError(
                        f"{self.path} is no plain file, and would be replaced by one", "Name another file."
                    )

    def create(self, path: str) -> IO[bytes]:
        """Makes it."""
        # Each write waits for its answer: where paramiko does not wait, it forgets what went wrong.
        file: IO[bytes] = self._sftp.open(path, "wbx")
        return file

    def sync(self, file: IO[bytes]) -> None:
        """Waits for the server's disk, where it can be asked to."""
        import paramiko

        file.flush()
        handle: Any = file
        try:
            # OpenSSH's extension, for which paramiko has no method.
            self._sftp._request(paramiko.sftp.CMD_EXTENDED, "fsync@openssh.com", handle.handle)
        except OSError as error:
            if not _is_unsupported(error):
                raise

    def rename(self, former: str, path: str) -> None:
        """Replaces in one step, by OpenSSH's extension; without it, only where nothing is there yet."""
        try:
            self._sftp.posix_rename(former, path)
        except OSError as error:
            if not _is_unsupported(error):
                raise
            try:
                self._sftp.rename(former, path)
            except OSError:
                raise PgscoreError(
                    f"the server cannot replace {path} in one step",
                    "Have each export write a file of its own: put {at} into its name.",
                ) from None

    def remove(self, path: str) -> None:
        """Removes it."""
        self._sftp.remove(path)

    def close(self) -> None:
        """Closes the connection."""
        for each in (self._sftp, self._client):
            with suppress(Exception):
                if each is not None:
                    each.close()
        self._sftp = self._client = None

    def _wanted(self, paramiko: Any) -> dict[str, Any]:  # noqa: ANN401
        """What to connect with: the URL's, else ~/.ssh/config's."""
        parts, given = self.address.parts, self.address.parameters
        config = paramiko.SSHConfig()
        own = Path("~/.ssh/config").expanduser()
        if own.is_file():
            with self._said():
                config = paramiko.SSHConfig.from_path(str(own))
        found = config.lookup(parts.hostname)
        keys = [given["key"]] if "key" in given else found.get("identityfile")
        password = unquote(parts.password) if parts.password is not None else None
        return {
            "hostname": found.get("hostname", parts.hostname),
            "port": parts.port or int(found.get("port", _PORT)),
            "username": unquote(parts.username) if parts.username else found.get("user"),
            "password": password,
            "passphrase": given.get("passphrase"),
            "key_filename": keys,
            "look_for_keys": keys is None and password is None,
            "allow_agent": "key" not in given and password is None,
            "timeout": _SECONDS,
            "banner_timeout": _SECONDS,
            "auth_timeout": _SECONDS,
            "known_hosts": given.get("known_hosts") or found.get("userknownhostsfile"),
        }

    def _know(self, named: str | None) -> None:
        if named is None:
            self._client.load_system_host_keys()
            system = Path("/etc/ssh/ssh_known_hosts")
            if system.is_file():
                self._client.load_system_host_keys(str(system))
            return
        for each in [named] if Path(named).is_file() else named.split():
            self._client.load_system_host_keys(str(Path(each).expanduser()))

    @contextmanager
    def _said(self) -> Iterator[None]:
        import paramiko

        hidden, where = self.address.hidden, self.address.shown
        port = self.address.parts.port
        scan = f"ssh-keyscan {f'-p {port} ' if port else ''}{self.address.parts.hostname}"
        hint = f"Compare what `{scan}` prints with what the server's operator says, and add it to ~/.ssh/known_hosts."
        try:
            yield
        except PgscoreError:
            raise
        except paramiko.BadHostKeyException:
            raise DeniedError(
                f"{where} shows another host key than known_hosts has: it may be somebody else's server", hint
            ) from None
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            raise DeniedError(f"{where} lets us not in: {hidden(error)}") from None
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise DeniedError(f"the host key of {where} is not known, and so not believed", hint) from None
            raise UnreachableError(f"the target {where} cannot be reached: {hidden(error)}") from None
        except OSError as error:
            raise self._refusal(error) from None
        except EOFError:
            raise UnreachableError(f"the connection to {where} was lost") from None

    def _refusal(self, error: OSError) -> PgscoreError:
        said, where = self.address.hidden(error.strerror or error), self.address.shown
        if self._sftp is None or isinstance(error, ConnectionError | TimeoutError) or "closed" in said:
            return UnreachableError(f"the target {where} cannot be reached: {said}")
        if error.errno == errno.EACCES:
            return DeniedError(f"{where} may not be written: {said}")
        full = " (SFTP says no more; the disk may be full)" if said == "Failure" else ""
        return PgscoreError(f"{where} cannot be written: {said}{full}", "What stood there before is as it was.")


def _is_unsupported(error: OSError) -> bool:
    return "unsupported" in str(error).lower() or error.errno == errno.EOPNOTSUPP


TARGETS: dict[str, type[Target]] = {"sftp": Sftp}
