"""What a service is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What a service is told when it starts; each worker gets it.

    Attributes:
        dsn: the database; None: none, and bundles say what is served.
        bundles: files of bundles; their models are served as these say.
        bundle_key: the file of a public key that has signed them; None: any, or none.
        models: the models that are served; None: all.
        host: the address that is listened on.
        port: the port; 0: a free one.
        workers: how many processes share the port.
        token: a token that callers show; None: those of the file, or none.
        token_file: a file of tokens, one a line.
        tls_cert: the file of the certificate, and what it needs to be believed.
        tls_key: the file of its key.
        client_ca: the file of whoever signs the certificates of callers; None: they need none.
        connections: how many connections to the database each worker has at most.
        concurrency: how many requests each worker has at once; more are told to come again.
        queue: how many requests wait for a connection to the database; more are told to come again.
        timeout: seconds that a body, and an answer of the database, may take.
        max_bytes: the largest body.
        max_rows: the most rows of a request.
        max_events: the most events of a request.
        interval: seconds between two looks at which version answers.
        log: whether each request is logged.
    """

    dsn: str | None
    bundles: tuple[Path, ...] = ()
    bundle_key: Path | None = None
    models: tuple[str, ...] | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    token: str | None = None
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    connections: int = 4
    concurrency: int = 256
    queue: int = 64
    timeout: float = 10.0
    max_bytes: int = 2**20
    max_rows: int = 1000
    max_events: int = 10_000
    interval: float = 2.0
    log: bool = True
