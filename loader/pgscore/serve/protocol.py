"""uvicorn's protocol, the faster one where it is installed, which ends connections that bring no request in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .problems import Problem, refusal

if TYPE_CHECKING:
    import asyncio

try:
    from uvicorn.protocols.http import httptools_impl

    _Protocol: Any = httptools_impl.HttpToolsProtocol
except ImportError:
    from uvicorn.protocols.http import h11_impl

    _Protocol = h11_impl.H11Protocol

# Seconds that the head of a request may take, of a new connection and of one that has begun to send it.
HEAD = 10.0

_states: list[Any] = []


def pressure() -> int:
    """How many requests this process has read that are not answered yet."""
    return len(_states[-1].tasks) if _states else 0


class Impatient(_Protocol):  # type: ignore[misc]
    """A connection whose requests come in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401
        """Asyncio's."""
        super().connection_made(transport)
        if not _states or _states[-1] is not self.server_state:
            _states[:] = [self.server_state]
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        super().data_received(data)
        if self._is_busy():
            self._end_waiting()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's."""
        self._end_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """uvicorn's: what is no request is answered as everything else."""
        answer = refusal(Problem(400, "malformed", msg))
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: {answer.content_type.decode()}\r\n"
            f"content-length: {len(answer.body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + answer.body)
        self.transport.close()

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEAD, self._give_up)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._is_busy() and not self.transport.is_closing():
            self.transport.close()
