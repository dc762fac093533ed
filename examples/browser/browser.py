"""Debian's Chromium, without a window."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pgscore import PgscoreError
from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_PROGRAM = "/usr/bin/chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, as long as the block lasts.

    Raises:
        PgscoreError: it is not installed, or does not start.
    """
    # Chromium's own sandbox refuses root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=_PROGRAM, args=arguments, handle_sigint=False)
        except Error as error:
            first = error.message.splitlines()[0]
            raise PgscoreError(f"{_PROGRAM} does not start: {first}", "docker/install-packages browser") from None
        try:
            yield browser
        finally:
            browser.close()
