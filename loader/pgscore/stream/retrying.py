"""Trying again what database or broker did not let happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pgscore.errors import BusyError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.changes import Stop

    from .metrics import Metrics

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Retrying:
    """Tries again, with longer and longer pauses, until it is told to stop."""

    def __init__(self, stop: Stop, metrics: Metrics, say: Callable[[str], None], lost: Callable[[], None]) -> None:
        """Does nothing yet.

        Args:
            stop: ends it.
            metrics: where it counts.
            say: is told what went wrong, and when it is tried once more.
            lost: is called when something was not reached.
        """
        self._stop, self._metrics, self._say, self._lost = stop, metrics, say, lost

    def run(self, work: Callable[[], T], wait: Callable[[float], None]) -> T:
        """Does some work.

        Raises:
            UnreachableError: database or broker are not reached, and it is told to stop.
            BusyError: the same, where something is locked.
        """
        import tenacity

        def warn(state: Any) -> None:  # noqa: ANN401
            error = state.outcome.exception()
            self._metrics.retries += 1
            if isinstance(error, UnreachableError):
                self._lost()
            self._say(f"{error}; once more in {state.next_action.sleep:.1f} s")

        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((UnreachableError, BusyError)),
            stop=lambda _state: self._stop.asked,
            wait=tenacity.wait_exponential(_FIRST_PAUSE, _LONGEST_PAUSE) + tenacity.wait_random(0, _FIRST_PAUSE),
            sleep=wait,
            before_sleep=warn,
            reraise=True,
        )
        found: T = tries(work)
        return found
