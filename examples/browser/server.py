"""A web server for the page: files of one folder, on a free port of 127.0.0.1, with a Content-Security-Policy."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

# What index.html says in a meta tag as well, where no server sends headers.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; worker-src 'self';"
    " manifest-src 'self'; base-uri 'none'; form-action 'none'"
)


class SiteServer:
    """Serves a folder while it is entered.

    Args:
        folder: whose files it sends.
        policy: the Content-Security-Policy that it sends with them.
    """

    def __init__(self, folder: Path, policy: str = POLICY) -> None:
        self.folder = folder
        self.paths: list[str] = []
        handler = partial(_Handler, self.paths, policy, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self) -> None:
        """Answers no more; may be called again."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012  as its base has it
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".webmanifest": "application/manifest+json",
        ".wasm": "application/wasm",
    }

    def __init__(self, paths: list[str], policy: str, *arguments: object, directory: str) -> None:
        self._paths, self._policy = paths, policy
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", f"{self._policy}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def do_GET(self) -> None:
        self._paths.append(self.path)
        super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Says nothing: whoever wants to know looks at `paths`."""
