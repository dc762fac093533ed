"""What a visitor sees, held against the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Page
    from psycopg2.extensions import connection as Connection  # noqa: N812

TOLERANCE = 1e-12
READY = "#main:not([aria-busy])"
_CUSTOMER = 7
_EVENTS = ("billing", "day", "coverage", "intl", "hotline", "billing", "night", "eve", "coverage")
# What the service worker has kept is there without a connection, which the page's policy forbids.
_SCORE_ALL = """async () => {
    const { load } = await import("./pgscore.js");
    const kept = async (name) => (await caches.match(name)).json();
    const [bundle, { columns, rows }] = [await load(await kept("churn.json")), await kept("customers.json")];
    const profiles = rows.map((row) => Object.fromEntries(row.map((value, n) => [columns[n], value])));
    const scores = await bundle.scoreMany(profiles);
    await bundle.close();
    return rows.map(([id], n) => [id, scores[n]]);
}"""


class MismatchError(Exception):
    """What the page says is not what the database says."""


def shown_score(page: Page) -> float:
    """The score that the page shows, with all digits."""
    return float(page.locator("#percent").get_attribute("value") or "nan")


def compare_all(page: Page, scores: Mapping[int, float | None]) -> int:
    """Has the page's worker score everybody, twice: as a visitor does, and to read all digits.

    Returns:
        How many scores were compared.

    Raises:
        MismatchError: one is not the database's.
    """
    page.get_by_role("button", name="Score all customers").click()
    shown = page.locator("#ranking tbody tr")
    shown.first.wait_for()
    for row in shown.all():
        number, value = row.locator("button").inner_text(), row.locator("data").get_attribute("value")
        _compare(f"customer {number} in the table", float(value or "nan"), scores[int(number)])
    # Until the service worker has all files.
    page.locator("#state", has_text="Ready for offline").wait_for()
    found = {int(key): score for key, score in page.evaluate(_SCORE_ALL)}
    if found.keys() != scores.keys():
        raise MismatchError(f"the page has {len(found)} customers, and the database {len(scores)}")
    for key, score in scores.items():
        _compare(f"customer {key}", found[key], score)
    return len(found)


def compare_events(page: Page, connection: Connection) -> Iterator[tuple[str, float]]:
    """Clicks events together and inserts the same into the database; for each what was said, and the score.

    Raises:
        MismatchError: the profile in the database has another score.
    """
    number = page.get_by_label("Customer number")
    number.fill(str(_CUSTOMER))
    number.press("Enter")
    before = shown_score(page)
    for event in _EVENTS:
        page.locator(f"[data-event={event}]").click()
        _compare(f"the score after {event}", shown_score(page), world.happen(connection, _CUSTOMER, event))
        yield page.locator("#history li").last.inner_text().partition(":")[0], shown_score(page)
    page.get_by_role("button", name="Undo the last").click()
    page.get_by_role("button", name="Reset").click()
    _compare("the score after a reset", shown_score(page), before)


def go_offline(page: Page) -> str:
    """Loads the page once more, from a server that has gone; what it says of that.

    Raises:
        MismatchError: it shows another score than before.
    """
    page.locator("[data-event=billing]").click()
    before = shown_score(page)
    page.reload()
    page.wait_for_selector(READY)
    _compare("the score without a server", shown_score(page), before)
    page.locator("[data-event=billing]").click()
    return page.locator("#score").inner_text().replace("\n", " ")


def _compare(what: str, found: float | None, expected: float | None) -> None:
    alike = found is expected if found is None or expected is None else abs(found - expected) <= TOLERANCE
    if not alike:
        raise MismatchError(f"{what} is {found!r} in the page, and {expected!r} in the database")
