"""What ends a run of onnxruntime when its statement is to end: a thread that looks, and takes no signal.

PostgreSQL's handlers of signals only set flags, which its own code looks at; native code of another library does not.
onnxruntime looks at a flag of its own between the nodes of a graph. So a timeout or a cancellation waits for the node
that is computed, and not for the graph.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of src/backend/utils/init/globals.c.
_FLAGS = ("QueryCancelPending", "ProcDiePending")
_SECONDS = 0.05
# It sleeps when so many looks have found nothing that runs: a backend may be idle for days.
_IDLE_LOOKS = 40


@contextmanager
def without_signals() -> Iterator[None]:
    """No signal of the process is ever handled on a thread that begins in here: a backend's are for its own alone."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Watch:
    """Looks whether the database wants the statement of this backend to end, while something runs."""

    def __init__(self, flags: list[Any]) -> None:
        self._flags = flags
        self._end: Callable[[], None] | None = None
        self._awake = threading.Event()
        with without_signals():
            threading.Thread(target=self._look, name="pgscore", daemon=True).start()

    def begin(self, end: Callable[[], None]) -> None:
        """From now on calls `end` where the statement is to end."""
        self._end = end
        if not self._awake.is_set():
            self._awake.set()

    def stop(self) -> None:
        """Does so no more."""
        self._end = None

    @property
    def is_over(self) -> bool:
        """Whether the statement is to end."""
        return any(flag.value for flag in self._flags)

    def _look(self) -> None:
        while True:
            self._awake.wait()
            idle = 0
            while idle < _IDLE_LOOKS:
                time.sleep(_SECONDS)
                end = self._end
                idle = idle + 1 if end is None else 0
                if end is not None and self.is_over:
                    end()
            self._awake.clear()
            # What began before it was cleared has not set it.
            if self._end is not None:
                self._awake.set()


_watches: list[Watch | None] = []


def watch() -> Watch | None:
    """The one of this process; None where it is no backend of PostgreSQL."""
    if not _watches:
        _watches.append(_made())
    return _watches[0]


def _made() -> Watch | None:
    import ctypes

    try:
        flags = [ctypes.c_int.in_dll(ctypes.CDLL(None), name) for name in _FLAGS]
    except (ValueError, OSError, TypeError):
        return None
    return Watch(flags)
