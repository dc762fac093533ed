"""The place of a file: written beside it, and put there when it is known to be right."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_place(path: Path, *, force: bool) -> None:
    """Returns where a file may be written there.

    Raises:
        PgscoreError: there is no such folder, something is there that is no plain file, or a file, without `force`.
    """
    if not path.parent.is_dir():
        raise PgscoreError(f"there is no folder {path.parent}", "Make it first.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise PgscoreError(f"{path} is no plain file, and would be replaced by one", "Name another file.")
    if path.exists() and not force:
        raise PgscoreError(f"{path} is there already", "Name another file, or replace it with --force.")


@contextmanager
def beside(path: Path, *, force: bool) -> Iterator[Path]:
    """The path of a file beside, which takes the place at the end; of which nothing is left where that is not reached.

    Raises:
        PgscoreError: it cannot be written, or what is there may not be replaced.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}")
    try:
        yield temporary
        check_place(path, force=force)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise PgscoreError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
