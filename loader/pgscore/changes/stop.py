"""Being told to stop, while waiting for a database."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Stop:
    """Whether to stop; `set` wakes up who waits, and may be called by a signal handler. Use it as a context manager."""

    def __init__(self) -> None:
        self._asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    @property
    def asked(self) -> bool:
        """Whether `set` was called."""
        return self._asked

    def set(self) -> None:
        """Asks to stop."""
        self._asked = True
        os.write(self._writer, b".")

    def wait(self, seconds: float, *files: int) -> bool:
        """Waits for a time in seconds, or until one of the files can be read, or `set` is called.

        Returns:
            Whether to go on.
        """
        if not self._asked:
            select.select([self._reader, *files], [], [], seconds)
        return not self._asked

    def close(self) -> None:
        """Gives back what it holds."""
        os.close(self._reader)
        os.close(self._writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
