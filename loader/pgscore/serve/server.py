"""Running a service: uvicorn, one process or several, signals, TLS, and clients that are too slow."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
from typing import TYPE_CHECKING

import uvicorn
from psycopg2 import extensions
from uvicorn.supervisors.multiprocess import Multiprocess

from pgscore.errors import PgscoreError

from .app import Application
from .callers import Callers
from .catalog import BundleCatalog
from .logs import JsonHandler, Log
from .metrics import shared_by_workers
from .protocol import pressure
from .service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Receive, Scope, Send
    from .settings import Settings


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
                worker.renew = lambda: _renew(config, settings)
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
        self.renew: Callable[[], None] | None = None
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
        service.pressure = pressure
        service.renew = self.renew or service.renew
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
        http="pgscore.serve.protocol:Impatient",
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


def _renew(config: uvicorn.Config, settings: Settings) -> None:
    """Connections that are made from now on get the certificate that the files hold now.

    Raises:
        PgscoreError: they hold none; the former one stays.
    """
    if config.ssl is not None and settings.tls_cert is not None:
        # Before the context has the one and not the other.
        _check_tls(settings)
        config.ssl.load_cert_chain(settings.tls_cert, settings.tls_key, password="")


def _check(settings: Settings) -> None:
    if settings.client_ca and not settings.tls_cert:
        raise PgscoreError("certificates of callers need TLS", "Name --tls-cert and --tls-key too.")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise PgscoreError("TLS takes a certificate and its key", "Name both --tls-cert and --tls-key.")
    for file in (settings.tls_cert, settings.tls_key, settings.client_ca):
        if file is not None and not os.access(file, os.R_OK):
            raise PgscoreError(f"{file} cannot be read")
    _check_tls(settings)
    # Before there are workers, which would begin and end again and again.
    Callers(settings)
    if settings.dsn is None:
        BundleCatalog(settings, lambda _served: None, lambda _sentence: None).start()


def _check_tls(settings: Settings) -> None:
    if settings.tls_cert is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Nobody is there who could be asked for a password.
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except ssl.SSLError as error:
        raise PgscoreError(
            f"{settings.tls_cert} and {settings.tls_key} are no certificate and its key: {error.reason or error}",
            "Both in PEM, the key without a password.",
        ) from None
    if settings.client_ca is None:
        return
    try:
        context.load_verify_locations(settings.client_ca)
    except ssl.SSLError as error:
        raise PgscoreError(
            f"{settings.client_ca} holds no certificate: {error.reason or error}", "It is to be one in PEM, or several."
        ) from None
