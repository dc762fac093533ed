"""Files that options name."""

from __future__ import annotations

from pathlib import Path

from pgscore.errors import PgscoreError


def given_text(given: str) -> str:
    """What an option was given, or what stands in the file that it names with an @.

    Raises:
        PgscoreError: the file cannot be read.
    """
    if not given.startswith("@"):
        return given
    path = Path(given[1:])
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PgscoreError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PgscoreError(f"{path} is no text in UTF-8") from None
