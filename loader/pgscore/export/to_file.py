"""Exports to files of this machine."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pgscore.errors import PgscoreError

from .formats import FileTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import Address
    from .records import Options, Plan
    from .target import Target

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LocalFile(FileTarget):
    """A file of this machine."""

    def __init__(self, address: Address, options: Options) -> None:
        super().__init__(address, options, address.given)

    def prepare(self, plan: Plan) -> None:
        """Looks whether the folder is there, and its name is not taken by something else."""
        self._plan = plan
        with self._said():
            folder = Path(self.path).parent
            if not folder.is_dir():
                raise PgscoreError(f"there is no folder {folder}", "Make it first.")
            place = Path(self.path)
            # Through a link it is the link that would be replaced.
            if place.is_symlink() or (place.exists() and not stat.S_ISREG(place.stat().st_mode)):
                raise PgscoreError(f"{place} is no plain file, and would be replaced by one", "Name another file.")

    def create(self, path: str) -> IO[bytes]:
        """Makes it, with the rights that new files have."""
        return Path(path).open("xb")

    def sync(self, file: IO[bytes]) -> None:
        """Waits for the disk."""
        file.flush()
        os.fsync(file.fileno())

    def rename(self, former: str, path: str) -> None:
        """Replaces in one step."""
        Path(former).replace(path)

    def remove(self, path: str) -> None:
        """Removes it."""
        Path(path).unlink()

    def settle(self, path: str) -> None:
        """Waits until the disk has the folder, too."""
        folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise PgscoreError(
                    f"there is no room for {self.path}: {error.strerror}", "What stood there before is as it was."
                ) from None
            raise PgscoreError(f"{self.path} cannot be written: {error.strerror or error}") from None


TARGETS: dict[str, type[Target]] = {"file": LocalFile}
