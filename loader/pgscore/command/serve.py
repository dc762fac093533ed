"""`pgscore serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pgscore.errors import PgscoreError

from .app import Dsn, app, command

_LOCAL = ("127.0.0.1", "::1", "localhost")
_EXTRA = ("fastapi", "starlette", "uvicorn", "prometheus_client")


@command(
    app,
    "serve",
    "pgscore serve --token-file /run/secrets/pgscore-token",
    "pgscore serve --model churn --host 0.0.0.0 --port 8080 --workers 4 --token-file token --dsn service=scores",
    "pgscore serve --bundle churn.json --port 0",
)
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", envvar="PGSCORE_SERVE_MODEL", show_default=False, help="Only this model; again for more."
        ),
    ] = None,
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            envvar="PGSCORE_SERVE_BUNDLE",
            show_default=False,
            help="Serve this bundle, without a database; again for more.",
        ),
    ] = None,
    bundle_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="PGSCORE_SERVE_BUNDLE_KEY",
            show_default=False,
            help="The public key that has signed the bundles.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", envvar="PGSCORE_SERVE_HOST", help="The address that is listened on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", envvar="PGSCORE_SERVE_PORT", help="0 takes a free one.")
    ] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="PGSCORE_SERVE_TOKEN_FILE",
            show_default=False,
            help="Tokens of callers, one a line; or PGSCORE_SERVE_TOKEN.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar="PGSCORE_SERVE_TLS_CERT", show_default=False, help="The certificate."),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar="PGSCORE_SERVE_TLS_KEY", show_default=False, help="Its private key."),
    ] = None,
    client_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="PGSCORE_SERVE_CLIENT_CA",
            show_default=False,
            help="Callers need a certificate that this one has signed.",
        ),
    ] = None,
    anybody: Annotated[
        bool,
        typer.Option(
            "--anybody",
            envvar="PGSCORE_SERVE_ANYBODY",
            help="Answer other machines without a token: something in front asks for it.",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, max=256, metavar="COUNT", envvar="PGSCORE_SERVE_WORKERS", help="How many processes.")
    ] = 1,
    connections: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="COUNT",
            envvar="PGSCORE_SERVE_CONNECTIONS",
            help="Connections to the database of each process, beside the one that follows.",
        ),
    ] = 4,
    concurrency: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="COUNT",
            envvar="PGSCORE_SERVE_CONCURRENCY",
            help="Requests at once in each process; the next is told to come again.",
        ),
    ] = 256,
    queue: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="COUNT",
            envvar="PGSCORE_SERVE_QUEUE",
            help="Requests that wait for a connection; the next is told to come again.",
        ),
    ] = 64,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            envvar="PGSCORE_SERVE_TIMEOUT",
            help="What a body, and the database, may take.",
        ),
    ] = 10.0,
    max_bytes: Annotated[
        int, typer.Option(min=1, metavar="BYTES", envvar="PGSCORE_SERVE_MAX_BYTES", help="The largest body.")
    ] = 2**20,
    max_rows: Annotated[
        int,
        typer.Option(min=1, metavar="COUNT", envvar="PGSCORE_SERVE_MAX_ROWS", help="The most rows of a request."),
    ] = 1000,
    max_events: Annotated[
        int,
        typer.Option(min=0, metavar="COUNT", envvar="PGSCORE_SERVE_MAX_EVENTS", help="The most events of a request."),
    ] = 10_000,
    log_requests: Annotated[
        bool,
        typer.Option("--log-requests/--no-log-requests", envvar="PGSCORE_SERVE_LOG_REQUESTS", help="A line for each."),
    ] = True,
    dsn: Dsn = "",
) -> None:
    """Serves scores over HTTP.

    It follows promotions, and scores rows that callers hand in from the program of the version that answers, without
    asking the database; profiles it reads by their keys. Its login has pgscore_reader and SELECT on profile tables.
    Without a token it listens on this machine alone. Logs are JSON lines on standard error, without rows and keys;
    there is no --json. SIGHUP reads tokens, certificates and bundles anew, SIGTERM ends it when what it is asked is
    answered.
    """
    token = os.environ.get("PGSCORE_SERVE_TOKEN") or None
    if host not in _LOCAL and not (token or token_file or client_ca or anybody):
        raise typer.BadParameter(
            f"--host {host} is open to other machines, and callers need no token: name --token-file or --client-ca,"
            " or say --anybody"
        )
    if bundle and model:
        raise typer.BadParameter("a bundle says which model it is: name either --bundle or --model")
    try:
        from pgscore.serve.server import serve as run
        from pgscore.serve.settings import Settings
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise PgscoreError(
            f"the web service needs {error.name}, which this Python does not have", "pip install 'pgscore[serve]'"
        ) from None
    run(
        Settings(
            dsn=None if bundle else dsn,
            bundles=tuple(bundle or ()),
            bundle_key=bundle_key,
            models=tuple(model) if model else None,
            host=host,
            port=port,
            workers=workers,
            token=token,
            token_file=token_file,
            tls_cert=tls_cert,
            tls_key=tls_key,
            client_ca=client_ca,
            connections=connections,
            concurrency=concurrency,
            queue=queue,
            timeout=timeout,
            max_bytes=max_bytes,
            max_rows=max_rows,
            max_events=max_events,
            log=log_requests,
        )
    )
