"""Running a service: uvicorn, one process or several, signals, TLS, and clients that are too slow."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from psycopg2 import extensions
from uvicorn.supervisors.multiprocess import Multiprocess

from pgscore.errors import PgscoreError

from .app import Application
from .logs import JsonHandler, Log
from .metrics import shared_by_workers
from .service import Service

if TYPE_CHECKING:
    from .answers import Receive, Scope, Send
    from .settings import Settings

# Seconds that the head of a request may take, from the first byte that is awaited.
_HEAD = 10.0
_LOCAL = ("127.0.0.1", "::1", "localhost")


def serve(settings: Settings) -> None:
    """Serves until it is told to end by SIGTERM or SIGINT; SIGHUP has it read tokens, certificates and bundles anew.

    Raises:
        PgscoreError: it cannot begin.
    """
    # The whole process's: what waits for databases so that Ctrl-C is noticed is for commands in one thread.
    extensions.set_wait_callback(None)
    _check(settings)
    log = Log(requests=settings.log)
    handlers = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        with shared_by_workers(settings.workers):
            worker = Worker(settings)
            config = _config(settings, worker)
            listening = _socket(settings)
            host, port = listening.getsockname()[:2]
            scheme = "https" if settings.tls_cert else "http"
            log.event("listens", address=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")
            if settings.workers > 1:
                Multiprocess(config, sockets=[listening]).run()
            else:
                uvicorn.Server(config).run(sockets=[listening])
            if worker.failed is not None:
                raise worker.failed
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


class Worker:
    """The application of one process, which makes its service when it begins; so it can be sent to a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.failed: PgscoreError | None = None
        self._made: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif self._made is not None:
            await self._made(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        log = Log(requests=self.settings.log)
        logger = logging.getLogger("uvicorn.error")
        logger.handlers, logger.propagate = [JsonHandler(log)], False
        logger.setLevel(logging.INFO)
        try:
            service = Service(self.settings, log)
            # Bundles are small, and a database is waited for in a thread.
            await asyncio.get_running_loop().run_in_executor(None, service.start)
        except PgscoreError as error:
            self.failed = error
            await receive()
            await send({"type": "lifespan.startup.failed"})
            return
        service.pressure = _pressure
        self._made = Application(service)
        await self._made(scope, receive, send)


def _socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol by its name: asyncio sends at once, without Nagle's delay, on such sockets alone.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((settings.host, settings.port))
        made.listen(2048)
    except OSError as error:
        made.close()
        raise PgscoreError(
            f"{settings.host}, port {settings.port}, cannot be listened on: {error.strerror or error}"
        ) from None
    made.set_inheritable(True)
    return made


def _config(settings: Settings, worker: Worker) -> uvicorn.Config:
    return uvicorn.Config(
        worker,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http=impatient(),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(settings.timeout) + 5,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        ssl_ca_certs=str(settings.client_ca) if settings.client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if settings.client_ca else ssl.CERT_NONE,
    )


def _check(settings: Settings) -> None:
    if settings.client_ca and not settings.tls_cert:
        raise PgscoreError("certificates of callers need TLS", "Name --tls-cert and --tls-key too.")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise PgscoreError("TLS takes a certificate and its key", "Name both --tls-cert and --tls-key.")


_states: list[Any] = []


def _pressure() -> int:
    """How many requests the server has read that are not answered yet."""
    return len(_states[-1].tasks) if _states else 0


def impatient() -> type[asyncio.Protocol]:
    """Uvicorn's protocol, the faster one where it is installed, which ends connections that bring no request."""
    base: Any
    try:
        from uvicorn.protocols.http import httptools_impl

        base = httptools_impl.HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http import h11_impl

        base = h11_impl.H11Protocol

    class Impatient(base):  # type: ignore[misc]
        """A connection whose requests come in time."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:  # noqa: ANN401
            super().connection_made(transport)
            if not _states or _states[-1] is not self.server_state:
                _states[:] = [self.server_state]
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_busy():
                self._end_waiting()
            elif self._deadline is None:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_waiting()
            super().connection_lost(exc)

        def _is_busy(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _wait(self) -> None:
            self._deadline = self.loop.call_later(_HEAD, self._give_up)

        def _end_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _give_up(self) -> None:
            self._deadline = None
            if not self._is_busy() and not self.transport.is_closing():
                with suppress(Exception):
                    self.transport.close()

    return Impatient
