"""Somebody who looks at a page, and all that the browser had to say meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from examples.browser.visit import READY, shown_score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from examples.browser.server import SiteServer

_PHONE = (390, 800)


class Visitor:
    """A page in a context of its own: with storage, caches and service workers that nobody else has.

    Attributes:
        page: what is driven.
        server: where it comes from.
        said: errors and warnings of the console, and errors that nobody caught; what a policy refuses among them.
        asked: addresses that were asked for.
    """

    def __init__(self, page: Page, server: SiteServer) -> None:
        self.page, self.server = page, server
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda each: self.said.append(each.text) if each.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.context.on("request", lambda request: self.asked.append(request.url))
        page.add_init_script(
            "window.violations = []; addEventListener('securitypolicyviolation', (event) =>"
            " violations.push(`${event.violatedDirective} ${event.blockedURI}`));"
        )

    @classmethod
    @contextmanager
    def of(
        cls,
        browser: Browser,
        server: SiteServer,
        size: tuple[int, int] = _PHONE,
        **context: Any,  # noqa: ANN401
    ) -> Iterator[Self]:
        """One in a new context of the browser."""
        opened = browser.new_context(viewport={"width": size[0], "height": size[1]}, **context)
        try:
            yield cls(opened.new_page(), server)
        finally:
            opened.close()

    def open(self) -> None:
        """Opens the page, and waits until it says what is the matter."""
        self.page.goto(self.server.url)
        self.page.wait_for_selector(READY)

    @property
    def score(self) -> float:
        """The score that is shown, with all digits."""
        return shown_score(self.page)

    @property
    def violations(self) -> list[str]:
        """What the page's policy has refused."""
        found: list[str] = self.page.evaluate("violations")
        return found

    def refused(self) -> list[str]:
        """The same, once there is anything."""
        self.page.evaluate(
            "async () => { while (!violations.length) await new Promise((resolve) => setTimeout(resolve, 10)); }"
        )
        return self.violations

    def text(self, name: str) -> str:
        """What stands in an element, by its id."""
        return self.page.locator(f"#{name}").inner_text()

    def happen(self, *events: str) -> None:
        """Clicks buttons of events."""
        for each in events:
            self.page.locator(f"[data-event={each}]").click()
